from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.built import BuiltAsk, BuiltObservation, OutputWanted
from roadworthy.onhost import built, ground
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    return tmp_path


def put(path: Path, at: float, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


def seen(*paths: str, sources: tuple[str, ...] = ()) -> Any:
    ask = BuiltAsk(host="deploy@app.test", via="app", outputs=(OutputWanted(name="x", paths=paths, sources=sources),))
    said = built.look(ask.wanted)
    return BuiltObservation.model_validate({"observed_at": NOW, "now": NOW, **said}).outputs[0]


def test_an_output(root: Path) -> None:
    put(root / "app/out", 1000)
    found = seen("/app/none", "/app/out").built
    assert (found.path, found.at.timestamp()) == ("/app/out", 1000)
    assert seen("/app/none").built is None
    put(root / "app/out", 1000, "")
    assert seen("/app/out").built is None


def test_the_oldest_part_of_an_output_counts(root: Path) -> None:
    put(root / "app/views/a.php", 2000)
    put(root / "app/views/b.php", 1000)
    put(root / "app/views/.gitignore", 1)
    assert seen("/app/views/*.php").built.path == "/app/views/b.php"
    assert seen("/app/none/*.php").built is None


def test_the_newest_source_counts(root: Path) -> None:
    put(root / "app/.env", 1000)
    put(root / "app/config/a.php", 2000)
    put(root / "app/config/b.txt", 9000)
    put(root / "app/src/deep/er/c.ts", 3000)
    put(root / "app/src/node_modules/d.ts", 9000)
    put(root / "app/src/.git/e", 9000)
    (root / "app/src/self").symlink_to(".", target_is_directory=True)
    os.utime(root / "app/src/self", (1, 1), follow_symlinks=False)
    assert seen("/x", sources=("/app/.env",)).newest.at.timestamp() == 1000
    assert seen("/x", sources=("/app/.env", "/app/config/*.php")).newest.path == "/app/config/a.php"
    assert seen("/x", sources=("/app/src", "/app/.env")).newest.path == "/app/src/deep/er/c.ts"
    assert seen("/x", sources=("/app/none", "/none/*")).newest is None
    assert seen("/x").newest is None


def test_sources_that_are_not_there(root: Path) -> None:
    put(root / "app/src/a.ts", 1000)
    found = seen("/x", sources=("/app/src", "/app/*.mjs", "/app/confg", "/none/*.js"))
    assert found.newest.path == "/app/src/a.ts"
    assert found.missing == ("/app/confg", "/none/*.js")


def test_links_are_followed_to_files(root: Path) -> None:
    put(root / "shared/.env", 5000)
    put(root / "app/config/a.php", 1)
    (root / "app/.env").symlink_to("/shared/.env")
    (root / "app/config/gone.php").symlink_to("/nowhere")
    assert seen("/x", sources=("/app/.env",)).newest.at.timestamp() == 5000
    assert seen("/x", sources=("/app/config/*.php",)).newest.path == "/app/config/a.php"
    (root / "app/loop").symlink_to("loop")
    assert seen("/app/loop").built.unseen == "failed"


def test_what_is_too_much(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        put(root / f"app/{number}", 1)
    monkeypatch.setattr(built, "MOST", 10)
    assert seen("/x", sources=("/app",)).newest.unseen == "took too long"
    assert seen("/x", sources=("/app/*",)).newest.unseen == "took too long"


@pytest.mark.skipif(os.getuid() == 0, reason="root may look everywhere")
def test_what_may_not_be_looked_at(root: Path) -> None:
    put(root / "app/out", 1)
    (root / "app").chmod(0)
    assert seen("/app/out", sources=("/app/*",)).built.unseen == "not permitted"
    assert seen("/app/out", sources=("/app/*",)).newest.unseen == "not permitted"
    (root / "app").chmod(0o755)
