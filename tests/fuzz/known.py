"""Inputs that once broke a parser, or held it up for seconds: they are fed again each time."""

from __future__ import annotations

KNOWN: dict[str, tuple[str, ...]] = {
    "cache-control": ("a," * 30_000, 'x="\\' * 15_000),
    "dates": ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2026 00:00:00 +99999999999999999999"),
    "duration": ("1" * 60_000, "9" * 400 + "d"),
    "json": ("{" + ",".join(f'"m{n}":1' for n in range(9_000)) + ',"m0":1}', '{"status": NaN}', "[" * 50_000),
    "json-value": ('{"status": ' + "9" * 5_000 + "}",),
    "leaks": ("\n" * 8_000, "\t" * 8_000),
    "login": ("https://[", "auth" * 15_000),
    "redirect": ("//shop.example, [", "https://ñ]"),
    "scripts": (("<script " + "a" * 1_980 + ">") * 125, "<base href=x/>" * 18_000),
    "secrets": ("a-" * 60_000, "eyJ-" * 30_000, "token" * 24_000, "eyJaaaaa." * 12_000),
    "security-txt": ("Contact: https://[\nExpires: 2026-12-01T00:00:00Z", "a: x" + "\t" * 4_000 + "y"),
    "size": ("9" * 400 + "MB", "1" * 60_000),
    "spf": ("include:" + "%{i}" * 15_000, "include:" + "%{p}" * 2_000, "a:" + "a.b-" * 2_000 + "!"),
}
"""By the parser's name."""
