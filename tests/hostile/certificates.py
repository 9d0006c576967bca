"""Certificates that no authority would issue, made to be served; their DER is changed where no library writes it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

STARTS = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
UTC_TIME = b"\x17\x0d260304050607Z"
"""How STARTS stands in DER."""

SERIAL = 0x1122334455667788


@cache
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def giant_key() -> rsa.RSAPrivateKey:
    """Of 15,636 bits, from two primes that everybody knows (Mersenne's): generating one takes minutes."""
    p, q, e = 2**11213 - 1, 2**4423 - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q))
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def certificate(
    *extensions: x509.ExtensionType,
    subject: str = "hostile.example",
    issuer: str | None = None,
    holder: Key | None = None,
) -> x509.Certificate:
    named = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer or subject)]
    builder = (
        x509.CertificateBuilder()
        .subject_name(named[0])
        .issuer_name(named[1])
        .public_key((holder or key()).public_key())
        .serial_number(SERIAL)
        .not_valid_before(STARTS)
        .not_valid_after(datetime.now(UTC) + timedelta(days=60))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(holder or key(), hashes.SHA256())


def chain_of(length: int) -> list[x509.Certificate]:
    """Each issued by the next."""
    is_ca = x509.BasicConstraints(ca=True, path_length=None)
    above = (certificate(is_ca, subject=f"ca-{n}.example", issuer=f"ca-{n + 1}.example") for n in range(1, length))
    return [certificate(SAN, issuer="ca-1.example"), *above]


SAN = x509.SubjectAlternativeName([x509.DNSName("hostile.example")])


def names(*values: str) -> x509.Certificate:
    return certificate(x509.SubjectAlternativeName([x509.DNSName(value) for value in values]))


def unread(oid: str, content: bytes) -> x509.UnrecognizedExtension:
    """An extension that OpenSSL serves, and hardly anybody reads."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), content)


def changed(old: bytes, new: bytes, made: x509.Certificate | None = None) -> bytes:
    """The DER of a certificate with a part of the same length replaced: its signature is broken with it."""
    der = (made or certificate(SAN)).public_bytes(Encoding.DER)
    assert der.count(old) >= 1
    assert len(old) == len(new)
    return der.replace(old, new, 1)


def context(folder: Path, chain: Sequence[x509.Certificate | bytes], holder: Key | None = None) -> ssl.SSLContext:
    """A server's context that presents the chain."""
    pem = (holder or key()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    ders = (one if isinstance(one, bytes) else one.public_bytes(Encoding.DER) for one in chain)
    file = folder / "hostile.pem"
    file.write_bytes(pem + b"".join(ssl.DER_cert_to_PEM_cert(der).encode() for der in ders))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers("DEFAULT:@SECLEVEL=0")
    made.load_cert_chain(file)
    return made


ODD = "\x1b[2J]]><script>alert(1)</script>\u202e"

CHAINS: dict[str, tuple[Callable[[], Sequence[x509.Certificate | bytes]], str]] = {
    "a certificate of 10,000 names": (
        lambda: [names(*(f"host-{n}.hostile.example" for n in range(10_000)))],
        "excessive|long|self-signed",
    ),
    "a certificate of 3,000 names": (lambda: [names(*(f"host-{n}.example" for n in range(3_000)))], "not for|none of"),
    "a name of 60 kB": (lambda: [names("a." * 30_000 + "example")], "self-signed|not for"),
    "names against regular expressions": (lambda: [names("*" * 200, "*." * 900, "a*" * 900 + ".example")], "not for"),
    "names that are no text": (
        lambda: [names("h\x00st.example", "x\n\r\x1b[2J.example")],
        "not for",
    ),
    "a subject with terminal commands": (lambda: [certificate(SAN, subject=ODD)], "self-signed|distrust"),
    "extensions that nobody knows": (
        lambda: [
            certificate(
                SAN,
                *(
                    x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.3.6.1.4.1.9999.{n}"), b"\xff" * 100)
                    for n in range(500)
                ),
            )
        ],
        "self-signed",
    ),
    "an extension of 80 kB": (
        lambda: [
            certificate(SAN, x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.9999.1"), b"z" * 80_000))
        ],
        "self-signed",
    ),
    "an extension that can't be read": (
        lambda: [certificate(SAN, unread("1.3.6.1.4.1.11129.2.4.2", b"\x30\x84\xff\xff"))],
        "extensions can't be read",
    ),
    "names that can't be read": (
        lambda: [certificate(unread("2.5.29.17", b"\x30\x04\xa3\x02\x05\x00"))],
        "extensions can't be read",
    ),
    "a chain of 100": (lambda: chain_of(100), "chain|issuer|authority|long"),
    "the same certificate 100 times": (lambda: [certificate(SAN)] * 100, "self-signed|more than once|repeat"),
    "a negative serial": (
        lambda: [changed(SERIAL.to_bytes(8), b"\xee" + SERIAL.to_bytes(8)[1:])],
        "self-signed|negative|serial",
    ),
    "an invalid date": (lambda: [changed(UTC_TIME, b"\x17\x0d261332256199Z")], "date|time|can't be read"),
    "a date of letters": (lambda: [changed(UTC_TIME, b"\x17\x0dabcdefghijklm")], "date|time|can't be read"),
    "a signature by nobody": (
        lambda: [changed(bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d04037f"))],
        "signature|algorithm|not sent and is not trusted",
    ),
}
"""What each presents, and what must be told of it."""
