"""Faults of the TLS edge. Each is in one name only, at all its addresses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import Certificate, Deployment, Front, Issuer, Terminator, Tls
from roadworthy.sandbox.faults.fault import fault, fronted, promising

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.target.blocks.tls import Tls as Promised

_ANONYMOUS = "AECDH-AES128-SHA"
FORBIDDEN = {
    "anonymous": _ANONYMOUS,
    "null": "ECDHE-{kind}-NULL-SHA",
    "cbc": "ECDHE-{kind}-AES128-SHA256",
    "rsa-kx": "AES128-GCM-SHA256",
}
"""A suite of each class that today's OpenSSL still has; MD5, RC4, export and (3)DES suites are no longer built."""

SHORT_LIFE_DAYS = 89

CLASSICAL = ("X25519", "P-256", "P-384", "P-521", "X448")


def _tls(deployment: Deployment, component: str) -> Tls:
    front = deployment.front_of(component)
    assert front is not None  # noqa: S101 - `where` chose it
    assert front.tls is not None  # noqa: S101 - see above
    return front.tls


def _edge(where: Where) -> Where:
    """Of some components, those whose TLS nginx ends, as long as it does."""

    def chosen(deployment: Deployment) -> Iterable[str]:
        for name in where(deployment):
            front = deployment.front_of(name)
            if front is not None and front.tls is not None and front.tls.terminator is Terminator.NGINX:
                yield name

    return fronted(chosen)


def _promised(deployment: Deployment, component: str) -> Promised:
    promised = deployment.component(component).tls
    assert promised is not None  # noqa: S101 - `where` chose it
    return promised


def _with_tls(deployment: Deployment, component: str, **changes: Any) -> Deployment:
    def changed(front: Front) -> Front:
        assert front.tls is not None  # noqa: S101 - `where` chose it
        return replace(front, tls=replace(front.tls, **changes))

    return deployment.with_front(component, changed)


def _certificate(change: Callable[[Certificate, Promised], Certificate]) -> Change:
    def apply(deployment: Deployment, component: str) -> Deployment:
        certificate = change(_tls(deployment, component).certificate, _promised(deployment, component))
        return _with_tls(deployment, component, certificate=certificate)

    return apply


def _ending(days: int) -> Callable[[Certificate], Certificate]:
    return lambda old: replace(old, starts_in_days=days - SHORT_LIFE_DAYS, ends_in_days=days)


def _weak_key(old: Certificate, promised: Promised) -> Certificate:
    """The longest usual key that is still too short: not every client would look at a very short one."""
    least = promised.min_key_bits or {}
    usual = ("ec-384", "ec-256", "rsa-3072", "rsa-2048", "rsa-1024")
    least_bits = {"ec": least.get("ec", 10**9), "rsa": least.get("rsa", 10**9)}  # a kind that is not named is refused
    short = [key for key in usual if int(key.partition("-")[2]) < least_bits[key.partition("-")[0]]]
    same_kind = [key for key in short if key.partition("-")[0] == old.key.partition("-")[0]]
    return replace(old, key=(same_kind or short)[0])


def _long_lived(old: Certificate, promised: Promised) -> Certificate:
    assert promised.max_lifetime_days is not None  # noqa: S101 - `where` chose it
    return replace(old, ends_in_days=promised.max_lifetime_days + 30)


def _has_floor(deployment: Deployment) -> Iterable[str]:
    """Components that promise days enough for a certificate to be close to its end and still good."""
    for name in promising("tls.min_days_left")(deployment):
        if (_promised(deployment, name).min_days_left or 0) > 1:
            yield name


def _limits_versions(deployment: Deployment) -> Iterable[str]:
    """Components that promise no TLS 1.0; those whose suites are not limited first: TLS 1.0 has suites of its own."""
    names = [n for n in promising("tls.versions")(deployment) if "1.0" not in (_promised(deployment, n).versions or ())]
    return sorted(names, key=lambda name: _promised(deployment, name).suites is not None)


def _tls_1_0_on(deployment: Deployment, component: str) -> Deployment:
    tls = _tls(deployment, component)
    kind = _kind(tls)
    versions = ("1.0", *(version for version in tls.versions if version != "1.0"))
    return _with_tls(deployment, component, versions=versions, suites=(*tls.suites, f"ECDHE-{kind}-AES128-SHA"))


def _kind(tls: Tls) -> str:
    return "ECDSA" if tls.certificate.key.startswith("ec") else "RSA"


def _has_both_versions(deployment: Deployment) -> Iterable[str]:
    return (
        n
        for n in promising("tls.versions")(deployment)
        if {"1.2", "1.3"} <= set(_promised(deployment, n).versions or ())
    )


def _speaks_1_2(where: Where) -> Where:
    return lambda deployment: (name for name in where(deployment) if "1.2" in _tls(deployment, name).versions)


def _weak_suites(deployment: Deployment, component: str) -> Deployment:
    """A sound suite that the policy does not list: of no forbidden class, and of the certificate's kind."""
    tls = _tls(deployment, component)
    return _with_tls(deployment, component, suites=(*tls.suites, f"ECDHE-{_kind(tls)}-ARIA128-GCM-SHA256"))


def _forbidden_of(deployment: Deployment, component: str) -> str | None:
    known = (FORBIDDEN.get(kind) for kind in _promised(deployment, component).forbids_suites or ())
    return next((suite for suite in known if suite), None)


def _forbids_suites(deployment: Deployment) -> Iterable[str]:
    names = [n for n in promising("tls.forbids_suites")(deployment) if _forbidden_of(deployment, n)]
    return sorted(names, key=lambda name: _promised(deployment, name).suites is not None)


def _forbidden_suites(deployment: Deployment, component: str) -> Deployment:
    tls = _tls(deployment, component)
    suite = (_forbidden_of(deployment, component) or _ANONYMOUS).format(kind=_kind(tls))
    certificate = replace(tls.certificate, key="rsa-2048") if suite.startswith("AES") else tls.certificate
    kept = (
        word for words in tls.suites for word in words.split(":") if not word.startswith("!")
    )  # what is struck stays so
    return _with_tls(deployment, component, suites=(*kept, suite), certificate=certificate)


def _same_kind(deployment: Deployment, component: str) -> tuple[str, ...]:
    """The promised suites that the edge's kind of key allows."""
    other = "RSA" if _kind(_tls(deployment, component)) == "ECDSA" else "ECDSA"
    return tuple(suite for suite in _tls(deployment, component).suites if f"-{other}-" not in suite)


def _could_lose_a_suite(deployment: Deployment) -> Iterable[str]:
    """Components that promise all their suites, and keep TLS 1.2 without one of them."""
    return (n for n in _edge(promising("tls.suites_exact"))(deployment) if len(_same_kind(deployment, n)) > 1)


def _suite_lost(deployment: Deployment, component: str) -> Deployment:
    lost = _same_kind(deployment, component)[0]
    suites = tuple(suite for suite in _tls(deployment, component).suites if suite != lost)
    return _with_tls(deployment, component, suites=suites)


def _by_cipher_string(deployment: Deployment) -> Iterable[str]:
    """Components that promise a cipher string, and no kinds of suites that would tell the same."""
    return (n for n in promising("tls.ciphers")(deployment) if not _promised(deployment, n).forbids_suites)


def _loose_ciphers(deployment: Deployment, component: str) -> Deployment:
    null = FORBIDDEN["null"].format(kind=_kind(_tls(deployment, component)))
    return _with_tls(deployment, component, suites=("HIGH", null))


def _with_groups(change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Change:
    return lambda deployment, component: _with_tls(
        deployment, component, groups=change(_tls(deployment, component).groups)
    )


def _one_more(groups: tuple[str, ...]) -> tuple[str, ...]:
    return (*groups, next(group for group in CLASSICAL if group not in groups))


def _one_less(groups: tuple[str, ...]) -> tuple[str, ...]:
    return groups[1:] or (next(group for group in CLASSICAL if group not in groups),)


def _is_post_quantum(deployment: Deployment) -> Iterable[str]:
    for name in fronted(promising("tls.post_quantum"))(deployment):
        if _tls(deployment, name).terminator is Terminator.MODERN:
            yield name


def _other_order(deployment: Deployment, component: str) -> Deployment:
    return _with_tls(deployment, component, server_order=not _tls(deployment, component).server_order)


def _unstapled(deployment: Deployment) -> Iterable[str]:
    """Components that are trusted and promise no staple: a certificate that demands one is served all the same."""
    return (n for n in _edge(promising("tls.trusted"))(deployment) if not _tls(deployment, n).staples)


def _has_room_for_another_kind(deployment: Deployment) -> Iterable[str]:
    """Components whose edge could have a certificate with another kind of key beside its own."""
    for name in _edge(promising("tls.trusted"))(deployment):
        tls, least = _tls(deployment, name), _promised(deployment, name).min_key_bits
        other = "rsa" if tls.certificate.key.startswith("ec") else "ec"
        if (least is None or other in least) and ("1.3" in tls.versions or any(other.upper() in s for s in tls.suites)):
            yield name


def _second_ended(deployment: Deployment, component: str) -> Deployment:
    certificate = _tls(deployment, component).certificate
    least = {str(kind): bits for kind, bits in (_promised(deployment, component).min_key_bits or {}).items()}
    key = f"rsa-{least.get('rsa', 2048)}" if certificate.key.startswith("ec") else f"ec-{least.get('ec', 256)}"
    return _with_tls(deployment, component, other=replace(_ending(-2)(certificate), key=key))


def _after_starttls(deployment: Deployment) -> Iterable[str]:
    """Components whose mail server is trusted behind STARTTLS."""
    servers = {server.name for server in deployment.mail}
    return (n for n in promising("tls.trusted")(deployment) if n in servers and _promised(deployment, n).starttls)


def _mail_ended(deployment: Deployment, component: str) -> Deployment:
    server = next(server for server in deployment.mail if server.name == component)
    tls = replace(server.tls, certificate=_ending(-2)(server.tls.certificate))
    return deployment.with_mail(component, tls=tls)


def _says_versions_alone(deployment: Deployment) -> Iterable[str]:
    """Components that promise new versions alone, and nothing of suites: of these, only advice speaks."""
    for name in promising("tls.versions")(deployment):
        promised = _promised(deployment, name)
        if not {"1.0", "1.1"} & set(promised.versions or ()) and not (
            promised.suites or promised.ciphers or promised.forbids_suites
        ):
            yield name


def _terminated_by(terminator: Terminator) -> Change:
    return lambda deployment, component: _with_tls(deployment, component, terminator=terminator)


_PROMISED = _edge(promising("tls"))

FAULTS = (
    fault(
        "edge-certificate-expired",
        "The edge serves a certificate that ended two days ago.",
        "TLS-DATES",
        where=_edge(promising("tls.trusted")),
        change=_certificate(lambda old, _: _ending(-2)(old)),
    ),
    fault(
        "edge-certificate-expiring",
        "The edge's certificate is good, but close to its end: renewal has been failing.",
        "TLS-EXPIRY",
        where=_edge(_has_floor),
        change=_certificate(lambda old, promised: _ending((promised.min_days_left or 2) // 2)(old)),
    ),
    fault(
        "edge-certificate-not-yet-valid",
        "The edge serves a certificate that begins tomorrow.",
        "TLS-DATES",
        where=_edge(promising("tls.trusted")),
        change=_certificate(lambda old, _: replace(old, starts_in_days=1, ends_in_days=old.ends_in_days + 2)),
    ),
    fault(
        "edge-intermediate-expired",
        "The edge still sends an intermediate certificate that has ended.",
        "TLS-DATES",
        where=_edge(promising("tls.trusted")),
        change=_certificate(lambda old, _: replace(old, issuer=Issuer.EXPIRED)),
    ),
    fault(
        "edge-certificate-wrong-name",
        "The edge serves a certificate for another name.",
        "TLS-NAME",
        where=_PROMISED,
        change=_certificate(lambda old, _: replace(old, names=("default.other.example",))),
    ),
    fault(
        "edge-certificate-untrusted",
        "The edge's certificate comes from an authority that nobody knows.",
        "TLS-TRUST",
        where=_edge(promising("tls.trusted")),
        change=_certificate(lambda old, _: replace(old, issuer=Issuer.UNKNOWN)),
    ),
    fault(
        "edge-chain-incomplete",
        "The edge leaves out the intermediate certificate.",
        "TLS-TRUST",
        where=_edge(promising("tls.trusted")),
        change=_certificate(lambda old, _: replace(old, sends=())),
    ),
    fault(
        "edge-certificate-weak-key",
        "The edge's certificate has a key that is too short.",
        "TLS-KEY",
        where=_edge(promising("tls.min_key_bits")),
        change=_certificate(_weak_key),
    ),
    fault(
        "edge-certificate-long-lived",
        "The edge's certificate is valid for longer than allowed.",
        "TLS-LIFETIME",
        where=_edge(promising("tls.max_lifetime_days")),
        change=_certificate(_long_lived),
    ),
    fault(
        "edge-tls-1.0-on",
        "The edge accepts TLS 1.0, with a suite that TLS 1.0 has.",
        "TLS-VERSIONS",
        where=_edge(_limits_versions),
        change=_tls_1_0_on,
        also=("TLS-SUITES", "TLS-SUITES-FORBIDDEN", "TLS-CIPHERS", "TLS-ADVICE"),
    ),
    fault(
        "edge-tls-1.3-off",
        "The edge no longer speaks TLS 1.3.",
        "TLS-VERSIONS",
        where=_edge(_has_both_versions),
        change=lambda deployment, component: _with_tls(deployment, component, versions=("1.2",)),
    ),
    fault(
        "edge-weak-suites",
        "The edge accepts a cipher suite that the policy does not list.",
        "TLS-SUITES",
        where=_speaks_1_2(_edge(promising("tls.suites"))),
        change=_weak_suites,
    ),
    fault(
        "edge-forbidden-suites",
        "The edge accepts a cipher suite of a forbidden kind, such as one without authentication.",
        "TLS-SUITES-FORBIDDEN",
        where=_speaks_1_2(_edge(_forbids_suites)),
        change=_forbidden_suites,
        also=("TLS-SUITES", "TLS-CIPHERS", "TLS-ADVICE"),
    ),
    fault(
        "edge-no-resumption",
        "The edge has neither a session cache nor tickets.",
        "TLS-RESUMPTION",
        where=_edge(promising("tls.resumes")),
        change=lambda deployment, component: _with_tls(deployment, component, resumes=False),
    ),
    fault(
        "edge-not-tls",
        "The edge speaks plain HTTP on the port for TLS.",
        "TLS-HANDSHAKE",
        where=_PROMISED,
        change=_terminated_by(Terminator.NONE),
    ),
    fault(
        "edge-client-renegotiation",
        "An old TLS relay in front of the edge lets clients renegotiate.",
        "TLS-VULNERABILITIES",
        where=_speaks_1_2(_edge(promising("tls.vulnerabilities"))),
        change=_terminated_by(Terminator.LEGACY),
    ),
    fault(
        "edge-second-certificate-expired",
        "The edge has a second certificate, for clients that know its kind of key alone, and that one has ended.",
        "TLS-DATES",
        where=_edge(_has_room_for_another_kind),
        change=_second_ended,
    ),
    fault(
        "edge-certificate-weakly-signed",
        "The edge's certificate is signed with SHA-1.",
        "TLS-SIGNATURE",
        where=_edge(promising("tls.trusted")),
        change=_certificate(lambda old, _: replace(old, signature="sha1")),
    ),
    fault(
        "edge-certificate-name-forgotten",
        "The edge's certificate was issued for its own name alone.",
        "TLS-NAMES",
        where=_edge(promising("tls.names")),
        change=_certificate(lambda old, _: replace(old, names=old.names[:1])),
    ),
    fault(
        "edge-certificate-other-issuer",
        "The edge's certificate comes from another authority than was promised.",
        "TLS-ISSUER",
        where=_edge(promising("tls.issuer")),
        change=_certificate(lambda old, _: replace(old, issuer_name="Another Authority")),
    ),
    fault(
        "edge-certificate-unlogged",
        "The edge's certificate holds no timestamp of a public log.",
        "TLS-SCTS",
        where=_edge(promising("tls.scts")),
        change=_certificate(lambda old, _: replace(old, scts=0)),
    ),
    fault(
        "edge-chain-unordered",
        "The edge sends its root before the intermediate certificate.",
        "TLS-CHAIN",
        where=_edge(promising("tls.clean_chain")),
        change=_certificate(lambda old, _: replace(old, sends=("root", "intermediate"))),
    ),
    fault(
        "edge-chain-with-stranger",
        "The edge sends a certificate that has nothing to do with its own.",
        "TLS-CHAIN",
        where=_edge(promising("tls.clean_chain")),
        change=_certificate(lambda old, _: replace(old, sends=("intermediate", "stranger"))),
    ),
    fault(
        "edge-unstapled",
        "The edge staples no OCSP response.",
        "TLS-STAPLING",
        where=_edge(promising("tls.stapling")),
        change=lambda deployment, component: _with_tls(deployment, component, staples=False),
    ),
    fault(
        "edge-must-staple",
        "The edge's certificate demands a staple, and the edge has none.",
        "TLS-MUST-STAPLE",
        where=_edge(_unstapled),
        change=_certificate(lambda old, _: replace(old, must_staple=True)),
    ),
    fault(
        "edge-suite-lost",
        "The edge no longer accepts one of the promised cipher suites.",
        "TLS-SUITES-EXACT",
        where=_edge(_could_lose_a_suite),
        change=_suite_lost,
    ),
    fault(
        "edge-ciphers-loose",
        "The edge's cipher string lets a suite without encryption in.",
        "TLS-CIPHERS",
        where=_speaks_1_2(_edge(_by_cipher_string)),
        change=_loose_ciphers,
        also=("TLS-ADVICE",),
    ),
    fault(
        "edge-groups-loose",
        "The edge accepts a key exchange group that was not promised.",
        "TLS-GROUPS",
        where=_edge(promising("tls.groups")),
        change=_with_groups(_one_more),
    ),
    fault(
        "edge-group-lost",
        "The edge no longer accepts a promised key exchange group.",
        "TLS-GROUPS-INCLUDED",
        where=_edge(promising("tls.includes_groups")),
        change=_with_groups(_one_less),
    ),
    fault(
        "edge-not-post-quantum",
        "The edge's OpenSSL has no post-quantum key exchange.",
        "TLS-POST-QUANTUM",
        where=fronted(_is_post_quantum),
        change=_terminated_by(Terminator.NGINX),
    ),
    fault(
        "edge-order-turned",
        "The other side than was promised chooses the cipher suite.",
        "TLS-PREFERENCE",
        where=_speaks_1_2(_edge(promising("tls.preference"))),
        change=_other_order,
    ),
    fault(
        "edge-no-extended-master-secret",
        "The edge does not bind sessions up to TLS 1.2 to their handshake.",
        "TLS-EMS",
        where=_speaks_1_2(_edge(promising("tls.extended_master_secret"))),
        change=lambda deployment, component: _with_tls(deployment, component, extended_master_secret=False),
    ),
    fault(
        "edge-early-data",
        "The edge takes 0-RTT data.",
        "TLS-EARLY-DATA",
        where=_edge(promising("tls.early_data")),
        change=lambda deployment, component: _with_tls(deployment, component, early_data=True),
    ),
    fault(
        "edge-for-old-clients",
        "The edge was opened for clients of ten years ago: TLS 1.0, CBC suites, no forward secrecy.",
        "TLS-VERSIONS",
        "TLS-ADVICE",
        where=_edge(_says_versions_alone),
        change=lambda deployment, component: _with_tls(
            deployment, component, versions=("1.0", "1.1", *_tls(deployment, component).versions), suites=("HIGH",)
        ),
    ),
    fault(
        "edge-sessions-short",
        "The edge forgets sessions after ten seconds.",
        "TLS-SESSION-LIFETIME",
        where=_edge(promising("tls.session_lifetime")),
        change=lambda deployment, component: _with_tls(deployment, component, session_s=10),
    ),
    fault(
        "starttls-certificate-expired",
        "The mail server's certificate, which clients see behind STARTTLS, ended two days ago.",
        "TLS-DATES",
        where=_after_starttls,
        change=_mail_ended,
    ),
)
