from roadworthy.cases.http import CanonicalCase, RedirectCase
from roadworthy.check import check
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.redirects import canonical_faults, chain_faults, landing_faults, redirect_faults


@check(
    "HTTP-REDIRECT",
    severity="high",
    after=("NAME-RESOLVES",),
    expects="http.redirects_from_http",
    source="RFC 9110 section 15.4; OWASP Transport Layer Security Cheat Sheet (2025)",
    by_hand="curl -sSI --connect-to {host}:{port}:{address} '{url}'",
    repair="nginx, in the server block of port 80: `return 301 https://$host$request_uri;` and nothing else.",
)
def test_http_leads_to_the_same_place_on_https(redirect: RedirectCase) -> None:
    """Typed addresses and old links start on http://; whoever is not led to the same page is lost or stays readable."""
    first = redirect.hops[0] if redirect.hops else None
    promised = redirect.expected.redirects_from_http or 0
    faults = (
        redirect_faults(first, status=promised, https_port=redirect.https_port)
        if first
        else [f"{redirect.told}; {promised} promised"]
    )
    assert not faults, "; ".join(faults)


@check(
    "HTTP-LANDS",
    severity="high",
    after=("HTTP-REDIRECT", "REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.redirects_from_http",
    source="RFC 9110 section 15.4; Fetch Standard, HTTP-redirect fetch",
    by_hand="curl -sSkIL --max-redirs 10 --connect-to {host}:{port}:{address} --connect-to {host}::{ip}: '{url}'",
    repair="Let one place alone redirect. Behind a proxy that ends TLS, the service must heed X-Forwarded-Proto, or it "
    "sends visitors back and forth.",
)
def test_the_redirects_end_on_https(redirect: RedirectCase) -> None:
    """Redirects in a circle show visitors an error page; one hop over http:// gives the session to whoever listens."""
    if not redirect.hops:
        raise NotObserved(Reason.NOT_APPLICABLE, f"no redirect was met: {redirect.told}")
    faults = landing_faults(redirect.seen, redirect.hops)
    assert not faults, "; ".join(faults)


@check(
    "HTTP-REDIRECT-CHAIN",
    severity="low",
    after=("HTTP-REDIRECT", "HTTP-LANDS", "REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.max_redirects",
    source="the target's promise; web.dev, Avoid multiple page redirects (2024)",
    by_hand="curl -sSkIL --max-redirs 10 --connect-to {host}:{port}:{address} --connect-to {host}::{ip}: '{url}'",
    repair="Let the first redirect name the last place: scheme, host and trailing slash at once.",
)
def test_few_redirects_lead_to_the_page(redirect: RedirectCase) -> None:
    """Each redirect costs a visitor a round trip, and on a new host name a look-up and a handshake too."""
    if not redirect.hops:
        raise NotObserved(Reason.NOT_APPLICABLE, f"no redirect was met: {redirect.told}")
    faults = chain_faults(redirect.seen, redirect.hops, redirect.expected.max_redirects or 0)
    assert not faults, "; ".join(faults)


@check(
    "HTTP-CANONICAL",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.redirects_to",
    source="RFC 9110 section 15.4; Google Search Central, How to specify a canonical URL (2025)",
    by_hand="curl -sSkI --connect-to {host}:{port}:{address} '{url}'",
    repair="nginx, in the server block of this name: `return 301 https://the.promised.name$request_uri;`.",
)
def test_every_page_leads_to_its_promised_name(page: CanonicalCase) -> None:
    """One site under two names has two sessions, two sets of cookies and two places in every search engine."""
    faults = canonical_faults(page.answer, page.ask.url, page.expected.redirects_to or "")
    assert not faults, "; ".join(faults)
