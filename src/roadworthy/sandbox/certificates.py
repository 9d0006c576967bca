"""The sandbox's own certificate authorities: one that its overlay trusts, and one that nobody knows."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from roadworthy.sandbox.deployment import Issuer

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.sandbox.deployment import Certificate

    Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_CURVES: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}


def _key(kind: str) -> Key:
    """A private key, `ec-256` or `rsa-2048`."""
    family, _, bits = kind.partition("-")
    if family == "rsa":
        return rsa.generate_private_key(65537, int(bits))  # type: ignore[arg-type, unused-ignore]
    curve = min(size for size in _CURVES if size >= int(bits))
    return ec.generate_private_key(_CURVES[curve])


def _name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Roadworthy sandbox"),
            x509.NameAttribute(NameOID.COMMON_NAME, text[:64]),
        ]
    )


def _build(
    subject: str, key: Key, issuer: _Authority | None, starts: datetime, ends: datetime
) -> x509.CertificateBuilder:
    signing = issuer.key if issuer else key
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer.certificate.subject if issuer else _name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )


class _Authority:
    """A certificate authority; without an issuer, a root."""

    def __init__(self, name: str, issuer: _Authority | None = None, ends_in_days: int = 3650) -> None:
        now = datetime.now(UTC)
        self.key = _key("ec-256")
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        self.certificate = (
            _build(name, self.key, issuer, now - timedelta(days=400), now + timedelta(days=ends_in_days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0 if issuer else 1), critical=True)
            .add_extension(usage, critical=True)
            .sign((issuer or self).key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


class Authorities:
    """Issues what a deployment needs, each certificate once, into a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(exist_ok=True)
        root, stranger = _Authority("Root R1"), _Authority("Unknown Root")
        self.root_pem = root.pem
        self._issuing = {
            Issuer.KNOWN: _Authority("Issuing CA E1", root),
            Issuer.EXPIRED: _Authority("Issuing CA E0", root, ends_in_days=-3),
            Issuer.UNKNOWN: _Authority("Unknown Issuing CA", stranger),
        }
        self.issue = functools.cache(self._issue)

    def _issue(self, wanted: Certificate) -> tuple[Path, Path]:
        """The files of the chain and the key of a certificate."""
        authority = self._issuing[wanted.issuer]
        now = datetime.now(UTC)
        key = _key(wanted.key)
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=isinstance(key, rsa.RSAPrivateKey),
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        starts, ends = now + timedelta(days=wanted.starts_in_days), now + timedelta(days=wanted.ends_in_days)
        leaf = (
            _build(wanted.names[0], key, authority, starts, ends)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in wanted.names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(authority.key, hashes.SHA256())
        )
        stem = self.directory / f"{wanted.names[0]}-{leaf.serial_number:x}"[:120]
        chain, secret = stem.with_name(stem.name + ".pem"), stem.with_name(stem.name + ".key")
        chain.write_bytes(leaf.public_bytes(Encoding.PEM) + (authority.pem if wanted.sends_intermediate else b""))
        secret.touch(mode=0o600)
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return chain, secret
