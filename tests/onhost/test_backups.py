"""The collector of backups against real files, and programs that are there or stand for others."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.backups import BackupsObservation, Elsewhere, Inside
from roadworthy.facts.store import Unseen
from roadworthy.onhost import backups, backups_inside, backups_stream, ground
from roadworthy.sandbox import programs
from roadworthy.sandbox.machines import dumped
from roadworthy.target.blocks.backups import Series
from tests.suites.healthy import NOW

HERE = Path(__file__).parent
FOLDER = "var/backups"
DAY_S = 86400.0


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's file system, and programs that come first."""
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for folder in ("bin", FOLDER):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder).chmod(0o755)
    return tmp_path


def put(root: Path, name: str, data: bytes = b"x", age_s: float = DAY_S) -> Path:
    path = root / FOLDER / name
    path.write_bytes(data)
    at = time.time() - age_s
    os.utime(path, (at, at))
    return path


def program(root: Path, name: str, text: str) -> None:
    path = root / "bin" / name
    path.write_text(f"#!{sys.executable} -SE\n{text}")
    path.chmod(0o755)


def look(files: str = f"/{FOLDER}/shop_*", **wanted: Any) -> BackupsObservation:
    asked = {
        "files": files,
        "named": None,
        "dump": "mysqldump",
        "packing": "gzip",
        "inside": False,
        "looks_for": [],
        "reads_at_most": 2**30,
        "takes_s": 20.0,
        "offsite": None,
        "restore": None,
        **wanted,
    }
    return BackupsObservation(observed_at=NOW, now=NOW, **backups.look(asked))


def inside(root: Path, data: bytes, dump: str = "mysqldump", packing: str = "gzip", **wanted: Any) -> Inside:
    """What is seen in one file."""
    put(root, "shop_1", data)
    seen = look(dump=dump, packing=packing, inside=True, **wanted).inside
    assert isinstance(seen, Inside), seen
    return seen


def series(kind: str, ending: str = "", **promised: Any) -> Series:
    given = {"files": f"/{FOLDER}/shop_*{ending}", "kind": kind, "within": "1d", **promised}
    return Series.model_validate(given)


# --- which there are


def test_a_series_is_sorted_by_what_the_names_tell(root: Path) -> None:
    put(root, "shop_20261126_020000.sql.gz", age_s=5)  # copied a moment ago
    put(root, "shop_20261127_020000.sql.gz", b"12345", age_s=DAY_S)
    put(root, "shop_latest.sql.gz", age_s=DAY_S)
    put(root, "other.sql.gz")
    (root / FOLDER / "shop_20261128_020000.sql.gz").symlink_to("other.sql.gz")
    (root / FOLDER / "shop_20261128_030000.sql.gz").symlink_to("shop_20261128_030000.sql.gz")
    os.mkfifo(root / FOLDER / "shop_20261128_040000.sql.gz")  # nobody ever writes into it
    seen = look(named="shop_%Y%m%d_%H%M%S")
    assert [backup.path for backup in seen.backups] == [
        "/var/backups/shop_20261127_020000.sql.gz",
        "/var/backups/shop_20261126_020000.sql.gz",
    ]
    assert seen.backups[0].size == 5
    assert seen.unnamed == ("shop_latest.sql.gz",)
    assert look().backups[0].path == "/var/backups/shop_20261126_020000.sql.gz"  # by the time of their change


def test_names_with_a_zone(root: Path) -> None:
    put(root, "shop_20261127T020000Z.sql.gz")
    at = look(named="shop_%Y%m%dT%H%M%S%z").backups[0].named_at
    assert at is not None
    assert at.isoformat() == "2026-11-27T02:00:00+00:00"


def test_a_folder_that_is_not_there_holds_nothing(root: Path) -> None:
    assert look("/var/backups/mysql/shop_*").backups == ()
    assert look("/var/*/shop_*").backups == ()
    put(root, ".shop_1")
    assert look("/var/backups/*").backups == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_not_empty(root: Path) -> None:
    (root / FOLDER).chmod(0)
    with pytest.raises(ground.Unseen, match="Permission denied"):
        look()


@pytest.mark.usefixtures("root")
def test_a_folder_that_cannot_be_listed_is_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(backups.os, "listdir", refused)
    with pytest.raises(ground.Unseen) as caught:
        look()
    assert caught.value.why == ground.NOT_PERMITTED


def test_too_many_files_are_unseen(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "MOST", 3)
    for number in range(3):
        put(root, f"shop_{number}")
    assert len(look().backups) == 3
    put(root, "shop_3")
    with pytest.raises(ground.Unseen, match="more than 3 files"):
        look()


def test_who_may_read_them(root: Path) -> None:
    put(root, "shop_1").chmod(0o640)
    assert not look().backups[0].public
    (root / FOLDER / "shop_1").chmod(0o644)
    assert look().backups[0].public
    (root / FOLDER).chmod(0o750)
    assert not look().backups[0].public  # nobody else comes that far


def test_folders_are_backups_too(root: Path) -> None:
    folder = root / FOLDER / "shop_1"
    folder.mkdir()
    (folder / "toc.dat").write_bytes(b"12345")
    (folder / "1.dat.gz").write_bytes(b"123")
    backup = look().backups[0]
    assert (backup.size, backup.begins) == (8, "folder")


def test_a_folder_in_one_that_cannot_be_listed_is_not_empty(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / FOLDER / "shop_1/inner").mkdir(parents=True)
    scandir = os.scandir

    def refused(path: str) -> Any:
        if str(path).endswith("inner"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("os.scandir", refused)
    with pytest.raises(ground.Unseen, match="Permission denied"):
        look()


def test_one_that_is_being_written(root: Path) -> None:
    put(root, "shop_1", gzip.compress(b"x"))
    path = put(root, "shop_2", age_s=0)
    with path.open("ab"):
        seen = look()
        assert [backup.written for backup in seen.backups] == [True, False]
        assert [backup.path for backup in seen.finished] == ["/var/backups/shop_1"]
    with path.open("rb"):
        assert len(look().finished) == 2


def test_one_that_grows(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(root, "shop_1", age_s=1)
    monkeypatch.setattr(backups, "_written_to", lambda: {str(path.write_bytes(b"longer"))})
    assert look().backups[0].written


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "nothing"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (lzma.compress(b"x"), "xz"),
        (bz2.compress(b"x"), "bzip2"),
        (b"\x28\xb5\x2f\xfd\x24", "zstd"),
        (dumped.HEADS["openpgp"], "openpgp"),
        (b"\x85\x01\x0c\x03" + bytes(20), "openpgp"),  # old packet format, PKESK v3
        (b"\xc1\xc0\x4c\x03" + bytes(20), "openpgp"),  # new packet format, PKESK v3
        (b"\x84\x5e\x03" + bytes(20), "openpgp"),
        (b"\x84\x5e\x09" + bytes(20), "something else"),
        (b"-----BEGIN PGP MESSAGE-----\n", "openpgp"),
        (dumped.HEADS["age"], "age"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "age"),
        (dumped.HEADS["openssl"], "openssl"),
        (dumped.recorded(dumped.WHOLE), "pg_custom"),
        (b"-- MySQL dump 10.13\n", "text"),
        (b"-- Gr\xc3\xbc\xc3\x9fe\n", "text"),
        (bytes(64), "something else"),
    ],
)
def test_what_a_file_begins_as(root: Path, head: bytes, what: str) -> None:
    put(root, "shop_1", head)
    assert look().backups[0].begins == what


@given(st.binary(max_size=64))
def test_any_first_bytes_are_something(head: bytes) -> None:
    assert backups_stream.kind_of(head)


@pytest.mark.skipif(shutil.which("gpg") is None, reason="no gpg here")
def test_what_gpg_really_writes(root: Path, tmp_path: Path) -> None:
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    command = ["gpg", "--homedir", str(home), "--batch", "--passphrase", "x", "--pinentry-mode", "loopback", "-c"]
    done = subprocess.run(command, input=b"secret", capture_output=True, check=True)
    put(root, "shop_1", done.stdout)
    assert look().backups[0].begins == "openpgp"
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


# --- what is in them


@pytest.mark.parametrize("packing", ["gzip", "xz", "bzip2", "zstd", "none"])
@pytest.mark.parametrize("kind", ["mysqldump", "pg_dump", "tar", "mongodump"])
def test_a_whole_one(root: Path, kind: str, packing: str) -> None:
    if packing == "zstd" and shutil.which("zstd") is None:
        pytest.skip("no zstd here")
    data = dumped.dump_of(series(kind, packing=packing, holds=["users", "roles"]))
    seen = inside(root, data, kind, packing, looks_for=["roles", "orders", "users"])
    assert (seen.broken, seen.complete, seen.found, seen.names) == ("", True, ("roles", "users"), 2)


@pytest.mark.parametrize("packing", ["gzip", "xz", "bzip2", "zstd"])
def test_one_that_breaks_off(root: Path, packing: str) -> None:
    if packing == "zstd" and shutil.which("zstd") is None:
        pytest.skip("no zstd here")
    data = dumped.dump_of(series("mysqldump", packing=packing, size_at_least="10kB"))
    assert inside(root, data[:-20], packing=packing).broken
    assert inside(root, b"", packing=packing).broken
    turned = bytearray(data)
    turned[len(data) // 2] ^= 0xFF
    assert inside(root, bytes(turned), packing=packing).broken


@pytest.mark.parametrize("kind", ["mysqldump", "pg_dump", "tar", "mongodump"])
def test_one_whose_end_is_missing(root: Path, kind: str) -> None:
    data = dumped.dump_of(series(kind, ".gz"), whole=False)
    seen = inside(root, data, kind)
    assert (seen.broken, seen.complete) == ("", False)


def test_the_last_words_of_real_dumps(root: Path) -> None:
    recorded = (HERE / "recorded" / "mariadb-dump.sql").read_bytes()  # of MariaDB 10.11, with a trigger and a view
    seen = inside(root, recorded, packing="none", looks_for=["users", "v"])
    assert (seen.complete, seen.found, seen.names) == (True, ("users",), 2)
    assert inside(root, dumped.recorded("full.sql"), "pg_dump", "none").complete  # it ends with \unrestrict
    dated = b"CREATE TABLE `a` (\n);\n-- Dump completed on 2026-11-28  2:00:05\n"
    assert inside(root, dated, packing="none").complete
    assert not inside(root, dated + b"INSERT INTO `a` VALUES (1);\n", packing="none").complete
    assert inside(root, b"SELECT 1;\n", "other", "none").complete is None


def test_what_is_no_statement_is_no_table(root: Path) -> None:
    copied = b'COPY public.notes (text) FROM stdin;\nCREATE TABLE public.users (\n\\.\nCREATE TABLE public."Or der" (\n'
    seen = inside(root, copied, "pg_dump", "none", looks_for=["users", "Or der", "public.notes"])
    assert seen.found == ()
    seen = inside(
        root, copied.replace(b"Or der", b"Order"), "pg_dump", "none", looks_for=["users", "Order", "public.Order"]
    )
    assert seen.found == ("Order", "public.Order")


def test_long_lines_are_not_held(root: Path) -> None:
    row = b"INSERT INTO `a` VALUES ('" + b"x" * (5 * 2**20) + b"\\nCREATE TABLE `b` (');\n"
    data = b"CREATE TABLE `a` (\n" + row + b"CREATE TABLE `c` (\n-- Dump completed\n"
    seen = inside(root, gzip.compress(data), looks_for=["a", "b", "c"])
    assert (seen.found, seen.complete, seen.size) == (("a", "c"), True, len(data))


def test_another_packing_than_promised(root: Path) -> None:
    assert "begins as text, not as gzip" in inside(root, b"-- MySQL dump").broken
    assert "begins as gzip, not as mysqldump" in inside(root, gzip.compress(b"x"), packing="none").broken
    assert "begins as openpgp" in inside(root, dumped.HEADS["openpgp"] + bytes(64)).broken


def test_bounds(root: Path) -> None:
    put(root, "shop_1", gzip.compress(bytes(5 * 2**20)))  # 5 kB that unpack to 5 MiB
    seen = look(inside=True, reads_at_most=2**20).inside
    assert isinstance(seen, Unseen)
    assert "unpacks to more than" in seen.detail
    seen = look(inside=True, takes_s=-1.0).inside
    assert isinstance(seen, Unseen)
    assert seen.unseen == "took too long"


def test_a_packer_that_is_not_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "shop_1", b"\x28\xb5\x2f\xfd" + bytes(20))
    monkeypatch.setattr(backups_stream, "has", lambda _: False)
    seen = look(inside=True, packing="zstd").inside
    assert isinstance(seen, Unseen)
    assert "no zstd here" in seen.detail


def test_a_packer_that_hangs(root: Path) -> None:
    put(root, "shop_1", b"\x28\xb5\x2f\xfd" + bytes(20))
    program(root, "zstd", "import time; time.sleep(60)")
    began = time.monotonic()
    seen = look(inside=True, packing="zstd", takes_s=0.5).inside
    assert isinstance(seen, Unseen)
    assert time.monotonic() - began < 5


@given(st.binary(max_size=2000), st.sampled_from(["mysqldump", "pg_dump", "tar", "mongodump", "other"]))
def test_no_file_breaks_a_reader(data: bytes, kind: str) -> None:
    reader = backups_inside.READERS[kind]()
    stream = backups_stream.Bounded(io.BytesIO(data), 2**20, time.monotonic() + 10)
    try:
        reader.read(stream)
    except backups_stream.BrokenError:
        return
    assert kind != "mongodump"


@given(st.integers(0, 2000))
def test_no_part_of_an_archive_is_whole(cut: int) -> None:
    whole = dumped.dump_of(series("mongodump"), rows=3)
    reader = backups_inside.MongoReader()
    try:
        reader.read(backups_stream.Bounded(io.BytesIO(whole[:cut]), 2**20, time.monotonic() + 10))
    except backups_stream.BrokenError:
        return
    assert reader.complete is (cut >= len(whole))


def tar_of(count: int) -> bytes:
    """An archive of so many files, of three blocks each."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for number in range(count):
            member = tarfile.TarInfo(f"app/{number}.txt")
            member.size = 1000
            archive.addfile(member, io.BytesIO(random.Random(number).randbytes(1000)))  # noqa: S311 - filling
    return made.getvalue()


def test_tar_files_of_many_members(root: Path) -> None:
    seen = inside(root, gzip.compress(tar_of(300)), "tar", looks_for=["app/299.txt", "/app/7.txt"])
    assert (seen.names, seen.complete, seen.found) == (300, True, ("app/299.txt", "/app/7.txt"))


def test_a_tar_file_that_is_damaged_in_the_middle(root: Path) -> None:
    data = bytearray(tar_of(30))
    data[10 * 1536 : 10 * 1536 + 512] = random.Random(1).randbytes(512)  # noqa: S311 - damage
    assert "at byte 15360 no file begins" in inside(root, bytes(data), "tar", "none").broken


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs zstd")
def test_what_zstd_says(root: Path) -> None:
    data = tar_of(30)
    for cut, complete in ((len(data), True), (30 * 1536, False)):
        packed = subprocess.run(["zstd", "-cq"], input=data[:cut], capture_output=True, check=True).stdout
        seen = inside(root, packed, "tar", "zstd")
        assert (seen.broken, seen.names, seen.complete) == ("", 30, complete)
    program(root, "zstd", "import sys; sys.exit('Decoding error (36) : Frame requires too much memory for decoding')")
    unseen = look(dump="tar", packing="zstd", inside=True).inside
    assert isinstance(unseen, Unseen)


# --- pg_dump's own formats


@pytest.fixture
def pg_restore(root: Path) -> None:
    (root / "bin" / "pg_restore").symlink_to(programs.postgres_program("pginstall", "pg_restore"))


@pytest.mark.usefixtures("pg_restore")
def test_the_custom_format(root: Path) -> None:
    whole = dumped.recorded(dumped.WHOLE)
    seen = inside(root, whole, "pg_custom", "none", looks_for=["users", "roles", "orders"])
    assert (seen.broken, seen.complete, seen.found, seen.names) == ("", True, ("users", "roles"), 2)
    for cut in (10, 700, len(whole) - 5):
        assert inside(root, whole[:cut], "pg_custom", "none").broken, cut
    assert inside(root, b"", "pg_custom", "none").broken
    assert inside(root, b"-- no archive", "pg_custom", "none").broken


@pytest.mark.usefixtures("pg_restore")
def test_an_archive_that_is_newer_than_what_reads_it(root: Path) -> None:
    newer = bytearray(dumped.recorded(dumped.WHOLE))
    newer[6] = 99
    put(root, "shop_1", bytes(newer))
    seen = look(dump="pg_custom", packing="none", inside=True).inside
    assert isinstance(seen, Unseen)
    assert "unsupported version" in seen.detail


# --- the copy elsewhere


AWS = """\
                           PRE old/
2026-11-27 02:00:31      20480 shop_20261127_020000.sql.gz
2026-11-28 02:00:33      20481 shop_20261128_020000.sql.gz
2026-11-28 02:00:40         12 checksums with blanks.txt
"""


def elsewhere(what: str, place: str, **wanted: Any) -> Elsewhere | Unseen:
    seen = look(offsite={"program": what, "place": place, "env_file": None, **wanted}).elsewhere
    assert seen is not None
    return seen


def test_what_aws_lists(root: Path) -> None:
    (root / "etc").mkdir()
    (root / "etc/backup.env").write_text("# ours\nexport AWS_PROFILE='backup'\nEMPTY=\n")
    told = "import os, sys\nassert sys.argv[1:] == ['s3', 'ls', 's3://bucket/shop/'], sys.argv\n"
    program(root, "aws", f"{told}assert os.environ['AWS_PROFILE'] == 'backup'\nprint('''{AWS}''', end='')")
    seen = elsewhere("aws", "bucket/shop/", env_file="/etc/backup.env")
    assert isinstance(seen, Elsewhere), seen
    assert [(copy.name, copy.size) for copy in seen.copies] == [
        ("shop_20261128_020000.sql.gz", 20481),
        ("shop_20261127_020000.sql.gz", 20480),
    ]
    assert seen.copies[0].changed.isoformat() == "2026-11-28T02:00:33+00:00"


@pytest.mark.parametrize(
    ("says", "code", "unseen"),
    [
        ("", 1, None),  # a prefix that nothing is at
        ("", 137, "failed"),  # it was killed
        ("An error occurred (NoSuchBucket) when calling the ListObjectsV2 operation", 254, None),
        ("An error occurred (AccessDenied) when calling the ListObjectsV2 operation", 254, "not permitted"),
        ("Unable to locate credentials. You can configure credentials by running...", 253, "not permitted"),
        ("Could not connect to the endpoint URL", 255, "failed"),
    ],
)
def test_what_aws_complains_of(root: Path, says: str, code: int, unseen: str | None) -> None:
    program(root, "aws", f"import sys\nsys.stderr.write({says!r})\nsys.exit({code})")
    seen = elsewhere("aws", "bucket/shop/")
    assert (seen.unseen if isinstance(seen, Unseen) else None) == unseen
    assert unseen or (isinstance(seen, Elsewhere) and seen.copies == ())


def test_no_program_is_no_missing_copy(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root / "bin"))
    seen = elsewhere("rclone", "b2:shop")
    assert isinstance(seen, Unseen)
    assert seen.unseen == "not supported"


def test_what_rclone_lists(root: Path) -> None:
    listed = "    20481 2026-11-28 02:00:33.123456789 shop_2.sql.gz\\n       12 2026-11-28 02:00:40.000000000 a b\\n"
    program(root, "rclone", f"print('{listed}')")
    seen = elsewhere("rclone", "b2:shop")
    assert isinstance(seen, Elsewhere)
    assert [(copy.name, copy.size) for copy in seen.copies] == [("shop_2.sql.gz", 20481)]


def test_what_is_in_a_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = root / "mnt" / "backups"
    nothing = elsewhere("folder", "/mnt/backups")
    assert isinstance(nothing, Elsewhere)
    assert (nothing.copies, nothing.detail) == ((), "there is no /mnt/backups")
    mounted.mkdir(parents=True)
    (mounted / "shop_1.sql.gz").write_bytes(b"123")
    (mounted / "shop_2.sql.gz").symlink_to("shop_1.sql.gz")
    (mounted / "other").touch()
    seen = elsewhere("folder", "/mnt/backups")
    assert isinstance(seen, Elsewhere)
    assert [(copy.name, copy.size) for copy in seen.copies] == [("shop_1.sql.gz", 3)]
    assert seen.same_disk
    if Path("/proc").stat().st_dev != root.stat().st_dev:
        monkeypatch.setattr(ground, "ROOT", "/")
        other = look("/proc/uptim?", offsite={"program": "folder", "place": str(mounted), "env_file": None}).elsewhere
        assert isinstance(other, Elsewhere)
        assert not other.same_disk


RESTIC = """[
 {"time": "2026-11-27T03:00:01.123456789+01:00", "tree": "aa", "paths": ["/var/backups"], "hostname": "app",
  "username": "root", "id": "1234567890", "short_id": "12345678"},
 {"time": "2026-11-28T02:00:01Z", "tree": "bb", "paths": ["/etc"], "id": "2234567890", "short_id": "22345678"}
]"""


def test_what_restic_lists(root: Path) -> None:
    program(root, "restic", f"print('''{RESTIC}''')")
    seen = elsewhere("restic", "s3:host/bucket")
    assert isinstance(seen, Elsewhere)
    assert [(copy.name, copy.size) for copy in seen.copies] == [("12345678", None)]
    assert seen.copies[0].changed.isoformat() == "2026-11-27T02:00:01+00:00"
    program(root, "restic", "print('Fatal: ...')")
    assert isinstance(elsewhere("restic", "s3:host/bucket"), Unseen)


@given(st.text())
def test_no_list_breaks_a_parser(text: str) -> None:
    backups.parse_aws(text)
    backups.parse_rclone(text)
    with pytest.raises(ground.Unseen):
        backups.parse_restic("no JSON: " + text, "/")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(st.fixed_dictionaries({}, optional={"time": JSON, "paths": JSON, "short_id": JSON}) | JSON))
def test_no_snapshot_breaks_a_parser(snapshots: list[Any]) -> None:
    backups.parse_restic(json.dumps(snapshots), "/var")


# --- a restore


def asked(**changes: Any) -> dict[str, Any]:
    return {
        "engine": "mysql",
        "into": "scratch",
        "within_s": 10.0,
        "at_most": 2**30,
        "as_user": None,
        "defaults_file": None,
        "service_file": None,
        "service": None,
        "rows_of": ["users", "orders"],
        **changes,
    }


CLIENT = """
import os, sys
log = open(os.path.join({root!r}, "told"), "a")
sql = sys.stdin.read()
log.write(" ".join(sys.argv[1:]) + "\\n" + sql[:200] + "\\n")
said = open(log.name).read() if "information_schema.SCHEMATA" in sql else ""
if "information_schema.SCHEMATA" in sql: print({there!r} or ("scratch_1" if "CREATE DATABASE" in said else ""))
elif "PROCESSLIST" in sql: print(7)
elif "@@datadir" in sql: print("/var/backups")
elif "information_schema.TABLES" in sql: print(int("users" in sql))
elif "COUNT(*)" in sql: print("x" if {miscounts!r} else 2)
elif {refused!r} and {refused!r} in sql:
    sys.stderr.write("ERROR 1064 (42000) at line 3: a fault near 'hunter2, x'\\nat line 1\\n")
    sys.exit(1)
elif "-- MySQL dump" in sql and {hangs!r}: import time; time.sleep(60)
"""


def restored(
    root: Path,
    data: bytes,
    there: str = "",
    refused: str = "",
    *,
    hangs: bool = False,
    miscounts: bool = False,
    **changes: Any,
) -> Any:
    """What a client that stands for mysql is told, and what is seen of it."""
    text = CLIENT.replace("\\\\", "\\").format(
        root=str(root), there=there, refused=refused, hangs=hangs, miscounts=miscounts
    )
    program(root, "mysql", text)
    put(root, "shop_1", data)
    return look(packing="none", restore=asked(**changes)).restored


def told(root: Path) -> str:
    return (root / "told").read_text() if (root / "told").exists() else ""


SQL = dumped.dump_of(series("mysqldump"))


def test_a_restore(root: Path) -> None:
    seen = restored(root, SQL, defaults_file="/root/.my.cnf")
    assert (seen.failed, seen.rows, seen.left) == ("", {"users": 2, "orders": None}, "")
    assert f"--defaults-file={root}/root/.my.cnf" in told(root)
    assert told(root).count("CREATE DATABASE `scratch_") == told(root).count("DROP DATABASE IF EXISTS `scratch_") == 1


def test_a_restore_that_fails(root: Path) -> None:
    seen = restored(root, SQL, refused="-- MySQL dump")
    assert seen.failed == "ERROR 1064 (42000) at line 3: a fault near ..."
    assert "DROP DATABASE" in told(root)


def test_a_restore_that_hangs(root: Path) -> None:
    began = time.monotonic()
    assert restored(root, SQL, hangs=True, within_s=0.5).too_slow
    assert time.monotonic() - began < 8
    assert told(root).index("KILL 7;") < told(root).index("DROP DATABASE")


def test_what_could_not_be_dropped_is_told(root: Path) -> None:
    assert "scratch_" in restored(root, SQL, refused="DROP DATABASE").left


def test_a_disk_that_it_would_fill(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = os.statvfs(root / FOLDER)
    monkeypatch.setattr("os.statvfs", lambda _: os.statvfs_result((*state[:3], 1, 0, *state[5:])))
    seen = restored(root, SQL)
    assert isinstance(seen, Unseen)
    assert "0 MiB are left for /var/backups" in seen.detail
    assert "CREATE DATABASE" not in told(root)


def test_what_could_not_be_made_is_not_left(root: Path) -> None:
    seen = restored(root, SQL, refused=" DATABASE ")
    assert isinstance(seen, Unseen)
    assert "a fault" in seen.detail


def test_what_is_left_is_told_whatever_else_is_not(root: Path) -> None:
    seen = restored(root, SQL, refused="DROP DATABASE", rows_of=["users"], miscounts=True)
    assert isinstance(seen, Unseen)
    assert "left behind: scratch_" in seen.detail
    assert "counting `users`" in seen.detail


def test_a_process_that_is_killed_drops_it_nevertheless(root: Path) -> None:
    text = (
        "import os, signal\n"
        "from roadworthy.onhost import backups_restore, ground\n"
        f"ground.ROOT = {str(root)!r}\n"
        f"client = backups_restore.Mysql({asked()!r})\n"
        "guard = backups_restore.Guard(client, 'scratch_1')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    program(root, "mysql", f"import sys; open({str(root / 'told')!r}, 'w').write(' '.join(sys.argv))")
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode < 0
    until = time.monotonic() + 10
    while "DROP DATABASE" not in told(root):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert told(root).endswith("information_schema -e DROP DATABASE IF EXISTS `scratch_1`")


def test_a_database_that_is_there_is_left_alone(root: Path) -> None:
    seen = restored(root, SQL, there="scratch_1")
    assert isinstance(seen, Unseen)
    assert "already" in seen.detail
    assert "CREATE" not in told(root)
    assert "DROP" not in told(root)


REACHING = [
    "USE `other`;",
    "use other;",
    "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop`;",
    "/*!40000 DROP DATABASE IF EXISTS `shop`*/;",
    "ALTER DATABASE `shop` CHARACTER SET utf8mb4 ;",
    "SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11:1-5';",
    "SET GLOBAL read_only=0;",
    "GRANT ALL ON *.* TO x;",
    "INSERT INTO `other`.`users` VALUES (1);",
    "DROP TABLE IF EXISTS `other`.`users`;",
    "/*!50001 CREATE TABLE `other`.`users` (x int)*/;",
    "\\! rm -rf /",
    "source /etc/passwd",
    "/*!50106 CREATE*/ /*!50117 DEFINER=`root`@`%`*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY DO DELETE FROM a */ ;;",
]


@pytest.mark.parametrize(
    "line", ["CREATE USER x IDENTIFIED BY 'hunter2';", 'GRANT ALL ON a.* TO x IDENTIFIED BY "hunter2";']
)
def test_no_password_of_a_dump_is_told(root: Path, line: str) -> None:
    seen = restored(root, SQL.replace(b"LOCK TABLES", line.encode() + b"\nLOCK TABLES", 1))
    assert isinstance(seen, Unseen)
    assert line[:10] in seen.detail
    assert "hunter2" not in seen.detail


@pytest.mark.parametrize("line", REACHING)
def test_a_dump_that_reaches_further_is_not_restored(root: Path, line: str) -> None:
    seen = restored(root, SQL.replace(b"LOCK TABLES", line.encode() + b"\nLOCK TABLES", 1))
    assert isinstance(seen, Unseen)
    assert line[:20] in seen.detail
    assert told(root) == ""


@pytest.mark.parametrize(
    "line",
    [
        "\\connect postgres",
        "\\! id",
        "  \\! id",
        "CREATE ROLE x;",
        "REVOKE ALL ON DATABASE shop FROM PUBLIC;",
        "ALTER SYSTEM SET a = 1;",
        "DROP DATABASE shop;",
        "COPY a TO",
    ],
)
def test_the_same_of_postgresql(line: str) -> None:
    whole = dumped.dump_of(series("pg_dump"), rows=2)
    for text, reaches in ((whole, ""), (whole.replace(b"COPY", line.encode() + b" '/x';\nCOPY", 1), line)):
        reader = backups_inside.PostgresReader()
        reader.read(backups_stream.Bounded(io.BytesIO(text), 2**20, time.monotonic() + 10))
        assert reader.reaches == reaches
        assert reader.names >= {"users", "roles"}


def test_what_is_too_long_is_not_restored(root: Path) -> None:
    seen = restored(root, SQL, at_most=100)
    assert isinstance(seen, Unseen)
    assert "unpacks to more than 100 bytes" in seen.detail
    assert told(root) == ""
