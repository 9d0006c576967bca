"""Alt-Svc (RFC 7838): where else, and by which protocol, a site is served."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

if TYPE_CHECKING:
    from roadworthy.facts.http import Answer

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 section 5.6.2, no secret
_PARAMETER = re.compile(rf'\s*;\s*({_TOKEN})=("(?:[^"\\]|\\.)*"|{_TOKEN})')
_SERVICE = re.compile(rf'\s*({_TOKEN})="([^"]*)"((?:{_PARAMETER.pattern})*)\s*(?:,|\Z)')
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*):([0-9]{1,5})")


class Service(NamedTuple):
    """One alternative."""

    protocol: str
    authority: str
    max_age: int


def services_of(value: str) -> tuple[Service, ...]:
    """The alternatives of a header; none for `clear`.

    Raises:
        ValueError: it is malformed; clients ignore all of it.
    """
    if value.strip() == "clear":
        return ()
    found, at = [], 0
    while at < len(value):
        match = _SERVICE.match(value, at)
        if match is None or not _AUTHORITY.fullmatch(match[2]):
            raise ValueError(f"Alt-Svc can't be read from {value[at : at + 40]!r} on")
        parameters = {name.lower(): given.strip('"') for name, given in _PARAMETER.findall(match[3])}
        lifetime = parameters.get("ma", "86400")
        if not re.fullmatch("[0-9]{1,18}", lifetime):
            raise ValueError(f"Alt-Svc: ma={lifetime[:20]} is no number of seconds")
        found.append(Service(unquote(match[1]), match[2], int(lifetime)))
        at = match.end()
    return tuple(found)


def announcement_faults(answer: Answer, promised: tuple[str, ...]) -> list[str]:
    """All promised protocols that Alt-Svc does not offer."""
    value = answer.one("alt-svc")
    if value is None:
        return [f"no Alt-Svc; {', '.join(promised)} promised"]
    try:
        offered = {service.protocol: service.max_age for service in services_of(value)}
    except ValueError as error:
        return [str(error)]
    faults = [f"{name} is not offered" for name in promised if name not in offered]
    faults += [f"{name} is offered for no time at all (ma=0)" for name in promised if offered.get(name) == 0]
    return [*faults, f"Alt-Svc: {value[:120]}"] if faults else []
