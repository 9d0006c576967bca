"""Cases of workers: what Supervisor and PM2 keep running on a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.cases.host import there
from roadworthy.facts.pm2 import Pm2Ask, Pm2Observation
from roadworthy.facts.supervisor import Process, SupervisorAsk, SupervisorObservation
from roadworthy.target.blocks.pm2 import App, Pm2
from roadworthy.target.blocks.supervisor import Program, Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target


class SupervisorCase(Case[Supervisor, SupervisorAsk, SupervisorObservation]):
    """What supervisord tells."""

    block = "supervisor"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Supervisor, SupervisorAsk]]:
        """One look, the same for all."""
        promised = component.supervisor
        if promised is not None:
            programs = promised.programs or {}
            back = [one.restarts.within for one in programs.values() if one.restarts is not None]
            yield (
                promised,
                SupervisorAsk(
                    **there(target, component),
                    config=promised.config,
                    programs=tuple(programs),
                    back_s=max(back, default=None),
                ),
            )


class ProgramsCase(SupervisorCase):
    """The same, of programs of which something is promised."""

    promise = "processes"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Supervisor, SupervisorAsk]]:
        """The same look, where that is promised of one."""
        for promised, ask in super().looks(target, component):
            if cls._of(promised):
                yield promised, ask

    @classmethod
    def _of(cls, promised: Supervisor) -> dict[str, Program]:
        programs = (promised.programs or {}).items()
        return {name: one for name, one in programs if getattr(one, cls.promise) is not None}

    @property
    def programs(self) -> tuple[tuple[str, Program, tuple[Process, ...]], ...]:
        """The programs of which it is promised, and their processes.

        Raises:
            NotObserved: supervisord is dead.
        """
        return tuple((name, one, self.seen.of(name)) for name, one in self._of(self.expected).items())


class UptimeCase(ProgramsCase):
    """The same, of programs with a bound on how long they have been up."""

    promise = "uptime"


class FlappingCase(ProgramsCase):
    """The same, of programs with a bound on how often they end."""

    promise = "restarts"


class UserCase(ProgramsCase):
    """The same, of programs that run as some user."""

    promise = "user"


class CommandCase(ProgramsCase):
    """The same, of programs with a command."""

    promise = "command"


class AutostartCase(ProgramsCase):
    """The same, of programs that start with Supervisor, or don't."""

    promise = "autostart"


class AutorestartCase(ProgramsCase):
    """The same, of programs that are started again, or aren't."""

    promise = "autorestart"


class Pm2Case(Case[Pm2, Pm2Ask, Pm2Observation]):
    """What PM2's daemon tells."""

    block = "pm2"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Pm2, Pm2Ask]]:
        """One look, the same for all."""
        promised = component.pm2
        if promised is not None:
            apps = tuple(promised.apps or ())
            yield promised, Pm2Ask(**there(target, component), user=promised.user, home=promised.home, apps=apps)


class AppsCase(Pm2Case):
    """The same, of applications of which something is promised."""

    promise = "instances"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Pm2, Pm2Ask]]:
        """The same look, where that is promised of one."""
        for promised, ask in super().looks(target, component):
            if cls._of(promised):
                yield promised, ask

    @classmethod
    def _of(cls, promised: Pm2) -> dict[str, App]:
        return {name: one for name, one in (promised.apps or {}).items() if getattr(one, cls.promise) is not None}

    @property
    def apps(self) -> dict[str, App]:
        """The applications of which it is promised."""
        return self._of(self.expected)


class ModeCase(AppsCase):
    """The same, of applications with a mode."""

    promise = "mode"


class RestartsCase(AppsCase):
    """The same, of applications with a bound on restarts."""

    promise = "restarts"


class UnstableCase(AppsCase):
    """The same, of applications with a bound on restarts right after a start."""

    promise = "unstable_restarts"


class AppUptimeCase(AppsCase):
    """The same, of applications with a bound on how long they have been up."""

    promise = "uptime"


class SavedCase(AppsCase):
    """The same, of applications that are saved."""

    promise = "saved"
