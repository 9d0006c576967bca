"""Judgements on TLS: whether a certificate is for a name, what kind a cipher suite is, what a scan leaves open."""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from roadworthy.facts.tls import Certificate, Suite, TlsScanObservation

VERSIONS = ("SSL2", "SSL3", "1.0", "1.1", "1.2", "1.3")
WEAKNESSES = (
    "Heartbleed",
    "OpenSSL CCS injection",
    "ROBOT",
    "TLS compression (CRIME)",
    "client-initiated renegotiation",
    "insecure renegotiation",
)
"""What a scan looks for; a test holds the scanner to these names."""

FEWEST_LABELS = 3
"""Of a wildcard name: `*.example` would be a certificate for a whole top-level domain."""


def covers(certificate: Certificate, host: str) -> bool:
    """Whether a certificate is for a host (RFC 9525 section 6): subject alternative names alone, never the common name.

    A wildcard stands for exactly one label and is the whole left-most label. An IP address is matched by an IP address.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return any(_matches(name, _labels(host)) for name in certificate.dns_names)
    return any(ipaddress.ip_address(ip) == address for ip in certificate.ip_addresses)


def _matches(pattern: str, labels: list[str]) -> bool:
    wanted = pattern.lower().split(".")
    if wanted[0] != "*":
        return wanted == labels
    return len(wanted) >= FEWEST_LABELS and len(wanted) == len(labels) and wanted[1:] == labels[1:] and bool(labels[0])


def _labels(host: str) -> list[str]:
    """A host's labels as they stand in certificates: lower case, A-labels (RFC 5891), no dot at the end."""
    host = host.lower().removesuffix(".")
    try:
        return host.encode("idna").decode().split(".")
    except UnicodeError:
        return host.split(".")


SUITE_CLASSES: Mapping[str, tuple[str, ...]] = {
    "anonymous": ("_anon_",),
    "null": ("_NULL_",),
    "export": ("_EXPORT_", "_EXPORT1024_", "_EXPORT40_"),
    "md5": ("_MD5_",),
    "rc4": ("_RC4_",),
    "des": ("_DES_CBC_", "_DES40_", "_DES_64_"),
    "3des": ("_3DES_", "_DES_192_EDE3_"),
    "cbc": ("_CBC_",),
    "rsa-kx": ("_TLS_RSA_", "_SSL_CK_"),
}
"""Kinds of cipher suites by parts of their IANA names; `SSL_CK_` is SSL 2.0, which knows RSA key exchange alone."""


def classes_of(suite: Suite) -> frozenset[str]:
    """The kinds that a suite belongs to."""
    name = f"_{suite.iana}_"
    kinds = {kind for kind, parts in SUITE_CLASSES.items() if any(part in name for part in parts)}
    return frozenset(kinds | {"anonymous"} if suite.anonymous else kinds)


def unpromised_versions(scan: TlsScanObservation, promised: Collection[str]) -> list[str]:
    """How the accepted protocol versions differ from exactly those that are promised."""
    extra = [long_name(v) for v in VERSIONS if v in scan.accepted and v not in promised]
    told = {*scan.accepted, *scan.undetermined}
    missing = [long_name(v) for v in VERSIONS if v in promised and v not in told]
    faults = []
    if extra:
        faults.append(f"accepts {', '.join(extra)}")
    if missing:
        faults.append(f"does not accept {', '.join(missing)}")
    return faults


def unpromised_suites(scan: TlsScanObservation, promised: Collection[str]) -> list[str]:
    """Accepted suites that are not among the promised, which may be named by OpenSSL's or IANA's names."""
    allowed = {name.upper() for name in promised}
    return _suites(scan, lambda suite: not {suite.iana.upper(), suite.openssl.upper()} & allowed)


def forbidden_suites(scan: TlsScanObservation, kinds: Iterable[str]) -> list[str]:
    """Accepted suites of forbidden kinds, each kind told apart."""
    return [f"{kind}: {fault}" for kind in kinds for fault in _suites(scan, partial(_is_of, kind))]


def _is_of(kind: str, suite: Suite) -> bool:
    return kind in classes_of(suite)


def _suites(scan: TlsScanObservation, is_wrong: Callable[[Suite], bool]) -> list[str]:
    wrong = {version: [s.openssl for s in scan.accepted.get(version, ()) if is_wrong(s)] for version in VERSIONS}
    return [f"{long_name(version)} accepts {', '.join(suites)}" for version, suites in wrong.items() if suites]


def settled(scan: TlsScanObservation, faults: list[str], about: Collection[str]) -> list[str]:
    """The faults that were seen, with what broke the scanner; a server that it could not understand is seen broken.

    Raises:
        NotObserved: there was no TLS to scan, or no fault was seen and not all could be told.
    """
    if not scan.reachable:
        raise NotObserved(Reason.NO_ANSWER, scan.gave_up or "no TLS session")
    if scan.gave_up:
        return [f"the scanner gave up: {scan.gave_up}", *faults]
    if not scan.accepted and not scan.undetermined:
        return ["accepts no protocol version at all", *faults]
    doubtful = [what for what in scan.undetermined if what in about]
    if doubtful and not faults:
        raise NotObserved(Reason.NO_ANSWER, f"asked twice, no sure answer on {', '.join(map(long_name, doubtful))}")
    return faults


def long_name(version: str) -> str:
    """`1.2` as people say it: TLS 1.2; what is no version stays as it is."""
    if version in ("SSL2", "SSL3"):
        return f"SSL {version[-1]}.0"
    return f"TLS {version}" if version in VERSIONS else version
