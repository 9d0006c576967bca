"""A healthy TLS edge as the suite sees it; a test changes one thing of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from roadworthy.cases.tls import TlsCase, TlsScanCase
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
)

GCM = Suite(iana="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", openssl="ECDHE-RSA-AES128-GCM-SHA256")
CBC = Suite(iana="TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", openssl="ECDHE-RSA-AES128-SHA")
ANONYMOUS = Suite(iana="TLS_DH_anon_WITH_AES_128_GCM_SHA256", openssl="ADH-AES128-GCM-SHA256", anonymous=True)
TLS_1_3 = Suite(iana="TLS_AES_128_GCM_SHA256", openssl="TLS_AES_128_GCM_SHA256")


def shaken(leaf: Certificate = HEALTHY, *, observed_at: datetime = NOW, **changes: Any) -> TlsObservation:
    """A completed handshake."""
    given: dict[str, Any] = {
        "version": "1.3",
        "suite": "TLS_AES_128_GCM_SHA256",
        "alpn": "h2",
        "chain": (leaf,),
        "distrust": (),
        "authorities_end": NOW + timedelta(days=400),
        "resumed": True,
    }
    return TlsObservation(observed_at=observed_at, result=Handshake(**given | changes))


def certificate(**changes: Any) -> Certificate:
    return HEALTHY.model_copy(update=changes)


def refused(kind: NoHandshakeKind = NoHandshakeKind.REFUSED) -> TlsObservation:
    return TlsObservation(observed_at=NOW, result=NoHandshake(failure=kind, detail="at 192.0.2.7:443"))


def scanned(**changes: Any) -> TlsScanObservation:
    """A finished scan of an edge with TLS 1.2 and 1.3."""
    given: dict[str, Any] = {"accepted": {"1.2": (GCM,), "1.3": (TLS_1_3,)}}
    return TlsScanObservation(observed_at=NOW.astimezone(UTC), **given | changes)


def tls(seen: TlsObservation, url: str = "https://api.shop.example", **promised: Any) -> TlsCase:
    return case_of(TlsCase, seen, target(url, tls=promised or {"trusted": True}))


def scan(seen: TlsScanObservation, **promised: Any) -> TlsScanCase:
    return case_of(TlsScanCase, seen, target(tls=promised))
