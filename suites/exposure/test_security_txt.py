from roadworthy.cases.exposure import SecurityTxtCase
from roadworthy.check import check
from roadworthy.rules.advice_exposure import advice
from roadworthy.rules.security_txt import security_txt_faults

BY_HAND = "curl -sSki --connect-to {host}:{port}:{address} '{url}/.well-known/security.txt'"


@check(
    "EXP-SECURITY-TXT",
    severity="low",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="exposure.security_txt",
    source="RFC 9116",
    by_hand=BY_HAND,
    repair="Serve `Contact: mailto:security@...` and `Expires: 2027-...Z` (within a year) as text/plain; renew it in "
    "time.",
)
def test_a_finder_of_a_hole_knows_whom_to_tell(places: SecurityTxtCase) -> None:
    """Who finds a hole and no address to report it to publishes it, or sells it; an expired address is none."""
    faults = security_txt_faults(places.glimpse, places.seen.observed_at, places.url)
    assert not faults, "; ".join(faults)


@check(
    "EXP-ADVICE",
    severity="info",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    source="RFC 9116; Internet.nl",
    by_hand=BY_HAND,
    repair="Follow what fits, or decide otherwise in the target: `security_txt: false`.",
)
def test_exposure_follows_what_experts_agree_on(places: SecurityTxtCase) -> None:
    """Nobody promised it, and it does not block; it is what a careful operator would do."""
    deviations = advice(places.expected, places.seen, places.url)
    assert not deviations, "; ".join(deviations)
