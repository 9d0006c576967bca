"""Cache-Control (RFC 9111 section 5.2), Vary (RFC 9110 section 12.5.5) and what compression owes to caches."""

from __future__ import annotations

import re

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 section 5.6.2, no secret
_DIRECTIVE = re.compile(rf'({_TOKEN})(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^,"]*)))?|[^,]', re.DOTALL)

_CANCELLED_BY = {
    "public": {"no-store", "private"},
    "max-age": {"no-store", "no-cache"},
    "s-maxage": {"no-store", "no-cache", "private"},
    "immutable": {"no-store", "no-cache"},
    "private": {"public"},
    "no-store": {"public"},
    "no-cache": {"immutable"},
}
"""Directives that take the effect from a promised one (RFC 9111 section 5.2.2, RFC 8246)."""


def cache_directives(values: tuple[str, ...]) -> dict[str, tuple[str | None, ...]]:
    """Every directive, its name in lower case, with each value that it was given; None for a directive without one."""
    found: dict[str, tuple[str | None, ...]] = {}
    for match in _DIRECTIVE.finditer(", ".join(values)):
        name, quoted, token = match.groups()
        if name:
            given = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if quoted is not None else token
            found[name.lower()] = (*found.get(name.lower(), ()), given if given is None else _plain(given))
    return found


def _plain(value: str) -> str:
    value = value.strip(" \t")
    return (value.lstrip("0") or "0") if re.fullmatch("[0-9]+", value) else value


def caching_faults(values: tuple[str, ...], promised: str) -> list[str]:
    """All promised directives that are missing, different, or cancelled by one that was not promised."""
    if not values:
        return ["Cache-Control is not sent"]
    seen, wanted = cache_directives(values), cache_directives((promised,))
    faults = []
    for name, (value, *_) in wanted.items():
        given = dict.fromkeys(seen.get(name, ()))
        if not given:
            faults.append(f"{name} is missing")
        elif len(given) > 1:
            faults.append(f"{name} has {len(given)} values: {', '.join(map(str, given))}")
        elif value not in given:
            faults.append(f"{_shown(name, next(iter(given)))}, promised {_shown(name, value)}")
    unasked = {name for name, given in seen.items() if None in given and name not in wanted}
    cancelling = {
        other for name, (value, *_) in wanted.items() if value != "0" for other in _CANCELLED_BY.get(name, ())
    }
    faults += [f"{name} takes the effect from what is promised" for name in sorted(unasked & cancelling)]
    return [*faults, f"Cache-Control: {', '.join(values)}"] if faults else []


def _shown(name: str, value: str | None) -> str:
    return name if value is None else f"{name}={value}"


def varies_on(values: tuple[str, ...], name: str) -> bool:
    """Whether caches keep answers apart by a request header; `*` keeps all apart."""
    members = {member.strip(" \t").lower() for value in values for member in value.split(",")}
    return bool(members & {"*", name.lower()})
