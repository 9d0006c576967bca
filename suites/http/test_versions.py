from roadworthy.cases.http import AnnouncementCase, VersionCase
from roadworthy.check import check
from roadworthy.rules.alt_svc import announcement_faults
from roadworthy.rules.answers import version_faults


@check(
    "HTTP-VERSIONS",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.versions",
    source="RFC 9113 section 3.2, RFC 7301",
    by_hand="curl -sSkI --http2 --connect-to {host}:{port}:{address} '{url}' | head -1",
    repair="nginx: `http2 on;` in the server block of port 443; the load balancer in front must offer h2 by ALPN, too.",
)
def test_the_version_is_spoken(version: VersionCase) -> None:
    """Without HTTP/2 a page with many parts loads slowly on distant lines, and nothing else shows that it is off."""
    faults = version_faults(version.seen, version.expected.version)
    assert not faults, "; ".join(faults)


@check(
    "HTTP-ALT-SVC",
    severity="low",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.announces",
    source="RFC 7838 section 3; RFC 9114 section 3.1.1",
    by_hand="curl -sSk -o /dev/null -D - --connect-to {host}:{port}:{address} '{url}' | grep -i alt-svc",
    repair="nginx: `add_header Alt-Svc 'h3=\":443\"; ma=86400' always;` beside `listen 443 quic`; in Cloudflare and "
    "CloudFront HTTP/3 is a switch.",
)
def test_other_protocols_are_announced(page: AnnouncementCase) -> None:
    """Browsers try HTTP/3 where Alt-Svc offers it; where the header is lost, nobody does, and nothing else shows it."""
    faults = announcement_faults(page.answer, page.expected.announces or ())
    assert not faults, "; ".join(faults)
