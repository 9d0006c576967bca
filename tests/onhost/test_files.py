"""The collector of files and trees against real ones."""

from __future__ import annotations

import hashlib
import os
import socket
from typing import TYPE_CHECKING, Any, Self

import pytest

from roadworthy.facts.files import Absent, Entry, FilesObservation, Walk
from roadworthy.facts.store import Unseen
from roadworthy.onhost import files, ground
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from pathlib import Path

ME = "me"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's file system, in which we are `me`."""
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(f"{ME}:x:{os.getuid()}:{os.getgid()}::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text(f"{ME}:x:{os.getgid()}:\n")
    return tmp_path


def look(*paths: dict[str, Any], trees: tuple[dict[str, Any], ...] = (), entries: int = 1000) -> FilesObservation:
    seen = files.look({"paths": list(paths), "trees": list(trees), "entries": entries, "within_s": 5.0})
    return FilesObservation(observed_at=NOW, now=NOW, **seen)


def wanted(path: str, *, follow: bool = True, digest: bool = False, contains: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"path": path, "follow": follow, "digest": digest, "contains": list(contains)}


def at(path: str, **how: Any) -> Entry | Absent | Unseen:
    return look(wanted(path, **how)).paths[path]


def walk(path: str, *without: str, entries: int = 1000) -> Walk:
    found = look(trees=({"path": path, "without": list(without)},), entries=entries).trees[path]
    assert isinstance(found, Walk)
    return found


def test_a_file(root: Path) -> None:
    (root / "a").write_bytes(b"one\0two")
    (root / "a").chmod(0o4640)
    assert at("/a") == Entry(kind="file", owner=ME, group=ME, mode=0o4640)
    seen = at("/a", digest=True, contains=("two", "three"))
    assert isinstance(seen, Entry)
    assert seen.sha256 == hashlib.sha256(b"one\0two").hexdigest()
    assert seen.contains == (True, False)


def test_what_is_not_there(root: Path) -> None:
    (root / "file").touch()
    assert at("/a/b") == Absent(absent="/a")
    assert at("/file/b") == Absent(absent="/file/b")


def test_links_stay_below_the_root(root: Path) -> None:
    (root / "releases/42").mkdir(parents=True)
    (root / "releases/42/.env").touch(0o600)
    (root / "var").mkdir()
    (root / "var/current").symlink_to("/releases/42")
    (root / "up").symlink_to("../../../../../../releases/./42/.env")
    assert at("/var/current/.env") == Entry(kind="file", owner=ME, group=ME, mode=0o600)
    assert at("/up") == at("/var/current/.env")
    leads = at("/var/current", follow=False)
    assert isinstance(leads, Entry)
    assert (leads.kind, leads.to) == ("link", "/releases/42")
    (root / "var/gone").symlink_to("/releases/43")
    assert at("/var/gone") == Absent(absent="/releases/43")
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    assert at("/a") == Unseen(unseen="failed", detail="/a: too many links")


def test_what_is_no_file_is_not_read(root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert at("/pipe", digest=True, contains=("x",)) == Entry(kind="other", owner=ME, group=ME, mode=0o644)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "s"))
        seen = at("/s")
    assert isinstance(seen, Entry)
    assert seen.kind == "socket"
    with pytest.raises(ground.Unseen, match="no file any more"):
        files._digest("/pipe")


def test_a_read_that_fails_is_told_of_that_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "ROOT", "/")
    seen = at("/proc/self/mem", digest=True, contains=("x",))  # nothing is mapped at its beginning
    assert isinstance(seen, Entry)
    for told in (seen.sha256, seen.contains):
        assert isinstance(told, Unseen)
        assert "Input/output error" in told.detail


def test_a_large_file_is_not_read_to_its_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "HASHED", 10)
    monkeypatch.setattr(files, "SEARCHED", 10)
    (root / "large").write_text("0123456789 and more")
    seen = at("/large", digest=True, contains=("more",))
    assert isinstance(seen, Entry)
    assert isinstance(seen.sha256, Unseen)
    assert isinstance(seen.contains, Unseen)
    assert isinstance(early := at("/large", contains=("789",)), Entry)
    assert early.contains == (True,)


def test_a_tree_is_sorted_by_what_is_alike(root: Path) -> None:
    for folder in ("app", "vendor/deep", "app/storage"):
        (root / "t" / folder).mkdir(parents=True)
    for name in ("a", "b", "c", "d", "e", "vendor/x", "app/node_modules", "app/storage/y"):
        (root / "t" / name).touch(0o640)
    (root / "t/open").mkdir()
    (root / "t/open").chmod(0o777)
    (root / "t/loop").symlink_to("/t")
    seen = walk("/t", "vendor", "node_modules", "app/storage")
    assert seen.complete
    assert (seen.denied, seen.unsorted) == (0, 0)
    found = {(sort.kind, oct(sort.mode)): (sort.count, sorted(sort.examples)) for sort in seen.sorts}
    assert found[("folder", "0o755")] == (2, [".", "app"])
    assert found[("folder", "0o777")] == (1, ["open"])
    assert found[("file", "0o640")][0] == 5
    assert len(found[("file", "0o640")][1]) == 3
    assert found[("link", "0o777")] == (1, ["loop"])
    assert seen.walked == 9


def test_a_tree_that_is_too_large_is_seen_near_its_folder(root: Path) -> None:
    for number in range(20):
        (root / f"t/d{number}").mkdir(parents=True)
        (root / f"t/d{number}/deep").touch()
    seen = walk("/t", entries=21)
    assert not seen.complete
    assert seen.walked == 21
    assert {sort.kind for sort in seen.sorts} == {"folder"}
    assert walk("/t", entries=41).complete
    late = files.look({"paths": [], "trees": [{"path": "/t", "without": []}], "entries": 1000, "within_s": -1.0})
    assert late["trees"]["/t"]["complete"] is True  # the clock is looked at every so many entries


def test_time_ends_a_walk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PER_LOOK", 1)
    (root / "t/a/b").mkdir(parents=True)
    late = files.look({"paths": [], "trees": [{"path": "/t", "without": []}], "entries": 1000, "within_s": -1.0})
    assert late["trees"]["/t"]["complete"] is False


def test_many_sorts_are_counted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SORTS", 3)
    (root / "t").mkdir()
    for mode in (0o600, 0o640, 0o644, 0o660):
        (root / "t" / oct(mode)).touch(mode)
        (root / "t" / oct(mode)).chmod(mode)
    assert walk("/t").unsorted == 2


def test_a_tree_that_is_no_folder(root: Path) -> None:
    (root / "t").touch()
    seen = look(trees=({"path": "/t", "without": []}, {"path": "/u", "without": []})).trees
    assert seen == {"/t": Unseen(unseen="failed", detail="/t is no folder"), "/u": Absent(absent="/u")}


def test_what_nobody_may_look_into(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "t/closed").mkdir(parents=True)
    scan = os.scandir

    def refusing(path: str) -> Any:
        if path.rstrip("/").endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    seen = walk("/t")
    assert (seen.denied, seen.first_denied) == (1, "closed")
    closed = look(trees=({"path": "/t/closed", "without": []},)).trees["/t/closed"]
    assert closed == Unseen(unseen="not permitted", detail="/t/closed: what is in it")


def test_what_may_be_listed_and_not_entered(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder of mode 744, and where FUSE has mounted another user's."""
    (root / "t/shown").mkdir(parents=True)
    (root / "t/shown/x").touch()

    class Refusing:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self.entry = entry.name, entry

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            if self.name == "x":
                raise PermissionError(13, "Permission denied")
            return self.entry.stat(follow_symlinks=follow_symlinks)

    class Scanned(list[Refusing]):
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            return

    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: Scanned(map(Refusing, scan(path))))
    seen = walk("/t")
    assert (seen.walked, seen.denied, seen.first_denied) == (2, 1, "shown/x")


def test_names_that_are_no_text(root: Path) -> None:
    (root / "t").mkdir()
    (root / "odd").symlink_to(os.fsdecode(b"\xff"))
    assert at("/odd", follow=False) == Entry(kind="link", owner=ME, group=ME, mode=0o777, to="?")
    (root / "t" / os.fsdecode(b"\xff\xfe")).touch()
    assert walk("/t").walked == 2
