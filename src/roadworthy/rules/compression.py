"""Compression of answers (RFC 9110 sections 8.4 and 12.5.3) and what it owes to caches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.caching import varies_on

if TYPE_CHECKING:
    from roadworthy.facts.http import Answer

CODINGS = frozenset({"gzip", "x-gzip", "br"})
"""What the ask accepts; `x-gzip` is gzip (RFC 9110 section 8.4.1.3)."""

SMALL_BYTES = 1024
"""Servers rightly leave shorter bodies as they are: nginx's gzip_min_length as it is usually set (256 to 1024),
CloudFront (1000), Express (1024), each by its own documentation of 2025."""


def compression_faults(answer: Answer, media_type: str) -> list[str]:
    """All that is wrong with how a page of a media type is compressed.

    Raises:
        NotObserved: the page is of another type, or too short to be worth compressing.
    """
    if answer.media_type != media_type.lower():
        detail = f"the page is {answer.media_type or 'of no media type'}; name a page of {media_type}"
        raise NotObserved(Reason.NOT_APPLICABLE, detail)
    codings = [coding.strip().lower() for value in answer.all("content-encoding") for coding in value.split(",")]
    compressed = CODINGS.intersection(codings)
    if not compressed and answer.body_bytes < SMALL_BYTES:
        detail = f"{answer.body_bytes} bytes are too short to be compressed; name a page of {SMALL_BYTES} bytes or more"
        raise NotObserved(Reason.NOT_APPLICABLE, detail)
    faults = [] if compressed else [f"{answer.body_bytes} bytes of {media_type} came uncompressed"]
    if not varies_on(answer.all("vary"), "accept-encoding"):
        faults.append("Vary: Accept-Encoding is missing")
    return faults
