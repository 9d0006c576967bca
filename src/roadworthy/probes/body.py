"""What an HTTP body says: content codings undone, bytes turned into text; however much it would swell to, bounded."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

import brotli

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_CODINGS = 5
"""Codings on top of one another; more is an attack (curl and urllib3 stop at the same number)."""

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';]+)", re.IGNORECASE)
_CHARACTERS = re.compile(
    r"us-ascii|ascii|utf-?8|utf-?16(le|be)?|iso-?8859-?\d+|latin-?1|windows-\d+|koi8-[ru]"
    r"|gb2312|gbk|gb18030|big5|euc-(jp|kr)|shift[_-]jis|iso-2022-jp",
    re.IGNORECASE,
)
"""Character sets of the web; Python knows others that take forever, or are no character sets at all."""


class UndecodableBody(Exception):  # noqa: N818 - a state of what was received
    """The body is not what its Content-Encoding says."""


class Decoded(NamedTuple):
    """A body without its content codings, cut at a limit."""

    content: bytes
    cut: bool


def wire_limit(limit: int) -> int:
    """How many bytes to read for `limit` decoded ones: what can't be compressed grows a little."""
    return limit + limit // 64 + 1024


def decode(raw: bytes, codings: str, limit: int, *, whole: bool) -> Decoded:
    """Undoes a Content-Encoding (RFC 9110 section 8.4.1); each coding gives at most `limit` bytes.

    An unknown coding is left as it is: servers send `utf-8` and the like there, and clients bear it. `whole` says that
    all of the body is there, so that its end must be too.

    Raises:
        UndecodableBody: it does not decode, ends early, or is coded too often.
    """
    content, cut = raw, False
    known = [coding for part in codings.split(",") if (coding := part.strip().lower()) in DECODERS]
    if len(known) > MOST_CODINGS:
        raise UndecodableBody(f"{len(known)} content codings on top of one another")
    for coding in reversed(known):
        if not content:
            break  # HEAD, 304 and the like name the coding of what they leave out
        try:
            content, ended = DECODERS[coding](content, limit + 1)
        except (zlib.error, brotli.error) as error:
            raise UndecodableBody(f"the body is no {coding}: {error}") from error
        cut = cut or len(content) > limit
        if whole and not ended and not cut:
            raise UndecodableBody(f"the body's {coding} ends early")
    return Decoded(content[:limit], cut or len(content) > limit)


def _gunzip(data: bytes, most: int) -> tuple[bytes, bool]:
    content = b""
    while True:  # RFC 1952 section 2.2: members one after another
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        content += inflater.decompress(data, most - len(content))
        data = inflater.unused_data
        if not data.startswith(b"\x1f\x8b") or len(content) >= most:
            return content, inflater.eof


def _inflate(data: bytes, most: int) -> tuple[bytes, bool]:
    try:
        inflater = zlib.decompressobj()
        return inflater.decompress(data, most), inflater.eof
    except zlib.error:  # without the zlib header: RFC 9110 section 8.4.1.2 knows such senders
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        return inflater.decompress(data, most), inflater.eof


def _unbrotli(data: bytes, most: int) -> tuple[bytes, bool]:
    decompressor = brotli.Decompressor()
    content = decompressor.process(data, output_buffer_limit=most)
    return content[:most], decompressor.is_finished()


DECODERS: dict[str, Callable[[bytes, int], tuple[bytes, bool]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "br": _unbrotli,
}
"""Coding to a function of the data and the most bytes to give, which also tells whether the end was met."""


def text_of(content: bytes, content_type: str) -> str:
    """The body in the character set that its Content-Type names, else UTF-8; what does not fit is replaced."""
    named = _CHARSET.search(content_type)
    charset = named[1] if named and _CHARACTERS.fullmatch(named[1]) else "utf-8"
    try:
        return content.decode(charset, "replace")
    except LookupError:  # such as iso-8859-12, which never was
        return content.decode("utf-8", "replace")
