from roadworthy.cases.http import VersionCase
from roadworthy.check import check
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
