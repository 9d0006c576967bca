from roadworthy.cases.tls import TlsScanCase
from roadworthy.check import check
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules import tls as rules

SCAN = "sslyze --sni {host} {address}"


@check(
    "TLS-VERSIONS",
    severity="high",
    after=("TLS-HANDSHAKE",),
    expects="tls.versions",
    source="RFC 8996 (TLS 1.0 and 1.1), RFC 7568 (SSL 3.0); Mozilla Server Side TLS 6.0 (April 2026)",
    by_hand="sslyze --sni {host} --sslv2 --sslv3 --tlsv1 --tlsv1_1 --tlsv1_2 --tlsv1_3 {address}",
    repair="Set exactly these versions (nginx: ssl_protocols TLSv1.2 TLSv1.3), in the default server of the port too: "
    "it decides for all names on it.",
)
def test_exactly_the_promised_versions_are_on(scan: TlsScanCase) -> None:
    """An old version is a way down for an attacker; a promised one that is off turns its clients away."""
    faults = rules.unpromised_versions(scan.seen, scan.expected.versions or ())
    faults = rules.settled(scan.seen, faults, about=rules.VERSIONS)
    assert not faults, "; ".join(faults)


@check(
    "TLS-SUITES",
    severity="high",
    after=("TLS-HANDSHAKE",),
    expects="tls.suites",
    source="RFC 9325 section 4.2; Mozilla Server Side TLS 6.0 (April 2026)",
    by_hand=SCAN,
    repair="Set the list of cipher suites to the promised ones (nginx: ssl_ciphers, and ssl_conf_command Ciphersuites "
    "for TLS 1.3).",
)
def test_only_promised_suites_are_accepted(scan: TlsScanCase) -> None:
    """A suite that nobody decided on is one that nobody watches."""
    faults = rules.unpromised_suites(scan.seen, scan.expected.suites or ())
    faults = rules.settled(scan.seen, faults, about=rules.VERSIONS)
    assert not faults, "; ".join(faults)


@check(
    "TLS-SUITES-FORBIDDEN",
    severity="high",
    after=("TLS-HANDSHAKE",),
    expects="tls.forbids_suites",
    source="RFC 9325 section 4.1; RFC 7465 (RC4)",
    by_hand=SCAN,
    repair="Take these suites out of the list (nginx: ssl_ciphers; !aNULL:!eNULL:!EXPORT:!MD5:!RC4 strikes them).",
)
def test_no_forbidden_suite_is_accepted(scan: TlsScanCase) -> None:
    """An anonymous suite proves no server, a null suite encrypts nothing, and the broken ones can be read."""
    faults = rules.forbidden_suites(scan.seen, scan.expected.forbids_suites or ())
    faults = rules.settled(scan.seen, faults, about=rules.VERSIONS)
    assert not faults, "; ".join(faults)


@check(
    "TLS-VULNERABILITIES",
    severity="critical",
    after=("TLS-HANDSHAKE",),
    expects="tls.vulnerabilities",
    source="CVE-2014-0160 (Heartbleed), CVE-2014-0224 (CCS), CVE-2017-13099 (ROBOT), CVE-2012-4929 (CRIME), "
    "CVE-2011-1473 and RFC 5746 (renegotiation)",
    by_hand="sslyze --sni {host} --heartbleed --openssl_ccs --robot --compression --reneg {address}",
    repair="Update the TLS library and restart everything that has it loaded; turn TLS compression off, and "
    "renegotiation that a client begins. After Heartbleed or ROBOT, replace the key too.",
)
def test_no_known_vulnerability_is_found(scan: TlsScanCase) -> None:
    """Each of these lets a stranger read what is encrypted, or keep the server busy at next to no cost."""
    faults = [f"{name} (found twice)" for name in scan.seen.vulnerabilities]
    faults = rules.settled(scan.seen, faults, about=rules.WEAKNESSES)
    assert not faults, "; ".join(faults)


@check(
    "TLS-SUITES-EXACT",
    severity="medium",
    after=("TLS-HANDSHAKE", "TLS-VERSIONS"),
    expects="tls.suites_exact",
    source="the target's promise; RFC 9325 section 4.2",
    by_hand=SCAN,
    repair="Add the missing suites to the list (nginx: ssl_ciphers), or take them out of the promise. A suite with the "
    "other kind of key than the certificate's is not missed.",
)
def test_every_promised_suite_is_accepted(scan: TlsScanCase) -> None:
    """A client that was configured for just this suite is turned away by a server that lost it."""
    faults = rules.missing_suites(scan.seen, scan.expected.suites or ())
    faults = rules.settled(scan.seen, faults, about=rules.VERSIONS)
    assert not faults, "; ".join(faults)


@check(
    "TLS-CIPHERS",
    severity="high",
    after=("TLS-HANDSHAKE", "TLS-SUITES-FORBIDDEN"),
    expects="tls.ciphers",
    source="openssl-ciphers(1); RFC 9325 section 4.2",
    by_hand=SCAN,
    repair="Set the cipher string to the promised one (nginx: ssl_ciphers), in every server block of the port.",
)
def test_only_suites_of_the_promised_cipher_string_are_accepted(scan: TlsScanCase) -> None:
    """What the string keeps out and the server lets in was configured somewhere else, or by nobody."""
    faults = rules.unexpanded_suites(scan.seen, scan.expected.ciphers or "")
    faults = rules.settled(scan.seen, faults, about=rules.VERSIONS)
    assert not faults, "; ".join(faults)


@check(
    "TLS-GROUPS",
    severity="medium",
    after=("TLS-HANDSHAKE",),
    expects="tls.groups",
    source="RFC 8446 section 4.2.7; Mozilla Server Side TLS 6.0 (April 2026)",
    by_hand=SCAN + " --elliptic_curves",
    repair="Set the groups to the promised ones (nginx: ssl_ecdh_curve).",
)
def test_only_promised_groups_are_accepted(scan: TlsScanCase) -> None:
    """The key exchange is as strong as the weakest group that both sides take."""
    faults = rules.unpromised_groups(scan.seen, scan.expected.groups or ())
    faults = rules.settled(scan.seen, faults, about=rules.GROUP_DOUBTS)
    assert not faults, "; ".join(faults)


@check(
    "TLS-GROUPS-INCLUDED",
    severity="medium",
    after=("TLS-HANDSHAKE",),
    expects="tls.includes_groups",
    source="RFC 8446 section 9.1; Mozilla Server Side TLS 6.0 (April 2026)",
    by_hand=SCAN + " --elliptic_curves",
    repair="Add the missing groups (nginx: ssl_ecdh_curve); the server's TLS library must know them.",
)
def test_the_promised_groups_are_accepted(scan: TlsScanCase) -> None:
    """A client that knows no other group is turned away, and others need one more round trip."""
    faults = rules.missing_groups(scan.seen, scan.expected.includes_groups or ())
    faults = rules.settled(scan.seen, faults, about=rules.GROUP_DOUBTS)
    assert not faults, "; ".join(faults)


@check(
    "TLS-POST-QUANTUM",
    severity="medium",
    after=("TLS-HANDSHAKE",),
    expects="tls.post_quantum",
    source="Mozilla Server Side TLS 6.0 (April 2026); FIPS 203; draft-ietf-tls-ecdhe-mlkem",
    by_hand="openssl s_client {starttls}-connect {address} -servername {host} -groups X25519MLKEM768 -brief </dev/null",
    repair="Update to a TLS library with ML-KEM (OpenSSL 3.5) and keep X25519MLKEM768 among the groups (nginx: "
    "ssl_ecdh_curve). An AWS load balancer needs a policy with PQ in its name.",
)
def test_key_exchange_withstands_a_quantum_computer(scan: TlsScanCase) -> None:
    """What is recorded today can be read once there is a quantum computer, unless the key exchange resists one."""
    doubts = () if rules.has_hybrid(scan.seen) else rules.GROUP_DOUBTS
    faults = rules.settled(scan.seen, rules.missing_hybrid(scan.seen), about=doubts)
    assert not faults, "; ".join(faults)


@check(
    "TLS-PREFERENCE",
    severity="low",
    after=("TLS-HANDSHAKE",),
    expects="tls.preference",
    source="Mozilla Server Side TLS 6.0 (April 2026); RFC 9325 section 4.2.1",
    by_hand=SCAN + " --tlsv1_2",
    repair="Turn the server's own order on, or off as promised (nginx: ssl_prefer_server_ciphers).",
)
def test_the_promised_side_chooses_the_suite(scan: TlsScanCase) -> None:
    """Where weaker suites are on, the server must choose; where all are strong, clients know best what is fast."""
    preference = scan.seen.preference
    faults = [f"the {preference} chooses, {scan.expected.preference} promised"] if preference else []
    faults = rules.settled(scan.seen, faults if preference != scan.expected.preference else [], about=rules.VERSIONS)
    if preference is None and not faults:
        raise NotObserved(Reason.NOT_APPLICABLE, "there are not two suites of one version that it could be told by")
    assert not faults, "; ".join(faults)


@check(
    "TLS-EMS",
    severity="medium",
    after=("TLS-HANDSHAKE",),
    expects="tls.extended_master_secret",
    source="RFC 7627; NCSC-NL TLS guidelines 2025",
    by_hand="openssl s_client {starttls}-connect {address} -servername {host} -tls1_2 </dev/null | grep Extended",
    repair="Update the TLS library: all that are maintained have it, unless it is turned off.",
)
def test_sessions_are_bound_to_their_handshake(scan: TlsScanCase) -> None:
    """Without it, two sessions up to TLS 1.2 can be made to share a secret (the triple handshake attack)."""
    faults = rules.settled(scan.seen, rules.unbound_sessions(scan.seen), about=rules.VERSIONS)
    assert not faults, "; ".join(faults)


@check(
    "TLS-EARLY-DATA",
    severity="medium",
    after=("TLS-HANDSHAKE",),
    expects="tls.early_data",
    source="RFC 8446 section 8; RFC 8470; NCSC-NL TLS guidelines 2025",
    by_hand=SCAN + " --early_data",
    repair="Turn 0-RTT off (nginx: ssl_early_data off), or make sure that no request in it changes anything, and "
    "change the promise.",
)
def test_early_data_is_refused(scan: TlsScanCase) -> None:
    """0-RTT data can be sent again by whoever recorded it: a payment is made twice."""
    faults = ["0-RTT data is accepted"] if scan.seen.early_data else []
    faults = rules.settled(scan.seen, faults, about=("early data", "1.3"))
    assert not faults, "; ".join(faults)
