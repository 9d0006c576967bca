"""ETag and Last-Modified (RFC 9110 sections 8.8 and 13.1): that a client which has the page is told so, anywhere."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.answers import answered, told
from roadworthy.rules.caching import at_addresses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from roadworthy.facts.http import Answer, Visit

_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\U0010ffff]*"')
_OK, _NOT_MODIFIED = 200, 304


def validator_faults(visits: tuple[Visit, ...]) -> list[str]:
    """All that keeps a page's validators from being of use.

    Raises:
        NotObserved: an address gave no answer, or not the page.
    """
    faults: dict[str, list[str]] = {}
    for visit in visits:
        for answer in (visit.first, visit.second):
            if answered(answer).status != _OK:
                raise NotObserved(Reason.NOT_APPLICABLE, f"answered {told(answer)}; name a page that answers 200")
        for fault in _of_one(visit):
            faults.setdefault(fault, []).append(visit.address)
    return [*at_addresses(faults, len(visits)), *_between(visits)]


def _of_one(visit: Visit) -> Iterator[str]:
    first, second = answered(visit.first), answered(visit.second)
    etag = first.one("etag")
    if etag is None and first.one("last-modified") is None:
        yield "neither ETag nor Last-Modified"
        return
    yield from malformed_validators(first)
    if etag != second.one("etag") and _same(first, second):
        yield "the ETag changes with every request, the page does not"
    if etag is not None and etag == second.one("etag") and is_strong(etag) and first.body != second.body:
        yield f"the page changes, and its strong ETag {etag} does not"
    if visit.conditional is not None and answered(visit.conditional).status != _NOT_MODIFIED:
        name = "If-None-Match" if etag is not None else "If-Modified-Since"
        yield f"{name} with what it said itself is answered {told(visit.conditional)[:60]} and not 304"


def _between(visits: tuple[Visit, ...]) -> list[str]:
    """What differs from one address to another although the page is the same."""
    pages = [(visit.address, answered(visit.first)) for visit in visits]
    by_name = ("ETag", "etag") if any(page.one("etag") for _, page in pages) else ("Last-Modified", "last-modified")
    where, one = pages[0]
    for other_place, other in pages[1:]:
        said, says = one.one(by_name[1]), other.one(by_name[1])
        if said != says and _same(one, other):
            return [f"{by_name[0]} is {said} at {where} and {says} at {other_place}, for the same page"]
        if said is not None and said == says and is_strong(said) and one.body != other.body and by_name[1] == "etag":
            return [f"the strong ETag {said} is that of one page at {where} and of another at {other_place}"]
    return []


def _same(one: Answer, other: Answer) -> bool:
    """Whether two answers hold the same; of long ones, by their beginning and their length."""
    if one.truncated or other.truncated:
        length = one.one("content-length")
        return one.body == other.body and length is not None and length == other.one("content-length")
    return one.body == other.body


def is_strong(etag: str) -> bool:
    """Whether an ETag says that not a byte differs (RFC 9110 section 8.8.1)."""
    return not etag.startswith("W/")


def malformed_validators(answer: Answer) -> list[str]:
    """What is wrong with an answer's ETag and Last-Modified, whatever they are compared with."""
    faults = []
    if (etag := answer.one("etag")) is not None and not _ETAG.fullmatch(etag):
        faults.append(f"ETag {etag[:60]} is none: it belongs in quotes")
    if (value := answer.one("last-modified")) is not None:
        modified, now = http_date(value), http_date(answer.one("date") or "")
        if modified is None:
            faults.append(f"Last-Modified {value[:60]!r} is no date")
        elif now is not None and modified > now:
            faults.append(f"Last-Modified {value} is later than its own Date {answer.one('date')}")
    return faults


def http_date(value: str) -> datetime | None:
    """A date as HTTP writes it (RFC 9110 section 5.6.7); None where it is none."""
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo is not None else None
