from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.database import DatabaseCase
from roadworthy.facts.database import Archive, Connections, Setting
from tests.suites.database.builders import HIDDEN, NOBODY, case, seen, session
from tests.suites.healthy import NOW, fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("database/test_settings.py")


def crowd(used: int, promised: Any, limit: int = 100) -> DatabaseCase:
    return case(DatabaseCase, seen(connections=Connections(used=used, limit=limit)), connections_below=promised)


def test_connections(suite: ModuleType) -> None:
    check = suite.test_connections_are_left
    passes(check, crowd(80, "80%"))
    fails(check, crowd(81, "80%"), "81 of 100 connections are in use, promised 80% at most")
    passes(check, crowd(180, 180, 500))
    fails(check, crowd(181, 180, 500), "181 of 500", "promised 180")
    is_not_observed(check, crowd(5, "80%", 0), "no limit")
    hidden = case(DatabaseCase, seen(connections=HIDDEN), connections_below=180)
    is_not_observed(check, hidden, "not permitted")
    is_not_observed(check, case(DatabaseCase, NOBODY, connections_below=180), "28P01")


def settings(found: Any, **promised: Any) -> DatabaseCase:
    return case(DatabaseCase, seen(settings=found), settings=promised)


def test_settings(suite: ModuleType) -> None:
    check = suite.test_settings_are_as_promised
    work_mem = {"work_mem": Setting(value="8388608", unit="bytes")}
    passes(check, settings(work_mem, work_mem="8MB"))
    fails(check, settings(work_mem, work_mem="16MB"), "work_mem is 8MiB, promised 16MB")
    passes(check, settings(work_mem, work_mem=">= 8MB"))
    fails(check, settings(work_mem, work_mem="> 8MB"), "promised > 8MB")
    fails(check, settings(work_mem, wrok_mem="8MB", work_mem="4MB"), "no setting wrok_mem", "work_mem is 8MiB")


def test_hidden_settings(suite: ModuleType) -> None:
    check = suite.test_settings_are_as_promised
    found = {"work_mem": Setting(value="8388608", unit="bytes"), "data_directory": HIDDEN}
    hidden = settings(found, work_mem="8MB", data_directory="/data")
    is_not_observed(check, hidden, "data_directory: not permitted")
    fails(check, settings(found, work_mem="4MB", data_directory="/data"), "work_mem is 8MiB, promised 4MB")
    is_not_observed(check, settings(HIDDEN, work_mem="8MB"), "not permitted")
    is_not_observed(check, case(DatabaseCase, NOBODY, settings={"work_mem": "8MB"}), "28P01")


def test_the_character_set(suite: ModuleType) -> None:
    check = suite.test_the_database_has_its_character_set
    passes(check, case(DatabaseCase, seen(), charset="UTF8"))
    passes(check, case(DatabaseCase, seen(), charset="utf-8"))
    old = seen(session=session(charset="utf8mb3"))
    passes(check, case(DatabaseCase, old, "mysql", charset="utf8"))
    fails(check, case(DatabaseCase, old, "mysql", charset="utf8mb4"), "has utf8mb3, promised utf8mb4")
    unknown = seen(session=session(charset=None))
    is_not_observed(check, case(DatabaseCase, unknown, charset="UTF8"), "not looked at")
    is_not_observed(check, case(DatabaseCase, NOBODY, charset="UTF8"), "28P01")


def test_the_collation(suite: ModuleType) -> None:
    check = suite.test_the_database_has_its_collation
    passes(check, case(DatabaseCase, seen(), collation="en_US.UTF-8"))
    fails(check, case(DatabaseCase, seen(), collation="C"), "has en_US.utf8, promised C")
    fails(check, case(DatabaseCase, seen(session=session(collation="C.UTF-8")), collation="C"), "has C.UTF-8")
    old = seen(session=session(collation="utf8mb3_unicode_ci"))
    passes(check, case(DatabaseCase, old, "mysql", collation="utf8_unicode_ci"))
    fails(check, case(DatabaseCase, old, "mysql", collation="utf8mb4_unicode_ci"), "promised utf8mb4_unicode_ci")
    is_not_observed(check, case(DatabaseCase, NOBODY, collation="C"), "28P01")


def test_extensions(suite: ModuleType) -> None:
    check = suite.test_extensions_are_installed
    passes(check, case(DatabaseCase, seen(), extensions=["vector"]))
    fails(check, case(DatabaseCase, seen(), extensions=["vector", "pg_trgm"]), "pg_trgm is not installed")
    fails(check, case(DatabaseCase, seen(), extensions=["postgis", "pg_trgm"]), "pg_trgm, postgis are not installed")
    is_not_observed(check, case(DatabaseCase, seen(extensions=HIDDEN), extensions=["vector"]), "not permitted")


def archive(**changes: Any) -> DatabaseCase:
    given = {"enabled": True, "last_at": NOW - timedelta(hours=1)} | changes
    return case(DatabaseCase, seen(archive=Archive(**given)), archives={"within": "1h"})


def test_archives(suite: ModuleType) -> None:
    check = suite.test_the_log_is_archived
    passes(check, archive())
    passes(check, archive(last_failed_at=NOW - timedelta(hours=2), failures=3))
    fails(check, archive(last_at=NOW - timedelta(seconds=3601)), "archived 1h1s ago, promised 1h")
    fails(check, archive(last_failed_at=NOW - timedelta(minutes=1)), "the last try failed at 21 Nov 2026 11:59 UTC")
    fails(check, archive(enabled=False), "archiving is off")
    fails(check, archive(last_at=None, failures=12), "nothing was archived yet, and 12 tries failed")
    fails(check, archive(last_at=None), "nothing was archived yet")
    hidden = case(DatabaseCase, seen(archive=HIDDEN), archives={"within": "1h"})
    is_not_observed(check, hidden, "not permitted")
    is_not_observed(check, case(DatabaseCase, NOBODY, archives={"within": "1h"}), "28P01")
