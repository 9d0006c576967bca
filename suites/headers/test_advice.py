from roadworthy.cases.headers import HeadersAdviceCase
from roadworthy.check import check
from roadworthy.rules.advice_headers import headers_advice


@check(
    "HDR-ADVICE",
    severity="info",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    source="MDN HTTP Observatory, algorithm 6; OWASP Secure Headers (2026)",
    by_hand="curl -sSk -D - --connect-to {host}:{port}:{address} '{url}'",
    repair="Each line names its rule. Promise what you decide on otherwise: advice is about what is left open.",
)
def test_headers_are_as_experts_advise(page: HeadersAdviceCase) -> None:
    """None of this breaks a promise; each is a layer that an attacker does not have to get through."""
    advice = headers_advice(page.answer, page.ask.url, page.expected, page.seen.observed_at)
    assert not advice, "; ".join(advice)
