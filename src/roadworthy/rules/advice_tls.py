"""What is best practice for TLS today and is not as it should be, where the target has not decided on it itself.

Each line is `what (source)`. Where certificates come from the target's own authority (`network.ca_file`), what holds
for the public web alone is left out: logs, the lifetimes of the CA/B Forum, post-quantum key exchange.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.tls import VERSIONS, classes_of, has_hybrid, long_name
from roadworthy.rules.tls_certificates import days_left, of_each, untidy_chain, weak_signatures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.facts.tls import Certificate, Handshake, TlsObservation, TlsScanObservation
    from roadworthy.target.blocks.tls import Tls

MOZILLA = "Mozilla Server Side TLS 6.0, April 2026"
NCSC = "NCSC-NL TLS guidelines 2025"
BROKEN = {
    "anonymous": "RFC 9325 section 4.1",
    "null": "RFC 9325 section 4.1",
    "export": "RFC 9325 section 4.1",
    "md5": "RFC 6151",
    "rc4": "RFC 7465",
    "des": "RFC 9325 section 4.1",
    "3des": "RFC 9325 section 4.1",
}
"""Kinds of suites that nobody should accept any more."""

RENEWAL_DAYS, RENEWAL_PART = 30, 3
"""A certificate is late when less is left than 30 days, and less than a third of its life."""

CEILINGS = (
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
    (datetime(2020, 9, 1, tzinfo=UTC), 398),
)
"""How many days a public certificate may live, by the day of its issue (CA/B Forum SC-081v3)."""

LEAST_RSA, LEAST_EC = 2048, 256


def of_handshake(seen: TlsObservation, promised: Tls, *, public: bool) -> list[str]:
    """Advice on certificates and the handshake.

    Raises:
        NotObserved: there was no handshake.
    """
    now = seen.observed_at
    return of_each(seen, lambda shaken: _certificate(shaken, promised, now, public=public))


def _certificate(shaken: Handshake, promised: Tls, now: datetime, *, public: bool) -> Iterator[str]:
    leaf = shaken.leaf
    if promised.min_days_left is None and (late := _late(leaf, now)):
        yield late
    if promised.max_lifetime_days is None and public and (ceiling := _ceiling(leaf)) is not None:
        days = leaf.lifetime / timedelta(days=1)
        if days > ceiling + 1:  # CA/B counts the last second of a day as a whole one
            yield f"the certificate lives for {days:.0f} days, {ceiling} at most (CA/B Forum SC-081v3)"
    if promised.min_key_bits is None and _is_short(leaf):
        yield f"the key is {leaf.key_type} of {leaf.key_bits} bits (NIST SP 800-57 part 1 rev. 5)"
    if promised.clean_chain is None:
        yield from (f"{fault} (RFC 8446 section 4.4.2)" for fault in untidy_chain(shaken.chain))
    if not promised.trusted:
        yield from (f"{fault} (RFC 9155, CA/B Baseline Requirements 7.1.3)" for fault in weak_signatures(shaken))
    if promised.scts is None and public and not leaf.scts:
        yield "the certificate holds no timestamp of a public log (Chrome and Apple CT policies)"
    if promised.stapling is None and public and leaf.has_ocsp and not leaf.must_staple and not shaken.stapled:
        yield "the certificate names an OCSP responder, and no response is stapled (RFC 6066 section 8)"


def _late(leaf: Certificate, now: datetime) -> str | None:
    floor = min(timedelta(days=RENEWAL_DAYS), leaf.lifetime / RENEWAL_PART)
    left = leaf.not_after - now
    if timedelta() <= left < floor:
        left_days = days_left(leaf, now)
        return f"the certificate ends in {left_days} days, not renewed with {floor.days} left (CA/B Forum SC-081v3)"
    return None


def _ceiling(leaf: Certificate) -> int | None:
    return next((days for begin, days in CEILINGS if leaf.not_before >= begin), None)


def _is_short(leaf: Certificate) -> bool:
    return leaf.key_bits < {"rsa": LEAST_RSA, "ec": LEAST_EC}.get(leaf.key_type, 0)


def of_scan(scan: TlsScanObservation, promised: Tls, *, public: bool) -> list[str]:
    """Advice on versions, suites, groups and the like.

    Raises:
        NotObserved: there was no TLS to scan.
    """
    if not scan.reachable or not scan.accepted:
        raise NotObserved(Reason.NO_ANSWER, scan.gave_up or "no protocol version is accepted")
    return [*_versions(scan, promised), *_suites(scan, promised), *_exchange(scan, promised, public=public)]


def _versions(scan: TlsScanObservation, promised: Tls) -> Iterator[str]:
    old = [version for version in VERSIONS[:4] if version in scan.accepted]
    if promised.versions is not None:
        old = [version for version in old if version in promised.versions]
    if old:
        whose = "accepted" if promised.versions is None else "promised, yet no longer safe"
        yield f"{', '.join(map(long_name, old))} {whose} (RFC 8996, RFC 7568)"
    if promised.versions is None and "1.3" not in scan.accepted and "1.3" not in scan.undetermined:
        yield f"TLS 1.3 is not accepted ({MOZILLA}; NIST SP 800-52r2)"


def _suites(scan: TlsScanObservation, promised: Tls) -> Iterator[str]:
    named = None if promised.suites is None and promised.ciphers is None else _promised_names(scan, promised)
    met = {
        kind
        for suites in scan.accepted.values()
        for suite in suites
        if named is None or {suite.iana.upper(), suite.openssl.upper()} & named
        for kind in classes_of(suite)
    } - {*(promised.forbids_suites or ())}
    whose = "accepted" if named is None else "promised, yet no longer safe"
    yield from (f"{kind} suites are {whose} ({source})" for kind, source in BROKEN.items() if kind in met)
    if named is None and "rsa-kx" in met:
        yield f"suites without forward secrecy are accepted ({MOZILLA}; {NCSC})"
    if named is None and "cbc" in met:
        yield f"CBC suites are accepted ({MOZILLA})"


def _promised_names(scan: TlsScanObservation, promised: Tls) -> set[str]:
    return {name.upper() for name in (*(promised.suites or ()), *(scan.ciphers or ()))}


def _lacks_hybrids(scan: TlsScanObservation) -> bool:
    told = "1.3" in scan.accepted and "groups" not in scan.undetermined
    return told and not has_hybrid(scan)


def _exchange(scan: TlsScanObservation, promised: Tls, *, public: bool) -> Iterator[str]:
    undecided = promised.post_quantum is None and promised.groups is None and promised.includes_groups is None
    if undecided and public and _lacks_hybrids(scan):
        yield f"no post-quantum key exchange such as X25519MLKEM768 ({MOZILLA})"
    if promised.extended_master_secret is None and scan.extended_master_secret is False:
        yield f"no extended master secret (RFC 7627; {NCSC})"
    if promised.early_data is None and scan.early_data:
        yield f"0-RTT data is accepted, which can be replayed (RFC 8446 section 8; {NCSC})"
    if scan.fallback_refused is False:
        yield "a client that falls back to an older version is let in (RFC 7507)"
    if promised.vulnerabilities is None:
        yield from (f"{name} found ({MOZILLA})" for name in scan.vulnerabilities)
