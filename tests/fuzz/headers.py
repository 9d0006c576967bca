"""What reads response headers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved
from roadworthy.facts.http import Answer, Hop, HttpObservation, Phases
from roadworthy.probes.http import Place, _onward
from roadworthy.rules import (
    advice_headers,
    caching,
    compression,
    cookies,
    cors,
    csp,
    csp_effect,
    framing,
    headers,
    hsts,
    page,
    redirects,
)
from roadworthy.target.blocks.headers import Cookies, Cors, Csp, Headers, Hsts
from tests.fuzz.inputs import texts
from tests.fuzz.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 3, tzinfo=UTC)
UNDECIDED = Headers(absent=("x-unwanted",))


def answer(*sent: tuple[str, str], body: str = "", status: int = 200) -> Answer:
    return Answer(
        status=status, version="h2", headers=sent, body=body, body_bytes=len(body), phases=Phases(total_s=0.1)
    )


def twice(rule: Callable[[tuple[str, ...]], object]) -> Callable[[str], None]:
    """A rule about a header, which is sent once, in two halves, and twice."""

    def read(value: str) -> None:
        middle = len(value) // 2
        for values in ((value,), (value[:middle], value[middle:]), (value, value)):
            rule(values)

    return read


def read_csp(value: str) -> None:
    for policy in csp.parse_csp((value,)):
        assert policy
        for name, sources in policy.items():
            again = csp.parse_csp((f"{name} {' '.join(sources) or chr(39) + 'none' + chr(39)}",))
            assert again == ({name: sources},), "what is read is read again as it was"


def read_hsts(value: str) -> None:
    read = hsts.parse_hsts(value)
    flags = "; includeSubDomains" * read.include_subdomains + "; preload" * read.preload
    assert hsts.parse_hsts(f"max-age={read.max_age}{flags}") == read


def read_onward(location: str) -> None:
    place = Place("http", "shop.example", 80, "/a?b=c")
    onward = _onward(place, answer(("location", location), status=301))
    if isinstance(onward, Place):
        assert onward.host == place.host
        assert onward.target.isascii()
        assert not set(" \r\n\0") & set(onward.target + onward.host)


def read_redirect(location: str) -> None:
    hop = Hop(url="http://shop.example/a?kept=yes", status=301, location=location)
    redirects.redirect_faults(hop, status=301, https_port=443)
    seen = HttpObservation(observed_at=NOW, result=answer(("location", location), status=301), hops=(hop,))
    hops = redirects.redirects_of(seen, hop.url)
    redirects.landing_faults(seen, hops)
    redirects.chain_faults(seen, hops, 3)
    redirects.canonical_faults(answer(("location", location), status=301), hop.url, "https://shop.example")


def read_cors(value: str) -> None:
    promised = Cors(allows=("https://shop.example",), credentials=True)
    sent = [("access-control-allow-origin", value), ("access-control-allow-credentials", value), ("vary", value)]
    for origin in (*promised.allows, *cors.hostile_origins(promised)):
        cors.cors_faults(answer(*sent), origin, promised)


def read_page(body: str) -> None:
    read = page.page_of(body, "https://shop.example/a")
    page.integrity_faults(read, "https://shop.example/a")
    page.insecure_faults(read, "https://shop.example/a", upgraded=False)
    assert all(one.url.hostname for one in read.resources)


def read_cookie(value: str) -> None:
    promised = Cookies(secure=True, httponly=("*s*e*s*",), samesite={"*": "Lax"}, prefixes={"*": "__Host-"})
    seen = cookies.cookies_of((value,), NOW)
    faults = cookies.cookie_faults(seen, promised, "shop.example", secure=True)
    for one in seen:
        sound = one.secure and one.name.startswith("__Host-") and one.samesite in ("lax", "strict")
        hidden = one.httponly or not one.is_like(("*s*e*s*",))
        refused = cookies.refusals(one, "shop.example", secure=True)
        assert (not sound or not hidden or bool(refused)) <= bool(faults)
    cookies.unseen(seen, promised)


def read_effect(value: str) -> None:
    half = value[: len(value) // 2]
    promised = Csp(
        forbids=("inline-scripts", "bypass-hosts", "any-source"), restricts=("object-src", "frame-ancestors")
    )
    for policies, meta in (((value,), ()), ((value, half), ()), ((half,), (value,))):
        effect = csp_effect.Effect.of(policies, meta, (value,))
        csp_effect.effect_faults(effect, promised, framing.frame_ancestors(policies))
        stricter = csp_effect.Effect.of((*policies, "default-src 'none'"), meta)
        assert not set(stricter.weaknesses()) - {"insecure-sources"}, "one strict policy is enough"
        csp.narrowing(policies, meta)
    framing.framing_faults((value,), (half,), "nobody")


def read_preflight(value: str) -> None:
    promised = Cors(allows=("https://shop.example",), methods=("DELETE",), headers=("x-a",))
    sent = [(f"access-control-allow-{name}", value) for name in ("origin", "methods", "headers", "credentials")]
    for origin in (*promised.allows, *cors.hostile_origins(promised)):
        cors.preflight_faults(answer(*sent, status=204), origin, "DELETE", promised)


def read_advice(value: str) -> None:
    names = (
        *("strict-transport-security", "content-security-policy", "x-frame-options", "set-cookie"),
        *("permissions-policy", "referrer-policy", "x-xss-protection", "server", "x-content-type-options"),
    )
    sent = answer(("content-type", "text/html"), *((name, value) for name in names), body=value)
    advice_headers.headers_advice(sent, "https://shop.example/", UNDECIDED, NOW)


TOKENS = ("max-age=", "includeSubDomains", "preload", "no-store", "public", "1", "86400", "self", "*", "()", "none")
CSP = ("default-src", "script-src", "'self'", "'none'", "'nonce-abc='", "'sha256-aa='", "https://*.example:*", "data:")
HTML = (
    *("<", ">", "/", "<!--", "-->", "<script src=", "</script>", "<meta http-equiv=content-security-policy content="),
    *("<base href=", "<link rel=stylesheet href=", "integrity=sha384-", "http://", "//a.example", "<template>", "<p>"),
)
COOKIES = (
    *("sess=", "__Host-", "__Secure-", "Secure", "HttpOnly", "SameSite=", "Lax", "None", "Path=/", "Domain="),
    *("Max-Age=", "Expires=", "Thu, 01-Jan-1970 00:00:00 GMT", "shop.example"),
)
EFFECT = ("script-src-elem", "*", "'unsafe-inline'", "'strict-dynamic'", "cdn.jsdelivr.net")
URLS = (
    "https://",
    "http:",
    "//",
    "shop.example",
    "[::1]",
    "[",
    ":99999",
    ":0",
    "@",
    "/",
    "?",
    "#",
    "..",
    "javascript:",
)

PARSERS = (
    Parser("csp", read_csp, texts(*CSP)),
    Parser(
        "csp-faults",
        twice(lambda values: csp.csp_faults(values, values, {"default-src": ("'self'",), "img-src": ("*",)})),
        texts(*CSP),
    ),
    Parser("hsts", read_hsts, texts(*TOKENS), (ValueError,)),
    Parser("hsts-faults", twice(lambda v: hsts.hsts_faults(v, Hsts(max_age=1), secure=True)), texts(*TOKENS)),
    Parser(
        "referrer-policy",
        twice(lambda v: headers.referrer_policy_faults(v, ("no-referrer",), *v[:1])),
        texts("no-referrer", "never"),
    ),
    Parser(
        "permissions-policy",
        twice(lambda values: headers.permissions_faults(values, {"camera": "()", "usb": "(self)"})),
        texts("camera=", "usb=", "()", "(self", '"https://a.example"', "?1", ":YQ==:", ";q=1", "1.5", "@1", '%"a%"'),
    ),
    Parser("opener-policy", twice(lambda v: headers.opener_or_embedder_faults(v, "same-origin")), texts("same-origin")),
    Parser("resource-policy", twice(lambda v: headers.resource_policy_faults(v, "same-origin")), texts("same-origin")),
    Parser("frame-options", twice(lambda v: framing.frame_options_faults(v, "DENY")), texts("DENY", "SAMEORIGIN")),
    Parser("nosniff", twice(headers.nosniff_faults), texts("nosniff")),
    Parser(
        "xss-protection",
        twice(lambda v: headers.xss_protection_faults(v, "1; mode=block")),
        texts("1", "mode", "block"),
    ),
    Parser("versions", lambda v: headers.disclosed_versions((("server", v),)), texts("nginx/", "1.2", "(", "v", "PHP")),
    Parser("cache-control", twice(lambda v: caching.caching_faults(v, "max-age=60, public")), texts(*TOKENS)),
    Parser("vary", twice(lambda v: caching.varies_on(v, "origin")), texts("origin", "*")),
    Parser("html-page", read_page, texts(*HTML)),
    Parser("set-cookie", read_cookie, texts(*COOKIES)),
    Parser("csp-effect", read_effect, texts(*CSP, *EFFECT)),
    Parser("preflight", read_preflight, texts("https://shop.example", "*", "true", "DELETE", "x-a")),
    Parser("headers-advice", read_advice, texts(*CSP, *TOKENS, *COOKIES, *HTML)),
    Parser("cors", read_cors, texts("https://shop.example", "null", "*", "true")),
    Parser("location", read_onward, texts(*URLS)),
    Parser("redirect", read_redirect, texts(*URLS), (NotObserved,)),
    Parser(
        "compression",
        lambda v: compression.compression_faults(
            answer(("content-type", v), ("content-encoding", v), ("vary", v)), "text/html"
        ),
        texts("gzip", "br", "text/html", "charset="),
        (NotObserved,),
    ),
)
