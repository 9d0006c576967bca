from datetime import timedelta

from roadworthy.cases.tls import TlsCase
from roadworthy.check import check
from roadworthy.rules import tls_certificates as rules

LEAF = "openssl s_client {starttls}-connect {address} -servername {host} </dev/null 2>/dev/null | openssl x509 -noout "
DATES, TEXT = LEAF + "-dates", LEAF + "-text"


@check(
    "TLS-TRUST",
    severity="critical",
    after=("TLS-HANDSHAKE",),
    expects="tls.trusted",
    source="RFC 5280 section 6; trust store of Mozilla, or the target's network.ca_file",
    by_hand="openssl s_client {starttls}-connect {address} -servername {host} -showcerts -verify 9 </dev/null",
    repair="Serve the whole chain, the leaf first and then every intermediate (certbot: fullchain.pem, not cert.pem). "
    "If the authority is private, name its file in network.ca_file.",
)
def test_the_chain_leads_to_a_trusted_authority(tls: TlsCase) -> None:
    """Clients refuse a chain that does not end at an authority they know; browsers hide a missing intermediate."""
    faults = rules.of_each(tls.seen, lambda shaken: shaken.distrust)
    assert not faults, "; ".join(faults)


@check(
    "TLS-NAME",
    severity="critical",
    after=("TLS-HANDSHAKE",),
    expects="tls.trusted",
    source="RFC 9525 section 6",
    by_hand="openssl s_client {starttls}-connect {address} -servername {host} </dev/null 2>/dev/null "
    "| openssl x509 -noout -checkhost {host}",
    repair="Serve the certificate of this name: a server block without a certificate of its own answers with the "
    "default one. The name must be among the subject alternative names; the common name counts for nothing.",
)
def test_the_certificate_is_for_this_name(tls: TlsCase) -> None:
    """A certificate for another name is refused by every client, and often shows that another site answers."""
    faults = rules.of_each(tls.seen, lambda shaken: rules.wrong_name(shaken.leaf, tls.ask.host))
    assert not faults, "; ".join(faults)


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
    faults = rules.of_each(tls.seen, lambda shaken: rules.wrong_dates(shaken, tls.seen.observed_at))
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
    now, floor = tls.seen.observed_at, tls.expected.min_days_left or 0
    faults = rules.of_each(tls.seen, lambda shaken: rules.too_close_to_its_end(shaken.leaf, now, floor))
    assert not faults, "; ".join(faults)


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
    ceiling = timedelta(days=tls.expected.max_lifetime_days or 0)
    faults = rules.of_each(tls.seen, lambda shaken: rules.issued_for_too_long(shaken.leaf, ceiling))
    assert not faults, "; ".join(faults)


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
    promised = {str(kind): bits for kind, bits in (tls.expected.min_key_bits or {}).items()}
    faults = rules.of_each(tls.seen, lambda shaken: rules.short_key(shaken.leaf, promised))
    assert not faults, "; ".join(faults)


@check(
    "TLS-SIGNATURE",
    severity="high",
    after=("TLS-HANDSHAKE",),
    expects="tls.trusted",
    source="RFC 9155; RFC 6194 (SHA-1), RFC 6151 (MD5); CA/B Baseline Requirements 7.1.3",
    by_hand="openssl s_client {starttls}-connect {address} -servername {host} -showcerts </dev/null 2>/dev/null "
    "| openssl crl2pkcs7 -nocrl -certfile /dev/stdin | openssl pkcs7 -print_certs -noout -text | grep Signature",
    repair="Have the certificate issued again with SHA-256 or better. If it is the intermediate, its authority has a "
    "newer one: serve that.",
)
def test_no_certificate_is_signed_with_a_broken_hash(tls: TlsCase) -> None:
    """Who finds a collision can have a certificate for this name; browsers refuse SHA-1 and MD5."""
    faults = rules.of_each(tls.seen, rules.weak_signatures)
    assert not faults, "; ".join(faults)


@check(
    "TLS-CHAIN",
    severity="medium",
    after=("TLS-HANDSHAKE",),
    expects="tls.clean_chain",
    source="RFC 5246 section 7.4.2, RFC 8446 section 4.4.2",
    by_hand="openssl s_client {starttls}-connect {address} -servername {host} -showcerts </dev/null | grep -E 's:|i:'",
    repair="Send the leaf, then each certificate that issued the one before it, and stop below the root (certbot: "
    "fullchain.pem).",
)
def test_the_chain_is_sent_in_order_and_alone(tls: TlsCase) -> None:
    """Browsers sort a chain out; libraries in devices and old clients often take it as it comes, and break off."""
    faults = rules.of_each(tls.seen, lambda shaken: rules.untidy_chain(shaken.chain))
    assert not faults, "; ".join(faults)


@check(
    "TLS-NAMES",
    severity="high",
    after=("TLS-HANDSHAKE", "TLS-NAME"),
    expects="tls.names",
    source="RFC 9525 section 6",
    by_hand=TEXT,
    repair="Have the certificate issued again for all of these names (certbot: -d for each).",
)
def test_the_certificate_covers_all_promised_names(tls: TlsCase) -> None:
    """A name that was forgotten at the last renewal is noticed only by those who still come by it."""
    promised = tls.expected.names or ()
    faults = rules.of_each(tls.seen, lambda shaken: rules.missing_names(shaken.leaf, promised))
    assert not faults, "; ".join(faults)


@check(
    "TLS-ISSUER",
    severity="medium",
    after=("TLS-HANDSHAKE", "TLS-TRUST"),
    expects="tls.issuer",
    source="the target's promise; RFC 8659 (which authorities may issue)",
    by_hand="openssl s_client {starttls}-connect {address} -servername {host} </dev/null | openssl x509 -noout -issuer",
    repair="Find out who had this certificate issued. If the authority was changed on purpose, change the promise and "
    "the CAA record too.",
)
def test_the_certificate_comes_from_the_promised_authority(tls: TlsCase) -> None:
    """A certificate of another authority is outside of the renewal that is watched, or somebody else's."""
    promised = tls.expected.issuer or ()
    faults = rules.of_each(tls.seen, lambda shaken: rules.wrong_issuer(shaken.leaf, promised))
    assert not faults, "; ".join(faults)


@check(
    "TLS-SCTS",
    severity="medium",
    after=("TLS-HANDSHAKE",),
    expects="tls.scts",
    source="RFC 6962 section 3.3; Chrome and Apple certificate transparency policies",
    by_hand=TEXT,
    repair="Have the certificate issued by an authority that logs it and embeds the timestamps, as public ones do.",
)
def test_the_certificate_was_logged_in_public(tls: TlsCase) -> None:
    """Browsers refuse public certificates without timestamps of two logs; who watches the logs sees forged ones."""
    promised = tls.expected.scts or 0
    faults = rules.of_each(
        tls.seen,
        lambda shaken: [f"{shaken.leaf.scts} embedded timestamps, {promised} promised"] * (shaken.leaf.scts < promised),
    )
    assert not faults, "; ".join(faults)
