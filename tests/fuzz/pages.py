"""What reads pages and what stands in them: tags, scripts, traces, security.txt, dates, announced limits."""

from __future__ import annotations

from roadworthy.facts.base import NotObserved
from roadworthy.facts.http import Hop
from roadworthy.facts.paths import Glimpse, Spot
from roadworthy.probes.paths import masked
from roadworthy.probes.scripts import scripts_of
from roadworthy.rules import alt_svc, caching, html, leaks, limits, logins, security_txt, statics, validators
from roadworthy.target.blocks.exposure import Login
from tests.fuzz.headers import NOW, URLS, answer
from tests.fuzz.inputs import texts
from tests.fuzz.parser import Parser

TAGS = (
    *(
        "<script",
        "<link",
        "<base",
        "<meta",
        "<template>",
        "</template>",
        "<!--",
        "-->",
        "<style>",
        "<title>",
        "<html",
        ">",
    ),
    *(" src=", " href='", ' integrity="', " crossorigin", "rel=preload", "/>", "</script>", "sha384-", *URLS),
)
LEAKED = (
    "APP_KEY=",
    "[core]",
    "<?php",
    "DB_",
    "Traceback",
    "Whoops",
    "URLconf",
    "phpinfo()",
    "Index of /",
    "\n",
    "<html>",
    "x" * 64,
)
DATES = ("Mon, ", "01 ", "Jan ", "2026 ", "00:00:00", " GMT", "+0000", "-9999", "9" * 20, "2026-11-01T00:00:00Z", "Z")


def glimpse(start: str) -> Glimpse:
    return Glimpse(
        spot=Spot(path="/x"), status=200, media_type="text/plain", start=start, magic=start[:8].encode().hex()
    )


def read_tags(text: str) -> None:
    for tag in html.tags_of(text):
        assert tag.name == tag.name.lower()
        assert len(tag.attributes) <= len(text)


def read_scripts(text: str) -> None:
    for url in scripts_of(text, "https://shop.example/a"):
        assert url.startswith(("http://", "https://"))


def read_leak(text: str) -> None:
    for kind in leaks.leaks().values():
        for leak in kind:
            leak.is_seen(glimpse(text[:8192]))


def read_security_txt(text: str) -> None:
    security_txt.security_txt_faults(glimpse(text[:4096]), NOW, "https://shop.example/.well-known/security.txt")


def read_login(text: str) -> None:
    login = Login(path="/login", form={"user": "a", "password": "b"}, back_to="/login")
    for status in (200, 302, 401):
        sent = (("location", text), ("set-cookie", text))
        logins.login_faults(login, answer(*sent, body=text, status=status), "https://shop.example/login")


def read_dates(text: str) -> None:
    validators.http_date(text)
    validators.malformed_validators(answer(("etag", text), ("last-modified", text)))
    limits._retry_fault(text, NOW)


def read_kept(text: str) -> None:
    names = ("age", "cache-status", "x-cache", "x-cache-hits", "cdn-cache-control", "cache-control", "cf-cache-status")
    given = answer(*((name, text) for name in names))
    caching.cache_hits(given)
    caching.may_be_kept(given)


def read_quotas(text: str) -> None:
    for name in ("ratelimit-policy", "ratelimit", "ratelimit-limit", "x-ratelimit-limit"):
        for quota, window in limits.announced_quotas(answer((name, text))):
            assert isinstance(quota, int)
            assert window is None or isinstance(window, float)


def read_static(text: str) -> None:
    sent = (("etag", text), ("last-modified", text), ("content-type", text), ("cache-control", text))
    statics.static_faults(answer(*sent), "text/css")
    statics.edge_faults(answer(*sent))


def read_hop(text: str) -> None:
    assert Hop(url="http://shop.example/", status=301, location=text).location == text


PARSERS = (
    Parser("html", read_tags, texts(*TAGS)),
    Parser("scripts", read_scripts, texts(*TAGS)),
    Parser("masked", lambda text: masked(text.encode("utf-8", "replace")), texts(*TAGS, *LEAKED)),
    Parser("leaks", read_leak, texts(*LEAKED, *TAGS)),
    Parser("security-txt", read_security_txt, texts("Contact: ", "Expires: ", "Canonical: ", "\n", *DATES, *URLS)),
    Parser("login", read_login, texts(*URLS, '"access_token"', ": ", "auth", "token=", "remember"), (NotObserved,)),
    Parser("dates", read_dates, texts(*DATES, "W/", '"')),
    Parser("kept", read_kept, texts("hit", "; ", "HIT", "TCP_", "max-age=", "no-store", "0", "17", "9" * 40, ", ")),
    Parser("quotas", read_quotas, texts("100", ";w=60", ";q=", '"default"', "limit=", ", ", "9" * 40)),
    Parser("statics", read_static, texts(*DATES, '"', "W/", "-", "0123abc", "text/css"), (NotObserved,)),
    Parser(
        "alt-svc",
        alt_svc.services_of,
        texts("h3=", '":443"', '"a:1"', "; ma=", "86400", ", ", "clear", "%20"),
        (ValueError,),
    ),
)
