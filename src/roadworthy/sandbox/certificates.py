"""The sandbox's own certificate authorities: one that its overlay trusts, and one that nobody knows."""

from __future__ import annotations

import functools
import os
import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from OpenSSL import crypto

from roadworthy.sandbox.deployment import Certificate, Issuer

if TYPE_CHECKING:
    from pathlib import Path

    Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_CURVES: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}


def _key(kind: str) -> Key:
    """A private key, `ec-256` or `rsa-2048`."""
    family, _, bits = kind.partition("-")
    if family == "rsa":
        return rsa.generate_private_key(65537, int(bits))  # type: ignore[arg-type, unused-ignore]
    curve = min(size for size in _CURVES if size >= int(bits))
    return ec.generate_private_key(_CURVES[curve])


def _name(text: str, organization: str = Certificate.issuer_name) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, text[:64]),
        ]
    )


def _build(
    subject: x509.Name, key: Key, issuer: _Authority | None, starts: datetime, ends: datetime
) -> x509.CertificateBuilder:
    signing = issuer.key if issuer else key
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )


class _Authority:
    """A certificate authority; without an issuer, a root."""

    def __init__(self, name: x509.Name, issuer: _Authority | None = None, ends_in_days: int = 3650) -> None:
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
        self._root, self._stranger = _Authority(_name("Root R1")), _Authority(_name("Unknown Root"))
        self.root_pem = self._root.pem
        self.issue = functools.cache(self._issue)
        self._issuing = functools.cache(self._authority)

    def _authority(self, issuer: Issuer, organization: str) -> _Authority:
        if issuer is Issuer.UNKNOWN:
            return _Authority(_name("Unknown Issuing CA", organization), self._stranger)
        if issuer is Issuer.EXPIRED:
            return _Authority(_name("Issuing CA E0", organization), self._root, ends_in_days=-3)
        return _Authority(_name("Issuing CA E1", organization), self._root)

    def _issue(self, wanted: Certificate) -> tuple[Path, Path]:
        """The files of the chain and the key of a certificate."""
        authority = self._issuing(wanted.issuer, wanted.issuer_name)
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
        builder = (
            _build(_name(wanted.names[0]), key, authority, starts, ends)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in wanted.names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        )
        if wanted.must_staple:
            builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
        if wanted.scts:
            builder = builder.add_extension(_timestamps(wanted.scts, now), critical=False)
        leaf = builder.sign(authority.key, hashes.SHA256())
        if wanted.signature != "sha256":
            leaf = _signed_anew(leaf, authority.key, wanted.signature)
        stem = self.directory / f"{wanted.names[0]}-{leaf.serial_number:x}"[:120]
        chain, secret = stem.with_name(stem.name + ".pem"), stem.with_name(stem.name + ".key")
        above = {"intermediate": authority.pem, "root": self._root.pem, "stranger": self._stranger.pem}
        chain.write_bytes(leaf.public_bytes(Encoding.PEM) + b"".join(above[one] for one in wanted.sends))
        chain.with_suffix(".ocsp").write_bytes(_status(leaf, authority, now))
        secret.touch(mode=0o600)
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return chain, secret


def _signed_anew(certificate: x509.Certificate, key: Key, digest: str) -> x509.Certificate:
    """The same with a signature that `cryptography` would no longer make."""
    opened = crypto.X509.from_cryptography(certificate)
    opened.sign(crypto.PKey.from_cryptography_key(key), digest)
    return opened.to_cryptography()


def _timestamps(count: int, now: datetime) -> x509.UnrecognizedExtension:
    """Timestamps of logs that there are not (RFC 6962 section 3.3): their form is right, their signatures are noise."""
    stamps = b""
    for _ in range(count):
        milliseconds = int(now.timestamp() * 1000)
        stamp = b"\0" + os.urandom(32) + struct.pack(">QH", milliseconds, 0) + b"\4\3" + _vector(os.urandom(70))
        stamps += _vector(stamp)
    held = _vector(stamps)
    length = len(held).to_bytes((len(held).bit_length() + 7) // 8, "big")
    prefix = bytes([0x80 | len(length)]) if len(held) > 127 else b""  # noqa: PLR2004 - DER's short form
    octets = b"\4" + prefix + length + held
    return x509.UnrecognizedExtension(ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS, octets)


def _vector(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def _status(leaf: x509.Certificate, authority: _Authority, now: datetime) -> bytes:
    """An OCSP response that says that all is well."""
    answer = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf,
        issuer=authority.certificate,
        algorithm=hashes.SHA1(),  # noqa: S303 - how OCSP names a certificate
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=now - timedelta(hours=1),
        next_update=now + timedelta(days=7),
        revocation_time=None,
        revocation_reason=None,
    )
    signed = answer.responder_id(ocsp.OCSPResponderEncoding.HASH, authority.certificate)
    return signed.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)
