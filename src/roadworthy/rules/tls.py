"""Judgements on TLS: whether a certificate is for a name, what kind a cipher suite is, what a scan leaves open."""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.suites import HYBRID_NAMES, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from roadworthy.facts.suites import Listed
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

GROUP_DOUBTS = ("groups", "1.2", "1.3")
"""What leaves the groups open."""

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
    if host.isascii():
        return host.split(".")
    import idna  # noqa: PLC0415 - few names need it

    try:
        return idna.encode(host, uts46=True).decode().split(".")
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
    """Accepted suites that are not among the promised, which may be named by OpenSSL's or IANA's names.

    TLS 1.3 has suites of its own, which a server sets apart from the others: a list that names none leaves them open.
    """
    allowed = {name.upper() for name in promised}
    newest = {name.upper() for one in listed() if one.since == "1.3" for name in (one.suite.iana, one.suite.openssl)}
    versions = VERSIONS if allowed & newest else VERSIONS[:-1]
    return _suites(scan, lambda suite: not _names(suite) & allowed, versions)


def unexpanded_suites(scan: TlsScanObservation, ciphers: str) -> list[str]:
    """Accepted suites up to TLS 1.2 that are not among those of an OpenSSL cipher string.

    Raises:
        NotObserved: the OpenSSL that looked could not read it.
    """
    if scan.reachable and not scan.ciphers:
        raise NotObserved(Reason.BROKEN, f"OpenSSL can't read the cipher string {ciphers!r}, or it stands for nothing")
    allowed = {name.upper() for name in scan.ciphers or ()}
    return _suites(scan, lambda suite: not _names(suite) & allowed, VERSIONS[:-1])


def missing_suites(scan: TlsScanObservation, promised: Collection[str]) -> list[str]:
    """Promised suites that are not accepted, although the accepted versions and the server's keys allow them.

    Raises:
        NotObserved: a promised name is none of a cipher suite, or it is not known what keys the server has.
    """
    known = {name: one for one in listed() for name in _names(one.suite)}
    if strangers := [name for name in promised if name.upper() not in known]:
        raise NotObserved(Reason.NOT_APPLICABLE, f"no cipher suite is called {', '.join(strangers)}")
    accepted = {name for suites in scan.accepted.values() for suite in suites for name in _names(suite)}
    if not set(VERSIONS).isdisjoint(scan.undetermined):
        return []  # it may not have been asked
    lacking = [name for name in promised if name.upper() not in accepted]
    possible = {name: _keys_for(scan, known[name.upper()]) for name in lacking}
    if scan.accepted and not scan.key_types and any(possible.values()):
        raise NotObserved(Reason.NO_ANSWER, "it is not known what kinds of keys the server has")
    missing = [name for name, keys in possible.items() if keys is not None and keys <= set(scan.key_types)]
    return [f"does not accept {', '.join(missing)}"] if missing else []


def _keys_for(scan: TlsScanObservation, one: Listed) -> frozenset[str] | None:
    """The kinds of keys that a suite takes; None where the accepted versions, or certificates, don't allow it."""
    name = f"_{one.suite.iana}_"
    older = any(version in scan.accepted for version in VERSIONS[1:-1])
    if not (one.since in scan.accepted if one.since in ("1.2", "1.3") else older):
        return None
    if one.since == "1.3" or "_anon_" in name:
        return frozenset()
    if any(kind in name for kind in ("_PSK_", "_DSS_", "_DH_RSA_", "_KRB5_", "_SRP_", "_GOSTR")):
        return None
    return frozenset({"ec" if "_ECDSA_" in name else "rsa"})


def _names(suite: Suite) -> frozenset[str]:
    return frozenset({suite.iana.upper(), suite.openssl.upper()})


def unpromised_groups(scan: TlsScanObservation, promised: Collection[str]) -> list[str]:
    """Accepted key exchange groups that are not among the promised.

    Raises:
        NotObserved: there is TLS, and no key exchange by groups.
    """
    extra = [group for group in scan.groups if group not in promised]
    if scan.accepted and not scan.groups and _told_groups(scan):
        raise NotObserved(Reason.NOT_APPLICABLE, "no key exchange by groups is accepted")
    return [f"accepts {', '.join(extra)}"] if extra else []


def missing_groups(scan: TlsScanObservation, promised: Collection[str]) -> list[str]:
    """Promised key exchange groups that are not accepted."""
    missing = [group for group in promised if group not in scan.groups and _told_groups(scan)]
    return [f"does not accept {', '.join(missing)}"] if missing else []


def missing_hybrid(scan: TlsScanObservation) -> list[str]:
    """That no post-quantum key exchange is accepted."""
    return [] if has_hybrid(scan) or not _told_groups(scan) else ["accepts no hybrid with ML-KEM"]


def _told_groups(scan: TlsScanObservation) -> bool:
    """Whether all groups were asked for: those of a version that could not be told were not."""
    return set(GROUP_DOUBTS).isdisjoint(scan.undetermined)


def unbound_sessions(scan: TlsScanObservation) -> list[str]:
    """That a version up to TLS 1.2 is on, and its sessions are not bound to their handshake."""
    if scan.extended_master_secret is False or (scan.extended_master_secret is None and "SSL2" in scan.accepted):
        return ["no extended master secret up to TLS 1.2"]
    return []


def has_hybrid(scan: TlsScanObservation) -> bool:
    """Whether post-quantum key exchange is accepted."""
    return bool(HYBRID_NAMES & set(scan.groups))


def forbidden_suites(scan: TlsScanObservation, kinds: Iterable[str]) -> list[str]:
    """Accepted suites of forbidden kinds, each kind told apart."""
    return [f"{kind}: {fault}" for kind in kinds for fault in _suites(scan, partial(_is_of, kind))]


def _is_of(kind: str, suite: Suite) -> bool:
    return kind in classes_of(suite)


def _suites(
    scan: TlsScanObservation, is_wrong: Callable[[Suite], bool], versions: Collection[str] = VERSIONS
) -> list[str]:
    wrong = {version: [s.openssl for s in scan.accepted.get(version, ()) if is_wrong(s)] for version in versions}
    return [f"{long_name(version)} accepts {', '.join(suites)}" for version, suites in wrong.items() if suites]


def settled(scan: TlsScanObservation, faults: list[str], about: Collection[str]) -> list[str]:
    """The faults that were seen, with what broke the scanner; a server that can't be understood is seen broken.

    Raises:
        NotObserved: there was no TLS to scan, or no fault was seen and not all could be told.
    """
    if not scan.reachable:
        raise NotObserved(Reason.NO_ANSWER, scan.gave_up or "no TLS session")
    if scan.gave_up and (not scan.accepted or not set(about).isdisjoint(WEAKNESSES)):
        return [f"the scanner gave up: {scan.gave_up}", *faults]
    if scan.garbled and not set(about).isdisjoint(VERSIONS):
        return [f"answers what no client understands ({'; '.join(scan.garbled)})", *faults]
    versions = [what for what in scan.undetermined if what in VERSIONS]
    if not scan.accepted and not versions:
        return ["accepts no protocol version at all", *faults]
    doubtful = [what for what in scan.undetermined if what in about] or (versions if not scan.accepted else [])
    if doubtful and not faults:
        raise NotObserved(Reason.NO_ANSWER, f"asked twice, no sure answer on {', '.join(map(long_name, doubtful))}")
    return faults


def long_name(version: str) -> str:
    """`1.2` as people say it: TLS 1.2; what is no version stays as it is."""
    if version in ("SSL2", "SSL3"):
        return f"SSL {version[-1]}.0"
    return f"TLS {version}" if version in VERSIONS else version
