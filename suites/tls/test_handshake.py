from roadworthy.cases.tls import TlsCase
from roadworthy.check import check
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.tls import Handshake, NoHandshake
from roadworthy.rules import tls_certificates as rules

STATUS = "openssl s_client {starttls}-connect {address} -servername {host} -status </dev/null | grep -A 5 'OCSP resp'"


@check(
    "TLS-HANDSHAKE",
    severity="critical",
    availability=True,
    after=("NAME-RESOLVES", "REACH-TCP", "MAIL-SMTP", "MAIL-STARTTLS"),
    source="RFC 8446, RFC 5246, RFC 9325",
    by_hand="openssl s_client {starttls}-connect {address} -servername {host} -min_protocol TLSv1.2 -brief </dev/null",
    repair="Read the server's error log. Without TLS on this port, look for a missing `ssl` in the listen line; "
    "after an alert, for protocol versions or suites that a client of today no longer has.",
)
def test_a_modern_client_gets_a_session(tls: TlsCase) -> None:
    """Without a TLS 1.2 or 1.3 session no browser and no current library reaches the service at all."""
    result = tls.seen.result
    words = f"{result.failure.value} ({result.detail})" if isinstance(result, NoHandshake) else ""
    assert isinstance(result, Handshake), words


@check(
    "TLS-RESUMPTION",
    severity="low",
    after=("TLS-HANDSHAKE",),
    expects="tls.resumes",
    source="RFC 8446 section 2.2, RFC 5077; Mozilla Server Side TLS 6.0 (April 2026)",
    by_hand="openssl s_client {starttls}-connect {address} -servername {host} -tls1_2 -reconnect </dev/null "
    "| grep Reused",
    repair="Turn the session cache or tickets on (nginx: ssl_session_cache shared:TLS:10m), and share the ticket keys "
    "among all servers behind one name.",
)
def test_a_session_resumes(tls: TlsCase) -> None:
    """Without resumption every visit pays for a full handshake, and the return of many clients at once overloads."""
    resumed = tls.seen.handshake.resumed
    if resumed is None:
        raise NotObserved(Reason.NO_ANSWER, "the second handshake failed, so it can't be told whether it would resume")
    assert resumed, "a second handshake with the same session was a full one"


@check(
    "TLS-SESSION-LIFETIME",
    severity="low",
    after=("TLS-HANDSHAKE", "TLS-RESUMPTION"),
    expects="tls.session_lifetime",
    source="RFC 8446 section 4.6.1, RFC 5077 section 3.3; the target's promise",
    by_hand="openssl s_client {starttls}-connect {address} -servername {host} </dev/null | grep 'lifetime hint'",
    repair="Let sessions live as long as promised (nginx: ssl_session_timeout).",
)
def test_a_session_ticket_lives_as_long_as_promised(tls: TlsCase) -> None:
    """A client that comes back after its ticket has ended pays for a full handshake, and so does the server."""
    lifetime_s, promised_s = tls.seen.handshake.ticket_lifetime_s, tls.expected.session_lifetime or 0
    assert tls.seen.handshake.resumed is not False, "sessions do not resume at all"
    if lifetime_s is None:
        raise NotObserved(Reason.NOT_APPLICABLE, "there was no session ticket that says how long it lives")
    assert lifetime_s >= promised_s, f"a session ticket lives for {lifetime_s} s, {promised_s:g} s promised"


@check(
    "TLS-STAPLING",
    severity="low",
    after=("TLS-HANDSHAKE",),
    expects="tls.stapling",
    source="RFC 6066 section 8; RFC 6961",
    by_hand=STATUS,
    repair="Turn stapling on (nginx: ssl_stapling on, with a resolver), and let the server reach the OCSP responder. "
    "An authority that has none any more (Let's Encrypt since August 2025) has nothing to staple.",
)
def test_an_ocsp_response_is_stapled(tls: TlsCase) -> None:
    """Without it each client asks the authority itself, which is slow and tells it who visits, or asks nobody."""
    faults = rules.of_each(tls.seen, lambda shaken: [] if shaken.stapled else ["no OCSP response came"])
    assert not faults, "; ".join(faults)


@check(
    "TLS-MUST-STAPLE",
    severity="high",
    after=("TLS-HANDSHAKE", "TLS-STAPLING"),
    expects="tls.trusted",
    source="RFC 7633",
    by_hand=STATUS,
    repair="Turn stapling on, or have the certificate issued again without must-staple: its authority may have no OCSP "
    "responder any more.",
)
def test_a_certificate_that_demands_a_staple_has_one(tls: TlsCase) -> None:
    """Firefox and others refuse a must-staple certificate that comes alone."""
    faults = rules.of_each(tls.seen, rules.unstapled)
    assert not faults, "; ".join(faults)
