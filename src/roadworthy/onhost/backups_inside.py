"""On the host: what is in a backup. It is read to its end, as a stream, within bounds of bytes and time."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import tarfile
import threading
import time
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from roadworthy.onhost.ground import (
    FAILED,
    NOT_THERE,
    TOO_LONG,
    Unseen,
    at,
    has,
    search_path,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKERS: dict[str, Any] = {}
"""What opens a packed stream; a host's Python may have been built without some."""

TEXT = {*range(32, 256), *b"\t\r\n"}
BROKEN: list[Any] = [EOFError, zlib.error]
with suppress(ImportError):
    import gzip

    PACKERS["gzip"] = lambda file: gzip.GzipFile(fileobj=file)
with suppress(ImportError):
    import bz2

    PACKERS["bzip2"] = bz2.BZ2File
with suppress(ImportError):
    import lzma

    PACKERS["xz"] = lzma.LZMAFile
    BROKEN.append(lzma.LZMAError)

CHUNK = 2**20
LINE = 2**16
"""Of a line that is longer, only so much is looked at; COPY of a wide table names all of its columns on one."""
END = 2048
MOST_NAMES = 100000
"""Names beyond that are counted, and not looked at twice."""

MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"Salted__", "openssl"),
    (b"age-encryption.org/v1", "age"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    (b"-----BEGIN PGP MESSAGE-----", "openpgp"),
    (b"PGDMP", "pg_custom"),
    (b"\x6d\xe2\x99\x81", "mongodump"),
)
VERSIONS = {1: (3, 6), 3: (4, 5, 6), 18: (1, 2)}
"""RFC 9580: packets that an encrypted message begins with, and what their first byte may be."""


class BrokenError(Exception):
    """It can't be read to its end."""


def begins(path: str) -> str | None:
    """What a file begins as; None where it may not be read."""
    try:
        with open(at(path), "rb") as file:
            head = file.read(64)
            file.seek(257)
            is_tar = file.read(5) == b"ustar"
    except IsADirectoryError:
        return "folder"
    except OSError:
        return None
    return "tar" if is_tar else kind_of(head)


def kind_of(head: bytes) -> str:
    """What some first bytes are those of."""
    if not head:
        return "nothing"
    known = next((name for magic, name in MAGIC if head.startswith(magic)), None)
    if known is not None:
        return known
    if _is_openpgp(head):
        return "openpgp"
    return "text" if not set(head) - TEXT else "something else"


def _is_openpgp(head: bytes) -> bool:
    """A packet that an encrypted message begins with (RFC 9580 section 4.2)."""
    if len(head) < 8 or not head[0] & 0x80:  # noqa: PLR2004
        return False
    if head[0] & 0x40:
        tag = head[0] & 0x3F
        length = 1 if head[1] < 192 or 224 <= head[1] < 255 else 2 if head[1] < 224 else 5  # noqa: PLR2004
    else:
        tag, length = head[0] >> 2 & 0x0F, (1, 2, 4, 0)[head[0] & 0x03]
    return tag in VERSIONS and head[1 + length] in VERSIONS[tag]


# --- reading ---------------------------------------------------------------------------------------------------------


class Bounded:
    """A stream of which only so much is read, and only for so long."""

    def __init__(self, source: Any, most: int, ends: float) -> None:
        self.source = source
        self.most = most
        self.ends = ends
        self.size = 0
        self.tail = b""

    def read(self, count: int = CHUNK) -> bytes:
        """The next bytes.

        Raises:
            Unseen: it is longer, or takes longer, than may be.
            BrokenError: it can't be read on.
        """
        if time.monotonic() > self.ends:
            raise Unseen(TOO_LONG, f"after {self.size} bytes the time for reading is over")
        try:
            data: bytes = self.source.read(count)
        except tuple(BROKEN) as error:
            raise BrokenError(str(error) or type(error).__name__) from error
        except OSError as error:
            if error.errno is None:  # gzip, bzip2: what it reads is not what it should be
                raise BrokenError(str(error)) from error
            raise Unseen(FAILED, f"reading: {error.strerror}") from error
        self.size += len(data)
        if self.size > self.most:
            raise Unseen(TOO_LONG, f"it unpacks to more than {self.most} bytes")
        self.tail = (self.tail + data[-END:])[-END:]
        return data


class Program:
    """A program that reads from, or writes to, a pipe; ended when its time is over."""

    def __init__(self, command: list[str], within_s: float, env: dict[str, str] | None = None, **pipes: Any) -> None:
        self.name = command[0]
        self.too_slow = False
        try:
            self.process: Any = subprocess.Popen(
                command,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C", "PATH": search_path(), **(env or {})},
                start_new_session=True,
                **pipes,
            )
        except OSError as error:
            raise Unseen(NOT_THERE, f"there is no {command[0]} here: {error.strerror}") from error
        self.said = b""
        self.listening = threading.Thread(target=self._listen, daemon=True)
        self.listening.start()
        self.timer = threading.Timer(max(within_s, 0.1), self._give_up)
        self.timer.daemon = True
        self.timer.start()

    def _listen(self) -> None:
        for line in iter(lambda: self.process.stderr.read(4096), b""):
            self.said = (self.said + line)[-END:]

    def _give_up(self) -> None:
        self.too_slow = True
        self.end()

    def end(self) -> None:
        """Ends it, and what it started."""
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> int:
        """Its exit code; ends it where nobody listens to it any more."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.process.wait()
        self.timer.cancel()
        self.listening.join(1.0)
        if not self.listening.is_alive():
            self.process.stderr.close()
        return int(self.process.returncode)

    @property
    def last_words(self) -> str:
        """What it complained of."""
        said = self.said.decode("utf-8", "replace")
        return first_error(said) or f"it ended with {self.process.returncode}"


def first_error(said: str) -> str:
    """The first line that speaks of an error, or else the last one: what follows an error follows from it."""
    lines = said.strip().splitlines() or [""]
    return next((line for line in lines if "error" in line.lower()), lines[-1]).strip()[:200]


LIMITS = ("unsupported version", "too much memory")
"""Of the program that is here, and no fault of what it reads: pg_restore is older, zstd was not given `--long=31`."""


class Spoken:
    """What a program says, as a stream; that it failed shows at its end."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def read(self, count: int) -> bytes:
        """The next bytes."""
        if self.program.process.stdout.closed:
            return b""
        data: bytes = self.program.process.stdout.read(count)
        if data or not count:
            return data
        code = self.program.close()
        words = self.program.last_words
        if self.program.too_slow:
            raise Unseen(TOO_LONG, f"{self.program.name} did not end in time")
        if code and any(limit in words for limit in LIMITS):
            raise Unseen(FAILED, words)
        if code:
            raise BrokenError(words)
        return b""


@contextmanager
def unpacked(path: str, dump: str, packing: str, most: int, within_s: float) -> Iterator[Bounded]:
    """The plain text or bytes of a backup; of pg_dump's own formats, the SQL that pg_restore makes of it.

    Raises:
        Unseen: it may not be read, or what unpacks it is not there.
        BrokenError: it is not packed as it should be.
    """
    ends = time.monotonic() + within_s
    if dump in ("pg_custom", "pg_directory"):
        command = ["pg_restore", "--no-owner", "--no-privileges", "-f", "-", at(path)]
        with _spoken(command, within_s, stdin=subprocess.DEVNULL) as stream:
            yield Bounded(stream, most, ends)
        return
    try:
        file = open(at(path), "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise told(error, path) from error
    with file:
        seems = kind_of(file.read(64))
        file.seek(0)
        if packing not in (seems, "none") or (
            packing == "none" and seems in ("gzip", "zstd", "xz", "bzip2", "openpgp")
        ):
            expected = packing if packing != "none" else dump
            raise BrokenError(f"it begins as {seems}, not as {expected}")
        if packing == "zstd":
            os.lseek(file.fileno(), 0, os.SEEK_SET)  # what was read ahead counts there
            with _spoken(["zstd", "-dcq"], within_s, stdin=file) as stream:
                yield Bounded(stream, most, ends)
            return
        yield Bounded(_opened(file, packing), most, ends)


@contextmanager
def _spoken(command: list[str], within_s: float, **pipes: Any) -> Iterator[Spoken]:
    if not has(command[0]):
        raise Unseen(NOT_THERE, f"there is no {command[0]} here, which reads this")
    program = Program(command, within_s, stdout=subprocess.PIPE, **pipes)
    try:
        yield Spoken(program)
    finally:
        if program.process.poll() is None:
            program.end()
        program.close()


def _opened(file: Any, packing: str) -> Any:
    if packing == "none":
        return file
    if packing not in PACKERS:
        raise Unseen(NOT_THERE, f"the host's Python reads no {packing}")
    return PACKERS[packing](file)


# --- what is in it ---------------------------------------------------------------------------------------------------


def inside(path: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """As `facts.backups.Inside` has it.

    Raises:
        Unseen: it can't be read, or not within its bounds.
    """
    reader = READERS[wanted["dump"]]()
    broken, size = "", 0
    try:
        with unpacked(path, wanted["dump"], wanted["packing"], wanted["reads_at_most"], wanted["takes_s"]) as stream:
            try:
                reader.read(stream)
            finally:
                size = stream.size
            if not size:
                broken = "it is empty"
    except BrokenError as error:
        broken = str(error)[:300]
    found = [name for name in wanted["looks_for"] if name in reader.names]
    complete = None if broken else reader.complete
    return {"broken": broken, "size": size, "complete": complete, "found": found, "names": reader.count}


class Reader:
    """Reads to the end, whatever it is."""

    complete: bool | None = None

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.count = 0

    def read(self, stream: Bounded) -> None:
        """To its end.

        Raises:
            BrokenError: that is not possible.
        """
        while stream.read():
            pass

    def met(self, *names: str) -> None:
        """Something that has these names."""
        self.count += 1
        if len(self.names) < MOST_NAMES:
            self.names.update(names)


MAY_BE_SECRET = re.compile(rb"['\"(]|://")
"""What follows it in a statement may be a password or a row."""


class SqlReader(Reader):
    """SQL, line by line; of a long line, its beginning. Rows that COPY brings are no statements."""

    TABLE = rb"CREATE (?:UNLOGGED |FOREIGN )?TABLE (?:IF NOT EXISTS )?(?P<table>[^ (;]+)"
    REACHES = rb""
    MARK = re.compile(rb"")
    COPY = rb"(?P<copy>COPY [^\n]* FROM stdin;\r?$)"
    COPIED = re.compile(rb"^\\\.\r?$", re.MULTILINE)

    def __init__(self) -> None:
        super().__init__()
        self.copies = False
        self.reaches = ""
        """A line that speaks of more than the one database."""
        self.statement = re.compile(
            rb"^(?:" + b"|".join((self.TABLE, self.COPY, rb"(?P<reaches>" + self.REACHES + rb")")) + rb")",
            re.MULTILINE | re.IGNORECASE,
        )

    def read(self, stream: Bounded) -> None:
        """Line by line."""
        for lines in lines_of(stream):
            self._take(lines)
        self.complete = self.MARK.search(stream.tail) is not None

    def _take(self, lines: bytes) -> None:
        place = 0
        while place < len(lines):
            met = (self.COPIED if self.copies else self.statement).search(lines, place)
            if met is None:
                return
            place = max(met.end(), place + 1)
            if self.copies:
                self.copies = False
            elif met.group("table"):
                parts = [part.strip('`"') for part in met.group("table").decode("utf-8", "replace").split(".")]
                self.met(parts[-1], ".".join(parts))
            elif met.group("copy"):
                self.copies = True
            elif met.group("reaches") and not self.reaches:
                end = lines.find(b"\n", met.start())
                line = lines[met.start() : end if end >= 0 else None]
                self.reaches = MAY_BE_SECRET.split(line, maxsplit=1)[0][:80].decode("utf-8", "replace").rstrip()


class MysqlReader(SqlReader):
    """Of mysqldump or mariadb-dump."""

    MARK = re.compile(rb"(?:^|\n)-- Dump completed[^\n]*\s*\Z")
    REACHES = (
        rb"(?:/\*M?!\d* ?)?(?:USE|GRANT|REVOKE|INSTALL|UNINSTALL|SHUTDOWN|RESET|CHANGE|FLUSH|PURGE|KILL|START|STOP|"
        rb"LOAD|(?:CREATE|DROP|ALTER) (?:OR REPLACE )?(?:/\*M?!\d* ?)?"
        rb"(?:DATABASE|SCHEMA|USER|ROLE|SERVER|TABLESPACE|LOGFILE)|"
        rb"SET (?:@@)?(?:GLOBAL|PERSIST|PASSWORD)|system|source)\b|\\|"
        rb"(?:/\*M?!\d* ?)?(?:INSERT|REPLACE|DROP|CREATE|ALTER|LOCK|TRUNCATE|DELETE|UPDATE|RENAME)\b"
        rb"[^`\n]{0,80}`[^`\n]{1,64}`\.|"
        rb"/\*!50106 CREATE\*/[^\n]*\bEVENT\b"  # the server would run it while it is there
    )


class PostgresReader(SqlReader):
    """Of pg_dump, or what pg_restore makes of its own formats."""

    MARK = re.compile(rb"(?:^|\n)-- PostgreSQL database (?:cluster )?dump complete\r?\n--\s*(?:\\unrestrict \w+\s*)?\Z")
    REACHES = (
        rb"(?:CREATE|DROP|ALTER) (?:DATABASE|ROLE|USER|GROUP|TABLESPACE|SUBSCRIPTION|SYSTEM|SERVER)\b|"
        rb"COPY [^\n]* (?:FROM|TO) (?:PROGRAM|')|GRANT [^\n;]{1,200} TO [^\n;]{1,200} (?:WITH ADMIN|GRANTED BY)|"
        rb"(?:GRANT|REVOKE) [^\n;]{1,200} ON (?:DATABASE|TABLESPACE|PARAMETER)\b|[ \t]*\\(?!(?:un)?restrict\b)"
    )


def lines_of(stream: Bounded) -> Iterator[bytes]:
    """Whole lines, many at once; of a line that is too long to hold, its beginning."""
    held, skips = b"", False
    while True:
        data = stream.read()
        if not data:
            break
        if skips:
            end = data.find(b"\n")
            if end < 0:
                continue
            data, skips = data[end + 1 :], False
        data = held + data
        cut = data.rfind(b"\n") + 1
        if cut:
            yield data[:cut]
        held = data[cut:]
        if len(held) > LINE:
            yield held[:LINE]
            held, skips = b"", True
    if held:
        yield held


INVALID: Any = vars(tarfile)["InvalidHeaderError"]  # typeshed does not know it


class Member(tarfile.TarInfo):
    """A file in a tar archive. What is no head of one, tarfile takes for the end of the archive, and tar does not."""

    @classmethod
    def fromtarfile(cls, tarfile_: Any) -> Any:
        """The next one."""
        try:
            return super().fromtarfile(tarfile_)
        except INVALID as error:
            raise BrokenError(f"at byte {tarfile_.offset} no file begins: {error}") from error


class TarReader(Reader):
    """The files of a tar archive, which two empty blocks end."""

    def read(self, stream: Bounded) -> None:
        """File by file."""
        try:
            source: Any = stream
            archive: Any = tarfile.open(fileobj=source, mode="r|", tarinfo=Member)  # noqa: SIM115 - closed below
            with archive:
                for member in archive:
                    name = member.name[2:] if member.name.startswith("./") else member.name
                    self.met(name, "/" + name.lstrip("/"))
                    archive.members = []  # or all of them would be kept
        except (tarfile.TarError, EOFError) as error:
            raise BrokenError(str(error)) from error
        super().read(stream)
        self.complete = len(stream.tail) >= 1024 and not stream.tail[-1024:].strip(b"\0")  # noqa: PLR2004


class MongoReader(Reader):
    """An archive of mongodump's: documents in blocks, each with a head and an end; a last head for each collection."""

    MAGIC = 0x8199E26D
    LONGEST = 64 * 2**20
    TERMINATOR = 0xFFFFFFFF

    def read(self, stream: Bounded) -> None:
        """Document by document."""
        if self._number(stream) != self.MAGIC:
            raise BrokenError("it begins as no archive of mongodump's")
        listed: set[bytes] = set()
        begun: set[bytes] = set()
        ended: set[bytes] = set()
        in_prelude = at_head = True
        while True:
            length = self._number(stream, may_end=not in_prelude and at_head)
            if length is None:
                break
            if length == self.TERMINATOR:
                in_prelude, at_head = False, True
                continue
            head = self._document(stream, length, keeps=in_prelude or at_head)
            name = _text(head, b"db") + b"." + _text(head, b"collection")
            if in_prelude and name != b"." and _text(head, b"type") != b"view":
                listed.add(name)
            if at_head and not in_prelude:
                if name not in begun:
                    begun.add(name)
                    self.met(_text(head, b"collection").decode("utf-8", "replace"), name.decode("utf-8", "replace"))
                if b"\x08EOF\0\x01" in head:
                    ended.add(name)
            at_head = in_prelude
        self.complete = bool(begun) and begun == ended and listed <= ended

    def _number(self, stream: Bounded, *, may_end: bool = False) -> int | None:
        data = self._exactly(stream, 4, may_end=may_end)
        return struct.unpack("<I", data)[0] if data else None

    def _document(self, stream: Bounded, length: int, *, keeps: bool) -> bytes:
        if not 5 <= length <= self.LONGEST:  # noqa: PLR2004 - the shortest document there is
            raise BrokenError(f"after {stream.size} bytes no document follows")
        if keeps:
            return self._exactly(stream, length - 4)
        left = length - 4
        while left:
            left -= len(self._exactly(stream, min(left, CHUNK)))
        return b""

    def _exactly(self, stream: Bounded, count: int, *, may_end: bool = False) -> bytes:
        data = b""
        while len(data) < count:
            more = stream.read(count - len(data))
            if not more and may_end and not data:
                return b""
            if not more:
                raise BrokenError(f"it ends in the middle, after {stream.size} bytes")
            data += more
        return data


def _text(document: bytes, key: bytes) -> bytes:
    """A text in a BSON document, by its key."""
    start = document.find(b"\x02" + key + b"\0")
    if start < 0:
        return b""
    start += len(key) + 2
    length = int.from_bytes(document[start : start + 4], "little")
    return document[start + 4 : start + 4 + max(length - 1, 0)][:256]


READERS: dict[str, Any] = {
    "mysqldump": MysqlReader,
    "pg_dump": PostgresReader,
    "pg_custom": PostgresReader,
    "pg_directory": PostgresReader,
    "mongodump": MongoReader,
    "tar": TarReader,
    "other": Reader,
}
