"""Every cipher suite and key exchange group that has a name: what a ClientHello can offer, and what answers are called.

The suites are data (`cipher-suites.tsv`), which says where it comes from.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from roadworthy.facts.tls import Suite

_TABLE = Path(__file__).with_name("cipher-suites.tsv")


class Listed(NamedTuple):
    """A suite, its code on the wire, and the first version that has it."""

    code: int
    since: str
    suite: Suite


@cache
def listed() -> tuple[Listed, ...]:
    """All suites, those that are met most first."""
    rows = (line.split("\t") for line in _TABLE.read_text("ascii").splitlines() if not line.startswith("#"))
    return tuple(
        Listed(
            int(code, 16),
            since,
            Suite(iana=iana, openssl=openssl or iana, anonymous="_anon_" in iana),
        )
        for code, since, iana, openssl in rows
    )


@cache
def codes(version: str) -> tuple[int, ...]:
    """The codes of the suites that a version has."""
    has = {"SSL2": ("SSL2",), "1.3": ("1.3",), "1.2": ("SSL3", "1.2")}.get(version, ("SSL3",))
    return tuple(one.code for one in listed() if one.since in has)


@cache
def _by_code() -> dict[int, Suite]:
    return {one.code: one.suite for one in listed()}


def named(code: int) -> Suite:
    """The suite of a code; by its code where nobody listed it."""
    unknown = f"0x{code:04X}"
    return _by_code().get(code) or Suite(iana=unknown, openssl=unknown)


GROUPS = {
    0x11EC: "X25519MLKEM768",
    0x11EB: "SecP256r1MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
    29: "X25519",
    23: "P-256",
    24: "P-384",
    25: "P-521",
    30: "X448",
    256: "ffdhe2048",
    257: "ffdhe3072",
    258: "ffdhe4096",
    259: "ffdhe6144",
    260: "ffdhe8192",
    31: "brainpoolP256r1tls13",
    32: "brainpoolP384r1tls13",
    33: "brainpoolP512r1tls13",
    26: "brainpoolP256r1",
    27: "brainpoolP384r1",
    28: "brainpoolP512r1",
    22: "secp256k1",
    21: "P-224",
    19: "P-192",
    0x0200: "MLKEM512",
    0x0201: "MLKEM768",
    0x0202: "MLKEM1024",
    0x6399: "X25519Kyber768Draft00",
    1: "sect163k1",
    3: "sect163r2",
    6: "sect233k1",
    7: "sect233r1",
    9: "sect283k1",
    10: "sect283r1",
    11: "sect409k1",
    12: "sect409r1",
    13: "sect571k1",
    14: "sect571r1",
    16: "secp160r1",
}
"""Key exchange groups by their codes in IANA's TLS Supported Groups, those that are met most first."""

HYBRIDS = (0x11EC, 0x11EB, 0x11ED)
"""Groups that a quantum computer does not break, as servers have them (draft-ietf-tls-ecdhe-mlkem)."""

HYBRID_NAMES = frozenset(GROUPS[code] for code in HYBRIDS)


def group_name(code: int) -> str:
    """A group's name, or its code."""
    return GROUPS.get(code, f"0x{code:04X}")
