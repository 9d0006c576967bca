from roadworthy.cases.headers import CorsCase, HeadersCase, PreflightCase
from roadworthy.check import check
from roadworthy.rules.cors import cors_faults, preflight_faults
from roadworthy.rules.headers import opener_or_embedder_faults, resource_policy_faults

BY_HAND = "curl -sSk -o /dev/null -D - --connect-to {host}:{port}:{address} '{url}'"


@check(
    "HDR-COOP",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.cross-origin-opener-policy",
    source="HTML Standard, section The Cross-Origin-Opener-Policy header; OWASP Secure Headers (2026)",
    by_hand=f"{BY_HAND} | grep -i cross-origin-opener-policy",
    repair="nginx: `add_header Cross-Origin-Opener-Policy same-origin always;` (or the promised value), once.",
)
def test_other_sites_get_no_hold_of_the_window(page: HeadersCase) -> None:
    """A site that opened the page, or was opened by it, can else reach into its window."""
    promised = page.expected.cross_origin_opener_policy or ""
    faults = opener_or_embedder_faults(page.values("cross-origin-opener-policy"), promised)
    assert not faults, "; ".join(faults)


@check(
    "HDR-COEP",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.cross-origin-embedder-policy",
    source="HTML Standard, section The Cross-Origin-Embedder-Policy header; OWASP Secure Headers (2026)",
    by_hand=f"{BY_HAND} | grep -i cross-origin-embedder-policy",
    repair="nginx: `add_header Cross-Origin-Embedder-Policy require-corp always;` (or the promised value), once.",
)
def test_only_what_agrees_is_embedded(page: HeadersCase) -> None:
    """Together with COOP it isolates the page's process, so that no other site's code shares its memory."""
    promised = page.expected.cross_origin_embedder_policy or ""
    faults = opener_or_embedder_faults(page.values("cross-origin-embedder-policy"), promised)
    assert not faults, "; ".join(faults)


@check(
    "HDR-CORP",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.cross-origin-resource-policy",
    source="Fetch Standard, section Cross-Origin-Resource-Policy header; OWASP Secure Headers (2026)",
    by_hand=f"{BY_HAND} | grep -i cross-origin-resource-policy",
    repair="nginx: `add_header Cross-Origin-Resource-Policy same-origin always;` (or the promised value), once: a "
    "second one makes browsers ignore both.",
)
def test_other_sites_cannot_embed_the_answer(page: HeadersCase) -> None:
    """An answer that another site may embed can leak through its size, its timing, or the processor's caches."""
    promised = page.expected.cross_origin_resource_policy or ""
    faults = resource_policy_faults(page.values("cross-origin-resource-policy"), promised)
    assert not faults, "; ".join(faults)


@check(
    "HDR-CORS",
    severity="high",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.cors",
    source="Fetch Standard, section CORS protocol; OWASP HTML5 Security Cheat Sheet (2025)",
    by_hand="curl -sSk -o /dev/null -D - {headers} --connect-to {host}:{port}:{address} "
    "'{url}' | grep -iE 'access-control|vary'",
    repair="Compare the Origin with a list, as a whole and not by pattern; answer with it only where it is on the "
    "list, with `Vary: Origin`. Never allow `null` or echo what came.",
)
def test_only_promised_origins_may_read(visitor: CorsCase) -> None:
    """An origin that is let in by mistake reads answers in the name of every visitor that it lures to its own page."""
    faults = cors_faults(visitor.answer, visitor.expected.origin, visitor.expected.promised)
    assert not faults, "; ".join(faults)


@check(
    "HDR-PREFLIGHT",
    severity="high",
    after=("REACH-TCP", "TLS-HANDSHAKE", "HDR-CORS"),
    expects="headers.cors",
    source="Fetch Standard, section CORS-preflight fetch; OWASP HTML5 Security Cheat Sheet (2025)",
    by_hand="curl -sSk -o /dev/null -D - {headers} --connect-to {host}:{port}:{address} "
    "'{url}' | grep -iE '^HTTP|access-control'",
    repair="Answer OPTIONS with 204, by the same list of origins as every other request, before any log-in is asked "
    "for; name the methods and headers that the page needs, and no others.",
)
def test_only_promised_origins_may_send(visitor: PreflightCase) -> None:
    """What a preflight lets in may change data in a visitor's name; whom it keeps out wrongly has a dead front end."""
    asked = visitor.expected
    faults = preflight_faults(visitor.answer, asked.origin, asked.method, asked.promised)
    assert not faults, "; ".join(faults)
