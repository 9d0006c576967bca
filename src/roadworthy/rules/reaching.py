"""Front ends: that a page was built for the API that it is promised to reach, and may read what that says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.answers import answered, told

if TYPE_CHECKING:
    from roadworthy.facts.http import Answer, ScriptsObservation, Silence

_OK, _FIRST_ERROR = 200, 400


def naming_faults(seen: ScriptsObservation, base: str) -> list[str]:
    """Whether the page or one of its scripts names a URL.

    Raises:
        NotObserved: there is no page, or scripts that it may be in were not read.
    """
    page = answered(seen.page)
    if page.status != _OK:
        raise NotObserved(Reason.NOT_APPLICABLE, f"answered {told(page)}; name a page that answers 200")
    if base in dict(seen.found):
        return []
    if seen.unread:
        url, why = seen.unread[0]
        more = f" and {len(seen.unread) - 1} more" if len(seen.unread) > 1 else ""
        raise NotObserved(Reason.NOT_APPLICABLE, f"not in what was read, and {url}{more} was not: {why}")
    return [f"neither the page nor its {len(seen.read)} scripts name {base}"]


def reading_faults(result: Answer | Silence, origin: str, base: str) -> list[str]:
    """What keeps a page of an origin from reading an answer.

    Raises:
        NotObserved: the other component gave no answer, which is its own matter.
    """
    answer = answered(result)
    faults = [f"answered {told(answer)}"] if answer.status >= _FIRST_ERROR else []
    allowed = answer.all("access-control-allow-origin")
    if origin != base and allowed not in ((origin,), ("*",)):
        says = ", ".join(allowed) if allowed else "not sent"
        faults.append(f"pages of {origin} may not read it: Access-Control-Allow-Origin is {says}")
    return faults
