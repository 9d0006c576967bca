from roadworthy.cases.headers import CookieCase
from roadworthy.check import check


@check(
    "HDR-COOKIES",
    severity="high",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.cookies",
    source="RFC 6265bis, sections 4.1 and 5.7; MDN HTTP Observatory, algorithm 6",
    by_hand="curl -sSk -o /dev/null -D - --connect-to {host}:{port}:{address} '{url}' | grep -i set-cookie",
    repair="Set `Secure; HttpOnly; SameSite=Lax; Path=/` where the framework configures its session (Laravel: "
    "config/session.php; Express: cookie-session's options), and trust the proxy's X-Forwarded-Proto.",
)
def test_cookies_are_kept_from_others(page: CookieCase) -> None:
    """A session's cookie is the visitor: sent in the clear, read by a script or by another site, it is taken over."""
    faults = page.faults
    assert not faults, "; ".join(faults)
