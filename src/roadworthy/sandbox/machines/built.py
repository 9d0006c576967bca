"""What is on a machine that keeps its promises of `built`: files in Laravel's places, each with its age."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.configuration import CACHES
from roadworthy.sandbox.machines.env import CHANGED_S
from roadworthy.sandbox.machines.machine import File, Machine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.built import Built, Cache
    from roadworthy.target.models import Component, Target

BUILT_S = 600.0
"""So long ago, after all sources."""
SOURCES = {"config": ("config/app.php",), "routes": ("routes/web.php",)}
VIEW = "storage/framework/views/5c1f3d0b7e2a4c68.php"
PHP = "<?php return [];\n"


def furnish(promised: Built, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del target
    configured = {file.path for file in (component.env.files or {}).values()} if component.env else set()
    files = [file for app in (promised.laravel or {}).values() for file in _laravel(app.path, app.caches or ())]
    for output in (promised.outputs or {}).values():
        files += [File(_named(path), "source\n", age_s=CHANGED_S) for path in output.newer_than or ()]
        files.append(File(output.path, "built\n", age_s=BUILT_S))
    return Machine(files=tuple(file for file in files if file.path not in configured))


def _laravel(folder: str, caches: Iterable[Cache]) -> list[File]:
    folder = folder.rstrip("/")
    files = [File(f"{folder}/.env", "APP_ENV=production\n", mode=0o640, age_s=CHANGED_S)]
    for name in caches:
        files += [File(f"{folder}/{path}", PHP, age_s=CHANGED_S) for path in SOURCES.get(name, ())]
        files.append(File(cache_of(folder, name), PHP, age_s=BUILT_S))
    return files


def cache_of(folder: str, name: Cache) -> str:
    """Where a cache is."""
    return f"{folder.rstrip('/')}/" + (VIEW if name == "views" else CACHES[name][0][0])


def _named(path: str) -> str:
    """A file that a source stands for: one of its pattern, or one in its folder."""
    head, _, last = path.rstrip("/").rpartition("/")
    if "*" in last:
        return f"{head}/{last.replace('*', 'some')}"
    return path if "." in last else f"{path.rstrip('/')}/some.source"
