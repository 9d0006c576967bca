"""What is inside of the sandbox's backups.

PostgreSQL's custom format is real: `dumps/` holds what pg_dump 16 made of a database with the tables `users` (two rows)
and `roles` (one): whole, without rows, without tables. SQL is written here in the words of mysqldump 8.0 and pg_dump 16
(`dumps/full.sql`). Packed, tarred and BSON files are made by the libraries for that. What is "encrypted" has the head
of its format; what follows is noise, as nobody on the host could read it anyway.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import subprocess
import tarfile
from importlib.resources import files
from typing import TYPE_CHECKING

from roadworthy.sandbox.programs import MissingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.backups import Series

NOTE_LENGTH = 200
WHOLE, WITHOUT_ROWS, WITHOUT_TABLES = "full.dump", "schema-only.dump", "data-only.dump"

HEADS = {
    "openpgp": b"\x8c\x0d\x04\x09\x03\x08" + bytes(range(8)) + b"\xff\xd2\xc0\x4f\x01",  # SKESK v4, then SEIPD v1
    "age": b"age-encryption.org/v1\n-> X25519 4Yh1K0Qm9kT2mQv3oZ4u0bq6H2m1xg8bWk7Y2V5u3Tc\n",
    "openssl": b"Salted__" + bytes(range(8)),
}


def recorded(name: str) -> bytes:
    """A dump that pg_dump made."""
    return files("roadworthy.sandbox.machines").joinpath("dumps", name).read_bytes()


def dump_of(promised: Series, *, lacks: str | None = None, whole: bool = True, rows: int | None = None) -> bytes:
    """A backup as promised.

    Args:
        promised: the series.
        lacks: a name that is not in it.
        whole: it is not broken off.
        rows: how many rows of filling each table has; None: so many that it is as long as promised.

    Raises:
        MissingError: it can't be made here.
    """
    names = [name for name in names_in(promised) if name != lacks]
    floor = promised.size_at_least or 0
    if promised.encrypted is not None:
        return HEADS[promised.encrypted] + random.Random(1).randbytes(2 * floor + 4096)  # noqa: S311 - noise
    if rows is None:
        rows = rows_of(promised)
    return packed(_plain(promised.kind, names, rows, whole=whole), promised.packed)


def rows_of(promised: Series) -> int:
    """So many rows of filling that a backup is more than twice as long as promised."""
    return 40 + 5 * (promised.size_at_least or 0) // (NOTE_LENGTH * len(names_in(promised)))


def names_in(promised: Series) -> list[str]:
    """The tables, collections or files that a backup has."""
    restored = promised.restores.has if promised.restores else None
    return list(dict.fromkeys((*(promised.holds or ()), *(restored or ())))) or ["users", "roles"]


def _plain(kind: str, names: list[str], rows: int, *, whole: bool) -> bytes:
    if kind == "mysqldump":
        return _mysqldump(names, rows, whole=whole)
    if kind == "pg_dump":
        return _pg_dump(names, rows, whole=whole)
    if kind == "pg_custom":
        return recorded(WHOLE)
    if kind == "tar":
        made = _tar(names, rows)
        return made if whole else made[: -(-len(made.rstrip(b"\0")) // 512) * 512]
    if kind == "mongodump":
        return _archive(names, rows, whole=whole)
    if kind == "other":
        return "\n".join(_notes(rows)).encode()
    raise MissingError("pg_dump's directory format", "the sandbox makes none")


def packed(data: bytes, packing: str) -> bytes:
    """The same, packed.

    Raises:
        MissingError: there is no zstd here.
    """
    if packing == "zstd":
        try:
            return subprocess.run(["zstd", "-q"], input=data, capture_output=True, check=True).stdout  # noqa: S607 - the machine's own
        except OSError as error:
            raise MissingError("zstd", str(error)) from error
    pack = {"gzip": lambda data: gzip.compress(data, mtime=0), "xz": lzma.compress, "bzip2": bz2.compress}
    return pack[packing](data) if packing in pack else data


def _notes(rows: int, name: str = "") -> Iterable[str]:
    """Texts that can't be packed."""
    source = random.Random(name)  # noqa: S311 - filling
    return (source.randbytes(NOTE_LENGTH // 2).hex() for _ in range(rows))


def _mysqldump(names: list[str], rows: int, *, whole: bool) -> bytes:
    lines = [
        "-- MySQL dump 10.13  Distrib 8.0.43, for Linux (x86_64)",
        "--",
        "-- Host: localhost    Database: shop",
        "-- ------------------------------------------------------",
        "-- Server version\t8.0.43",
        "",
        "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;",
        "/*!50503 SET NAMES utf8mb4 */;",
        "/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;",
        "",
    ]
    for name in names:
        values = ",".join(f"({number},'{note}')" for number, note in enumerate(_notes(rows, name), 1))
        lines += [
            "--",
            f"-- Table structure for table `{name}`",
            "--",
            "",
            f"DROP TABLE IF EXISTS `{name}`;",
            f"CREATE TABLE `{name}` (",
            "  `id` bigint unsigned NOT NULL AUTO_INCREMENT,",
            "  `note` text COLLATE utf8mb4_unicode_ci,",
            "  PRIMARY KEY (`id`)",
            ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;",
            "",
            f"LOCK TABLES `{name}` WRITE;",
            f"/*!40000 ALTER TABLE `{name}` DISABLE KEYS */;",
            *([f"INSERT INTO `{name}` VALUES {values};"] if values else []),  # noqa: S608 - a file's text
            f"/*!40000 ALTER TABLE `{name}` ENABLE KEYS */;",
            "UNLOCK TABLES;",
            "",
        ]
    if whole:
        lines += ["/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;", "", "-- Dump completed", ""]
    return "\n".join(lines).encode()


def _pg_dump(names: list[str], rows: int, *, whole: bool) -> bytes:
    lines = [
        "--",
        "-- PostgreSQL database dump",
        "--",
        "",
        "-- Dumped from database version 16.10",
        "-- Dumped by pg_dump version 16.10",
        "",
        "SET statement_timeout = 0;",
        "SET client_encoding = 'UTF8';",
        "SELECT pg_catalog.set_config('search_path', '', false);",
        "",
    ]
    for name in names:
        full = f"public.{name}"
        lines += [f"CREATE TABLE {full} (", "    id bigint NOT NULL,", "    note text", ");", ""]
        lines += [f"COPY {full} (id, note) FROM stdin;"]
        lines += [f"{number}\t{note}" for number, note in enumerate(_notes(rows, name), 1)]
        lines += ["\\.", "", f"ALTER TABLE ONLY {full}", f"    ADD CONSTRAINT {name}_pkey PRIMARY KEY (id);", ""]
    lines += ["--", "-- PostgreSQL database dump complete", "--", "", ""] if whole else []
    return "\n".join(lines).encode()


def _tar(names: list[str], rows: int) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name in names:
            data = "\n".join(_notes(rows, name)).encode()
            member = tarfile.TarInfo("./" + name.lstrip("/"))
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


def _archive(names: list[str], rows: int, *, whole: bool) -> bytes:
    """As mongodump --archive writes it: a prelude, then documents in blocks, and a last head for each collection."""
    from bson import Int64, encode  # noqa: PLC0415 - of the sandbox's extra

    end = b"\xff\xff\xff\xff"
    made = b"\x6d\xe2\x99\x81" + encode({"concurrent_collections": 4, "version": "0.1", "server_version": "6.0.5"})
    for name in names:
        made += encode({"db": "shop", "collection": name, "metadata": "{}", "size": rows, "type": "collection"})
    made += end
    for name in names:
        head = {"db": "shop", "collection": name}
        made += encode({**head, "EOF": False, "CRC": Int64(0)})
        made += b"".join(encode({"_id": number, "note": note}) for number, note in enumerate(_notes(rows, name))) + end
        if whole:
            made += encode({**head, "EOF": True, "CRC": Int64(0)}) + end
    return made
