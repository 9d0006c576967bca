"""Static files: that they are there, are what they are called, and come from the edge and not from the application."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.answers import told
from roadworthy.rules.validators import http_date

if TYPE_CHECKING:
    from roadworthy.facts.http import Answer

_ALIKE = {"application/javascript": "text/javascript", "application/x-javascript": "text/javascript"}
"""RFC 9239 section 6."""
_NGINX_ETAG = re.compile(r'(?:W/)?"([0-9a-f]{1,16})-([0-9a-f]{1,16})"')
_OF_AN_APPLICATION = ("x-powered-by", "set-cookie", "x-aspnet-version", "x-runtime")
_OF_A_FRONT = re.compile(r"(AWSALB|AWSELB|__cf|_cf|cf_)\w*=")
"""Cookies that load balancers and content delivery networks set on whatever they pass on (AWS and Cloudflare)."""


def static_faults(answer: Answer, media_type: str) -> list[str]:
    """All in which an answer is not the promised file."""
    if answer.status != 200:  # noqa: PLR2004 - RFC 9110 section 15.3.1
        return [f"answered {told(answer)}"]
    seen, wanted = (_ALIKE.get(name, name) for name in (answer.media_type, media_type.lower()))
    faults = []
    if seen != wanted:
        instead = ": a page in place of the file" if seen == "text/html" else ""
        faults.append(f"sent as {answer.media_type or 'no media type'}, promised {media_type}{instead}")
    if not answer.body_bytes:
        faults.append("the file is empty")
    return faults


def edge_faults(answer: Answer) -> list[str]:
    """All that speaks against a file's coming from nginx's own disk.

    nginx makes a file's ETag of its date and its size, both in hexadecimal (ngx_http_set_etag); an application that
    sends files has another way, and headers of its own.

    Raises:
        NotObserved: there is no file, or nothing that it could be told by.
    """
    if answer.status != 200:  # noqa: PLR2004 - RFC 9110 section 15.3.1
        raise NotObserved(Reason.NOT_APPLICABLE, f"answered {told(answer)}")
    said = ((name, value) for name in _OF_AN_APPLICATION for value in answer.all(name))
    faults = [f"{name}: {value}" for name, value in said if name != "set-cookie" or not _OF_A_FRONT.match(value)]
    faults = [f"an application answered: {', '.join(faults)[:150]}"] if faults else []
    etag, modified = answer.one("etag"), http_date(answer.one("last-modified") or "")
    if etag is None or modified is None:
        if faults:
            return faults
        raise NotObserved(Reason.NOT_APPLICABLE, "no ETag with a Last-Modified, by which nginx's own files are known")
    parts = _NGINX_ETAG.fullmatch(etag)
    if parts is None or int(parts[1], 16) != int(modified.timestamp()) or int(parts[2], 16) != _size(answer):
        faults.append(f"ETag {etag} is not the date and the size of the file, as nginx makes it")
    return faults


def _size(answer: Answer) -> int:
    length = answer.one("content-length") or ""
    return int(length) if re.fullmatch("[0-9]{1,18}", length) else answer.body_bytes
