from __future__ import annotations

import gzip
import zlib

import brotli
import pytest

from roadworthy.probes.body import UndecodableBody, decode, text_of

TEXT = b"a page of text" * 9
RAW_DEFLATE = zlib.compress(TEXT)[2:-4]


@pytest.mark.parametrize(
    ("raw", "codings"),
    [
        (TEXT, ""),
        (TEXT, "identity"),
        (TEXT, "utf-8"),
        (gzip.compress(TEXT, mtime=0), "gzip"),
        (gzip.compress(TEXT, mtime=0), "X-GZIP"),
        (gzip.compress(TEXT[:50], mtime=0) + gzip.compress(TEXT[50:], mtime=0), "gzip"),
        (gzip.compress(TEXT, mtime=0) + b"\0\0", "gzip"),
        (zlib.compress(TEXT), "deflate"),
        (RAW_DEFLATE, "deflate"),
        (brotli.compress(TEXT), "br"),
        (brotli.compress(gzip.compress(TEXT, mtime=0)), "gzip, br"),
        (brotli.compress(gzip.compress(TEXT, mtime=0)), "gzip , aws-chunked,br"),
    ],
)
def test_content_codings_are_undone(raw: bytes, codings: str) -> None:
    assert decode(raw, codings, 1000, whole=True) == (TEXT, False)


@pytest.mark.parametrize("codings", ["gzip", "deflate", "br", "gzip, br"])
def test_nothing_is_nothing_in_every_coding(codings: str) -> None:
    assert decode(b"", codings, 1000, whole=True) == (b"", False)


@pytest.mark.parametrize(
    ("raw", "codings", "problem"),
    [
        (TEXT, "gzip", "no gzip"),
        (TEXT, "deflate", "no deflate"),
        (TEXT, "br", "no br"),
        (gzip.compress(TEXT, mtime=0), "br", "no br"),
        (gzip.compress(TEXT, mtime=0)[:-1], "gzip", "gzip ends early"),
        (zlib.compress(TEXT)[:-1], "deflate", "deflate ends early"),
        (brotli.compress(TEXT)[:-1], "br", "br ends early"),
        (gzip.compress(TEXT, mtime=0)[:-1] + b"?", "gzip", "no gzip"),
        (TEXT, ", ".join(["gzip"] * 6), "6 content codings"),
    ],
)
def test_what_does_not_decode_is_told(raw: bytes, codings: str, problem: str) -> None:
    with pytest.raises(UndecodableBody, match=problem):
        decode(raw, codings, 1000, whole=True)


def test_five_codings_on_top_of_one_another_are_borne() -> None:
    raw = TEXT
    for _ in range(5):
        raw = gzip.compress(raw, mtime=0)
    assert decode(raw, ", ".join(["gzip"] * 5), 1000, whole=True).content == TEXT


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_body_that_was_not_read_to_its_end_decodes_as_far_as_it_goes(coding: str) -> None:
    raw = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[coding](TEXT)[:-1]
    content, cut = decode(raw, coding, 1000, whole=False)
    assert TEXT.startswith(content)
    assert not cut


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        ("Grüße".encode(), "", "Grüße"),
        ("Grüße".encode(), "text/html; charset=UTF-8", "Grüße"),
        ("Grüße".encode("latin-1"), "text/html; charset=iso-8859-1", "Grüße"),
        ("Grüße".encode("utf-16"), 'text/html; Charset = "utf-16"', "Grüße"),
        ("Grüße".encode("latin-1"), "text/html", "Gr\ufffd\ufffde"),
        (b"ok", "text/html; charset=none-such", "ok"),
        (b"ok", "text/html; charset=iso-8859-12", "ok"),
        (b"\\u0041", "text/html; charset=unicode_escape", "\\u0041"),
        (b"ok", "text/html; charset=zlib", "ok"),
        (b"ok", "text/html; charset=punycode", "ok"),
    ],
)
def test_text_is_read_in_its_character_set(content: bytes, content_type: str, text: str) -> None:
    assert text_of(content, content_type) == text
