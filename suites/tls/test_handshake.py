from roadworthy.cases.tls import TlsCase
from roadworthy.check import check
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.tls import Handshake, NoHandshake


@check(
    "TLS-HANDSHAKE",
    severity="critical",
    availability=True,
    after=("NAME-RESOLVES", "REACH-TCP"),
    source="RFC 8446, RFC 5246, RFC 9325",
    by_hand="openssl s_client -connect {address} -servername {host} -min_protocol TLSv1.2 -brief </dev/null",
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
    by_hand="openssl s_client -connect {address} -servername {host} -tls1_2 -reconnect </dev/null | grep Reused",
    repair="Turn the session cache or tickets on (nginx: ssl_session_cache shared:TLS:10m), and share the ticket keys "
    "among all servers behind one name.",
)
def test_a_session_resumes(tls: TlsCase) -> None:
    """Without resumption every visit pays for a full handshake, and the return of many clients at once overloads."""
    resumed = tls.seen.handshake.resumed
    if resumed is None:
        raise NotObserved(Reason.NO_ANSWER, "the second handshake failed, so it can't be told whether it would resume")
    assert resumed, "a second handshake with the same session was a full one"
