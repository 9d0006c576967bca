from roadworthy.cases.headers import HeadersCase
from roadworthy.check import check
from roadworthy.rules.headers import disclosed_versions

BY_HAND = "curl -sSk -o /dev/null -D - --connect-to {host}:{port}:{address} '{url}'"


@check(
    "HDR-OTHER",
    severity="low",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.other",
    source="the target's promise",
    by_hand=BY_HAND,
    repair="Send the header with the promised value; where it was meant to change, change the promise with it.",
)
def test_other_headers_are_as_promised(page: HeadersCase) -> None:
    """Somebody relies on this header, or it would not have been promised."""
    promised = page.expected.other or {}
    seen = {name: page.answer.one(name) for name in promised}
    faults = [
        f"{name}: {seen[name] or 'not sent'}, promised {value}"
        for name, value in promised.items()
        if seen[name] != value.strip()
    ]
    assert not faults, "; ".join(faults)


@check(
    "HDR-ABSENT",
    severity="low",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.absent",
    source="the target's promise; OWASP Secure Headers, headers to remove (2024)",
    by_hand=BY_HAND,
    repair="nginx: `proxy_hide_header NAME;` (or `fastcgi_hide_header`), or switch the header off where it is made.",
)
def test_unwanted_headers_are_not_sent(page: HeadersCase) -> None:
    """Retired headers can still do harm in old browsers, and internal ones tell an attacker how the system is built."""
    sent = [f"{name}: {value}" for name in page.expected.absent or () for value in page.values(name)]
    assert not sent, "; ".join(sent)


@check(
    "HDR-VERSIONS",
    severity="low",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.hides_versions",
    source="OWASP Secure Headers, headers to remove (2024); CWE-200",
    by_hand=f"{BY_HAND} | grep -iE '^(server|x-powered-by|x-aspnet|x-generator)'",
    repair="nginx: `server_tokens off;` and `proxy_hide_header X-Powered-By;`; PHP: `expose_php = Off`; Apache: "
    "`ServerTokens Prod`.",
)
def test_no_header_tells_a_version(page: HeadersCase) -> None:
    """A version in a header turns the list of known holes into a list of addresses."""
    told = disclosed_versions(page.answer.headers)
    assert not told, "; ".join(told)
