"""A restore into a real server: it is made anew, counted and dropped, and nothing else is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.backups import BackupsObservation, Restored
from roadworthy.facts.store import Unseen
from roadworthy.onhost import backups, ground
from roadworthy.sandbox import programs
from roadworthy.sandbox.machines import dumped, postgres_here
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real
STARTS_S = 15.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of its socket."""
    folder = tmp_path_factory.mktemp("pg") / "s"
    process = subprocess.Popen([sys.executable, "-m", postgres_here.__name__, str(folder)])
    until = time.monotonic() + STARTS_S
    while not (folder / postgres_here.READY).exists():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(postgres_here.POLL_S)
    yield folder
    process.terminate()
    process.wait(STARTS_S)


@pytest.fixture
def root(server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's file system with its client's configuration."""
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", f"{programs.postgres_program('pginstall', 'psql').parent}:{os.environ['PATH']}")
    (tmp_path / "service.conf").write_text(f"[scratch]\nhost={server}\nport={postgres_here.PORT}\nuser=postgres\n")
    return tmp_path


def databases(server: Path) -> list[str]:
    psql = programs.postgres_program("pginstall", "psql")
    sql = "SELECT datname FROM pg_database ORDER BY 1"
    command = [str(psql), "-X", "-At", "-h", str(server), "-p", str(postgres_here.PORT), "-U", "postgres", "-c", sql]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def restored(root: Path, data: bytes, dump: str = "pg_custom", **changes: Any) -> Restored | Unseen | None:
    (root / "shop_1").write_bytes(data)
    restore = {
        "engine": "postgresql",
        "into": "scratch",
        "within_s": 20.0,
        "at_most": 2**30,
        "as_user": None,
        "defaults_file": None,
        "service_file": "/service.conf",
        "service": "scratch",
        "rows_of": ["users", "public.roles", 'no"ne'],
        **changes,
    }
    wanted = {
        "files": "/shop_*",
        "named": None,
        "dump": dump,
        "packing": "none",
        "inside": False,
        "looks_for": [],
        "reads_at_most": 2**30,
        "takes_s": 20.0,
        "offsite": None,
        "restore": restore,
    }
    return BackupsObservation(observed_at=NOW, now=NOW, **backups.look(wanted)).restored


@pytest.mark.parametrize(("name", "dump"), [(dumped.WHOLE, "pg_custom"), ("full.sql", "pg_dump")])
def test_a_whole_one(server: Path, root: Path, name: str, dump: str) -> None:
    if dump == "pg_dump":  # it speaks of its owner
        psql = programs.postgres_program("pginstall", "psql")
        command = [str(psql), "-X", "-h", str(server), "-p", str(postgres_here.PORT), "-U", "postgres"]
        subprocess.run([*command, "-c", "CREATE ROLE shop"], capture_output=True, check=True)
    seen = restored(root, dumped.recorded(name), dump)
    assert isinstance(seen, Restored)
    assert (seen.failed, seen.rows) == ("", {"users": 2, "public.roles": 1, 'no"ne': None})
    assert databases(server) == ["postgres", "template0", "template1"]


def test_one_without_rows(root: Path) -> None:
    seen = restored(root, dumped.recorded(dumped.WITHOUT_ROWS))
    assert isinstance(seen, Restored)
    assert seen.rows["users"] == 0


def test_one_without_tables(server: Path, root: Path) -> None:
    seen = restored(root, dumped.recorded(dumped.WITHOUT_TABLES))
    assert isinstance(seen, Restored)
    assert "does not exist" in seen.failed
    assert databases(server) == ["postgres", "template0", "template1"]


def test_one_that_speaks_of_another_database(server: Path, root: Path) -> None:
    data = dumped.recorded("full.sql").replace(b"SET default_table", b"\\connect postgres\nSET default_table", 1)
    seen = restored(root, data, "pg_dump")
    assert isinstance(seen, Unseen)
    assert "\\connect postgres" in seen.detail
    assert databases(server) == ["postgres", "template0", "template1"]


def test_one_that_is_still_busy_when_its_time_is_over(server: Path, root: Path) -> None:
    data = dumped.recorded("full.sql").replace(
        b"SET default_table", b"SELECT pg_catalog.pg_sleep(60);\nSET default_table", 1
    )
    seen = restored(root, data, "pg_dump", within_s=1.0)
    assert isinstance(seen, Restored)
    assert (seen.too_slow, seen.left) == (True, "")
    assert databases(server) == ["postgres", "template0", "template1"]


def test_a_process_that_is_killed_meanwhile(server: Path, root: Path) -> None:
    given = {"service": "scratch", "service_file": "/service.conf", "as_user": None}
    text = (
        "import os, signal\n"
        "from roadworthy.onhost import backups_restore, ground\n"
        f"ground.ROOT = {str(root)!r}\n"
        f"client = backups_restore.Postgres({given!r})\n"
        "client.tell('postgres', client.MAKE.format('scratch_1'))\n"
        "guard = backups_restore.Guard(client, 'scratch_1')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == -signal.SIGKILL
    until = time.monotonic() + STARTS_S
    while "scratch_1" in databases(server):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_server_that_is_not_there(root: Path) -> None:
    (root / "service.conf").write_text(f"[scratch]\nhost={root}\nport=1\nuser=postgres\n")
    seen = restored(root, dumped.recorded(dumped.WHOLE))
    assert isinstance(seen, Unseen)
    assert "connection to server" in seen.detail
