"""A healthy TLS edge as the suite sees it; a test changes one thing of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from roadworthy.cases.tls import TlsAdviceCase, TlsCase, TlsScanCase
from roadworthy.facts.tls import (
    Certificate,
    Handshake,
    NoHandshake,
    NoHandshakeKind,
    Suite,
    TlsObservation,
    TlsScanObservation,
)
from tests.suites.healthy import NOW, case_of, target

HEALTHY = Certificate(
    subject="CN=api.shop.example",
    issuer="CN=E7,O=Let's Encrypt,C=US",
    dns_names=("api.shop.example", "*.shop.example"),
    not_before=NOW - timedelta(days=30),
    not_after=NOW + timedelta(days=60),
    serial="5fa1",
    sha256="0" * 64,
    key_type="ec",
    key_bits=256,
    signature_hash="sha384",
    issued_by=("US", "Let's Encrypt", "E7"),
    scts=2,
)
INTERMEDIATE = HEALTHY.model_copy(
    update={
        "subject": "CN=E7,O=Let's Encrypt,C=US",
        "issuer": "CN=ISRG Root X1,O=Internet Security Research Group,C=US",
        "dns_names": (),
        "sha256": "1" * 64,
        "is_ca": True,
        "scts": 0,
    }
)
ROOT = INTERMEDIATE.model_copy(update={"subject": INTERMEDIATE.issuer, "sha256": "2" * 64, "signature_hash": "sha1"})
STRANGER = INTERMEDIATE.model_copy(update={"subject": "CN=Other CA", "issuer": "CN=Other Root", "sha256": "3" * 64})
RSA = HEALTHY.model_copy(update={"key_type": "rsa", "key_bits": 2048, "sha256": "4" * 64})

GCM = Suite(iana="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", openssl="ECDHE-RSA-AES128-GCM-SHA256")
CBC = Suite(iana="TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", openssl="ECDHE-RSA-AES128-SHA")
ANONYMOUS = Suite(iana="TLS_DH_anon_WITH_AES_128_GCM_SHA256", openssl="ADH-AES128-GCM-SHA256", anonymous=True)
TLS_1_3 = Suite(iana="TLS_AES_128_GCM_SHA256", openssl="TLS_AES_128_GCM_SHA256")


def shaken(
    leaf: Certificate = HEALTHY, *, observed_at: datetime = NOW, other: Certificate | None = None, **changes: Any
) -> TlsObservation:
    """A completed handshake, and one more with another certificate where that is given."""
    second = None if other is None else handshake(other)
    return TlsObservation(observed_at=observed_at, result=handshake(leaf, **changes), other=second)


def handshake(leaf: Certificate = HEALTHY, **changes: Any) -> Handshake:
    given: dict[str, Any] = {
        "version": "1.3",
        "suite": "TLS_AES_128_GCM_SHA256",
        "alpn": "h2",
        "chain": (leaf,),
        "distrust": (),
        "authorities_end": NOW + timedelta(days=400),
        "resumed": True,
    }
    return Handshake(**given | changes)


def certificate(**changes: Any) -> Certificate:
    return HEALTHY.model_copy(update=changes)


def refused(kind: NoHandshakeKind = NoHandshakeKind.REFUSED) -> TlsObservation:
    return TlsObservation(observed_at=NOW, result=NoHandshake(failure=kind, detail="at 192.0.2.7:443"))


def scanned(**changes: Any) -> TlsScanObservation:
    """A finished scan of an edge with TLS 1.2 and 1.3."""
    given: dict[str, Any] = {
        "accepted": {"1.2": (GCM,), "1.3": (TLS_1_3,)},
        "groups": ("X25519MLKEM768", "X25519"),
        "extended_master_secret": True,
        "preference": "client",
        "early_data": False,
        "key_types": ("rsa",),
    }
    return TlsScanObservation(observed_at=NOW.astimezone(UTC), **given | changes)


def tls(seen: TlsObservation, url: str = "https://api.shop.example", **promised: Any) -> TlsCase:
    return case_of(TlsCase, seen, target(url, tls=promised or {"trusted": True}))


def scan(seen: TlsScanObservation, **promised: Any) -> TlsScanCase:
    return case_of(TlsScanCase, seen, target(tls=promised))


def advised(seen: TlsObservation | TlsScanObservation, ca_file: str | None = None, **promised: Any) -> TlsAdviceCase:
    """Advice on a handshake or a scan; with a CA file of the target's own, nothing of it is public."""
    aimed = target(tls=promised or {"trusted": True})
    network = aimed.network.model_copy(update={"ca_file": ca_file})
    return case_of(TlsAdviceCase, seen, aimed.model_copy(update={"network": network}))
