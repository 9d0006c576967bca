from roadworthy.cases.http import RedirectCase
from roadworthy.check import check
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.redirects import landing_faults, redirect_faults


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
