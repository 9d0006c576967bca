"""Whether a setting is what was promised, by what it means: `12G` is 12884901888, `on` is 1, `2s` is 2.000000.

Units are those of databases: K, M, G are 1024 at a time, with or without a B; times have s, ms, min, h, d. A single
`m` is minutes where the server says that a setting counts time, and mebibytes elsewhere (MySQL's own reading).
"""

from __future__ import annotations

import re
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING

from roadworthy.facts.database import Setting
from roadworthy.target.values import show_duration, show_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from roadworthy.target.blocks.stores import SettingValue

_QUANTITY = re.compile(
    r"([+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:e[+-]?[0-9]{1,2})?)\s*([a-z]{0,3})", re.IGNORECASE | re.ASCII
)
_BOUND = re.compile(r"(>=|<=|<|>)\s*(\S.*)", re.DOTALL)
_HOW: dict[str, Callable[[Decimal, Decimal], bool]] = {">=": ge, "<=": le, "<": lt, ">": gt}

_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}
SIZES = {
    "b": Decimal(1),
    **{letter + end: Decimal(1024**power) for letter, power in _POWERS.items() for end in ("", "b", "ib")},
}
TIMES = {
    "us": Decimal("0.000001"),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "min": Decimal(60),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
ON, OFF = frozenset({"on", "true", "yes", "1"}), frozenset({"off", "false", "no", "0"})
SWITCHES = frozenset({"on", "true", "yes", "off", "false", "no"})

COUNTS_TIME = re.compile(r"timeout|(?:time|interval|freq|delay|ttl)$")

NO_LIMIT = {
    **dict.fromkeys(("memory_limit", "default_socket_timeout", "temp_file_limit", "log_min_duration_statement"), -1),
    **dict.fromkeys(("post_max_size", "max_execution_time", "pm.max_requests", "client_max_body_size", "maxmemory"), 0),
    **dict.fromkeys(("request_terminate_timeout", "request_slowlog_timeout", "statement_timeout", "lock_timeout"), 0),
    **dict.fromkeys(("idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout"), 0),
}
"""Values that are no small ones, but say that there is no limit."""

UNORDERED = frozenset(
    {
        *("sql_mode", "tls_version", "log_output", "optimizer_switch"),
        *("shared_preload_libraries", "session_preload_libraries", "datestyle", "log_destination"),
    }
)
"""Lists whose order says nothing."""


def as_said(name: str, value: str) -> Setting:
    """A setting of a program that names no units: by its name, whether it counts seconds."""
    return Setting(value=value, unit="seconds" if COUNTS_TIME.search(name) else None)


def differs(name: str, promised: SettingValue, seen: Setting) -> str:
    """How a setting is not as promised, in words; empty: it is."""
    wanted, is_seen = _text(promised), seen.value.strip()
    bound = _BOUND.fullmatch(wanted)
    if bound is not None:
        return _beyond(name, bound, seen)
    if _is_same(name, wanted, is_seen, seen.unit):
        return ""
    return f"{name} is {_told(seen)}, promised {wanted}"


def _beyond(name: str, bound: re.Match[str], seen: Setting) -> str:
    limit, amount = quantity(bound[2], seen.unit), quantity(seen.value, seen.unit)
    if limit is None or amount is None:
        return f"{name} is {_told(seen)}, which can't be held against {bound[0]}"
    if "<" in bound[1] and NO_LIMIT.get(name.casefold()) == amount:
        return f"{name} is {seen.value}, which is no limit, promised {bound[0]}"
    return "" if _HOW[bound[1]](amount, limit) else f"{name} is {_told(seen)}, promised {bound[0]}"


def _is_same(name: str, wanted: str, seen: str, unit: str | None) -> bool:
    if wanted.casefold() == seen.casefold() and "/" not in wanted + seen:
        return True
    if wanted == seen:
        return True
    one, other = quantity(wanted, unit), quantity(seen, unit)
    if one is not None and other is not None:
        return one == other
    words = {wanted.casefold(), seen.casefold()}
    if words & SWITCHES and (words <= ON or words <= OFF):
        return True
    return ("," in wanted or "," in seen) and _items(name, wanted) == _items(name, seen)


def _items(name: str, value: str) -> list[str]:
    items = [item.strip() if "/" in item else item.strip().casefold() for item in value.split(",")]
    return sorted(items) if name.casefold() in UNORDERED else items


def quantity(text: str, unit: str | None = None) -> Decimal | None:
    """A number in bytes, seconds, or whatever it counts; None: the text is none."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        return None
    known = (TIMES, SIZES) if unit == "seconds" else (SIZES, TIMES)
    ending = match[2].casefold()
    if not ending:
        return Decimal(match[1])
    times = next((units[ending] for units in known if ending in units), None)
    return None if times is None else Decimal(match[1]) * times


def _text(promised: SettingValue) -> str:
    if isinstance(promised, bool):
        return "on" if promised else "off"
    return str(promised).strip()


def _told(seen: Setting) -> str:
    """A value as people write it."""
    value = quantity(seen.value, seen.unit)
    if not seen.value:
        return "empty"
    if seen.unit is None or value is None or not 0 < value < Decimal(10**15):
        return seen.value
    if seen.unit == "bytes":
        return show_size(int(value)) if value == int(value) else f"{seen.value} bytes"
    return show_duration(float(value))
