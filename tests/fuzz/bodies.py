"""What reads bodies: codings, character sets, JSON; and what takes secrets out of them."""

from __future__ import annotations

import gzip
import json
import zlib

import brotli

from roadworthy.facts.base import NotObserved
from roadworthy.observe.redaction import Scrubber
from roadworthy.probes import body
from roadworthy.rules import bodies
from tests.fuzz.headers import answer
from tests.fuzz.inputs import blobs, texts
from tests.fuzz.parser import Parser

PLAIN = b'{"status": "ok"}' * 9
LIMIT = 1000
SECRET = "hunter22 & Söhne"
SCRUB = Scrubber({SECRET: "${env:X}"})
JSON = ("{", "}", "[", "]", ":", '"status"', '"ok"', "null", "1e9", "-0", "NaN", "\\ud800", "true", "1" * 5000, '{"a":')
SHAPES = (
    SECRET,
    "Bearer ",
    "eyJhbGci",
    ".eyJzdWIi",
    ".",
    "password=",
    "token",
    '"secret": "',
    "://a:b@",
    "AKIA",
    "-----BEGIN ",
)


def read_coded(coding: str, coded: bytes) -> None:
    for whole in (True, False):
        got = body.decode(coded, coding, LIMIT, whole=whole)
        assert len(got.content) <= LIMIT


def read_charset(named: str) -> None:
    for content in (PLAIN, bytes(range(256)), b"\xff\xfe\xd8\0" * 500):
        assert len(body.text_of(content, named)) <= len(content) * 2


def read_json(text: str) -> None:
    given = answer(body=text)
    faults = bodies.subset_faults(given, {"status": "ok", "parts": [{"up": True}]})
    assert faults == [] or all(isinstance(fault, str) for fault in faults)
    bodies.equality_faults(given, {"status": "ok"})
    bodies.query_faults(given, {"$..status": "ok", "$[*][?@.up == true]": 1})
    bodies.text_faults(given, "ok")


def read_value(text: str) -> None:
    given = answer(body=text)
    for place in ("status", "$.status", "$..status"):
        try:
            assert isinstance(bodies.told_value(given, place), str)
        except ValueError:
            continue


def read_secret(text: str) -> None:
    scrubbed = SCRUB(text)
    assert SECRET not in scrubbed
    assert SCRUB.tree({text: [["x", text], ["set-cookie", text], text]})


def packed(coding: str) -> tuple[bytes, ...]:
    made = {
        "gzip": (gzip.compress(PLAIN), gzip.compress(bytes(90_000)), gzip.compress(b"") * 30),
        "deflate": (zlib.compress(PLAIN), zlib.compress(PLAIN)[2:-4]),
        "br": (brotli.compress(PLAIN), brotli.compress(bytes(90_000))),
    }
    return made[coding]


PARSERS = (
    *(
        Parser(
            f"body-{coding}",
            lambda coded, coding=coding: read_coded(coding, coded),
            blobs(*packed(coding)),
            (body.UndecodableBody,),
        )
        for coding in ("gzip", "deflate", "br")
    ),
    Parser(
        "content-encoding",
        lambda named: read_coded(named, gzip.compress(PLAIN)),
        texts("gzip", "br", "deflate", "x-gzip", "identity"),
        (body.UndecodableBody,),
    ),
    Parser(
        "charset",
        read_charset,
        texts("text/html", "charset=", "utf-8", "utf-16", "utf-7", "idna", "rot13", "hex", "big5"),
    ),
    Parser("json", read_json, texts(*JSON), (NotObserved,)),
    Parser("json-value", read_value, texts(*JSON), (NotObserved,)),
    Parser("secrets", read_secret, texts(*SHAPES)),
    Parser(
        "json-parsed", lambda text: json.dumps(answer(body=text).parsed()), texts(*JSON), (ValueError, RecursionError)
    ),
)
