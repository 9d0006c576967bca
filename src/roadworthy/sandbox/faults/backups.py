"""Faults of backups: none is made, a broken one is made, they are kept too long or not at all, or only here."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.faults.fault import fault
from roadworthy.sandbox.machines import backups as furnishing
from roadworthy.sandbox.machines import dumped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.sandbox.machines.machine import Answer, File, Machine
    from roadworthy.target.blocks.backups import Series

    Chosen = Callable[[Series], bool]
    OfMachine = Callable[[Machine, Series], Machine]
    OfNewest = Callable[[File, Series], File]

DAY_S = 86400.0
DENIED = "An error occurred (AccessDenied) when calling the ListObjectsV2 operation: Access Denied\n"


def _series(deployment: Deployment, component: str, chosen: Chosen) -> Series | None:
    """The first series of a component that is such a one."""
    promised = deployment.target.components[component].backups
    return next((one for one in ((promised and promised.series) or {}).values() if chosen(one)), None)


def _with(chosen: Chosen) -> Where:
    def where(deployment: Deployment) -> Iterable[str]:
        for name in deployment.target.components:
            if _series(deployment, name, chosen) is not None and deployment.machine_of(name) is not None:
                yield name

    return where


def _changed(chosen: Chosen, change: OfMachine) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        series = _series(deployment, component, chosen)
        assert series is not None  # noqa: S101 - `where` chose it
        return deployment.with_machine(component, lambda machine: change(machine, series))

    return changed


def _backups(machine: Machine, series: Series) -> list[File]:
    """The files of a series, the newest first."""
    found = (file for file in machine.files if fnmatch.fnmatchcase(file.path, series.files) and not file.is_folder)
    return sorted(found, key=lambda file: file.age_s)


def _without(machine: Machine, gone: Iterable[File]) -> Machine:
    paths = {file.path for file in gone}
    return replace(machine, files=tuple(file for file in machine.files if file.path not in paths))


def _newest(change: OfNewest) -> OfMachine:
    """A change of the newest alone."""
    return lambda machine, series: machine.with_file(
        _backups(machine, series)[0].path, lambda file: change(file, series)
    )


def _holding(data_of: Callable[[bytes, Series], bytes]) -> OfMachine:
    """The newest has something else in it."""
    return _newest(lambda file, series: replace(file, data=data_of(file.data or b"", series)))


# --- what is wrong with them -----------------------------------------------------------------------------------------


def _stale(machine: Machine, series: Series) -> Machine:
    return _without(machine, (file for file in _backups(machine, series) if file.age_s <= series.within))


def _copied(machine: Machine, series: Series) -> Machine:
    """The same, and somebody copied them: the change is of today, the names are not."""
    stale = _stale(machine, series)
    return stale.with_file(_backups(stale, series)[0].path, lambda file: replace(file, age_s=60.0))


def _shrunken(data: bytes, series: Series) -> bytes:
    share = series.shrinks_at_most or 0
    if series.encrypted is not None:
        return data[: int(len(data) * (1 - share) * 0.9)]
    return dumped.dump_of(series, rows=int(dumped.rows_of(series) * (1 - share) * 0.7))


def _plain(data: bytes, series: Series) -> bytes:
    plain = dumped.dump_of(series.model_copy(update={"encrypted": None, "packing": "none", "kind": "mysqldump"}))
    return (plain * (len(data) // len(plain) + 1))[: len(data)]


def _forgotten(machine: Machine, series: Series) -> Machine:
    oldest = _backups(machine, series)[-1]
    data = oldest.data or b""
    return replace(machine, files=(*machine.files, furnishing.backup(series, (series.oldest or 0) + 5 * DAY_S, data)))


def _too_few(machine: Machine, series: Series) -> Machine:
    return _without(machine, _backups(machine, series)[(series.keeps or 1) - 1 :])


def _day_missing(machine: Machine, series: Series) -> Machine:
    return _without(machine, _backups(machine, series)[2:3])


def _readable(machine: Machine, series: Series) -> Machine:
    folder = series.files.rpartition("/")[0]
    opened = machine.with_file(folder, lambda file: replace(file, mode=0o755))
    return opened.with_file(_backups(opened, series)[0].path, lambda file: replace(file, mode=0o644))


# --- the copy elsewhere ----------------------------------------------------------------------------------------------


def _lists(change: Callable[[Answer, list[tuple[File, int]], Series], Answer]) -> OfMachine:
    """What the program that lists the copies says."""

    def changed(machine: Machine, series: Series) -> Machine:
        assert series.offsite is not None  # noqa: S101 - `where` chose it
        sizes = [(file, len(file.data or b"")) for file in _backups(machine, series)[: furnishing.LISTED]]
        answers = tuple(
            change(answer, sizes, series)
            if answer.program == series.offsite.program and re.search(re.escape(series.offsite.place), _plainly(answer))
            else answer
            for answer in machine.answers
        )
        return replace(machine, answers=answers)

    return changed


def _plainly(answer: Answer) -> str:
    """The words that it answers to; they are a regular expression of their own."""
    return re.sub(r"\\(.)", r"\1", answer.arguments)


def _listed(series: Series, sizes: list[tuple[File, int]]) -> Answer:
    assert series.offsite is not None  # noqa: S101 - `where` chose it
    answer_of = {"aws": furnishing.aws, "rclone": furnishing.rclone, "restic": furnishing.restic}
    return answer_of[series.offsite.program](series, sizes)


def _older(_: Answer, sizes: list[tuple[File, int]], series: Series) -> Answer:
    within = series.offsite.within if series.offsite else 0
    return _listed(series, [(file, size) for file, size in sizes if file.age_s > within])


def _shorter(_: Answer, sizes: list[tuple[File, int]], series: Series) -> Answer:
    (newest, size), *others = sizes
    return _listed(series, [(newest, size // 2), *others])


def _denied(answer: Answer, _: list[tuple[File, int]], series: Series) -> Answer:
    del series
    return replace(answer, says="", complains=DENIED, ends=254)


# --- which series ----------------------------------------------------------------------------------------------------


def _gzipped(series: Series) -> bool:
    return series.intact and series.packed == "gzip"


def _ends_with_a_mark(series: Series) -> bool:
    return series.intact and series.kind in ("mysqldump", "pg_dump", "tar", "mongodump")


def _holds(series: Series) -> bool:
    return series.holds is not None and series.kind != "pg_custom"


def _restored(series: Series) -> bool:
    return series.restores is not None and series.kind == "pg_custom"


def _counted(series: Series) -> bool:
    return _restored(series) and series.restores is not None and series.restores.has is not None


def _away(series: Series) -> bool:
    return series.offsite is not None and series.offsite.folder is None


def _as_long(series: Series) -> bool:
    return _away(series) and series.offsite is not None and series.offsite.same_size


FAULTS = (
    fault(
        "backup-stale",
        "The job that makes backups no longer runs.",
        "BACKUP-FRESH",
        where=_with(lambda _: True),
        change=_changed(lambda _: True, _stale),
    ),
    fault(
        "backup-copied",
        "The job no longer runs; the last backup was copied about, and looks new.",
        "BACKUP-FRESH",
        where=_with(lambda series: series.named is not None),
        change=_changed(lambda series: series.named is not None, _copied),
    ),
    fault(
        "backup-empty",
        "The dump fails, and what it is piped into leaves an empty file.",
        "BACKUP-SIZE",
        where=_with(lambda series: series.size_at_least is not None),
        change=_changed(lambda series: series.size_at_least is not None, _holding(lambda *_: b"")),
    ),
    fault(
        "backup-shrunken",
        "Half of the rows are gone from the database, and from its backup.",
        "BACKUP-SHRUNK",
        where=_with(lambda series: series.shrinks_at_most is not None),
        change=_changed(lambda series: series.shrinks_at_most is not None, _holding(_shrunken)),
    ),
    fault(
        "backup-truncated",
        "The disk was full before the last block of the newest backup was written.",
        "BACKUP-INTACT",
        where=_with(_gzipped),
        change=_changed(_gzipped, _holding(lambda data, _: data[:-20])),
    ),
    fault(
        "backup-broken-off",
        "The dump lost its connection, and what came before was packed.",
        "BACKUP-COMPLETE",
        where=_with(_ends_with_a_mark),
        change=_changed(_ends_with_a_mark, _holding(lambda _, series: dumped.dump_of(series, whole=False))),
    ),
    fault(
        "backup-lacks-table",
        "The login of the dump may not see one of the tables.",
        "BACKUP-HOLDS",
        where=_with(_holds),
        change=_changed(_holds, _holding(lambda _, series: dumped.dump_of(series, lacks=(series.holds or ("",))[0]))),
    ),
    fault(
        "backup-in-plain",
        "Encrypting failed (the key has expired), and the plain file was kept.",
        "BACKUP-ENCRYPTED",
        where=_with(lambda series: series.encrypted is not None),
        change=_changed(lambda series: series.encrypted is not None, _holding(_plain)),
    ),
    fault(
        "backups-readable",
        "The umask lets everybody read what is dumped.",
        "BACKUP-PRIVATE",
        where=_with(lambda series: series.private),
        change=_changed(lambda series: series.private, _readable),
    ),
    fault(
        "backups-never-deleted",
        "What deletes old backups no longer runs.",
        "BACKUP-OLDEST",
        where=_with(lambda series: series.oldest is not None),
        change=_changed(lambda series: series.oldest is not None, _forgotten),
    ),
    fault(
        "backups-deleted",
        "A clean-up deletes backups after a few days.",
        "BACKUP-KEPT",
        where=_with(lambda series: (series.keeps or 0) > 2),  # noqa: PLR2004 - so that two are left
        change=_changed(lambda series: (series.keeps or 0) > 2, _too_few),  # noqa: PLR2004 - as above
    ),
    fault(
        "backup-day-missing",
        "The machine was off at the time of a backup.",
        "BACKUP-GAPS",
        where=_with(lambda series: series.every is not None),
        change=_changed(lambda series: series.every is not None, _day_missing),
    ),
    fault(
        "backup-offsite-missing",
        "Nothing was ever uploaded.",
        "BACKUP-OFFSITE",
        where=_with(_away),
        change=_changed(_away, _lists(lambda _, sizes, series: _listed(series, sizes[:0]))),
    ),
    fault(
        "backup-offsite-stale",
        "The credentials of the upload have expired.",
        "BACKUP-OFFSITE",
        where=_with(_away),
        change=_changed(_away, _lists(_older)),
    ),
    fault(
        "backup-offsite-cut-short",
        "The upload took the file while it was still being written.",
        "BACKUP-OFFSITE-SIZE",
        where=_with(_as_long),
        change=_changed(_as_long, _lists(_shorter)),
    ),
    fault(
        "backup-offsite-denied",
        "The host may upload and not list (or its credentials are gone).",
        "BACKUP-OFFSITE",
        where=_with(_away),
        change=_changed(_away, _lists(_denied)),
        also=("BACKUP-OFFSITE-SIZE",),
        unseen=True,
    ),
    fault(
        "backup-not-restorable",
        "The dump is of the rows alone (--data-only): there are no tables to restore them into.",
        "BACKUP-RESTORE",
        where=_with(_restored),
        change=_changed(_restored, _holding(lambda *_: dumped.recorded(dumped.WITHOUT_TABLES))),
    ),
    fault(
        "backup-without-rows",
        "The dump is of the tables alone (--schema-only).",
        "BACKUP-RESTORE-ROWS",
        where=_with(_counted),
        change=_changed(_counted, _holding(lambda *_: dumped.recorded(dumped.WITHOUT_ROWS))),
    ),
    fault(
        "backup-restore-impossible",
        "The server that backups are restored into is down.",
        "BACKUP-RESTORE",
        where=_with(_restored),
        change=_changed(
            _restored,
            lambda machine, _: replace(
                machine, daemons=tuple(one for one in machine.daemons if one.name != furnishing.SERVER)
            ),
        ),
        also=("BACKUP-RESTORE-ROWS",),
        unseen=True,
    ),
)
