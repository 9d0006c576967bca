"""Cases of units and timers: one look at all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.cases.host import there
from roadworthy.facts.store import seen
from roadworthy.facts.systemd import SystemdAsk, SystemdObservation, UnitSeen
from roadworthy.target.blocks.systemd import Systemd, Timer, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target


class SystemdCase(Case[Systemd, SystemdAsk, SystemdObservation]):
    """All that is promised of systemd."""

    block = "systemd"
    key: str | None = None
    """What must be promised of a unit or a timer; None: anything."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Systemd, SystemdAsk]]:
        """One look, where such a thing is promised."""
        promised = component.systemd
        if promised is not None and cls.promised(promised):
            yield (
                promised,
                SystemdAsk(
                    **there(target, component),
                    units=(*(promised.units or ()), *(promised.timers or ())),
                    failed=promised.none_failed is True,
                ),
            )

    @classmethod
    def promised(cls, systemd: Systemd) -> bool:
        """Whether there is anything to judge."""
        return systemd.none_failed is True


class UnitsCase(SystemdCase):
    """Units of which something is promised."""

    @classmethod
    def promised(cls, systemd: Systemd) -> bool:
        """Whether any unit promises the key."""
        return any(getattr(unit, cls.key or "") is not None for unit in (systemd.units or {}).values())

    @property
    def units(self) -> dict[str, tuple[Unit, UnitSeen]]:
        """Those that promise the key.

        Raises:
            NotObserved: they can't be seen.
        """
        found = seen(self.seen.units, "systemd")
        wanted = (self.expected.units or {}).items()
        return {name: (unit, found[name]) for name, unit in wanted if getattr(unit, self.key or "") is not None}


class ActiveCase(UnitsCase):
    """Units that are active."""

    key = "active"


class EnabledCase(UnitsCase):
    """Units that are enabled."""

    key = "enabled"


class RestartsCase(UnitsCase):
    """Units that are not restarted again and again."""

    key = "max_restarts"


class UptimeCase(UnitsCase):
    """Units that have been up for a while."""

    key = "up_for"


class UserCase(UnitsCase):
    """Units that are started as somebody."""

    key = "user"


class TimersCase(SystemdCase):
    """Timers of which something is promised."""

    @classmethod
    def promised(cls, systemd: Systemd) -> bool:
        """Whether any timer promises the key."""
        return any(getattr(timer, cls.key or "") is not None for timer in (systemd.timers or {}).values())

    @property
    def timers(self) -> dict[str, tuple[Timer, UnitSeen]]:
        """Those that promise the key.

        Raises:
            NotObserved: they can't be seen.
        """
        found = seen(self.seen.units, "systemd")
        wanted = (self.expected.timers or {}).items()
        return {name: (timer, found[name]) for name, timer in wanted if getattr(timer, self.key or "") is not None}


class TimerEnabledCase(TimersCase):
    """Timers that are enabled."""

    key = "enabled"


class TimerPlannedCase(TimersCase):
    """Timers that trigger again."""

    key = "planned"


class TimerRanCase(TimersCase):
    """Timers that triggered lately."""

    key = "ran_within"
