"""What is on a machine that keeps its promises of `logs`.

Logs in files are real, in the form of the program that their names speak of (Laravel, nginx, its access log), and grow.
Neither a journal nor an engine of containers can run in the sandbox: `journalctl` and `docker` are programs that answer
in the form of systemd 252 (`-o json`: one object a line, with the fields that it always has) and of Docker 28
(`logs --timestamps`: RFC 3339 with nanoseconds before each line).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from roadworthy.onhost.logs import CONTAINERS, KEPT
from roadworthy.rules.logs import promised_of
from roadworthy.sandbox.machines.machine import Answer, File, Machine, Tick
from roadworthy.target.blocks.logs import FileLog, ProjectLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roadworthy.target.blocks.logs import Logs
    from roadworthy.target.models import Component, Target

DAY_S = 86400
EVERY_S = 20.0
LAST_S = 90
"""So long ago something was written last when the machine is put up."""
OLD_S = 3600.0
"""So long before the promised moment there was an error."""
INTERVALS = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}
LAST_DAYS = 2
"""So many daily files there are."""

LINES = {
    "laravel": ("%Y-%m-%d %H:%M:%S", "[{at}] production.{level}: {text}", ("INFO", "ERROR")),
    "worker": ("%Y-%m-%d %H:%M:%S", "  {at} App\\Jobs\\SendInvoice {text} 12ms {level}", ("DONE", "FAIL: error")),
    "error": ("%Y/%m/%d %H:%M:%S", "{at} [{level}] 31#31: {text}", ("notice", "error")),
    "access": (
        "%d/%b/%Y:%H:%M:%S",
        '192.0.2.10 - - [{at} +0000] "GET /{text} HTTP/2.0" {level} 512 "-" "curl/8.5"',
        ("200", "502"),
    ),
    "": ("%Y-%m-%dT%H:%M:%S+00:00", "{at} {level} {text}", ("INFO", "ERROR")),
}
"""By a word in a log's name: how it writes a time, a line, and that all is well or not."""

Entry = tuple[float, int, str]
"""How long ago, at which priority, what."""


def furnish(promised: Logs, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del target
    machine = Machine(answers=tuple(_programs(promised, component)))
    for path, one in (promised.files or {}).items():
        machine = machine.plus(_file(path, one))
    if promised.files:
        main = File("/etc/logrotate.conf", "weekly\nrotate 4\ncreate\ninclude /etc/logrotate.d\n")
        machine = machine.plus(Machine(files=(main, File("/etc/logrotate.d"))))
    return machine


# --- files -----------------------------------------------------------------------------------------------------------


def newest_of(path: str) -> str:
    """The file that is meant by a path with `*`: that of today."""
    return path.replace("*", f"{datetime.now(UTC):%Y-%m-%d}")


def line(path: str, ago_s: float, text: str, *, fails: bool = False) -> str:
    """A line of a log, as the program of its name writes it."""
    name = path.rpartition("/")[2]
    at, form, levels = next(found for word, found in LINES.items() if word in name)
    return form.format(at=f"{{{{{-ago_s:.0f} {at}}}}}", level=levels[fails], text=text) + "\n"


def _at(path: str, when: datetime, text: str) -> str:
    """An error of a moment."""
    name = path.rpartition("/")[2]
    at, form, levels = next(found for word, found in LINES.items() if word in name)
    return form.format(at=f"{when.astimezone(UTC):{at}}", level=levels[True], text=text) + "\n"


def _file(path: str, one: FileLog) -> Machine:
    newest = newest_of(path)
    before = one.errors.since - timedelta(seconds=OLD_S) if one.errors is not None else None
    text = (_at(newest, before, "what was wrong before the release") if before is not None else "") + "".join(
        line(newest, ago_s, "all is well") for ago_s in (LAST_S * 3, LAST_S * 2, LAST_S)
    )
    files = [File(newest, text, owner="www-data", group="adm", mode=0o640)]
    if newest != path:
        files += [_of_day(path, days) for days in range(1, LAST_DAYS + 1)]
    elif one.rotated is not None or one.oldest is not None:
        older = File(f"{path}.1", line(path, DAY_S + LAST_S, "all was well"), age_s=DAY_S)
        files.append(replace(older, owner="www-data", group="adm", mode=0o640))
    if one.rotated is not None:
        every = f"\t{INTERVALS[one.rotated.every]}\n" if one.rotated.every else ""
        section = f"{path} {{\n{every}\trotate {one.rotated.keep or 4}\n\tmissingok\n\tcompress\n}}\n"
        files.append(File(rotation_of(path), section))
    ticks = (Tick(newest, line(newest, 0, "still well"), EVERY_S),) if one.written_within is not None else ()
    return Machine(files=tuple(files), ticks=ticks)


def _of_day(path: str, days: int) -> File:
    day = datetime.now(UTC) - timedelta(days=days)
    name = path.replace("*", f"{day:%Y-%m-%d}")
    text = line(name, days * DAY_S, "all was well")
    return File(name, text, owner="www-data", group="adm", mode=0o640, age_s=days * DAY_S)


def rotation_of(path: str) -> str:
    """Where Logrotate is told of a log."""
    return "/etc/logrotate.d/" + path.strip("/").replace("/", "-").replace("*", "all")


# --- programs --------------------------------------------------------------------------------------------------------


def _programs(promised: Logs, component: Component) -> Iterator[Answer]:
    for unit in promised.units or ():
        yield from journal(unit, ((LAST_S * 2, 6, "Started."), (LAST_S, 6, "all is well")))
    if promised.units:
        began = re.escape("--no-pager --system -o json --output-fields=PRIORITY")
        yield Answer("journalctl", began, says=_entry((400 * DAY_S, 6, "Journal started")))
    members = tuple(containers_of(promised, component))
    if members:
        yield listing(members)
    for _, name, _, _ in members:
        yield from container(name, ((LAST_S * 2, "listening on 3000"), (LAST_S, "GET /health 200")))


def journal(unit: str, entries: Iterable[Entry]) -> tuple[Answer, ...]:
    """What journalctl says of a unit."""
    told = [_entry(entry) for entry in entries]
    newest = re.escape(f"--no-pager -o json --output-fields=PRIORITY -n 1 -u {unit}")
    since = (
        re.escape("--no-pager --all -o json --output-fields=PRIORITY,MESSAGE --since @")
        + r"\d+"
        + re.escape(f" -u {unit}")
    )
    return Answer("journalctl", newest, says="".join(told[-1:])), Answer("journalctl", since, says="".join(told))


def _entry(entry: Entry) -> str:
    ago_s, priority, text = entry
    fields = {
        "__CURSOR": f"s=5e1f;i={ago_s:.0f}",
        "__REALTIME_TIMESTAMP": f"{{{{{-ago_s:.0f} epoch_us}}}}",
        "__MONOTONIC_TIMESTAMP": "86400000000",
        "_BOOT_ID": "0e0c6f3b7f0d4ad5a7e6d3f1c2b3a495",
        "PRIORITY": str(priority),
        "MESSAGE": text,
    }
    return json.dumps(fields) + "\n"


def containers_of(promised: Logs, component: Component) -> Iterator[tuple[str, str, str, str]]:
    """The containers whose logs are promised: id, name, project, service."""
    for source, name, one in promised_of(promised):
        if source == "containers":
            yield _id(name), name, "", ""
        elif isinstance(one, ProjectLog):
            running = component.compose.services if component.compose is not None else ("app",)
            for service in one.services or tuple(running):
                full = f"{name}-{service}-1"
                yield _id(full), full, name, service


def listing(members: Iterable[tuple[str, str, str, str]]) -> Answer:
    """What `docker ps` says of containers."""
    arguments = re.escape(f"ps --all --no-trunc --format {CONTAINERS}")
    return Answer("docker", arguments, says="".join("\t".join(member) + "\n" for member in members))


def container(name: str, lines: Iterable[tuple[float, str]]) -> tuple[Answer, ...]:
    """What `docker logs` says of a container, and `docker inspect` of where that is kept."""
    told = [f"{{{{{-ago_s:.0f} %Y-%m-%dT%H:%M:%S}}}}.123456789Z {text}\n" for ago_s, text in lines]
    newest = re.escape(f"logs --timestamps --tail 1 {_id(name)}")
    since = re.escape("logs --timestamps --since ") + r"[\d.]+" + re.escape(f" {_id(name)}")
    kept = re.escape(f"inspect --type container --format {KEPT} {_id(name)}")
    made = f"json-file\t\t{{{{{-2 * DAY_S} %Y-%m-%dT%H:%M:%S}}}}.123456789Z\n"
    return (
        Answer("docker", newest, says="".join(told[-1:])),
        Answer("docker", since, says="".join(told)),
        Answer("docker", kept, says=made),
    )


def _id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
