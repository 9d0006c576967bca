from roadworthy.cases.headers import HeadersCase
from roadworthy.check import check
from roadworthy.rules.page import insecure_faults, integrity_faults

BY_HAND = "curl -sSk --connect-to {host}:{port}:{address} '{url}'"


@check(
    "HDR-SRI",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.sri",
    source="W3C Subresource Integrity (2025); MDN HTTP Observatory, algorithm 6",
    by_hand=f"{BY_HAND} | grep -ioE '<(script|link)[^>]*>'",
    repair='Serve the file yourself, or load it with `integrity="sha384-..." crossorigin="anonymous"`; one that '
    "changes by design belongs to headers.trusts.",
)
def test_foreign_scripts_are_proved(page: HeadersCase) -> None:
    """Whoever takes over the other host runs a script of theirs in every visitor's page."""
    faults = integrity_faults(page.content, page.ask.url, page.expected.trusts)
    assert not faults, "; ".join(faults)
    page.must_be_whole()


@check(
    "HDR-MIXED",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.no_mixed_content",
    source="W3C Mixed Content (2023), sections 3 and 4",
    by_hand=f"{BY_HAND} | grep -ioE '(src|href|data)=.?http://[^ >]*'",
    repair="Write the addresses with https:// or without a scheme; `upgrade-insecure-requests` in the "
    "Content-Security-Policy does so for all.",
)
def test_nothing_is_loaded_in_the_clear(page: HeadersCase) -> None:
    """Browsers refuse scripts and frames from http:// on an https:// page, and it breaks; pictures tell on people."""
    faults = insecure_faults(page.content, page.ask.url, upgraded=page.policies.upgrades())
    assert not faults, "; ".join(faults)
    page.must_be_whole()
