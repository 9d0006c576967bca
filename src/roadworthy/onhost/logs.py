"""On the host: logs in files, in the journal, of containers."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from roadworthy.onhost.counting import Counter
from roadworthy.onhost.ground import FAILED, NOT_PERMITTED, Unseen, part, run
from roadworthy.onhost.lines import Zones, when
from roadworthy.onhost.logs_files import clock, file_log
from roadworthy.onhost.streams import stream

if TYPE_CHECKING:
    from collections.abc import Callable

NEEDS_ROOT = True

LOOK_S = 35.0
"""For all logs together."""
PRIORITY_ERR = 3
CONTAINERS = '{{.ID}}\t{{.Names}}\t{{.Label "com.docker.compose.project"}}\t{{.Label "com.docker.compose.service"}}'


KEPT = '{{.HostConfig.LogConfig.Type}}\t{{index .HostConfig.LogConfig.Config "max-size"}}\t{{.Created}}'
SPEAKS_S = 300.0
"""So long after it was made a container has said something: it may wait for others before it starts."""


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/logs.py` holds."""
    host = _Host()
    logs: list[dict[str, Any]] = []
    unseen: dict[str, Any] = {}
    for one in wanted["logs"]:
        said = part(LOOKS[one["source"]], one, host)
        if isinstance(said, list):
            logs.extend(said)
        else:
            unseen["{} {}".format(one["source"], one["name"])] = said
    return {"logs": logs, "unseen": unseen}


class _Host:
    """What is looked up once."""

    def __init__(self) -> None:
        self.now = time.time()
        self.until = time.monotonic() + LOOK_S
        self.began: float | None = None
        self._containers: list[list[str]] | None = None

    def zones(self, default: str | None) -> Zones:
        """Clocks of a log."""
        return Zones(default, self.now)

    def journal_began(self) -> float | None:
        """How far back the machine's own journal goes, where units write; those of users may go further."""
        if self.began is None:
            first: list[str] = []

            def heed(line: str) -> bool:
                first.append(line)
                return True

            command = ["journalctl", "--no-pager", "--system", "-o", "json", "--output-fields=PRIORITY"]
            stream(command, self.until, heed)
            self.began = _stamp(_entry(first[0])) if first else None
        return self.began

    def containers(self) -> list[list[str]]:
        """Each with its id, name, project and service.

        Raises:
            Unseen: the runtime does not say.
        """
        if self._containers is None:
            done = run(["docker", "ps", "--all", "--no-trunc", "--format", CONTAINERS])
            if done.code:
                raise _refused(done.last_words)
            self._containers = [(line + "\t\t\t").split("\t")[:4] for line in done.out.splitlines()]
        return self._containers


def _file(wanted: dict[str, Any], host: _Host) -> list[dict[str, Any]]:
    return [file_log(wanted, host.zones(wanted["zone"]), host.until)]


# --- the journal -----------------------------------------------------------------------------------------------------


def _unit(wanted: dict[str, Any], host: _Host) -> list[dict[str, Any]]:
    unit = wanted["name"]
    said: dict[str, Any] = {"source": "units", "name": unit, "label": unit}
    done = run(["journalctl", "--no-pager", "-o", "json", "--output-fields=PRIORITY", "-n", "1", "-u", unit])
    if "not seeing messages" in done.err or "insufficient permissions" in done.err:
        raise Unseen(NOT_PERMITTED, "the journal of others is not shown to this user")
    if done.code:
        raise Unseen(FAILED, "journalctl: " + done.last_words)
    entries = [line for line in done.out.splitlines() if line.startswith("{")]
    if not entries:
        return [dict(said, absent="the journal has nothing of it")]
    said["newest"] = _stamp(_entry(entries[-1]))
    if wanted["errors"] is not None:
        said["errors"] = part(_errors_of_unit, unit, wanted["errors"], host)
    return [said]


def _errors_of_unit(unit: str, wanted: dict[str, Any], host: _Host) -> dict[str, Any]:
    counter = Counter(wanted, host.zones(None), host.until)

    def heed(line: str) -> bool:
        if line.startswith("{"):
            entry = _entry(line)
            moment = _stamp(entry)
            priority = str(entry.get("PRIORITY", ""))
            by_priority = counter.patterns is None and priority.isdigit() and int(priority) <= PRIORITY_ERR
            for nth, text in enumerate(_message(entry).split("\n")):
                counter.heed_at(moment, text, is_error=by_priority and nth == 0)
        return counter.late()

    command = ["journalctl", "--no-pager", "--all", "-o", "json", "--output-fields=PRIORITY,MESSAGE"]
    done, short = stream([*command, "--since", "@{:d}".format(int(counter.since)), "-u", unit], host.until, heed)
    if done.code:
        raise Unseen(FAILED, "journalctl: " + done.last_words)
    began = host.journal_began()
    if began is not None and began > counter.since:
        short = short or "the journal begins later"
    counter.short = counter.short or short
    return counter.said()


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise Unseen(FAILED, "journalctl says something that is no entry")
    return entry


def _stamp(entry: dict[str, Any]) -> float:
    stamp = str(entry.get("__REALTIME_TIMESTAMP", ""))
    if not stamp.isdigit():
        raise Unseen(FAILED, "an entry of the journal has no time")
    return int(stamp) / 1e6


def _message(entry: dict[str, Any]) -> str:
    """What an entry says; what is no text comes as a list of bytes, and without `--all` what is long as nothing."""
    said = entry.get("MESSAGE")
    if isinstance(said, list):
        return bytes(one for one in said if isinstance(one, int) and 0 <= one < 256).decode("utf-8", "replace")  # noqa: PLR2004 - a byte
    return said if isinstance(said, str) else ""


# --- containers ------------------------------------------------------------------------------------------------------


def _container(wanted: dict[str, Any], host: _Host) -> list[dict[str, Any]]:
    found = [one for one in host.containers() if wanted["name"] in one[1].split(",")]
    if not found:
        said = {"source": "containers", "name": wanted["name"], "label": wanted["name"]}
        return [dict(said, absent="there is no such container")]
    return [_of_container(one, wanted, host) for one in found]


def _project(wanted: dict[str, Any], host: _Host) -> list[dict[str, Any]]:
    name = wanted["name"]
    members = [one for one in host.containers() if one[2] == name]
    services = wanted["services"]
    logs = [_of_container(one, wanted, host) for one in members if services is None or one[3] in services]
    said = {"source": "projects", "name": name}
    if services is None and not members:
        logs.append(dict(said, label=name, absent="there is no container of this project"))
    for service in services or ():
        if all(one[3] != service for one in members):
            absent = "there is no container of this service"
            logs.append(dict(said, label="{}/{}".format(name, service), absent=absent))
    return logs


def _of_container(one: list[str], wanted: dict[str, Any], host: _Host) -> dict[str, Any]:
    identity, name = one[0], one[1].split(",")[0]
    said: dict[str, Any] = {"source": wanted["source"], "name": wanted["name"], "label": name}
    if wanted["newest"]:
        said["newest"] = part(_newest_of_container, identity, host)
    if wanted["errors"] is not None:
        said["errors"] = part(_errors_of_container, identity, wanted["errors"], host)
    return said


def _newest_of_container(identity: str, host: _Host) -> float | None:
    zones = host.zones("UTC")
    done = run(["docker", "logs", "--timestamps", "--tail", "1", identity])
    if done.code:
        raise _refused(done.last_words)
    moments = [when(line, zones)[0] for line in (done.out + "\n" + done.err).splitlines()]
    return max((one for one in moments if one is not None), default=None)


def _errors_of_container(identity: str, wanted: dict[str, Any], host: _Host) -> dict[str, Any]:
    counter = Counter(wanted, host.zones(None), host.until)
    stamps = host.zones("UTC")

    def heed(line: str) -> bool:
        stamp, text = (line + " ").split(" ", 1)
        moment = when(stamp, stamps)[0]
        if moment is not None:
            counter.heed_at(moment, text)
        return counter.late()

    command = ["docker", "logs", "--timestamps", "--since", "{:.3f}".format(counter.since), identity]
    done, short = stream(command, host.until, heed)
    if done.code:
        raise _refused(done.last_words)
    counter.short = counter.short or short or _cut(identity, counter.since, host)
    return counter.said()


def _cut(identity: str, since: float, host: _Host) -> str:
    """Why not all since then is kept, where the runtime throws away what is beyond a size; empty: it is."""
    done = run(["docker", "inspect", "--type", "container", "--format", KEPT, identity])
    if done.code:
        raise _refused(done.last_words)
    driver, size, created = (done.out.strip("\n") + "\t\t").split("\t")[:3]
    if driver == "json-file" and size in ("", "-1"):
        return ""
    zones = host.zones("UTC")
    held: list[float] = []

    def heed(line: str) -> bool:
        held.extend(filter(None, [when(line, zones)[0]]))
        return bool(held)

    stream(["docker", "logs", "--timestamps", identity], host.until, heed)
    made = when(created, zones)[0] or 0.0
    if not held or held[0] <= (since if made <= since else made + SPEAKS_S):
        return ""
    return "what the runtime has kept of it begins later, at " + clock(held[0])


def _refused(words: str) -> Unseen:
    return Unseen(NOT_PERMITTED if "permission denied" in words else FAILED, "docker: " + words)


LOOKS: dict[str, Callable[[dict[str, Any], _Host], list[dict[str, Any]]]] = {
    "files": _file,
    "units": _unit,
    "containers": _container,
    "projects": _project,
}
