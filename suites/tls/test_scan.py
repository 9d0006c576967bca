from roadworthy.cases.tls import TlsScanCase
from roadworthy.check import check
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
