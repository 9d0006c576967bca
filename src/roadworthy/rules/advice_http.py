"""What experts advise on HTTP's behaviour beyond what a target promises."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.facts.http import Silence
from roadworthy.rules.alt_svc import services_of
from roadworthy.rules.caching import varies_on
from roadworthy.rules.compression import CODINGS, SMALL_BYTES
from roadworthy.rules.validators import malformed_validators

if TYPE_CHECKING:
    from roadworthy.facts.http import Answer, Hop
    from roadworthy.target.blocks.http import Http

_OK, _FIRST_REDIRECT, _PERMANENT = 200, 300, frozenset({301, 308})
_TEXT = frozenset(
    {
        "text/html",
        "text/css",
        "text/plain",
        "text/javascript",
        "application/javascript",
        "application/json",
        "application/xml",
        "text/xml",
        "image/svg+xml",
    }
)
"""Types that compression makes much shorter (web.dev, "Optimize the encoding and transfer size", 2024)."""


def page_advice(answer: Answer, url: str, promised: Http) -> list[str]:
    """What to improve in how a page is sent; what is promised is judged elsewhere."""
    advice = [*_version_advice(answer, url, promised), *_alternative_advice(answer, promised)]
    if (status := promised.redirects_from_http) is not None and status not in _PERMANENT:
        advice.append(f"the promised {status} from http:// is not remembered by browsers (RFC 9110 section 15.4)")
    if answer.status != _OK:
        return advice
    path = urlsplit(url).path or "/"
    if answer.media_type not in (promised.compresses or {}):
        advice += _compression_advice(answer)
    if path not in (*(promised.caches or ()), *(promised.never_cached or ())) and not (
        answer.one("cache-control") or answer.one("expires")
    ):
        advice.append("no Cache-Control: each cache keeps the page as long as it sees fit (RFC 9111 section 4.2.2)")
    if path not in (promised.revalidates or ()):
        advice += [f"{fault} (RFC 9110 section 8.8)" for fault in malformed_validators(answer)]
    return advice


def _version_advice(answer: Answer, url: str, promised: Http) -> list[str]:
    if answer.version == "http/1.0":
        return ["HTTP/1.0 is spoken: a connection for each request (RFC 9112 section 9.3)"]
    if url.startswith("https://") and answer.version == "http/1.1" and "h2" not in (promised.versions or ()):
        return ["no HTTP/2 (RFC 9113; MDN, Evolution of HTTP)"]
    return []


def _alternative_advice(answer: Answer, promised: Http) -> list[str]:
    value = answer.one("alt-svc")
    if promised.announces:
        return []
    try:
        services = services_of(value) if value is not None else ()
    except ValueError as error:
        return [f"{error} (RFC 7838 section 3)"]
    offered = {service.protocol for service in services if service.max_age}
    drafts = sorted(name for name in offered if name.startswith("h3-"))
    if drafts and "h3" not in offered:
        return [f"Alt-Svc offers drafts of HTTP/3 alone: {', '.join(drafts)} (RFC 9114)"]
    if promised.served_by and "h3" not in offered:
        return [f"{promised.served_by} can offer HTTP/3 and does not (RFC 9114)"]
    return []


def _compression_advice(answer: Answer) -> list[str]:
    codings = {coding.strip().lower() for value in answer.all("content-encoding") for coding in value.split(",")}
    if not codings & CODINGS:
        long = answer.body_bytes >= SMALL_BYTES and answer.media_type in _TEXT and not codings - {"", "identity"}
        return (
            [f"{answer.body_bytes} bytes of {answer.media_type} come uncompressed (RFC 9110 section 8.4)"]
            if long
            else []
        )
    if not varies_on(answer.all("vary"), "accept-encoding"):
        return ["compressed without Vary: Accept-Encoding (RFC 9110 section 12.5.5)"]
    return []


def insecure_advice(hop: Hop | None, result: Answer | Silence) -> list[str]:
    """What to improve in what http:// answers, its first redirect or else its page, where the component is https://."""
    if hop is not None:
        if (hop.location or "").startswith("https://") and hop.status not in _PERMANENT:
            return [f"http:// redirects with {hop.status}, which browsers do not remember (RFC 9110 section 15.4)"]
        return []
    if isinstance(result, Silence) or result.status >= _FIRST_REDIRECT:
        return []
    return [f"http:// is answered {result.status} and not redirected to https:// (MDN HTTP Observatory, redirection)"]
