from roadworthy.cases.http import AdviceCase
from roadworthy.check import check


@check(
    "HTTP-ADVICE",
    severity="info",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    source="RFC 9110, RFC 9111, RFC 9113; MDN HTTP Observatory (2025)",
    by_hand="curl -sSk -o /dev/null -D - {headers} --connect-to {host}:{port}:{address} '{url}'",
    repair="Each line names its rule. Promise what you decide on otherwise: advice is about what is left open.",
)
def test_http_is_as_experts_advise(page: AdviceCase) -> None:
    """None of this breaks a promise; each makes pages slower, or caches and browsers less sure, than need be."""
    advice = page.advice
    assert not advice, "; ".join(advice)
