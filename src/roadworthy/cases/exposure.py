"""Cases of the exposure suite: what stands where nothing should, which ports are open, which logins are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from roadworthy.cases.base import Case
from roadworthy.facts.base import Lane, NotObserved, Reason
from roadworthy.facts.http import HttpAsk, HttpObservation
from roadworthy.facts.paths import Glimpse, PathsAsk, PathsObservation, Spot
from roadworthy.facts.ports import PortsAsk, PortsObservation
from roadworthy.rules.answers import told
from roadworthy.rules.leaks import NOWHERE, places_of
from roadworthy.rules.security_txt import SECURITY_TXT
from roadworthy.target.blocks.exposure import Exposure, Login

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.models import Component, Target

PAGE, JSON = "text/html", "application/json"
MALFORMED = "/%ff"
"""No UTF-8, which a program that decodes its paths trips over."""


class PathsCase(Case[Exposure, PathsAsk, PathsObservation]):
    """Every place that the component's promises are about, asked together."""

    block: ClassVar[str | None] = "exposure"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Exposure, PathsAsk]]:
        """One sweep; all checks of places share it."""
        del target
        exposure = component.exposure
        if exposure is None or component.url is None or not cls.is_about(exposure):
            return
        prefix = _prefix(component)
        spots = [Spot(path=NOWHERE)]
        spots += [Spot(path=prefix + path) for path in _paths_of(exposure, component.endpoint[0])]
        if exposure.debug_off:
            spots += [Spot(path=path, accept=accept) for path, accept in _trace_spots(exposure, prefix)]
        if is_https(component) and exposure.security_txt is not False:
            spots.append(Spot(path=SECURITY_TXT))
        scripts_on = prefix + exposure.scripts_on if exposure.scripts_on else prefix or "/"
        maps = "source-maps" in (exposure.hides or ())
        yield exposure, PathsAsk.of(component.url, tuple(spots), scripts_on if maps else None)

    @classmethod
    def is_about(cls, exposure: Exposure) -> bool:
        """Whether this kind of case has something to judge."""
        return any((exposure.hides, exposure.denies, exposure.leaves_open, exposure.debug_off, exposure.security_txt))

    @property
    def host(self) -> str:
        """The component's host."""
        return self.component.endpoint[0]

    @property
    def prefix(self) -> str:
        """The component's own path, without its last slash."""
        return _prefix(self.component)

    def on_host(self, paths: Iterable[str] | None) -> tuple[str, ...]:
        """Paths below the component, from the host's root."""
        return tuple(self.prefix + path for path in paths or ())


def _paths_of(exposure: Exposure, host: str) -> Iterable[str]:
    for kind in exposure.hides or ():
        if kind != "source-maps":
            yield from places_of(kind, host)
    yield from exposure.denies or ()
    yield from exposure.leaves_open or ()


def _prefix(component: Component) -> str:
    return urlsplit(component.url or "").path.rstrip("/")


def _trace_spots(exposure: Exposure, prefix: str) -> tuple[tuple[str, str], ...]:
    own = [(prefix or "/", PAGE), (prefix + NOWHERE, PAGE), (prefix + NOWHERE, JSON), (prefix + MALFORMED, PAGE)]
    return (*own, *((prefix + path, accept) for path in exposure.errors_at for accept in (PAGE, JSON)))


def is_https(component: Component) -> bool:
    """Whether the component is reached over TLS."""
    return (component.url or "").startswith("https://")


class _HidingCase(PathsCase):
    KIND: ClassVar[str]

    @classmethod
    def is_about(cls, exposure: Exposure) -> bool:
        """Whether things of this kind are promised to be hidden."""
        return cls.KIND in (exposure.hides or ())


class DotFilesCase(_HidingCase):
    """Files whose name begins with a dot."""

    KIND = "dot-files"


class BackupsCase(_HidingCase):
    """Dumps, archives, old copies."""

    KIND = "backups"


class DebugPagesCase(_HidingCase):
    """What only developers need."""

    KIND = "debug-pages"


class PanelsCase(_HidingCase):
    """What only operators need."""

    KIND = "panels"


class ListingsCase(_HidingCase):
    """Lists of a folder's files."""

    KIND = "listings"


class SourceMapsCase(_HidingCase):
    """The source behind the page's scripts."""

    KIND = "source-maps"


class DebugCase(PathsCase):
    """Pages that a developing program would give itself away on."""

    @classmethod
    def is_about(cls, exposure: Exposure) -> bool:
        """Whether debug mode is promised to be off."""
        return bool(exposure.debug_off)

    @property
    def spots(self) -> tuple[tuple[str, str], ...]:
        """Each place, and what is accepted there."""
        return _trace_spots(self.expected, self.prefix)


class SecurityTxtCase(PathsCase):
    """The file that says whom to tell of a hole."""

    @classmethod
    def is_about(cls, exposure: Exposure) -> bool:
        """Whether it is promised, or nobody said anything of it."""
        return exposure.security_txt is not False

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Exposure, PathsAsk]]:
        """As all places are; there is no such file without TLS (RFC 9116 section 3)."""
        return super().looks(target, component) if is_https(component) else ()

    @property
    def url(self) -> str:
        """Where it stands."""
        return self.ask.url + SECURITY_TXT

    @property
    def glimpse(self) -> Glimpse:
        """What stood there.

        Raises:
            NotObserved: there was no answer, or it is somewhere else.
        """
        glimpse = self.seen.at(SECURITY_TXT)
        if glimpse.location is not None and 300 <= (glimpse.status or 0) < 400:  # noqa: PLR2004 - RFC 9110 section 15.4
            detail = f"{SECURITY_TXT} redirects to {glimpse.location}; promise it where it is"
            raise NotObserved(Reason.NOT_APPLICABLE, detail)
        return glimpse


class PortsCase(Case[Exposure, PortsAsk, PortsObservation]):
    """Ports that take no connection from here."""

    block: ClassVar[str | None] = "exposure"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Exposure, PortsAsk]]:
        """One look at all of them."""
        del target
        if component.exposure and component.exposure.closed_ports:
            host, port = component.endpoint
            ports = tuple(number for number in component.exposure.port_numbers if number != port)
            yield component.exposure, PortsAsk(host=host, port=port, ports=ports)


@dataclass(frozen=True)
class RefusedLogin:
    """A login that must be refused; it prints without what it sends."""

    login: Login

    def __str__(self) -> str:
        wanted = " or ".join(map(str, self.login.status)) + (f", or back to {b}" if (b := self.login.back_to) else "")
        return f"{self.login.path}: {wanted}"


class LoginCase(Case[RefusedLogin, HttpAsk, HttpObservation]):
    """Published credentials, sent to where they once logged in."""

    block: ClassVar[str | None] = "exposure"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[RefusedLogin, HttpAsk]]:
        """One request for each."""
        del target
        for login in (component.exposure and component.exposure.refuses_logins) or ():
            ask = HttpAsk.of(
                component.url_of(login.path),
                method="POST",
                headers=(("content-type", login.media_type), ("accept", "application/json, text/html")),
                content=login.content,
                lane=Lane.ROUGH,
            )
            yield RefusedLogin(login), ask

    @property
    def told(self) -> str:
        """The answer in a few words."""
        return told(self.seen.result)
