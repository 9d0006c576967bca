from __future__ import annotations

import base64
import hashlib

import bcrypt
import pytest
from argon2 import PasswordHasher, Type

from roadworthy.probes.hashes import BCRYPT_READS, Compared, compare, compare_aside

PUBLISHED = ("changeme", "letmein-2")
OTHER = "another-one"
SALT = b"0123456789abcdef"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def of_bcrypt(password: str) -> str:
    return bcrypt.hashpw(password.encode()[:BCRYPT_READS], bcrypt.gensalt(4)).decode()


def of_argon2(password: str, kind: Type = Type.ID) -> str:
    return PasswordHasher(1, 64, 1, type=kind).hash(password)


def of_pbkdf2(password: str, digest: str = "sha256") -> str:
    made = hashlib.pbkdf2_hmac(digest, password.encode(), b"salt", 1000)
    return f"pbkdf2_{digest}$1000$salt${b64(made)}"


def of_scrypt(password: str, length: int = 64) -> bytes:
    return hashlib.scrypt(password.encode(), salt=SALT, n=16, r=8, p=1, dklen=length)


SCHEMES = {
    "bcrypt": of_bcrypt,
    "argon2id": of_argon2,
    "argon2i": lambda password: of_argon2(password, Type.I),
    "argon2d": lambda password: of_argon2(password, Type.D),
    "pbkdf2_sha256": of_pbkdf2,
    "pbkdf2_sha1": lambda password: of_pbkdf2(password, "sha1"),
    "bcrypt_sha256": lambda password: f"bcrypt_sha256${of_bcrypt(hashlib.sha256(password.encode()).hexdigest())}",
    "scrypt": lambda password: f"scrypt$16${SALT.decode()}$8$1${b64(of_scrypt(password))}",
    "md5 with salt": lambda password: f"md5$pinch${hashlib.md5(b'pinch' + password.encode()).hexdigest()}",  # noqa: S324
}

SPELLINGS = {
    "as PHP writes it": ("bcrypt", lambda password: of_bcrypt(password).replace("$2b$", "$2y$")),
    "as older ones write it": ("bcrypt", lambda password: of_bcrypt(password).replace("$2b$", "$2a$")),
    "in a column of fixed width": ("bcrypt", lambda password: of_bcrypt(password) + "    "),
    "as Spring names it": ("bcrypt", lambda password: "{bcrypt}" + of_bcrypt(password)),
    "as Django names bcrypt": ("bcrypt", lambda password: "bcrypt$" + of_bcrypt(password)),
    "as Django names argon2": ("argon2id", lambda password: "argon2" + of_argon2(password)),
    "as Werkzeug writes scrypt": (
        "scrypt",
        lambda password: f"scrypt:16:8:1${SALT.decode()}${of_scrypt(password).hex()}",
    ),
    "as Werkzeug writes PBKDF2": (
        "pbkdf2_sha256",
        lambda password: (
            f"pbkdf2:sha256:1000$salt${hashlib.pbkdf2_hmac('sha256', password.encode(), b'salt', 1000).hex()}"
        ),
    ),
    "as Passlib writes PBKDF2": (
        "pbkdf2_sha512",
        lambda password: (
            "$pbkdf2-sha512$1000$"
            + b64(SALT).rstrip("=").replace("+", ".")
            + "$"
            + b64(hashlib.pbkdf2_hmac("sha512", password.encode(), SALT, 1000)).rstrip("=").replace("+", ".")
        ),
    ),
    "as Passlib writes scrypt": (
        "scrypt",
        lambda password: f"$scrypt$ln=4,r=8,p=1${b64(SALT).rstrip('=')}${b64(of_scrypt(password, 32)).rstrip('=')}",
    ),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_published_password_is_known_by_its_hash_and_another_is_not(scheme: str) -> None:
    assert compare(SCHEMES[scheme](PUBLISHED[1]), PUBLISHED) == Compared(scheme, 1, compared=True)
    assert compare(SCHEMES[scheme](OTHER), PUBLISHED) == Compared(scheme, None, compared=True)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_of_one_scheme_are_read(spelling: str) -> None:
    scheme, make = SPELLINGS[spelling]
    assert compare(make(PUBLISHED[0]), PUBLISHED) == Compared(scheme, 0, compared=True)
    assert compare(make(OTHER), PUBLISHED) == Compared(scheme, None, compared=True)


@pytest.mark.parametrize("digest", ["md5", "sha1", "sha256", "sha512"])
def test_hexadecimal_digits_prove_a_match_and_nothing_else(digest: str) -> None:
    def of(password: str) -> str:
        return hashlib.new(digest, password.encode()).hexdigest()

    assert compare(of(PUBLISHED[0]).upper(), PUBLISHED) == Compared(digest, 0, compared=True)
    assert compare(of(OTHER), PUBLISHED) == Compared(digest, None, compared=False)  # its salt may stand elsewhere


def test_a_password_that_is_stored_as_it_is_is_found() -> None:
    assert compare("letmein-2", PUBLISHED) == Compared("plain text", 1, compared=True)
    assert compare("who knows what", PUBLISHED) == Compared("", None, compared=False)


def test_bcrypt_reads_no_more_than_it_ever_did() -> None:
    long = "x" * 80
    assert compare(of_bcrypt(long), (long,)).matched == 0


@pytest.mark.parametrize(
    ("stored", "scheme"),
    [
        ("$2b$31$" + "a" * 53, "bcrypt"),
        ("$argon2id$v=19$m=4194304,t=3,p=4$c29tZXNhbHQ$" + "a" * 43, "argon2id"),
        ("$argon2id$v=19$m=65536,t=4000000000,p=4$c29tZXNhbHQ$" + "a" * 43, "argon2id"),
        ("$argon2id$m=oops", "argon2id"),
        ("pbkdf2_sha256$99999999999$salt$AAAA", "pbkdf2_sha256"),
        ("pbkdf2_sha256$1000$salt$", "pbkdf2_sha256"),
        ("pbkdf2_sha256$1000$salt$!!!!", "pbkdf2_sha256"),
        ("scrypt$1073741824$salt$8$1$AAAA", "scrypt"),
        ("scrypt$16$salt$8$999$AAAA", "scrypt"),
        ("scrypt$15$salt$8$1$AAAA", "scrypt"),
        ("pbkdf2:nothing:1000$salt$abcd", "pbkdf2_nothing"),
        ("$6$salt$whatever", "sha512-crypt"),
        ("$2b$10$tooshort", ""),
        ("", ""),
        ("a" * 100_000, ""),
    ],
)
def test_what_costs_too_much_or_is_malformed_is_not_compared(stored: str, scheme: str) -> None:
    assert compare(stored, PUBLISHED) == Compared(scheme, None, compared=False)


async def in_a_thread() -> Compared:
    return await compare_aside(of_bcrypt("changeme"), PUBLISHED)


def test_it_holds_nothing_up() -> None:
    import asyncio  # noqa: PLC0415 - of use here alone

    assert asyncio.run(in_a_thread()).matched == 0
