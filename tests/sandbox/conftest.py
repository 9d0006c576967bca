"""Targets, and a place of its own for the sandboxes of each test."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roadworthy.sandbox import known
from roadworthy.sandbox.deriving import derive
from roadworthy.target.loading import read_tree
from roadworthy.target.releases import load_release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.target.models import Target

ROOT = Path(__file__).parents[2]
TOPICS = {file.stem: file for file in (ROOT / "tests" / "matrix").glob("*.yaml")}
"""Each promises all of its topic."""

FILES = {file.stem: file for file in (ROOT / "targets").glob("*.yaml")} | {
    "everything": Path(__file__).parent / "everything.yaml"
}


def load(name: str) -> Target:
    file = (TOPICS | FILES)[name]
    return load_release(file, environ=dict.fromkeys(read_tree(file).environment, "2026.11.3")).target


def deployment_of(name: str) -> Deployment:
    return derive(load(name), "127.64.0")


@pytest.fixture(scope="session")
def everything() -> Target:
    return load("everything")


@pytest.fixture
def deployment() -> Deployment:
    return deployment_of("everything")


@pytest.fixture
def own_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short directory below which the sandboxes of one test are; a test that fails leaves none running either."""
    place = Path(tempfile.mkdtemp(prefix="rw"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    yield place / "roadworthy"
    for sandbox in known():
        sandbox.down()
    shutil.rmtree(place)
