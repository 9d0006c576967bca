"""On the host: what a backup begins as, and its plain text or bytes, as a stream within bounds of bytes and time."""

from __future__ import annotations

import os
import signal
import subprocess
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
END = 2048

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
