"""What promises of response headers ask of nginx, and of the pages behind it: as an operator would set them.

What is not promised is set as experts advise, so that a healthy deployment gets no advice.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.sandbox.deployment import CorsRule, Header, Page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.headers import Cookies, Headers
    from roadworthy.target.models import Component

FOREIGN = "https://cdn.roadworthy.invalid"
"""Where pages load from what is not their own."""
_DIGEST = base64.b64encode(hashlib.sha384(b"self.shop = {}").digest()).decode()
_STRICT = {
    "default-src": ("'self'", FOREIGN),
    "object-src": ("'none'",),
    "base-uri": ("'self'",),
    "form-action": ("'self'",),
}
_FRAMING = {"nobody": "DENY", "same-origin": "SAMEORIGIN", "listed": "SAMEORIGIN"}
_SESSION = "shop_session"


def headers_of(parts: Iterable[Component]) -> tuple[Header, ...]:
    """The lines of a front: what its components promise, each header once; what nobody promises as advised."""
    parts = tuple(part for part in parts if part.headers)
    promised = {line.name: line for part in parts if part.headers for line in _promised(part.headers)}
    secure = any((part.url or "").startswith("https://") for part in parts)
    advised = {line.name: line for line in _advised(secure=secure)} if parts else {}
    unwanted = {name.lower() for part in parts if part.headers for name in part.headers.absent or ()}
    return tuple(line for name, line in {**advised, **promised}.items() if name.lower() not in unwanted)


def _promised(block: Headers) -> Iterable[Header]:
    if (hsts := block.strict_transport_security) is not None:
        rest = ("; includeSubDomains" if hsts.include_subdomains else "") + ("; preload" if hsts.preload else "")
        yield Header("Strict-Transport-Security", f"max-age={hsts.max_age}{rest}")
    if (csp := block.content_security_policy) is not None:
        yield _policy(csp)
    if block.referrer_policy is not None:
        yield Header("Referrer-Policy", block.referrer_policy[0])
    if block.permissions_policy is not None:
        yield Header("Permissions-Policy", ", ".join(f"{name}={who}" for name, who in block.permissions_policy.items()))
    plain = {
        "X-Frame-Options": block.x_frame_options or (_FRAMING[block.framing] if block.framing else None),
        "X-Content-Type-Options": block.x_content_type_options,
        "X-XSS-Protection": block.x_xss_protection,
        "Cross-Origin-Opener-Policy": block.cross_origin_opener_policy,
        "Cross-Origin-Embedder-Policy": block.cross_origin_embedder_policy,
        "Cross-Origin-Resource-Policy": block.cross_origin_resource_policy,
        **(block.other or {}),
    }
    yield from (Header(name, value) for name, value in plain.items() if value is not None)


def _policy(directives: dict[str, tuple[str, ...]]) -> Header:
    value = "; ".join(" ".join((name, *sources)).strip() for name, sources in directives.items())
    return Header("Content-Security-Policy", value)


def _advised(*, secure: bool) -> Iterable[Header]:
    if secure:
        yield Header("Strict-Transport-Security", "max-age=31536000")
    yield Header("X-Content-Type-Options", "nosniff")
    yield Header("X-Frame-Options", "DENY")
    yield _policy({**_STRICT, "frame-ancestors": ("'none'",)})


def cors_of(blocks: Iterable[Headers], visitors: tuple[str, ...]) -> CorsRule | None:
    """Who may read a front's answers: whom its promises name; else other components whose pages reach it."""
    for block in blocks:
        if (cors := block.cors) is not None:
            methods = tuple(dict.fromkeys(("GET", "HEAD", "OPTIONS", *(cors.methods or ()))))
            return CorsRule(cors.allows, cors.credentials, methods=methods, headers=cors.headers or ())
    return CorsRule(visitors) if visitors else None


def with_headers(pages: dict[str, Page], parts: Iterable[Component]) -> dict[str, Page]:
    """The pages of a service with the cookies that they set, and what they load."""
    changed = dict(pages)
    for part in parts:
        block = part.headers
        if block is None:
            continue
        if block.cookies is not None:
            for path in (block.cookies.path,) if block.cookies.path else block.on:
                full = urlsplit(part.url_of(path)).path or "/"
                page = changed.get(full, Page(full, "<!doctype html><title>Log in</title>", "text/html"))
                changed[full] = replace(page, headers=(*page.headers, *_cookies(block.cookies)))
        if block.sri or block.no_mixed_content:
            for path in block.on:
                full = urlsplit(part.url_of(path)).path or "/"
                if (here := changed.get(full)) is not None and here.media_type == "text/html":
                    changed[full] = replace(here, body=_loading(here.body))
    return changed


def _loading(body: str) -> str:
    """A page that also loads a script from elsewhere, and a picture of its own."""
    script = f'<script src="{FOREIGN}/app.js" integrity="sha384-{_DIGEST}" crossorigin="anonymous"></script>'
    if FOREIGN in body:
        return body
    return f'{body}\n{script}\n<img src="/logo.svg" alt="">\n'


def _cookies(promised: Cookies) -> Iterable[tuple[str, str]]:
    patterns = (*(promised.httponly or ()), *(promised.samesite or ()), *(promised.prefixes or ()))
    names = [pattern for pattern in dict.fromkeys(patterns) if not set(pattern) & set("*?[")] or [_SESSION]
    for name in names:
        prefix = (promised.prefixes or {}).get(name, (promised.prefixes or {}).get("*", ""))
        same_site = (promised.samesite or {}).get(name, (promised.samesite or {}).get("*", "Lax"))
        yield "Set-Cookie", f"{prefix}{name}=b3BhcXVl; Path=/; Secure; HttpOnly; SameSite={same_site}"
