from roadworthy.cases.health import HealthCase
from roadworthy.check import check
from roadworthy.rules import bodies
from roadworthy.rules.answers import timed
from roadworthy.target.values import show_duration

BY_HAND = "curl -sSki --max-time 10 --connect-to {host}:{port}:{address} '{url}'"


@check(
    "HEALTH-STATUS",
    severity="critical",
    availability=True,
    after=("NAME-RESOLVES", "REACH-TCP", "TLS-HANDSHAKE"),
    expects="health.status",
    source="RFC 9110 section 15",
    by_hand=BY_HAND,
    repair="Read the service's own log. At 502 or 504 the gateway is well and what it passes on to is not: start that, "
    "or correct the upstream's address.",
)
def test_it_answers_with_the_promised_status(health: HealthCase) -> None:
    """A component that does not answer its health question as promised should get no traffic."""
    assert health.status == health.expected.status, f"{health.told}; {health.expected.status} promised"


@check(
    "HEALTH-JSON",
    severity="high",
    after=("HEALTH-STATUS",),
    expects="health.json",
    source="the target's promise; RFC 8259",
    by_hand=BY_HAND,
    repair="See which member differs: it names the part that is unwell. If another service answers, correct the route.",
)
def test_it_says_that_it_is_well(health: HealthCase) -> None:
    """A 200 says that something answered; the body says whether it is the right service, and whether it is well."""
    faults = bodies.subset_faults(health.answer, health.expected.json_subset or {})
    assert not faults, "; ".join(faults)


@check(
    "HEALTH-JSON-EQUALS",
    severity="high",
    after=("HEALTH-STATUS",),
    expects="health.json_equals",
    source="the target's promise; RFC 8259",
    by_hand=BY_HAND,
    repair="Read which member differs; where the answer was meant to change, change the target's json_equals with it.",
)
def test_it_says_exactly_what_is_promised(health: HealthCase) -> None:
    """Where the whole answer is agreed on, one more member is as much of a surprise as one that is missing."""
    faults = bodies.equality_faults(health.answer, health.expected.json_equals)
    assert not faults, "; ".join(faults)


@check(
    "HEALTH-JSON-PATH",
    severity="high",
    after=("HEALTH-STATUS",),
    expects="health.json_path",
    source="the target's promise; RFC 9535",
    by_hand=BY_HAND,
    repair="Read which place differs: it names the part that is unwell. A query that matches nothing verifies nothing.",
)
def test_every_match_is_as_promised(health: HealthCase) -> None:
    """A health answer often lists its parts; one that is down among many is easily overlooked."""
    faults = bodies.query_faults(health.answer, health.expected.json_path or {})
    assert not faults, "; ".join(faults)


@check(
    "HEALTH-TEXT",
    severity="high",
    after=("HEALTH-STATUS",),
    expects="health.contains",
    source="the target's promise",
    by_hand=BY_HAND,
    repair="Look at what is served instead: a maintenance page, a default page, or another site's.",
)
def test_the_answer_holds_the_promised_text(health: HealthCase) -> None:
    """Default pages, maintenance pages and empty shells answer 200, too."""
    faults = bodies.text_faults(health.answer, health.expected.contains or "")
    assert not faults, "; ".join(faults)


@check(
    "HEALTH-WITHIN",
    severity="medium",
    after=("HEALTH-STATUS",),
    expects="health.within",
    source="the target's promise",
    by_hand="time curl -sSko /dev/null --connect-to {host}:{port}:{address} '{url}'",
    repair="See which phase takes the time: connecting points to the network or a full accept queue, the first byte to "
    "the service and what it waits for.",
)
def test_it_answers_in_time(health: HealthCase) -> None:
    """Load balancers take a slow health answer for none, and remove the instance."""
    took, promised = health.answer.phases.total_s, health.expected.within or 0.0
    assert took <= promised, f"took {timed(health.answer.phases)}; {show_duration(promised)} promised"
