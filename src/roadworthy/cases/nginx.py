"""Cases of nginx's configuration: one look at all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.cases.host import there
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.nginx import Configuration, NginxAsk, NginxObservation, ServerSeen
from roadworthy.facts.store import seen
from roadworthy.rules.nginx import DOT_FILES, FRONT
from roadworthy.target.blocks.nginx import Nginx, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target


class NginxCase(Case[Nginx, NginxAsk, NginxObservation]):
    """What nginx reads, and what runs."""

    block = "nginx"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Nginx, NginxAsk]]:
        """One look, where anything is promised."""
        promised = component.nginx
        if promised is not None and cls.promised(promised):
            ask = NginxAsk(
                **there(target, component),
                pid_file=promised.pid_file,
                servers=tuple(promised.servers or ()),
                paths=(FRONT, *DOT_FILES) if promised.servers else (),
                settings=tuple(promised.settings or ()),
            )
            yield promised, ask

    @classmethod
    def promised(cls, nginx: Nginx) -> bool:  # noqa: ARG003 - for those that judge servers
        """Whether there is anything to judge."""
        return True

    @property
    def configuration(self) -> Configuration:
        """What nginx reads.

        Raises:
            NotObserved: it can't be told, as nginx refuses it.
        """
        if self.seen.refused is not None:
            raise NotObserved(Reason.NO_ANSWER, f"nginx refuses its configuration: {self.seen.refused}")
        return seen(self.seen.configuration, "nginx's configuration")


class ServersCase(NginxCase):
    """Servers of which something is promised."""

    key: str | None = None
    """What must be promised of a server; None: anything."""

    @classmethod
    def promised(cls, nginx: Nginx) -> bool:
        """Whether any server promises it."""
        return any(cls.key is None or getattr(server, cls.key) is not None for server in (nginx.servers or {}).values())

    @property
    def servers(self) -> dict[str, tuple[Server, tuple[ServerSeen, ...]]]:
        """Those that promise it, and all that have their name.

        Raises:
            NotObserved: they can't be seen.
        """
        found = self.configuration.servers
        return {
            name: (promised, found[name])
            for name, promised in (self.expected.servers or {}).items()
            if self.key is None or getattr(promised, self.key) is not None
        }


class BodyCase(ServersCase):
    """Servers that take bodies of a promised size."""

    key = "max_body"


class ProtocolsCase(ServersCase):
    """Servers that speak promised versions of TLS."""

    key = "tls"


class DotFilesCase(ServersCase):
    """Servers that serve no dot files."""

    key = "denies_dot_files"
