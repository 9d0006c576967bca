"""What is on a machine that keeps its promises of `keys`: real keys, in the formats that openssl writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from roadworthy.sandbox.machines.env import bits_of
from roadworthy.sandbox.machines.machine import File, Machine

if TYPE_CHECKING:
    from roadworthy.target.blocks.keys import Keys, Kind, PrivateKey
    from roadworthy.target.models import Component, Target

    Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

RSA_BITS = 2048
CURVES: dict[int, type[ec.EllipticCurve]] = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}
VALID_FOR = timedelta(days=90)


def furnish(promised: Keys, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    files = tuple(file for name, one in (promised.pairs or {}).items() for file in _files(name, one))
    return Machine(files=files, keeper=next((file.owner for file in files if file.owner != "root"), "root"))


def _files(name: str, one: PrivateKey) -> list[File]:
    key = private(name, one.kind or "rsa", one.min_bits)
    owner = (one.owner or ("root",))[0]
    text = as_text(key, encrypted=one.passphrase == "needed")  # noqa: S105 - no password
    files = [File(one.path, text, mode=bits_of(one.mode, 0o600), owner=owner, group=owner)]
    if one.public is not None:
        files.append(File(one.public, public(key), mode=bits_of(one.public_mode, 0o644), owner=owner, group=owner))
    if one.certificate is not None:
        files.append(File(one.certificate, certificate(name, key), owner=owner, group=owner))
    return files


@cache
def private(name: str, kind: Kind, min_bits: int | None) -> Private:
    """A key, the same again for the same name."""
    del name
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "ec":
        return ec.generate_private_key(next(curve for bits, curve in CURVES.items() if bits >= (min_bits or 0))())
    return rsa.generate_private_key(65537, max(min_bits or 0, RSA_BITS))


def as_text(key: Private, *, encrypted: bool = False) -> str:
    """A private key in PEM."""
    cipher = serialization.BestAvailableEncryption(b"of the sandbox") if encrypted else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher).decode()


def public(key: Private) -> str:
    """What is public of it, in PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@cache
def certificate(name: str, key: Private) -> str:
    """A certificate for it, signed by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID_FOR)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()
