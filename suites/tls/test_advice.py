from roadworthy.cases.tls import TlsAdviceCase
from roadworthy.check import check
from roadworthy.facts.tls import TlsObservation
from roadworthy.rules import advice_tls as rules


@check(
    "TLS-ADVICE",
    severity="info",
    after=("TLS-HANDSHAKE",),
    source="Mozilla Server Side TLS 6.0 (April 2026); NCSC-NL TLS guidelines 2025; RFC 9325; CA/B Forum SC-081v3",
    by_hand="testssl.sh --sneaky --ip {ip} {host}:{port}",
    repair="Weigh each line: follow it, or make the target promise what you want instead; then it is no longer told.",
)
def test_nothing_falls_behind_best_practice(advice: TlsAdviceCase) -> None:
    """Nobody promised these, and those who know the field do them; each line says whose advice it is."""
    seen, promised, public = advice.seen, advice.expected, advice.is_public
    if isinstance(seen, TlsObservation):
        lines = rules.of_handshake(seen, promised, public=public)
    else:
        lines = rules.of_scan(seen, promised, public=public)
    assert not lines, "; ".join(lines)
