from datetime import timedelta

from roadworthy.cases.tls import TlsCase
from roadworthy.check import check
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.tls import covers

DATES = "openssl s_client -connect {address} -servername {host} </dev/null 2>/dev/null | openssl x509 -noout -dates"
TEXT = "openssl s_client -connect {address} -servername {host} </dev/null 2>/dev/null | openssl x509 -noout -text"


@check(
    "TLS-TRUST",
    severity="critical",
    after=("TLS-HANDSHAKE",),
    expects="tls.trusted",
    source="RFC 5280 section 6; trust store of Mozilla, or the target's network.ca_file",
    by_hand="openssl s_client -connect {address} -servername {host} -showcerts -verify 9 </dev/null",
    repair="Serve the whole chain, the leaf first and then every intermediate (certbot: fullchain.pem, not cert.pem). "
    "If the authority is private, name its file in network.ca_file.",
)
def test_the_chain_leads_to_a_trusted_authority(tls: TlsCase) -> None:
    """Clients refuse a chain that does not end at an authority they know; browsers hide a missing intermediate."""
    distrust = tls.seen.handshake.distrust
    assert not distrust, "; ".join(distrust)


@check(
    "TLS-NAME",
    severity="critical",
    after=("TLS-HANDSHAKE",),
    expects="tls.trusted",
    source="RFC 9525 section 6",
    by_hand="openssl s_client -connect {address} -servername {host} </dev/null 2>/dev/null "
    "| openssl x509 -noout -checkhost {host}",
    repair="Serve the certificate of this name: a server block without a certificate of its own answers with the "
    "default one. The name must be among the subject alternative names; the common name counts for nothing.",
)
def test_the_certificate_is_for_this_name(tls: TlsCase) -> None:
    """A certificate for another name is refused by every client, and often shows that another site answers."""
    leaf = tls.seen.leaf
    names = ", ".join((*leaf.dns_names, *leaf.ip_addresses)[:10]) or f"no name at all (subject {leaf.subject})"
    assert covers(leaf, tls.ask.host), f"the certificate is for {names}, not for {tls.ask.host}"


@check(
    "TLS-DATES",
    severity="critical",
    after=("TLS-HANDSHAKE",),
    expects="tls.trusted",
    source="RFC 5280 section 4.1.2.5",
    by_hand=DATES,
    repair="Renew the certificate that has ended and serve the new one with its intermediates. If none has begun yet, "
    "look at the clock of the machine that issued it.",
)
def test_every_certificate_is_valid_today(tls: TlsCase) -> None:
    """Clients refuse a chain of which one certificate has ended or not begun; an old intermediate is easily missed."""
    now, leaf, shaken = tls.seen.observed_at, tls.seen.leaf, tls.seen.handshake
    faults = []
    if leaf.not_before > now:
        faults.append(f"the certificate is valid only from {leaf.not_before:%d %b %Y %H:%M} UTC")
    if leaf.not_after < now:
        faults.append(f"the certificate expired on {leaf.not_after:%d %b %Y}")
    if shaken.authorities_begin is not None and shaken.authorities_begin > now:
        faults.append(f"a certificate of its authority is valid only from {shaken.authorities_begin:%d %b %Y}")
    if shaken.authorities_end is not None and shaken.authorities_end < now:
        faults.append(f"a certificate of its authority expired on {shaken.authorities_end:%d %b %Y}")
    assert not faults, "; ".join(faults)


@check(
    "TLS-EXPIRY",
    severity="high",
    after=("TLS-HANDSHAKE", "TLS-DATES"),
    expects="tls.min_days_left",
    source="the target's promise; CA/B Forum SC-081v3 (April 2025): 200 days at most from March 2026, 47 from 2029",
    by_hand=DATES,
    repair="Renew the certificate, reload the server, and find out why renewal failed: certbot renew --dry-run.",
)
def test_the_certificate_outlives_its_renewal_window(tls: TlsCase) -> None:
    """Renewal runs by itself; a certificate this close to its end means that renewal has been failing."""
    left, floor, end = tls.seen.days_left, tls.expected.min_days_left or 0, tls.seen.leaf.not_after
    expired = end < tls.seen.observed_at
    seen = f"expired on {end:%d %b %Y}" if expired else f"expires on {end:%d %b %Y}: {left} days left"
    assert not expired and left >= floor, f"{seen}; {floor} promised"  # noqa: PT018 - one border, also where it is 0


@check(
    "TLS-LIFETIME",
    severity="medium",
    after=("TLS-HANDSHAKE",),
    expects="tls.max_lifetime_days",
    source="Mozilla Server Side TLS 6.0 (April 2026); CA/B Forum SC-081v3 (April 2025)",
    by_hand=DATES,
    repair="Issue the certificate for a shorter time, and let an ACME client renew it.",
)
def test_the_certificate_is_not_issued_for_too_long(tls: TlsCase) -> None:
    """Browsers refuse public certificates that live too long, and a stolen key is of use for as long as they do."""
    lifetime, ceiling = tls.seen.leaf.lifetime, timedelta(days=tls.expected.max_lifetime_days or 0)
    assert lifetime <= ceiling, f"issued for {lifetime / timedelta(days=1):.1f} days, {ceiling.days} promised at most"


@check(
    "TLS-KEY",
    severity="high",
    after=("TLS-HANDSHAKE",),
    expects="tls.min_key_bits",
    source="Mozilla Server Side TLS 6.0 (April 2026); NIST SP 800-57 part 1 rev. 5; CA/B Baseline Requirements 6.1.5",
    by_hand=TEXT,
    repair="Make a new key of at least this size and have the certificate issued again for it.",
)
def test_the_key_is_long_enough(tls: TlsCase) -> None:
    """Whoever can factor a short key can be the server."""
    leaf, promised = tls.seen.leaf, tls.expected.min_key_bits or {}
    kind = {"rsa": "rsa", "ec": "ec", "ed25519": "ec", "ed448": "ec"}.get(leaf.key_type)
    floor = next((bits for name, bits in promised.items() if name == kind), None)
    if kind and floor is None:
        raise NotObserved(Reason.NOT_APPLICABLE, f"the key is {leaf.key_type}; only {', '.join(promised)} is promised")
    assert floor is not None and leaf.key_bits >= floor, (  # noqa: PT018 - a key of an unknown kind has no size to compare
        f"{leaf.key_type} key of {leaf.key_bits} bits, {floor or 'rsa or ec'} promised"
    )
