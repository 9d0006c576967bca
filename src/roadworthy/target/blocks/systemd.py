"""Promises of systemd's units and timers."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation
from roadworthy.target.values import Duration, Frozen

_UNIT = re.compile(
    r"[A-Za-z0-9:_.\\@-]+\.(?:service|socket|timer|target|path|mount|automount|swap|slice|scope|device)", re.ASCII
)
LONGEST = 255


def _named(value: str, ending: str) -> str:
    full = value if _UNIT.fullmatch(value) else f"{value}.{ending}"
    if not _UNIT.fullmatch(full) or len(full) > LONGEST or full.startswith("-"):
        raise ValueError(f"{value!r} is no unit's name; one name, without * and ?")
    return full


def _timer(value: str) -> str:
    full = _named(value, "timer")
    if not full.endswith(".timer"):
        raise ValueError(f"{value!r} is no timer")
    return full


UnitName = Annotated[str, AfterValidator(lambda value: _named(value, "service"))]
TimerName = Annotated[str, AfterValidator(_timer)]


class _One(Frozen):
    """Of one unit; something must be promised of it."""

    @model_validator(mode="after")
    def _promises_something(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise ValueError(f"give at least one of {', '.join(type(self).model_fields)}")
        return self


class Unit(_One):
    """What one unit is."""

    enabled: Literal[True] | None = Field(None, description="It is started when the machine is.")
    active: Literal[True] | None = Field(None, description="It is active now.")
    max_restarts: int | None = Field(
        None, ge=0, description="systemd itself restarted it so often at most, since somebody last started it."
    )
    up_for: Duration | None = Field(None, description="It has been active for so long, at least.")
    user: str | None = Field(None, min_length=1, description="Who it is started as (`User=`); `root` without one.")


class Timer(_One):
    """What one timer is."""

    enabled: Literal[True] | None = Field(None, description="It is started when the machine is.")
    planned: Literal[True] | None = Field(None, description="It is active, and knows when it triggers next.")
    ran_within: Duration | None = Field(None, description="It last triggered no longer ago than this.")


class Systemd(Expectation):
    """Promises of systemd's units and timers; of a host without systemd, nothing can be told."""

    units: dict[UnitName, Unit] | None = Field(
        None, min_length=1, description="Units by name; `nginx` is `nginx.service`."
    )
    timers: dict[TimerName, Timer] | None = Field(
        None, min_length=1, description="Timers by name; `certbot` is `certbot.timer`."
    )
    none_failed: Literal[True] | None = Field(None, description="No unit of the machine is in the state failed.")

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        if both := sorted(set(self.units or ()) & set(self.timers or ())):
            raise ValueError(f"{both[0]} is promised twice: as a unit and as a timer")
        return self
