"""Faults of files, trees and logs of a host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.rules.logs import promised_of
from roadworthy.sandbox.faults.fault import fault
from roadworthy.sandbox.machines.files import KEPT, adopted, is_below
from roadworthy.sandbox.machines.logs import (
    DAY_S,
    container,
    containers_of,
    journal,
    line,
    listing,
    newest_of,
    rotation_of,
)
from roadworthy.sandbox.machines.machine import File, Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.target.blocks.files import FilePromise, Tree
    from roadworthy.target.blocks.logs import AnyLog, FileLog, Logs

STRANGER = "mallory"
OPEN = 0o777
NOW_S = 5.0
"""So long ago is what is new."""
SILENT_S = 3 * DAY_S
LONG_AGO_S = 400.0 * DAY_S
LARGEST = 32 * 2**20
FEW = 1000


# --- files and trees -------------------------------------------------------------------------------------------------


def _paths(deployment: Deployment, component: str) -> Iterator[tuple[str, FilePromise]]:
    promised = deployment.component(component).files
    yield from (promised.paths or {}).items() if promised is not None else ()


def _trees(deployment: Deployment, component: str) -> Iterator[tuple[str, Tree]]:
    promised = deployment.component(component).files
    yield from (promised.trees or {}).items() if promised is not None else ()


def _with_path(holds: Callable[[FilePromise], object]) -> Where:
    return lambda deployment: (
        name for name in deployment.target.components if any(holds(one) for _, one in _paths(deployment, name))
    )


def _path(holds: Callable[[FilePromise], object], change: Callable[[File, FilePromise], File | None]) -> Change:
    """The first such path is another."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        path, promised = next((path, one) for path, one in _paths(deployment, component) if holds(one))
        return deployment.with_machine(
            component, lambda machine: machine.with_file(path, lambda file: change(file, promised))
        )

    return changed


def _forgotten(deployment: Deployment, component: str) -> Deployment:
    """What should be absent is there, owned as all around it."""
    path = next(path for path, one in _paths(deployment, component) if one.kind == "absent")
    left = Machine(files=(File(path, "<?php\n"),))
    promised = deployment.component(component).files
    return deployment.with_machine(component, lambda machine: adopted(machine.plus(left), promised))


def _with_tree(holds: Callable[[str, Tree], object]) -> Where:
    return lambda deployment: (
        name for name in deployment.target.components if any(holds(path, one) for path, one in _trees(deployment, name))
    )


def _tree(holds: Callable[[Tree], object], change: Callable[[Machine, str, Tree], Machine]) -> Change:
    """Something is different in the first such tree."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        top, promised = next((path, one) for path, one in _trees(deployment, component) if holds(one))
        return deployment.with_machine(component, lambda machine: change(machine, top, promised))

    return changed


def _alone(deployment: Deployment) -> Iterable[str]:
    """Where a tree holds nothing that is promised otherwise."""
    return (name for name in deployment.target.components if _lone_tree(deployment, name))


def _lone_tree(deployment: Deployment, component: str) -> str | None:
    machine = deployment.machine_of(component)
    for top, _ in _trees(deployment, component):
        inside = [file.path for file in machine.files if is_below(file.path, top)] if machine is not None else []
        if all(path == top or is_below(path, f"{top}/{KEPT}") for path in inside):
            return top
    return None


def _without_tree(deployment: Deployment, component: str) -> Deployment:
    top = _lone_tree(deployment, component)
    assert top is not None  # noqa: S101 - `where` chose it

    def changed(machine: Machine) -> Machine:
        return replace(machine, files=tuple(file for file in machine.files if not is_below(file.path, top)))

    return deployment.with_machine(component, changed)


def _plus_file(machine: Machine, top: str, tree: Tree, **changes: int | str) -> Machine:
    """A tree with a cache file that a command left there."""
    like = next(file for file in machine.files if file.path == f"{top}/{KEPT}/.gitignore")
    del tree
    return machine.plus(Machine(files=(replace(like, path=f"{top}/{KEPT}/cache.php", **changes),)))  # type: ignore[arg-type]


def _filled(deployment: Deployment, component: str) -> Deployment:
    """More than is walked."""
    promised = deployment.component(component).files
    assert promised is not None  # noqa: S101 - `where` chose it
    top, _ = next(_trees(deployment, component))
    machine = deployment.machine_of(component)
    like = machine.file(f"{top}/{KEPT}/.gitignore") if machine is not None else None
    assert like is not None  # noqa: S101 - furnished so
    more = tuple(replace(like, path=f"{top}/{KEPT}/{number}") for number in range(promised.walk_entries))
    return deployment.with_machine(component, lambda machine: machine.plus(Machine(files=more)))


def _small(deployment: Deployment) -> Iterable[str]:
    """Where little is walked."""
    for name, component in deployment.target.components.items():
        if component.files is not None and component.files.trees and component.files.walk_entries <= FEW:
            yield name


# --- logs ------------------------------------------------------------------------------------------------------------


def _logs(deployment: Deployment, component: str) -> Iterator[tuple[str, FileLog]]:
    promised = deployment.component(component).logs
    yield from (promised.files or {}).items() if promised is not None else ()


def _with_log(holds: Callable[[FileLog], object]) -> Where:
    return lambda deployment: (
        name for name in deployment.target.components if any(holds(one) for _, one in _logs(deployment, name))
    )


def _log(holds: Callable[[FileLog], object], change: Callable[[Machine, str, FileLog], Machine]) -> Change:
    """Something is different with the first such log."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        path, promised = next((path, one) for path, one in _logs(deployment, component) if holds(one))
        return deployment.with_machine(component, lambda machine: change(machine, path, promised))

    return changed


def _gone(machine: Machine, path: str, _: FileLog) -> Machine:
    """Neither the log nor any file of it is there."""
    start = path.partition("*")[0]
    files = tuple(file for file in machine.files if not file.path.startswith(start))
    return replace(machine, files=files, ticks=tuple(tick for tick in machine.ticks if tick.path != newest_of(path)))


def _quiet(machine: Machine, path: str, _: FileLog) -> Machine:
    """The file is touched, but nothing is written into it any more."""
    newest = newest_of(path)
    machine = replace(machine, ticks=tuple(tick for tick in machine.ticks if tick.path != newest))
    return machine.with_file(newest, lambda file: replace(file, text=line(newest, SILENT_S, "the last word")))


def _plus_error(machine: Machine, path: str, _: FileLog) -> Machine:
    newest = newest_of(path)
    wrong = "".join(line(newest, NOW_S, f"order {number} failed", fails=True) for number in (4711, 4712))
    return machine.with_file(newest, lambda file: replace(file, text=(file.text or "") + wrong))


def _plus_old(machine: Machine, path: str, one: FileLog) -> Machine:
    """A file that should have been thrown away."""
    assert one.oldest is not None  # noqa: S101 - `holds` chose it
    name = path.replace("*", "2020-01-01") if "*" in path else f"{path}.9"
    like = machine.file(newest_of(path))
    assert like is not None  # noqa: S101 - furnished so
    return machine.plus(Machine(files=(replace(like, path=name, text="", age_s=LONG_AGO_S),)))


def _larger(machine: Machine, path: str, one: FileLog) -> Machine:
    assert one.below is not None  # noqa: S101 - `holds` chose it
    newest = newest_of(path)
    filler = line(newest, 120, "debugging")
    times = 2 * one.below // len(filler)  # a written time is shorter than its template
    return machine.with_file(newest, lambda file: replace(file, text=(file.text or "") + filler * times))


def _units(deployment: Deployment) -> Iterable[str]:
    """Components with units whose errors are bounded."""
    for name, component in deployment.target.components.items():
        units = component.logs.units if component.logs is not None else None
        if any(one.errors is not None for one in (units or {}).values()):
            yield name


def _logs_of(deployment: Deployment, component: str) -> Logs:
    promised = deployment.component(component).logs
    assert promised is not None  # noqa: S101 - `where` chose it
    return promised


def _journal_error(deployment: Deployment, component: str) -> Deployment:
    unit = next(name for name, one in (_logs_of(deployment, component).units or {}).items() if one.errors is not None)
    entries = ((60, 6, "all is well"), (NOW_S, 3, "connect() to 10.0.0.9:9000 failed"), (1, 6, "all is well"))
    return deployment.with_machine(component, lambda machine: machine.plus(Machine(answers=journal(unit, entries))))


def _container_of(deployment: Deployment, component: str, holds: Callable[[AnyLog], object]) -> str:
    """The first container of which such a thing is promised."""
    promised = _logs_of(deployment, component)
    found = {(source, name) for source, name, one in promised_of(promised) if holds(one)}
    members = containers_of(promised, deployment.component(component))
    return next(
        name for _, name, project, _ in members if (("projects", project) if project else ("containers", name)) in found
    )


def _container_error(deployment: Deployment, component: str) -> Deployment:
    name = _container_of(deployment, component, lambda one: one.errors)
    refused = '{"level":50,"time":{{-5 epoch_ms}},"msg":"connect ECONNREFUSED 10.0.0.5:5432"}'
    lines = ((60, "GET /health 200"), (NOW_S, refused), (1, "GET /health 200"))
    return deployment.with_machine(component, lambda machine: machine.plus(Machine(answers=container(name, lines))))


def _container_silent(deployment: Deployment, component: str) -> Deployment:
    name = _container_of(deployment, component, _is_soon)
    said = container(name, ((SILENT_S, "listening on 3000"),))
    return deployment.with_machine(component, lambda machine: machine.plus(Machine(answers=said)))


def _is_soon(one: AnyLog) -> bool:
    return one.written_within is not None and one.written_within < SILENT_S


def _container_gone(deployment: Deployment, component: str) -> Deployment:
    members = tuple(containers_of(_logs_of(deployment, component), deployment.component(component)))
    return deployment.with_machine(component, lambda machine: machine.plus(Machine(answers=(listing(members[1:]),))))


def _of_containers(holds: Callable[[AnyLog], object]) -> Where:
    """Components with containers of which such a thing is promised."""
    return lambda deployment: (
        name
        for name, component in deployment.target.components.items()
        if component.logs is not None
        and any(holds(one) for source, _, one in promised_of(component.logs) if source in ("containers", "projects"))
    )


FAULTS = (
    fault(
        "file-missing",
        "A file that is promised is not there.",
        "FILE-THERE",
        where=_with_path(lambda one: one.kind == "file"),
        change=_path(lambda one: one.kind == "file", lambda _file, _one: None),
    ),
    fault(
        "file-not-gone",
        "What should have been taken away is still there.",
        "FILE-THERE",
        where=_with_path(lambda one: one.kind == "absent"),
        change=_forgotten,
    ),
    fault(
        "file-link-elsewhere",
        "A link leads to an old release.",
        "FILE-THERE",
        where=_with_path(lambda one: one.to),
        change=_path(lambda one: one.to, lambda file, _: replace(file, link="/srv/old")),
    ),
    fault(
        "file-foreign",
        "A file is another user's.",
        "FILE-OWNER",
        where=_with_path(lambda one: one.kind == "file" and one.owner),
        change=_path(lambda one: one.kind == "file" and one.owner, lambda file, _: replace(file, owner=STRANGER)),
    ),
    fault(
        "file-open",
        "All the world may read and write a file.",
        "FILE-MODE",
        where=_with_path(lambda one: one.kind == "file" and one.mode),
        change=_path(lambda one: one.kind == "file" and one.mode, lambda file, _: replace(file, mode=OPEN)),
    ),
    fault(
        "file-edited",
        "A file was edited by hand.",
        "FILE-CONTENT",
        where=_with_path(lambda one: one.contains or one.sha256),
        change=_path(lambda one: one.contains or one.sha256, lambda file, _: replace(file, text="# to do\n")),
    ),
    fault(
        "tree-missing",
        "A tree is not where it should be.",
        "TREE-THERE",
        where=_alone,
        change=_without_tree,
    ),
    fault(
        "tree-foreign-file",
        "A command that somebody ran as another user left a file in a tree.",
        "TREE-OWNER",
        where=_with_tree(lambda _, tree: tree.owner),
        change=_tree(
            lambda tree: tree.owner, lambda machine, top, tree: _plus_file(machine, top, tree, owner=STRANGER)
        ),
    ),
    fault(
        "tree-open-folder",
        "Somebody made a folder 777 so that it works.",
        "TREE-MODE",
        where=_with_tree(lambda _, tree: tree.folders or tree.nobody_else_writes),
        change=_tree(
            lambda tree: tree.folders or tree.nobody_else_writes,
            lambda machine, top, _: machine.with_file(f"{top}/{KEPT}", lambda file: replace(file, mode=OPEN)),
        ),
    ),
    fault(
        "tree-too-large",
        "A tree has grown larger than is walked.",
        "TREE-OWNER",
        where=_small,
        change=_filled,
        unseen=True,
    ),
    fault(
        "log-missing",
        "A log is written elsewhere.",
        "LOG-THERE",
        where=_with_log(bool),
        change=_log(bool, _gone),
    ),
    fault(
        "log-silent",
        "Nothing is written into a log any more.",
        "LOG-WRITTEN",
        where=_with_log(lambda one: one.written_within and one.written_within < SILENT_S),
        change=_log(lambda one: one.written_within and one.written_within < SILENT_S, _quiet),
    ),
    fault(
        "log-large",
        "A log has grown beyond all bounds.",
        "LOG-SIZE",
        where=_with_log(lambda one: one.below and one.below <= LARGEST),
        change=_log(lambda one: one.below and one.below <= LARGEST, _larger),
    ),
    fault(
        "log-unrotated",
        "Logrotate was never told of a log.",
        "LOG-ROTATED",
        where=_with_log(lambda one: one.rotated),
        change=_log(
            lambda one: one.rotated,
            lambda machine, path, _: machine.with_file(rotation_of(path), lambda _file: None),
        ),
    ),
    fault(
        "log-kept-too-long",
        "Old files of a log are never thrown away.",
        "LOG-ROTATED",
        where=_with_log(lambda one: one.oldest and one.oldest < LONG_AGO_S),
        change=_log(lambda one: one.oldest and one.oldest < LONG_AGO_S, _plus_old),
    ),
    fault(
        "log-errors",
        "The release writes errors into a log.",
        "LOG-ERRORS",
        where=_with_log(lambda one: one.errors and not one.errors.at_most),
        change=_log(lambda one: one.errors and not one.errors.at_most, _plus_error),
    ),
    fault(
        "journal-errors",
        "A unit writes errors into the journal.",
        "LOG-ERRORS",
        where=_units,
        change=_journal_error,
    ),
    fault(
        "container-errors",
        "A container of the release writes errors.",
        "LOG-ERRORS",
        where=_of_containers(lambda one: one.errors),
        change=_container_error,
    ),
    fault(
        "container-silent",
        "A container says nothing any more.",
        "LOG-WRITTEN",
        where=_of_containers(_is_soon),
        change=_container_silent,
    ),
    fault(
        "container-log-missing",
        "A service of a project has no container, and so no log.",
        "LOG-THERE",
        where=_of_containers(bool),
        change=_container_gone,
    ),
)
