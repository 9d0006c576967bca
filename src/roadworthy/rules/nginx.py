"""nginx's configuration held against what is promised of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import Unseen, seen
from roadworthy.rules.settings import as_said, differs
from roadworthy.target.values import show_duration, show_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roadworthy.facts.nginx import Configuration, Handled, NginxObservation, ServerSeen
    from roadworthy.target.blocks.nginx import Server
    from roadworthy.target.blocks.stores import SettingValue

    Servers = Mapping[str, tuple[Server, tuple[ServerSeen, ...]]]

FRONT = "/"
DOT_FILES = ("/.env", "/.git/config", "/.htpasswd", "/files/.env")
"""What is asked for by whoever looks for secrets; the last one is found by no rule that looks at the root alone."""

REFUSALS = range(400, 500)
"""Codes of a `return` that gives nothing away; 444 hangs up."""
GRAIN_S = 1.0
"""How exactly it is known when a process was started, as the machine's clock may have been set since."""


def stale(configuration: Configuration, observation: NginxObservation) -> str:
    """How what runs differs in age from its files; empty: it is as new.

    Raises:
        NotObserved: either can't be told.
    """
    if observation.running is None:
        return "nginx does not run"
    loaded = seen(observation.running, "the running nginx").loaded
    changed = seen(configuration.changed, "nginx's files")
    if (changed - loaded).total_seconds() <= GRAIN_S:
        return ""
    ages = (show_duration(round(max(observation.age_s(then), 0))) for then in (changed, loaded))
    return "{} was changed {} ago; what runs was read {} ago".format(configuration.changed_file, *ages)


def unnamed(servers: Servers) -> list[str]:
    """Names that no server has."""
    return [name for name, (_, found) in servers.items() if not found]


def other_bodies(servers: Servers) -> list[str]:
    """Servers that take larger or smaller bodies.

    Raises:
        NotObserved: it can't be told.
    """
    told = []
    for name, server, promised in _serving(servers):
        limit = _handled(server, FRONT).max_body
        if limit != promised.max_body:
            is_seen = show_size(limit) if limit else "any size"
            told.append(f"{name} takes {is_seen}, promised {show_size(promised.max_body or 0)} ({server.place})")
    return told


def other_protocols(servers: Servers) -> list[str]:
    """Servers that speak other versions of TLS.

    Raises:
        NotObserved: it can't be told.
    """
    told = []
    for name, (promised, found) in servers.items():
        secure = [server for server in _there(name, found) if server.tls is not None]
        if not secure:
            told.append(f"{name} speaks no TLS ({found[0].place})")
        for server in secure:
            spoken = seen(server.tls, "TLS")
            if set(spoken) != set(promised.tls or ()):
                both = ", promised ".join(", ".join(sorted(versions)) for versions in (spoken, promised.tls or ()))
                told.append(f"{name} speaks TLS {both} ({server.place})")
    return told


def served_dot_files(servers: Servers) -> list[str]:
    """Dot files that are not refused, and what takes a request for them.

    Raises:
        NotObserved: it can't be told.
    """
    told = []
    for name, server, _ in _serving(servers):
        served = {path: handled for path in DOT_FILES if not _refuses(handled := _handled(server, path))}
        by = dict.fromkeys(f"location {one.location}" if one.location else "the server" for one in served.values())
        if served:
            told.append(f"{name} does not refuse {', '.join(served)}: taken by {', '.join(by)} ({server.place})")
    return told


def other_settings(configuration: Configuration, promised: Mapping[str, SettingValue]) -> list[str]:
    """Directives that are not as promised."""
    told = []
    for name, value in promised.items():
        is_seen = configuration.settings.get(name)
        told.append(f"{name} is not set" if is_seen is None else differs(name, value, as_said(name, is_seen)))
    return list(filter(None, told))


def _serving(servers: Servers) -> Iterator[tuple[str, ServerSeen, Server]]:
    """The servers that do not answer all with one code: who redirects to HTTPS takes no bodies and has no files.

    Raises:
        NotObserved: there is none of a name.
    """
    for name, (promised, found) in servers.items():
        serving = [server for server in _there(name, found) if server.returns is None]
        if not serving:
            raise NotObserved(Reason.NOT_APPLICABLE, f"{name} answers everything with {found[0].returns}")
        for server in serving:
            yield name, server, promised


def _there(name: str, found: tuple[ServerSeen, ...]) -> tuple[ServerSeen, ...]:
    if not found:
        raise NotObserved(Reason.NOT_APPLICABLE, f"no server is named {name}")
    return found


def _handled(server: ServerSeen, path: str) -> Handled:
    handled = server.handled.get(path)
    if isinstance(handled, Unseen):
        raise handled.error()
    return seen(handled, path)


def _refuses(handled: Handled) -> bool:
    if handled.returns is not None:
        return handled.returns in REFUSALS
    return handled.denies
