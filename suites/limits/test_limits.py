from roadworthy.cases.limits import (
    AnnouncedCase,
    AttemptsCase,
    FirewallCase,
    FittingCase,
    GuardsCase,
    RateCase,
    TooLargeCase,
)
from roadworthy.check import check
from roadworthy.rules.leaks import guard_faults
from roadworthy.rules.limits import (
    announced_faults,
    attempts_faults,
    firewall_faults,
    fitting_faults,
    rate_faults,
    recovery_faults,
    refusals_of,
    retry_after_faults,
    too_large_faults,
)

BEFORE = ("REACH-TCP", "TLS-HANDSHAKE", "HEALTH-STATUS")
BURST = (
    "seq 40 | xargs -P 40 -I{{}} curl -sSk -o /dev/null -w '%{{http_code}}\\n' --connect-to {host}:{port}:{address} "
    "'{url}' | sort | uniq -c"
)


@check(
    "LIM-RATE",
    severity="medium",
    after=BEFORE,
    expects="limits.rate.requests",
    source="OWASP API Security Top 10 2023, API4; RFC 6585 section 4; nginx ngx_http_limit_req_module",
    by_hand=BURST,
    repair="nginx, in http{}: `limit_req_zone $binary_remote_addr zone=api:10m rate=10r/s;`, and where it is to hold: "
    "`limit_req zone=api burst=20 nodelay; limit_req_status 429;` (it refuses with 503 unless told).",
)
def test_who_asks_too_fast_is_refused(limit: RateCase) -> None:
    """Without a limit one client takes what is there for all; with too tight a one, ordinary visitors are refused."""
    faults = rate_faults(limit.expected.promised, limit.seen)
    assert not faults, "; ".join(faults)


@check(
    "LIM-RATE-RETRY",
    severity="low",
    after=("LIM-RATE",),
    expects="limits.rate.retry_after",
    source="RFC 6585 section 4; RFC 9110 section 10.2.3",
    by_hand=BURST,
    repair="nginx: `error_page 429 = @slow;` with `add_header Retry-After 1 always; return 429;` in that location.",
)
def test_a_refusal_says_when_to_come_again(limit: RateCase) -> None:
    """Clients that are not told wait too short and are refused again, or too long."""
    refused = refusals_of(limit.seen, limit.expected.promised.refuses)
    faults = retry_after_faults(refused, limit.seen.observed_at)
    assert not faults, "; ".join(faults)


@check(
    "LIM-RATE-RECOVERS",
    severity="medium",
    after=("LIM-RATE",),
    expects="limits.rate.recovers_within",
    source="RFC 6585 section 4",
    by_hand=BURST,
    repair="Look for what shuts a client out for longer than the limit says: fail2ban, a firewall's own rate rule, a "
    "ban in "
    "the application.",
)
def test_the_limit_lets_go(limit: RateCase) -> None:
    """A limit that does not let go is an outage for everybody behind that address."""
    promised = limit.expected.promised
    faults = recovery_faults(limit.seen, promised.refuses, promised.recovers_within or 0)
    assert not faults, "; ".join(faults)


@check(
    "LIM-ANNOUNCED",
    severity="low",
    after=BEFORE,
    expects="limits.announces",
    source="draft-ietf-httpapi-ratelimit-headers; the target's promise",
    by_hand="curl -sSki --connect-to {host}:{port}:{address} '{url}' | grep -i ratelimit",
    repair="Set the limit where it is made; a proxy in front may take the headers away.",
)
def test_answers_tell_the_promised_limit(page: AnnouncedCase) -> None:
    """Well-behaved clients pace themselves by these headers, and a limit that was set wrong shows in them."""
    faults = announced_faults(page.promised, page.answer)
    assert not faults, "; ".join(faults)


@check(
    "LIM-ATTEMPTS",
    severity="high",
    after=BEFORE,
    expects="limits.attempts.at_most",
    source="OWASP Authentication Cheat Sheet (2025); OWASP WSTG 4.2 WSTG-ATHN-03",
    by_hand="for i in 1 2 3 4 5 6; do curl -sSk -o /dev/null -w '%{{http_code}}\\n' --connect-to "
    "{host}:{port}:{address} "
    "-H 'Content-Type: application/json' -d '{{...}}' '{url}'; done",
    repair="Laravel: `RateLimiter::for('login', ...)` and `throttle:login` on the route. See that the cache it counts "
    "in is "
    "shared by all instances, and that the client's own address is known behind the proxy (TrustProxies).",
)
def test_attempts_are_limited(attempts: AttemptsCase) -> None:
    """Passwords are guessed by the million; who may try for ever gets in somewhere."""
    faults = attempts_faults(attempts.expected.promised, attempts.seen)
    assert not faults, "; ".join(faults)


@check(
    "LIM-ATTEMPTS-RETRY",
    severity="low",
    after=("LIM-ATTEMPTS",),
    expects="limits.attempts.retry_after",
    source="RFC 6585 section 4; RFC 9110 section 10.2.3",
    by_hand="curl -sSki --connect-to {host}:{port}:{address} -d '' '{url}' | grep -i retry-after   # once locked out",
    repair="Send Retry-After with the refusal; Laravel's throttle does.",
)
def test_a_lock_out_says_how_long(attempts: AttemptsCase) -> None:
    """A person who is not told tries on, and stays locked out."""
    refused = refusals_of(attempts.seen, attempts.expected.promised.refuses)
    faults = retry_after_faults(refused, attempts.seen.observed_at)
    assert not faults, "; ".join(faults)


@check(
    "LIM-ATTEMPTS-RECOVERS",
    severity="medium",
    after=("LIM-ATTEMPTS",),
    expects="limits.attempts.recovers_within",
    source="OWASP Authentication Cheat Sheet (2025), account lockout",
    by_hand="curl -sSki --connect-to {host}:{port}:{address} -d '' '{url}'   # once locked out, and again after the "
    "time",
    repair="Let the lock end by itself; look for a counter whose time is set anew by each attempt.",
)
def test_a_lock_out_ends(attempts: AttemptsCase) -> None:
    """A lock-out without end lets anybody shut others out of their accounts."""
    promised = attempts.expected.promised
    faults = recovery_faults(attempts.seen, promised.refuses, promised.recovers_within or 0)
    assert not faults, "; ".join(faults)


@check(
    "LIM-BODY-OVER",
    severity="medium",
    after=BEFORE,
    expects="limits.body",
    source="RFC 9110 section 15.5.14; OWASP API Security Top 10 2023, API4",
    by_hand="head -c 20000001 /dev/zero | curl -sSki --connect-to {host}:{port}:{address} --data-binary @- '{url}' | "
    "head -1",
    repair="nginx: `client_max_body_size 20M;` (it counts MiB, so say 20000000 where decimal megabytes are meant).",
)
def test_a_body_over_the_limit_is_refused(body: TooLargeCase) -> None:
    """Without a limit, a few uploads fill memory or disk."""
    faults = too_large_faults(body.promised, body.seen)
    assert not faults, "; ".join(faults)


@check(
    "LIM-BODY-WITHIN",
    severity="high",
    after=BEFORE,
    expects="limits.body",
    source="RFC 9110 section 15.5.14; nginx client_max_body_size (1 MB unless set); PHP post_max_size (8 MB unless "
    "set)",
    by_hand="head -c 20000000 /dev/zero | curl -sSki --connect-to {host}:{port}:{address} --data-binary @- '{url}' | "
    "head -1",
    repair="Raise every limit on the way: the CDN's or balancer's, `client_max_body_size`, `post_max_size` and "
    "`upload_max_filesize`, the framework's own; and `client_body_timeout` where it was cut off.",
)
def test_a_body_within_the_limit_is_taken(body: FittingCase) -> None:
    """The smallest of several limits on the way counts; people find out by an upload that fails."""
    faults = fitting_faults(body.promised, body.seen)
    assert not faults, "; ".join(faults)


@check(
    "LIM-FIREWALL",
    severity="medium",
    after=(*BEFORE, "HTTP-LANDS"),
    expects="limits.firewall",
    source="OWASP Core Rule Set 4: 942100, 941110, 930120",
    by_hand="curl -sSki --connect-to {host}:{port}:{address} '{url}/?roadworthy=%3Cscript%3Ealert(1)%3C/script%3E'",
    repair="See that the firewall's rules are set to block and not to count, and that it is attached to this very "
    "edge.",
)
def test_the_firewall_refuses_attacks(firewall: FirewallCase) -> None:
    """A firewall that only counts, or stands before another edge, is believed in until it would be needed."""
    promised = firewall.expected
    faults = firewall_faults(promised.firewall, firewall.seen, promised.control, promised.at)
    assert not faults, "; ".join(faults)


@check(
    "LIM-GUARDS",
    severity="high",
    after=BEFORE,
    expects="limits.guards",
    source="OWASP WSTG 4.2 WSTG-CONF-05; CWE-425",
    by_hand="curl -sSki --connect-to {host}:{port}:{address} '{url}'",
    repair="nginx: `allow 203.0.113.0/24; deny all;` in its location; behind a proxy with `set_real_ip_from`, so that "
    "the "
    "client's own address counts. If this machine is meant to be let in, the promise can't be seen from here.",
)
def test_places_for_some_addresses_are_closed_to_others(guarded: GuardsCase) -> None:
    """A panel that only its operators' addresses should reach is a login page for everybody if the rule is lost."""
    faults = guard_faults(guarded.seen, guarded.paths)
    assert not faults, "; ".join(faults)
