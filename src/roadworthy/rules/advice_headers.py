"""What experts advise on response headers beyond what a target promises; what it promises is judged elsewhere.

The list is what the MDN HTTP Observatory (algorithm 6) takes points off for, and what OWASP calls harmful. Where a
promise itself contradicts today's advice, that is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.rules import cookies
from roadworthy.rules.csp import narrowing
from roadworthy.rules.csp_effect import Effect
from roadworthy.rules.framing import framing_advice
from roadworthy.rules.headers import (
    disclosed_versions,
    meta_referrer,
    nosniff_faults,
    parse_xss_protection,
    permissions,
    referrer_policy,
    retired,
)
from roadworthy.rules.hsts import parse_hsts
from roadworthy.rules.page import insecure_faults, integrity_faults, is_html, page_of

if TYPE_CHECKING:
    from datetime import datetime

    from roadworthy.facts.http import Answer
    from roadworthy.rules.page import Page
    from roadworthy.target.blocks.headers import Headers

HSTS_LEAST = 15552000
"""Seconds from which on the Observatory is content."""
_OK, _MULTIPLE = 200, 300
_TELLING = frozenset({"unsafe-url", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin"})
"""Referrer policies that tell other sites more than browsers do by themselves, or tell it over http:// too."""
_TOLERATED = frozenset({"inline-styles"})
_OBSERVATORY = "MDN HTTP Observatory"


def headers_advice(answer: Answer, url: str, promised: Headers, now: datetime) -> list[str]:
    """What to improve in the headers of a page.

    Args:
        answer: the page.
        url: where it came from.
        promised: what the target has decided on.
        now: when it was seen.
    """
    told = [*_transport(answer, url, promised), *_legacy(answer, promised), *_cookies(answer, url, promised, now)]
    if (
        promised.cors is None
        and answer.one("access-control-allow-origin") == "*"
        and answer.one("access-control-allow-credentials") == "true"
    ):
        told.append("Access-Control-Allow-Origin: * with credentials, which browsers refuse (Fetch Standard)")
    if not _OK <= answer.status < _MULTIPLE:
        return told
    if promised.x_content_type_options is None and nosniff_faults(answer.all("x-content-type-options")):
        told.append(f"no X-Content-Type-Options: nosniff ({_OBSERVATORY}; OWASP Secure Headers)")
    if is_html(answer):
        told += _page(answer, url, promised, page_of(answer.body, url))
    return told


def _transport(answer: Answer, url: str, promised: Headers) -> list[str]:
    if not url.startswith("https://"):
        return []
    hsts = promised.strict_transport_security
    if hsts is not None:
        weak = f"the promised max-age={hsts.max_age} of Strict-Transport-Security is under {HSTS_LEAST}, half a year"
        return [f"{weak} ({_OBSERVATORY})"] if hsts.max_age < HSTS_LEAST else []
    values = answer.all("strict-transport-security")
    return _sent_hsts(values) if values else [f"no Strict-Transport-Security (RFC 6797; {_OBSERVATORY})"]


def _sent_hsts(values: tuple[str, ...]) -> list[str]:
    if len(values) > 1:
        return [f"Strict-Transport-Security is sent {len(values)} times (RFC 6797 section 7.1; {_OBSERVATORY})"]
    try:
        seen = parse_hsts(values[0])
    except ValueError as error:
        return [f"Strict-Transport-Security is invalid: {error} (RFC 6797 section 6.1)"]
    short = f"max-age={seen.max_age} of Strict-Transport-Security is under {HSTS_LEAST}, half a year ({_OBSERVATORY})"
    return [short] if seen.max_age < HSTS_LEAST else []


def _legacy(answer: Answer, promised: Headers) -> list[str]:
    told = [
        f"X-XSS-Protection: {value[:60]} can open holes in browsers that heed it; send 0, or nothing (OWASP; MDN)"
        for value in answer.all("x-xss-protection")
        if _is_on(value)
    ]
    unwanted = {name.lower() for name in promised.absent or ()}
    kept = tuple((name, value) for name, value in answer.headers if name not in unwanted)
    told += [f"{gone} (MDN)" for gone in retired(kept)]
    if promised.hides_versions is None:
        told += [f"{said[:100]} tells a version (OWASP Secure Headers)" for said in disclosed_versions(kept)]
    if promised.permissions_policy is None and (values := answer.all("permissions-policy")):
        try:
            permissions(values)
        except ValueError as error:
            told.append(f"Permissions-Policy is invalid, browsers ignore all of it: {error} (RFC 9651)")
    return told


def _is_on(value: str) -> bool:
    try:
        return parse_xss_protection(value).on
    except ValueError:
        return False


def _cookies(answer: Answer, url: str, promised: Headers, now: datetime) -> list[str]:
    if promised.cookies is not None:
        return []
    parts = urlsplit(url)
    seen = cookies.cookies_of(answer.all("set-cookie"), now)
    faults = cookies.advice(seen, parts.hostname or "", secure=parts.scheme == "https")
    return [f"{fault} (RFC 6265bis; {_OBSERVATORY})" for fault in faults]


def _page(answer: Answer, url: str, promised: Headers, page: Page) -> list[str]:
    enforced = answer.all("content-security-policy")
    effect = Effect.of(enforced, page.policies, answer.all("content-security-policy-report-only"))
    told = [*_policy(effect, promised), *framing_advice(answer.all("x-frame-options"), enforced, promised)]
    if promised.content_security_policy and (narrower := narrowing(enforced, page.policies)):
        names = ", ".join(narrower)
        told.append(f"a <meta> of the page leaves out what the promised policy allows: {names} (CSP Level 3)")
    told += _referrer(answer, promised, page)
    if promised.sri is None:
        faults = integrity_faults(page, url, promised.trusts, ("script",))
        told += [f"script {fault} (W3C SRI; {_OBSERVATORY})" for fault in faults]
    if promised.no_mixed_content is None:
        faults = insecure_faults(page, url, upgraded=effect.upgrades())
        told += [f"loaded over http://: {fault} (W3C Mixed Content)" for fault in faults]
    return told


def _policy(effect: Effect, promised: Headers) -> list[str]:
    if promised.csp is not None:
        return []
    if (exact := promised.content_security_policy) is not None:  # what is sent instead is judged elsewhere
        effect = Effect.of(("; ".join(" ".join((name, *sources)) for name, sources in exact.items()),))
    if not effect.policies:
        only = ", one is only reported" if effect.only_reported else ""
        return [f"no Content-Security-Policy is in force{only} (CSP Level 3; {_OBSERVATORY})"]
    weak = [f"{name} ({told})" for name, told in effect.weaknesses().items() if name not in _TOLERATED]
    if (told := effect.is_open("object-src")) and not any("any-source" in one for one in weak):
        weak.append(f"plugins ({told})")
    if effect.is_dead_end():
        weak.append("no script at all ('strict-dynamic' without a nonce or a hash)")
    whose = "the promised" if promised.content_security_policy is not None else "the"
    return [f"{whose} Content-Security-Policy lets through {', '.join(weak)} ({_OBSERVATORY})"] if weak else []


def _referrer(answer: Answer, promised: Headers, page: Page) -> list[str]:
    seen = meta_referrer(page.referrer) or referrer_policy(answer.all("referrer-policy"))
    telling = [policy for policy in promised.referrer_policy or () if policy.lower() in _TELLING]
    if telling:
        return [f"the promised Referrer-Policy {' or '.join(telling)} tells other sites addresses ({_OBSERVATORY})"]
    if promised.referrer_policy is not None or seen not in _TELLING:
        return []
    return [f"Referrer-Policy {seen} tells other sites more than browsers do by themselves ({_OBSERVATORY})"]
