"""What reads a release's migrations, and what jobs say of themselves."""

from __future__ import annotations

from pathlib import PurePosixPath

from roadworthy.rules import queues_payloads
from roadworthy.rules.migrations import key_of
from roadworthy.target import migration_names
from tests.fuzz.inputs import texts
from tests.fuzz.parser import Parser

PYTHON = (
    "revision",
    "down_revision",
    "class Migration:\n",
    "    replaces",
    " = ",
    ": str = ",
    "'abc'",
    '"""',
    "None",
    "(",
    ")",
    "[('shop', '0001')]",
    "\n",
    "-" * 9,
)
CHANGES = (
    "-- changeset ",
    "ann:1",
    '"a b":2',
    "<changeSet id='1' author='ann'>",
    "<!--",
    "-->",
    "<",
    ">",
    "\n",
    " id=",
)
TREES = ("databaseChangeLog:\n", "- changeSet:\n", "    id: 1\n", "    author: ann\n", "{", "}", "[", "&a ", "*a", "? ")
NAMES = ("V1", "V1_2", "__", "R__", ".sql", "2026_01_01_000000_", "a.", "app/", "0001_initial", ".js", ".py", "/", "..")
TOOLS = ("laravel", "alembic", "flyway", "liquibase", "django", "knex", "rails")


def read_revision(text: str) -> None:
    found = migration_names.revision("versions/x.py", text)
    assert found is None or (found[0] and all(isinstance(one, str) for one in found[1]))


def read_squashed(text: str) -> None:
    assert all("." in name for name in migration_names.squashed("shop/migrations/0001.py", text))


def read_changes(text: str) -> None:
    for path in ("x.sql", "x.xml"):
        assert all(":" in name for name in migration_names.changesets(path, text))


def read_tree(text: str) -> None:
    assert all(":" in name for name in migration_names.changesets("x.yaml", text))


def read_names(text: str) -> None:
    name = text.replace("\0", "")[:255] or "x"
    for tool in TOOLS:
        for ending in ("", ".php", ".py", ".sql", ".js", ".rb"):
            files = {str(PurePosixPath("shop/migrations") / (name + ending)): ""}
            for found in migration_names.read_files(tool, files).names:
                assert key_of(tool, key_of(tool, found)) == key_of(tool, found)


def read_versions(text: str) -> None:
    key_of("flyway", text)
    migration_names.in_order(text)


def read_moment(text: str) -> None:
    moment = queues_payloads.moment_of(text)
    assert moment is None or 2000 <= moment.year <= 2100


def read_payload(text: str) -> None:
    for kind in ("laravel", "sidekiq", "celery"):
        for payload in (text, f'{{"pushedAt": {text}}}', f'{{"createdAt": "{text}"}}', f'{{"enqueued_at": [{text}]}}'):
            queues_payloads.put_in_at(kind, payload)


REFUSED = (migration_names.UnreadableError,)

PARSERS = (
    Parser("alembic-revision", read_revision, texts(*PYTHON), REFUSED),
    Parser("django-squashed", read_squashed, texts(*PYTHON), REFUSED),
    Parser("liquibase-changes", read_changes, texts(*CHANGES), REFUSED),
    Parser("liquibase-tree", read_tree, texts(*TREES), REFUSED, limit_s=6.0),  # PyYAML reads 60 kB in seconds
    Parser("migration-names", read_names, texts(*NAMES), REFUSED),
    Parser("migration-versions", read_versions, texts(*NAMES, "1", ".", "_")),
    Parser(
        "job-moment", read_moment, texts("2026-11-21", "T", "12:00:00", "Z", "+05:00", "1790000000", "e9", ".", "nan")
    ),
    Parser(
        "job-payload", read_payload, texts("{", "}", "[", '"', "pushedAt", ":", "1790000000", "e999", "NaN", "\\u00")
    ),
)
