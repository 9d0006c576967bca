"""Methods (RFC 9110 section 9): those that a page takes, and that it refuses others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import UNHEARD_OF, Silence, SilenceKind
from roadworthy.rules.answers import answered, told

if TYPE_CHECKING:
    from roadworthy.facts.http import Answer

_NOT_TAKEN = frozenset({405, 501})
_NO_PAGE = frozenset({404, 410})
_GATEWAY = frozenset({502, 503, 504})
_FIRST_REDIRECT, _FIRST_SERVER_ERROR = 300, 500
_REFUSED_BY = frozenset({SilenceKind.CLOSED, SilenceKind.RESET})


def method_faults(method: str, result: Answer | Silence, promised: tuple[str, ...]) -> list[str]:
    """All in which a page does not take a promised method, or takes another.

    RFC 9110 wants 405 or 501 for what is refused. A 400, 403 or 404 refuses just as well, and so does a connection that
    is closed; what counts is that nothing was done.

    Raises:
        NotObserved: there was no answer for another reason, or there is no such page.
    """
    if method in promised:
        answer = answered(result)
        if answer.status in _NO_PAGE:
            detail = f"{method} is answered {told(answer)}, which refuses every method; name a page that exists"
            raise NotObserved(Reason.NOT_APPLICABLE, detail)
        return (
            [f"{method} is answered {told(answer)}"] if answer.status in _NOT_TAKEN else _allow_faults(answer, promised)
        )
    if isinstance(result, Silence):
        if result.silence in _REFUSED_BY and method != "OPTIONS":
            return []
        raise NotObserved(Reason.NO_ANSWER, told(result))
    if method == "OPTIONS":  # does nothing, and often answers before any route is looked for
        return _allow_faults(answered(result), promised)
    if result.status < _FIRST_REDIRECT:
        echo = ", and sends back what it was sent" if method == "TRACE" and "trace /" in result.body.lower() else ""
        known = ", which no page can know," if method == UNHEARD_OF else ""
        return [f"{method}{known} is answered {result.status}{echo}"]
    if result.status in _GATEWAY:
        raise NotObserved(Reason.NO_ANSWER, f"answered {told(result)}")
    if result.status >= _FIRST_SERVER_ERROR and result.status not in _NOT_TAKEN:
        return [f"{method} is answered {told(result)}, and not refused"]
    return _allow_faults(result, promised)


def _allow_faults(answer: Answer, promised: tuple[str, ...]) -> list[str]:
    """What `Allow` names beyond the promised methods; OPTIONS is always harmless, and GET has HEAD with it."""
    named = {name.strip().upper() for value in answer.all("allow") for name in value.split(",") if name.strip()}
    harmless = {*promised, "OPTIONS", *(("HEAD",) if "GET" in promised else ())}
    more = sorted(name for name in named - harmless if re.fullmatch("[A-Z]{1,20}", name))
    return [f"Allow names {', '.join(more)}, too"] if more else []
