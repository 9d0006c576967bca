"""What stands in front: names that are not ours, content delivery networks, and the servers that these hide."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import Silence, SilenceKind
from roadworthy.rules.answers import told

if TYPE_CHECKING:
    from roadworthy.facts.http import Answer

FOREIGN_HOST = "roadworthy.invalid"
"""A name that is nobody's (RFC 6761 section 6.4)."""

MARKERS = {
    "cloudflare": {"server": r"cloudflare", "cf-ray": r"[0-9a-f]{16}(-[A-Z]{3})?"},
    "cloudfront": {"via": r".*\(CloudFront\).*", "x-amz-cf-id": r".+", "x-amz-cf-pop": r"[A-Z]{3}\d+-\w+"},
}
"""Headers of every answer that a network gave or passed on (Cloudflare's "HTTP headers" and CloudFront's "Request and
response behavior", read in November 2026). An `x-cache` of CloudFront's is left out: origins may send one."""

_FIRST_REDIRECT, _FIRST_ERROR, _FIRST_SERVER_ERROR = 300, 400, 500
_GONE = frozenset({SilenceKind.CLOSED, SilenceKind.RESET, SilenceKind.TLS_FAILED})
_MAYBE_NO_PAGE = frozenset({401, 404, 405, 410})
"""What anybody gets, by whatever way, where the page is none, or is none for those who are not logged in."""


def foreign_host_faults(result: Answer | Silence, own: str) -> list[str]:
    """What is wrong with the answer to a request for `FOREIGN_HOST`, sent where `own` is served.

    Raises:
        NotObserved: there was silence that need not be a refusal.
    """
    if isinstance(result, Silence):
        if result.silence in _GONE:
            return []
        raise NotObserved(Reason.NO_ANSWER, told(result))
    if result.status >= _FIRST_ERROR:
        return []
    if result.status < _FIRST_REDIRECT:
        return [f"{FOREIGN_HOST} gets a page: {told(result)}"]
    location = result.one("location") or ""
    try:
        host = urlsplit(location).hostname
    except ValueError:
        host = None
    if host == FOREIGN_HOST:
        return [f"{result.status} leads to {location}: the name comes from whoever asks"]
    if host is None:
        return [f"{result.status} leads on to {location or 'nowhere'}, as if {FOREIGN_HOST} were {own}"]
    return []


def marker_faults(answer: Answer, network: str) -> list[str]:
    """All headers of a content delivery network that an answer does not carry."""
    return [
        f"{name} is {', '.join(answer.all(name)) or 'not sent'}"
        for name, form in MARKERS[network].items()
        if not any(re.fullmatch(form, value.strip(), re.DOTALL) for value in answer.all(name))
    ]


def origin_faults(result: Answer | Silence, url: str, *, is_page: bool) -> list[str]:
    """What a server behind a content delivery network gives to somebody who comes past it, asking for a page of ours.

    Hidden is: no connection, no handshake (it may want a certificate of the network), an error of the client's (403 is
    what authenticated pulls and secret headers end in), and the redirect of http:// to the public https://.

    Args:
        result: what came.
        url: what was asked for.
        is_page: it is known that the front answers this page with success.

    Raises:
        NotObserved: an error of the server's own, or one that the page may have for everybody; or the request was taken
            and not answered in a way that we understand.
    """
    if isinstance(result, Silence):
        if result.silence is SilenceKind.GARBLED or (result.silence is SilenceKind.TIMED_OUT and result.sent):
            raise NotObserved(Reason.NO_ANSWER, told(result))
        return []
    if result.status in _MAYBE_NO_PAGE and not is_page:
        detail = f"answered {told(result)}, as it may through the network, too; promise a `health` path that answers"
        raise NotObserved(Reason.NOT_APPLICABLE, detail)
    if _FIRST_ERROR <= result.status < _FIRST_SERVER_ERROR:
        return []
    if result.status >= _FIRST_SERVER_ERROR:
        raise NotObserved(Reason.NOT_APPLICABLE, f"answered {told(result)}")
    if result.status >= _FIRST_REDIRECT and _goes_to_the_front(result, url):
        return []
    return [f"answers whoever asks it directly for {url}: {told(result)}"]


def _goes_to_the_front(answer: Answer, url: str) -> bool:
    asked = urlsplit(url)
    try:
        to = urlsplit(answer.one("location") or "")
    except ValueError:
        return False
    return asked.scheme == "http" and to.scheme == "https" and to.hostname == asked.hostname
