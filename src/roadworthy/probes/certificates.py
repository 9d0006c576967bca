"""What a certificate says of itself, read from what OpenSSL received. A broken one is told, not a crash."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from roadworthy.facts.tls import Certificate

if TYPE_CHECKING:
    from typing import Literal

    from OpenSSL.crypto import X509

    KeyType = Literal["rsa", "ec", "ed25519", "ed448", "other"]


def read_certificate(received: X509) -> tuple[Certificate, tuple[str, ...]]:
    """The certificate, and what of it can't be read.

    Raises:
        ValueError: hardly anything of it can be read (RFC 5280's ASN.1 is broken).
    """
    with warnings.catch_warnings(action="ignore"):  # odd serials and names are warned of, then read all the same
        certificate = _open(received)
        extensions, unread = _extensions(certificate)
        issuer = certificate.issuer
        names = next((e for e in extensions if isinstance(e, x509.SubjectAlternativeName)), None)
        is_ca = any(isinstance(e, x509.BasicConstraints) and e.ca for e in extensions)
        key_type, key_bits = _key(certificate)
        return Certificate(
            subject=certificate.subject.rfc4514_string(),
            issuer=issuer.rfc4514_string(),
            issued_by=tuple(
                str(one.value) for one in issuer if one.oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
            ),
            dns_names=tuple(names.get_values_for_type(x509.DNSName)) if names else (),
            ip_addresses=tuple(str(ip) for ip in names.get_values_for_type(x509.IPAddress)) if names else (),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            serial=f"{certificate.serial_number:x}",
            sha256=certificate.fingerprint(hashes.SHA256()).hex(),
            key_type=key_type,
            key_bits=key_bits,
            signature_hash=_signature_hash(certificate),
            is_ca=is_ca,
            scts=sum(len(e) for e in extensions if isinstance(e, x509.PrecertificateSignedCertificateTimestamps)),
            must_staple=any(
                isinstance(e, x509.TLSFeature) and x509.TLSFeatureType.status_request in e for e in extensions
            ),
            has_ocsp=any(
                description.access_method == AuthorityInformationAccessOID.OCSP
                for e in extensions
                if isinstance(e, x509.AuthorityInformationAccess)
                for description in e
            ),
        ), unread


def name_of(received: X509) -> tuple[str, str]:
    """Subject and issuer, for a message; question marks where they can't be read."""
    with warnings.catch_warnings(action="ignore"):
        try:
            certificate = _open(received)
            return certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
        except ValueError:
            return "?", "?"


def _open(received: X509) -> x509.Certificate:
    try:
        return received.to_cryptography()
    except x509.InvalidVersion as error:  # the one complaint about a certificate's form that is no ValueError
        raise ValueError(str(error)) from error


def _extensions(certificate: x509.Certificate) -> tuple[list[x509.ExtensionType], tuple[str, ...]]:
    try:
        return [extension.value for extension in certificate.extensions], ()
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        return [], (f"the certificate's extensions can't be read: {error}",)


def _key(certificate: x509.Certificate) -> tuple[KeyType, int]:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "other", 0
    match key:
        case rsa.RSAPublicKey():
            return "rsa", key.key_size
        case ec.EllipticCurvePublicKey():
            return "ec", key.key_size
        case ed25519.Ed25519PublicKey():
            return "ed25519", 256
        case ed448.Ed448PublicKey():
            return "ed448", 456
        case _:
            return "other", getattr(key, "key_size", 0)


def _signature_hash(certificate: x509.Certificate) -> str | None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return certificate.signature_algorithm_oid.dotted_string
    return algorithm.name if algorithm else None
