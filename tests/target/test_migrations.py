from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from roadworthy.target.blocks.migrations import Migrations
from roadworthy.target.migration_names import UnreadableError, changesets, read_files, revision
from roadworthy.target.models import Target
from roadworthy.target.problems import TargetError
from roadworthy.target.releases import load_release

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.target.loading import Loaded

TARGET = """
schema: 1
name: shop
environment: test
components:
  db:
    address: db.shop.test:5432
    database: {{engine: postgresql, name: shop, login: {{username: shop}}}}
    migrations: {{tool: {tool}, folder: {folder}}}
"""


def loaded(folder: Path, tool: str, files: dict[str, str], where: str = "release") -> Loaded:
    for name, text in files.items():
        path = folder / "release" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "shop.yaml").write_text(TARGET.format(tool=tool, folder=where))
    return load_release(folder / "shop.yaml", environ={})


def block(one: Loaded) -> Migrations:
    found = one.target.components["db"].migrations
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("tool", "files", "names"),
    [
        (
            "laravel",
            {"2026_02_01_000000_b.php": "", "2025_01_01_000000_a.php": "", "README.md": "", "old/2020_x.php": ""},
            ("2025_01_01_000000_a", "2026_02_01_000000_b"),
        ),
        (
            "flyway",
            {
                "V10__c.sql": "",
                "V2__b.sql": "",
                "sub/V1_1__a.sql": "",
                "R__views.sql": "",
                "U2__undo.sql": "",
                "x.sql": "",
            },
            ("V1.1", "V2", "V10", "R__views"),
        ),
        ("knex", {"20260101_a.ts": "", "20260102_b.js": "", "types.d.ts": ""}, ("20260101_a", "20260102_b")),
        ("rails", {"20260101000000_add_x.rb": "", "helper.rb": ""}, ("20260101000000",)),
        (
            "liquibase",
            {
                "1.sql": '--liquibase formatted sql\n--changeset ann:1\nSELECT 1;\n-- changeset "b b":"2 2" x:y',
                "2.xml": "<databaseChangeLog><!-- <changeSet id='x' author='y'> --><changeSet author='c' id='3'/>",
                "3.yaml": "databaseChangeLog:\n- changeSet:\n    id: 4\n    author: d\n- include: {file: x}\n",
            },
            ("ann:1", "b b:2 2", "c:3", "d:4"),
        ),
        (
            "django",
            {
                "shop/migrations/0001_initial.py": "class Migration:\n    pass\n",
                "shop/migrations/__init__.py": "",
                "shop/models.py": "",
                "node_modules/x/migrations/0001_a.py": "",
            },
            ("shop.0001_initial",),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_by_tool(tmp_path: Path, tool: str, files: dict[str, str], names: tuple[str, ...]) -> None:
    assert block(loaded(tmp_path, tool, files)).names == names


def test_alembic_in_the_order_of_its_revisions(tmp_path: Path) -> None:
    files = {
        "z_first.py": "revision: str = 'aaa'\ndown_revision: str | None = None\n",
        "b.py": "revision = 'bbb'\ndown_revision = 'aaa'\n",
        "c.py": "revision = 'ccc'\ndown_revision = 'aaa'\n",
        "d.py": "revision = 'ddd'\ndown_revision = ('bbb', 'ccc')\n",
        "helper.py": "x = 1\n",
    }
    found = block(loaded(tmp_path, "alembic", files))
    assert found.names == ("aaa", "bbb", "ccc", "ddd")
    assert found.parents is not None
    assert found.parents["ddd"] == ("bbb", "ccc")


def test_django_knows_what_a_squashed_one_stands_for(tmp_path: Path) -> None:
    text = "class Migration(migrations.Migration):\n    replaces = [('shop', '0001_a'), ('shop', '0002_b')]\n"
    found = block(loaded(tmp_path, "django", {"shop/migrations/0001_squashed.py": text}, "release/shop/migrations"))
    assert found.replaces == {"shop.0001_squashed": ("shop.0001_a", "shop.0002_b")}


def test_nothing_is_run(tmp_path: Path) -> None:
    text = "raise SystemExit(9)\nrevision = 'aaa'\ndown_revision = None\n"
    assert block(loaded(tmp_path, "alembic", {"a.py": text})).names == ("aaa",)


def test_several_folders(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "2024_01_01_000000_of_a_package.php").write_text("")
    found = block(loaded(tmp_path, "laravel", {"2025_01_01_000000_a.php": ""}, "[release, more]"))
    assert found.names == ("2024_01_01_000000_of_a_package", "2025_01_01_000000_a") or len(found.names or ()) == 2


@pytest.mark.parametrize(
    ("tool", "files", "told"),
    [
        ("laravel", {"README.md": ""}, "holds no migration of laravel"),
        ("alembic", {"a.py": "revision = make()\n"}, "computed, and it is not run"),
        ("alembic", {"a.py": "revision = 'a'\ndown_revision = 'gone'\n"}, "comes after gone, which is in no file"),
        ("alembic", {"a.py": "revision = 'a'\n", "b.py": "revision = 'a'\n"}, "has the revision a, as another file"),
        ("alembic", {"a.py": "revision = 'a'\ndown_revision = 'a'\n"}, "in a circle"),
        ("alembic", {"a.py": "def (\n"}, "is no Python"),
        ("liquibase", {"a.xml": "<changeSet id='1'>"}, "no id or no author"),
        ("liquibase", {"a.yaml": "{"}, "neither YAML nor JSON"),
        ("flyway", {"V1__a.sql": "", "V01__b.sql": ""}, "is called V1, as is"),
    ],
)
def test_a_folder_that_does_not_tell_is_refused(tmp_path: Path, tool: str, files: dict[str, str], told: str) -> None:
    with pytest.raises(TargetError, match=r"shop.yaml:9:.*components.db.migrations.folder") as caught:
        loaded(tmp_path, tool, files)
    assert told in str(caught.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="No such file or directory"):
        loaded(tmp_path, "laravel", {}, "nowhere")


def test_names_of_the_target_itself_stand() -> None:
    found = read_files("laravel", {"a_b.php": ""})
    assert found.names == ("a_b",)
    assert revision("x.py", "down_revision = None") is None
    with pytest.raises(UnreadableError):
        revision("x.py", "revision = 1")
    assert changesets("x.json", '{"databaseChangeLog": [{"changeSet": {"id": "1", "author": "ann"}}]}') == ("ann:1",)


# --- what can be promised --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({"tool": "laravel"}, "say what laravel has applied"),
        ({"names": ["a"]}, "names needs the tool"),
        ({"tool": "laravel", "version": "1"}, "version is of alembic, flyway"),
        ({"tool": "schema-version", "folder": "x"}, "has no files whose names would be known"),
        ({"tool": "mongo", "version": "1"}, "give the collection"),
        ({"tool": "flyway", "version": ["1", "2"]}, "is at one version at a time"),
        ({"tool": "knex", "names": ["a"], "dirty": "d"}, "dirty is of schema-version"),
        ({"tool": "knex", "names": ["a", "b", "a"]}, "a stands there twice"),
        ({"columns": [{"table": "t", "new": "n", "phase": "dropped"}]}, "give old"),
        ({"columns": [{"table": "t", "new": "n", "old": "o", "phase": "dual-write"}]}, "recent says which rows"),
        ({"columns": [{"table": "t", "new": "n", "old": "n", "phase": "added"}]}, "the same column"),
        ({}, "promises nothing"),
    ],
)
def test_what_cannot_be_promised(promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Migrations.model_validate(promised)


def component(**blocks: Any) -> Target:
    part = {"address": "db.shop.test:5432", **blocks}
    return Target.model_validate({"schema": 1, "name": "shop", "environment": "test", "components": {"db": part}})


DATABASE = {"engine": "postgresql", "name": "shop", "login": {"username": "shop"}}
LARAVEL = {"tool": "laravel", "names": ["a"]}


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ({"migrations": LARAVEL}, "migrations needs a database block"),
        ({"database": {"engine": "postgresql", "encrypted": True}, "migrations": LARAVEL}, "needs a database block"),
        ({"database": {**DATABASE, "engine": "mongodb"}, "migrations": LARAVEL}, "laravel is not for mongodb"),
        (
            {"database": DATABASE, "queues": {"kind": "rq", "names": {"a": {"at_most": 1}}}},
            "keeps no queues in a database",
        ),
        ({"queues": {"kind": "rq", "names": {"a": {"at_most": 1}}}}, "either a database block or a cache block"),
    ],
)
def test_what_a_component_lacks(blocks: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        component(**blocks)
