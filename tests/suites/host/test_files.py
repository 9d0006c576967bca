from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from roadworthy.cases.host_files import (
    ContentCase,
    FilesCase,
    PathModeCase,
    PathOwnerCase,
    TreeModeCase,
    TreeOwnerCase,
    TreesCase,
)
from roadworthy.facts.files import Absent, Entry, FilesObservation, Sort, Walk
from roadworthy.facts.store import Unseen
from roadworthy.target.models import Target
from tests.suites.healthy import NOW, fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

C = TypeVar("C", bound=FilesCase)

ENV = "/var/www/.env"
TREE = "/var/www"
HIDDEN = Unseen(unseen="not permitted", detail="/var/www/.env: Permission denied")
OTHER = "0" * 64
HASH = "a" * 64


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("host/test_files.py")


def of(kind: type[C], promised: dict[str, Any], **seen: Any) -> C:
    """The case of a host that promises this of files."""
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"vantages": {"app": {"ssh": "deploy@app.shop.test"}}},
            "components": {"app": {"host": "app", "files": promised}},
        }
    )
    part = target.components["app"]
    expected, ask = next(iter(kind.looks(target, part)))
    observed = FilesObservation(observed_at=NOW, now=NOW, **seen)
    return kind(target=target, name="app", component=part, expected=expected, ask=ask, address=None, seen=observed)


def at(of_kind: type[C], promised: dict[str, Any], found: Any = None, **changes: Any) -> C:
    """The same, of one path."""
    if found is None:
        found = Entry(**{"kind": "file", "owner": "www-data", "group": "www-data", "mode": 0o640} | changes)
    return of(of_kind, {"paths": {ENV: {"kind": "file"} | promised}}, paths={ENV: found})


def tree(kind: type[C], promised: dict[str, Any], *sorts: Sort, **changes: Any) -> C:
    """The same, of one tree."""
    walk = {"walked": sum(sort.count for sort in sorts), "complete": True, "sorts": sorts} | changes
    return of(kind, {"trees": {TREE: promised}}, trees={TREE: Walk(**walk)})


def some(kind: str = "file", count: int = 2, *examples: str, **changes: Any) -> Sort:
    """Alike entries of a tree."""
    given = {"owner": "www-data", "group": "www-data", "mode": 0o755 if kind == "folder" else 0o644} | changes
    return Sort(kind=kind, count=count, examples=examples or ("a", "b")[:count], **given)


def test_what_is_there(suite: ModuleType) -> None:
    check = suite.test_the_promised_paths_are_there
    passes(check, at(FilesCase, {}))
    passes(check, at(FilesCase, {"kind": "absent"}, Absent(absent=ENV)))
    passes(check, at(FilesCase, {"kind": "link", "to": "../.env"}, kind="link", to="../.env"))
    fails(check, at(FilesCase, {}, Absent(absent=ENV)), f"{ENV} is not there")
    fails(check, at(FilesCase, {}, Absent(absent="/var/www")), "nothing is at /var/www")
    fails(check, at(FilesCase, {"kind": "absent"}), f"{ENV} is there: a file of www-data")
    fails(check, at(FilesCase, {"kind": "folder"}), f"{ENV} is a file, promised a folder")
    fails(check, at(FilesCase, {"kind": "link", "to": "a"}, kind="link", to="b"), "leads to b, promised a")
    is_not_observed(check, at(FilesCase, {}, HIDDEN), "not permitted")
    is_not_observed(check, of(FilesCase, {"paths": {ENV: {"kind": "file"}}}), f"{ENV} was not looked at")


def test_owners(suite: ModuleType) -> None:
    check = suite.test_paths_belong_to_whom_they_should
    passes(check, at(PathOwnerCase, {"owner": "www-data", "group": "www-data"}))
    passes(check, at(PathOwnerCase, {"owner": ["root", "www-data"]}))
    fails(check, at(PathOwnerCase, {"owner": "www-data"}, owner="root"), "is owned by root, promised www-data")
    fails(check, at(PathOwnerCase, {"group": ["adm", "root"]}), "is of the group www-data, promised adm or root")
    is_not_observed(check, at(PathOwnerCase, {"owner": "root"}, Absent(absent=ENV)), "is not there")
    is_not_observed(check, at(PathOwnerCase, {"owner": "root"}, HIDDEN), "Permission denied")


def test_modes(suite: ModuleType) -> None:
    check = suite.test_paths_have_their_mode
    for right in ("640", "0640", "<= 640", "<= 750", ">= 600", [">= 400", "<= 660"]):
        passes(check, at(PathModeCase, {"mode": right}))
    for wrong in ("600", "<= 600", ">= 660"):
        fails(check, at(PathModeCase, {"mode": wrong}), f"has mode 640, promised {wrong}")
    fails(check, at(PathModeCase, {"mode": [">= 600", "<= 600"]}), "promised <= 600")
    fails(check, at(PathModeCase, {"mode": "755"}, mode=0o4755), "has mode 4755, promised 755")
    fails(check, at(PathModeCase, {"mode": "<= 777"}, mode=0o2755), "promised <= 777")
    is_not_observed(check, at(PathModeCase, {"mode": "600"}, Absent(absent=ENV)), "is not there")


def test_contents(suite: ModuleType) -> None:
    check = suite.test_files_hold_what_they_should
    passes(check, at(ContentCase, {"sha256": HASH}, sha256=HASH))
    passes(check, at(ContentCase, {"contains": ["a", "b"]}, contains=(True, True)))
    fails(check, at(ContentCase, {"sha256": HASH}, sha256=OTHER), "has the hash 000000000000")
    fails(check, at(ContentCase, {"contains": ["a", "b"]}, contains=(True, False)), "lacks 'b'")
    is_not_observed(check, at(ContentCase, {"sha256": HASH}, sha256=HIDDEN), "not permitted")
    is_not_observed(check, at(ContentCase, {"contains": "a"}), "was not looked at")


def test_one_fault_is_found_where_something_else_is_hidden(suite: ModuleType) -> None:
    promised = {"paths": {ENV: {"kind": "file"}, "/b": {"kind": "file"}}}
    case = of(FilesCase, promised, paths={ENV: HIDDEN, "/b": Absent(absent="/b")})
    fails(suite.test_the_promised_paths_are_there, case, "/b is not there")


def test_trees_that_are_there(suite: ModuleType) -> None:
    check = suite.test_the_promised_trees_are_there
    passes(check, tree(TreesCase, {"owner": "www-data"}))
    promised = {"trees": {TREE: {"owner": "www-data"}}}
    fails(check, of(TreesCase, promised, trees={TREE: Absent(absent=TREE)}), f"{TREE} is not there")
    fails(check, of(TreesCase, promised, trees={TREE: Absent(absent="/x")}), "nothing is at /x")
    is_not_observed(check, of(TreesCase, promised, trees={TREE: HIDDEN}), "not permitted")


def test_owners_of_trees(suite: ModuleType) -> None:
    check = suite.test_trees_belong_to_whom_they_should
    promised = {"owner": "www-data", "group": "www-data"}
    passes(check, tree(TreeOwnerCase, promised, some("folder", 1, "."), some()))
    stranger = some("file", 1, "storage/logs/laravel.log", owner="root")
    fails(check, tree(TreeOwnerCase, promised, some(), stranger), f"{TREE}/storage/logs/laravel.log is owned by root")
    fails(check, tree(TreeOwnerCase, promised, some(), stranger), "(1 of 3 seen)")
    fails(
        check, tree(TreeOwnerCase, promised, some("folder", 9, ".", "a", "b", group="adm")), f"{TREE}, ", "and 6 more"
    )
    fails(check, tree(TreeOwnerCase, promised, stranger, complete=False), "(1 of 1 seen so far)")
    is_not_observed(check, tree(TreeOwnerCase, promised, some(), complete=False), "the first 2 entries are as promised")
    is_not_observed(check, tree(TreeOwnerCase, promised, some(), denied=2, first_denied="k"), f"such as {TREE}/k")
    is_not_observed(check, tree(TreeOwnerCase, promised, some(), unsorted=2), "2 were not kept")
    gone = of(TreeOwnerCase, {"trees": {TREE: promised}}, trees={TREE: Absent(absent=TREE)})
    is_not_observed(check, gone, "is not there")


def test_modes_of_trees(suite: ModuleType) -> None:
    check = suite.test_trees_have_their_modes
    folders, files = some("folder", 3, "a"), some()
    passes(check, tree(TreeModeCase, {"folders": "755", "files": "<= 644"}, folders, files, some("link", mode=0o777)))
    passes(check, tree(TreeModeCase, {"nobody_else_writes": True}, folders, files, some("link", mode=0o777)))
    fails(check, tree(TreeModeCase, {"folders": "775"}, folders, files), "has mode 755, promised 775 (3 of 5 seen)")
    fails(check, tree(TreeModeCase, {"files": "<= 640"}, folders, files), f"{TREE}/a, {TREE}/b has mode 644")
    open_ = some("folder", 1, "uploads", mode=0o1777)
    fails(
        check, tree(TreeModeCase, {"nobody_else_writes": True}, files, open_), "uploads can be written by all the world"
    )
    is_not_observed(check, tree(TreeModeCase, {"folders": "755"}, folders, complete=False), "larger than is walked")
