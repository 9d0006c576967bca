"""On the host: what is in a backup. It is read to its end."""

from __future__ import annotations

import re
import struct
import tarfile
from typing import TYPE_CHECKING, Any

from roadworthy.onhost.backups_stream import CHUNK, Bounded, BrokenError, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = 2**16
"""Of a line that is longer, only so much is looked at; COPY of a wide table names all of its columns on one."""
MOST_NAMES = 100000
"""Names beyond that are counted, and not looked at twice."""


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
