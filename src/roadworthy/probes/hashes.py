"""Stored password hashes: is one that of a password that everybody knows?

Only the outcome leaves this module, never a hash. What a server stores decides how much work a comparison is, so that
is bounded: what costs more is not compared, and says so. A hash whose scheme can't be told for certain (hexadecimal
digits may well be salted by something that stands elsewhere) is compared only as far as a match proves itself.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bcrypt
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BCRYPT_COST = 14
"""Each step doubles the work; 12 takes a quarter of a second."""
MOST_ITERATIONS = 3_000_000
"""Of PBKDF2."""
MOST_ARGON2_KIB = 128 * 1024
MOST_ARGON2_WORK_KIB = 1024 * 1024
"""Memory times passes."""
MOST_ARGON2_LANES = 16
MOST_SCRYPT_BYTES = 128 * 1024 * 1024
MOST_SCRYPT_LANES = 4
LONGEST = 1024
"""Of a stored hash; the longest that is known has some 200 characters."""
BCRYPT_READS = 72
"""bcrypt has never read more bytes of a password than these."""

_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_HEX = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_NAMED_ONLY = {"$1$": "md5-crypt", "$5$": "sha256-crypt", "$6$": "sha512-crypt", "$y$": "yescrypt", "$apr1$": "apr1"}


@dataclass(frozen=True)
class Compared:
    """What became of it."""

    scheme: str
    """bcrypt, argon2id, pbkdf2_sha256, ...; empty: none that is known."""
    matched: int | None = None
    """Which of the published passwords it is the hash of, counted from 0; None: of none that was compared."""
    compared: bool = False
    """Every published password was compared, or one matched."""


class _CannotCompare(Exception):  # noqa: N818 - a state of the hash
    """The hash is malformed, or would cost too much."""


async def compare_aside(stored: str, published: tuple[str, ...]) -> Compared:
    """`compare` where it holds nothing up; what it costs is bounded, so its thread ends by itself."""
    return await asyncio.to_thread(compare, stored, published)


def compare(stored: str, published: tuple[str, ...]) -> Compared:
    """Whether a stored hash is that of one of the published passwords."""
    stored = stored[: LONGEST + 1]
    if stored in published:
        return Compared("plain text", published.index(stored), compared=True)
    scheme, matches = _scheme_of(stored.strip())
    if matches is None:
        return Compared(scheme)
    try:
        matched = next((number for number, password in enumerate(published) if matches(password)), None)
    except _CannotCompare:
        return Compared(scheme)
    return Compared(scheme, matched, compared=matched is not None or scheme not in _HEX.values())


def _scheme_of(stored: str) -> tuple[str, Callable[[str], bool] | None]:
    """The name of a hash's scheme, and how a password is compared with it, where that is known."""
    if len(stored) > LONGEST:
        return "", None
    if stored.startswith("{bcrypt}"):  # Spring Security names the encoder in front
        stored = stored.removeprefix("{bcrypt}")
    for prefix, scheme in _NAMED_ONLY.items():
        if stored.startswith(prefix):
            return scheme, None
    for of_this_kind in (_bcrypt, _argon2, _django, _werkzeug, _passlib, _unsalted):
        if (found := of_this_kind(stored)) is not None:
            return found
    return "", None


# --- one function for each kind: the scheme's name and how to compare, or None where a hash is of another kind -------


def _bcrypt(stored: str) -> tuple[str, Callable[[str], bool]] | None:
    bare = stored.removeprefix("bcrypt$") if stored.startswith("bcrypt$$2") else stored
    if _BCRYPT.fullmatch(bare) is None:
        return None
    return "bcrypt", lambda password: _is_bcrypt_of(password.encode(), bare)


def _is_bcrypt_of(password: bytes, stored: str) -> bool:
    match = _BCRYPT.fullmatch(stored)
    if match is None or int(match[1]) > MOST_BCRYPT_COST:
        raise _CannotCompare
    try:
        return bcrypt.checkpw(password[:BCRYPT_READS], stored.encode())
    except ValueError as error:
        raise _CannotCompare from error


def _argon2(stored: str) -> tuple[str, Callable[[str], bool]] | None:
    bare = stored.removeprefix("argon2") if stored.startswith("argon2$argon2") else stored
    match = re.match(r"\$(argon2(?:id|i|d))\$", bare)
    return None if match is None else (match[1], lambda password: _is_argon2_of(password, bare))


def _is_argon2_of(password: str, stored: str) -> bool:
    try:
        asked = extract_parameters(stored)
        costly = (
            asked.memory_cost > MOST_ARGON2_KIB
            or asked.memory_cost * asked.time_cost > MOST_ARGON2_WORK_KIB
            or asked.parallelism > MOST_ARGON2_LANES
        )
        if costly:
            raise _CannotCompare
        return PasswordHasher().verify(stored, password)
    except (InvalidHashError, ValueError) as error:
        raise _CannotCompare from error
    except Argon2Error as error:
        if "does not match" in str(error):
            return False
        raise _CannotCompare from error


def _django(stored: str) -> tuple[str, Callable[[str], bool]] | None:
    """`algorithm$...`, as django.contrib.auth.hashers writes them."""
    scheme, _, rest = stored.partition("$")
    parts = rest.split("$")
    if scheme in ("pbkdf2_sha256", "pbkdf2_sha1") and len(parts) == 3:  # noqa: PLR2004 - iterations, salt, hash
        digest = scheme.removeprefix("pbkdf2_")
        return scheme, lambda password: _is_pbkdf2_of(password, digest, parts[0], parts[1].encode(), _base64(parts[2]))
    if scheme == "bcrypt_sha256":
        return scheme, lambda password: _is_bcrypt_of(hashlib.sha256(password.encode()).hexdigest().encode(), rest)
    if scheme == "scrypt" and len(parts) == 5:  # noqa: PLR2004 - N, salt, r, p, hash
        n, salt, r, p, wanted = parts
        return scheme, lambda password: _is_scrypt_of(password, (n, r, p), salt.encode(), _base64(wanted))
    if scheme in ("md5", "sha1") and len(parts) == 2:  # noqa: PLR2004 - salt, hash
        return f"{scheme} with salt", lambda password: _same(
            hashlib.new(scheme, (parts[0] + password).encode()).hexdigest().encode(), parts[1].encode()
        )
    return None


def _werkzeug(stored: str) -> tuple[str, Callable[[str], bool]] | None:
    """`method:parameters$salt$hex`, as Werkzeug and so most Flask applications write them."""
    match = re.fullmatch(r"(scrypt|pbkdf2):([a-z0-9:]+)\$([^$]+)\$([0-9a-f]+)", stored)
    if match is None:
        return None
    asked, salt, wanted = match[2].split(":"), match[3].encode(), bytes.fromhex(match[4].zfill(len(match[4]) // 2 * 2))
    if match[1] == "scrypt" and len(asked) == 3:  # noqa: PLR2004 - N, r, p
        return "scrypt", lambda password: _is_scrypt_of(password, (asked[0], asked[1], asked[2]), salt, wanted)
    if match[1] == "pbkdf2" and len(asked) == 2:  # noqa: PLR2004 - digest, iterations
        return f"pbkdf2_{asked[0]}", lambda password: _is_pbkdf2_of(password, asked[0], asked[1], salt, wanted)
    return None


def _passlib(stored: str) -> tuple[str, Callable[[str], bool]] | None:
    """`$pbkdf2-digest$rounds$salt$hash` and `$scrypt$ln=,r=,p=$salt$hash`, as Passlib and others write them."""
    if match := re.fullmatch(r"\$pbkdf2-(sha1|sha256|sha512)\$([0-9]+)\$([^$]+)\$([^$]+)", stored):
        digest, rounds, salt, wanted = match.groups()
        return f"pbkdf2_{digest}", lambda password: _is_pbkdf2_of(
            password, digest, rounds, _base64(salt), _base64(wanted)
        )
    if match := re.fullmatch(r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]+),p=([0-9]+)\$([^$]+)\$([^$]+)", stored):
        ln, r, p, salt, wanted = match.groups()
        n = str(2 ** int(ln))
        return "scrypt", lambda password: _is_scrypt_of(password, (n, r, p), _base64(salt), _base64(wanted))
    return None


def _unsalted(stored: str) -> tuple[str, Callable[[str], bool]] | None:
    scheme = _HEX.get(len(stored))
    if scheme is None or not re.fullmatch(r"[0-9a-fA-F]+", stored):
        return None
    return scheme, lambda password: _same(
        hashlib.new(scheme, password.encode()).hexdigest().encode(), stored.lower().encode()
    )


# --- work ------------------------------------------------------------------------------------------------------------


def _is_pbkdf2_of(password: str, digest: str, iterations: str, salt: bytes, wanted: bytes) -> bool:
    if not iterations.isdecimal() or not 0 < int(iterations) <= MOST_ITERATIONS or not wanted:
        raise _CannotCompare
    try:
        made = hashlib.pbkdf2_hmac(digest, password.encode(), salt, int(iterations), len(wanted))
    except ValueError as error:
        raise _CannotCompare from error
    return _same(made, wanted)


def _is_scrypt_of(password: str, costs: tuple[str, str, str], salt: bytes, wanted: bytes) -> bool:
    if not all(cost.isdecimal() and len(cost) < 10 for cost in costs) or not wanted:  # noqa: PLR2004 - digits
        raise _CannotCompare
    n, r, p = map(int, costs)
    if n * r * 128 > MOST_SCRYPT_BYTES or p > MOST_SCRYPT_LANES:
        raise _CannotCompare
    try:
        made = hashlib.scrypt(
            password.encode(), salt=salt, n=n, r=r, p=p, maxmem=2 * MOST_SCRYPT_BYTES, dklen=len(wanted)
        )
    except ValueError as error:
        raise _CannotCompare from error
    return _same(made, wanted)


def _base64(text: str) -> bytes:
    """Base64 of any of the alphabets in use, padded or not."""
    standard = text.replace(".", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _CannotCompare from error


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)
