"""What is on a machine that keeps its promises of `backups`.

The files are real ones of their formats (`dumped.py`). What is restored is restored by PostgreSQL's real programs into
a real server on the machine. `aws`, `rclone` and `restic` are stand-ins, in the words of `aws s3 ls` (AWS CLI 2),
`rclone lsl` (1.6) and `restic snapshots --json` (0.16), as their manuals show them.
"""

from __future__ import annotations

import fnmatch
import json
import re
import sys
import time
from typing import TYPE_CHECKING

from roadworthy.sandbox import programs
from roadworthy.sandbox.machines import postgres_here
from roadworthy.sandbox.machines.dumped import dump_of
from roadworthy.sandbox.machines.machine import Answer, Daemon, File, Machine
from roadworthy.sandbox.programs import MissingError
from roadworthy.target.blocks.backups import OF_ITS_OWN, RESTORED_BY

if TYPE_CHECKING:
    from roadworthy.target.blocks.backups import Backups, Offsite, Restores, Series
    from roadworthy.target.models import Component, Target

HOUR_S, DAY_S = 3600.0, 86400.0
MOST, USUAL, LISTED = 40, 9, 5
SERVER = "postgresql"
AT = "{{root}}/pg"


def furnish(promised: Backups, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    machine = Machine()
    for series in (promised.series or {}).values():
        data = dump_of(series)
        files = tuple(backup(series, age_s, data) for age_s in ages(series))
        machine = machine.plus(Machine(files=(File(files[0].path.rpartition("/")[0], mode=0o700), *files)))
        if series.kind in OF_ITS_OWN:
            machine = machine.plus(Machine(programs=(_postgres("pg_restore"),)))
        if series.offsite is not None:
            machine = machine.plus(_elsewhere(series, series.offsite, files))
        if series.restores is not None:
            machine = machine.plus(_server(series, series.restores))
    return machine


def _postgres(name: str) -> tuple[str, str]:
    return name, str(programs.postgres_program(postgres_here.INSTALLED, name))


# --- the files -------------------------------------------------------------------------------------------------------


def ages(promised: Series) -> list[float]:
    """How old each is, the newest first."""
    step = promised.every * 24 / 25 if promised.every else DAY_S
    first = min(promised.within, step) / 4
    count = max(USUAL, promised.keeps or 0)
    if promised.oldest is not None:
        count = min(int((promised.oldest * 0.98 - first) / step) + 1, MOST)
    return [first + step * number for number in range(count)]


def backup(promised: Series, age_s: float, data: bytes) -> File:
    """One of that age."""
    folder, _, pattern = promised.files.rpartition("/")
    now = time.time() // HOUR_S * HOUR_S  # the same for a while, so that the same target gives the same machine
    named = promised.named or pattern.replace("*", "%Y%m%d-%H%M%S", 1)
    name = time.strftime(named, time.localtime(now - age_s))
    if not fnmatch.fnmatchcase(name, pattern):
        name += pattern.rpartition("*")[2]
    if not fnmatch.fnmatchcase(name, pattern):
        raise MissingError("a backup", f"{name} is none of {pattern}")
    return File(f"{folder}/{name}", data=data, mode=0o600, age_s=age_s)


# --- the copy elsewhere ----------------------------------------------------------------------------------------------


def _elsewhere(promised: Series, offsite: Offsite, files: tuple[File, ...]) -> Machine:
    if offsite.folder is not None:
        raise MissingError(offsite.folder, "the sandbox's machines have one file system")
    sizes = [(file, len(file.data or b"")) for file in files[:LISTED]]
    answer = {"aws": aws, "rclone": rclone, "restic": restic}[offsite.program](promised, sizes)
    settings = (File(offsite.env_file, "AWS_PROFILE=backup\n", mode=0o600),) if offsite.env_file else ()
    return Machine(files=settings, answers=(answer,))


def _name(file: File) -> str:
    return file.path.rpartition("/")[2]


def aws(promised: Series, sizes: list[tuple[File, int]]) -> Answer:
    """`aws s3 ls`."""
    assert promised.offsite is not None  # noqa: S101 - the callers have looked
    lines = [f"{{{{-{file.age_s:.0f} %Y-%m-%d %H:%M:%S}}}} {size:10} {_name(file)}\n" for file, size in sizes]
    place = re.escape(f"s3 ls s3://{promised.offsite.place}")
    return Answer("aws", place, "".join(reversed(lines)), ends=0 if lines else 1)


def rclone(promised: Series, sizes: list[tuple[File, int]]) -> Answer:
    """`rclone lsl`."""
    assert promised.offsite is not None  # noqa: S101 - as above
    lines = [f"{size:9} {{{{-{file.age_s:.0f} %Y-%m-%d %H:%M:%S}}}}.000000000 {_name(file)}\n" for file, size in sizes]
    return Answer("rclone", re.escape(f"lsl --max-depth 1 {promised.offsite.place}"), "".join(reversed(lines)))


def restic(promised: Series, sizes: list[tuple[File, int]]) -> Answer:
    """`restic snapshots --json`."""
    assert promised.offsite is not None  # noqa: S101 - as above
    folder = promised.files.rpartition("/")[0]
    snapshots = [
        {
            "time": f"{{{{-{file.age_s:.0f} %Y-%m-%dT%H:%M:%S}}}}.120000000Z",
            "paths": [folder],
            "hostname": "app",
            "username": "root",
            "short_id": f"{number:08x}",
        }
        for number, (file, _) in enumerate(sizes)
    ]
    words = f"-r {promised.offsite.place} snapshots --json --no-lock --no-cache"
    return Answer("restic", re.escape(words), json.dumps(snapshots))


# --- the server that is restored into --------------------------------------------------------------------------------


def _server(promised: Series, restores: Restores) -> Machine:
    if RESTORED_BY[promised.kind] != "postgresql" or restores.service is None or restores.service_file is None:
        raise MissingError("a server to restore into", "the sandbox has PostgreSQL, by service and service_file")
    if restores.as_user is not None:
        raise MissingError(f"the user {restores.as_user}", "the sandbox's sudo knows only root")
    service = f"[{restores.service}]\nhost={AT}\nport={postgres_here.PORT}\nuser=postgres\n"
    words = (sys.executable, "-m", postgres_here.__name__, AT)
    return Machine(
        files=(File(restores.service_file, service, mode=0o600),),
        daemons=(Daemon(SERVER, words, ready=f"{AT}/{postgres_here.READY}"),),
        programs=(_postgres("psql"), _postgres("pg_restore")),
    )
