"""Waivers: what the file may say, what they cover, what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from roadworthy.check import Severity
from roadworthy.target.models import Target
from roadworthy.target.problems import TargetError
from roadworthy.verdict.causes import behind_waived, explain
from roadworthy.verdict.deciding import decide
from roadworthy.verdict.models import Decision, Look, Outcome, Result, WaiverState
from roadworthy.verdict.waivers import Standing, Waiver, Waivers, load_waivers, parse_expiry
from tests.verdict.test_causes import result as plain_result

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHECKS = {"TLS-EXPIRY", "TLS-NAME", "HDR-XFO", "HDR-CSP"}
ENTRY: dict[str, Any] = {
    "check": "HDR-XFO",
    "component": "api",
    "owner": "ops@shop.example",
    "reason": "framed by the intranet",
    "expires": "2026-12-31",
}
TARGET = Target.model_validate(
    {
        "schema": 1,
        "name": "shop",
        "environment": "production",
        "components": {name: {"url": f"https://{name}.shop.example", "tcp": {"open": True}} for name in ("api", "www")},
    }
)


def waiver(**changes: object) -> Waiver:
    return Waiver.model_validate({**ENTRY, **changes})


def waivers(*entries: Waiver, now: datetime = NOW) -> Waivers:
    return Waivers(tuple(Standing(entry, f"waivers.yaml:{n}:5") for n, entry in enumerate(entries, 1)), now)


def look(outcome: Outcome = Outcome.FAILED, seen: str = "not sent", address: str | None = "192.0.2.1:443") -> Look:
    return Look(what="/", address=address, outcome=outcome, seen=seen, by_hand="", evidence=None)


def result(*looks: Look, check: str = "HDR-XFO", component: str = "api", **changes: Any) -> Result:
    outcomes = {one.outcome for one in looks}
    worst = next((kind for kind in (Outcome.FAILED, Outcome.NOT_OBSERVED) if kind in outcomes), Outcome.PASSED)
    return plain_result(check, component, worst, looks=looks, **changes)


def load(tmp_path: Path, *entries: dict[str, Any], text: str | None = None) -> tuple[Standing, ...]:
    file = tmp_path / "waivers.yaml"
    held = {"schema": 1, "waivers": list(entries)}
    file.write_text(yaml.safe_dump(held, sort_keys=False) if text is None else text)
    return load_waivers(file, TARGET, CHECKS, NOW)


def refused(tmp_path: Path, *entries: dict[str, Any], text: str | None = None) -> str:
    with pytest.raises(TargetError) as caught:
        load(tmp_path, *entries, text=text)
    return str(caught.value)


# --- the file --------------------------------------------------------------------------------------------------------


def test_a_file_of_waivers_is_read_with_its_places(tmp_path: Path) -> None:
    (one,) = load(tmp_path, ENTRY)
    assert one.waiver.component == ("api",)
    assert one.at.endswith("waivers.yaml:3:3")


def test_no_waivers_are_allowed_to_be_left(tmp_path: Path) -> None:
    assert load(tmp_path) == ()


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("2026-12-31", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-12-31T18:00Z", datetime(2026, 12, 31, 18, tzinfo=UTC)),
        ("2026-12-31T18:00:30.5+02:00", datetime(2026, 12, 31, 16, 0, 30, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_a_day_or_a_moment(text: str, last: datetime) -> None:
    assert parse_expiry(text) == last


@pytest.mark.parametrize("text", ["2026-12-32", "2026-12-31T18:00", "31.12.2026", "20261231T18", "", 20261231, None])
def test_what_is_no_day_and_no_moment_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="allowed: a day"):
        parse_expiry(text)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"check": "HDR-XF"},
            "waivers.0.check: unknown check 'HDR-XF'; did you mean HDR-XFO? allowed: HDR-CSP, HDR-XFO",
        ),
        ({"check": "HDR-*"}, "unknown check 'HDR-*'"),
        ({"component": "shop"}, "waivers.0.component: unknown component 'shop'; allowed: api, www; if it is one of"),
        ({"component": []}, "waivers.0.component: "),
        ({"owner": " "}, "waivers.0.owner: "),
        ({"expires": "9999-12-31T23:59:59-14:00"}, "waivers.0.expires: "),
        ({"expires": "2027-11-23"}, "waivers.0.expires: found 2027-11-23; 366 days ahead at most"),
        ({"until": "x"}, "waivers.0.until: unknown key; allowed: check, component, owner, reason, expires, target"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    text = refused(tmp_path, {**ENTRY, **changes})
    assert "waivers.yaml:" in text
    assert told in text


@pytest.mark.parametrize("key", ["check", "component", "owner", "reason", "expires"])
def test_nothing_of_it_may_be_missing(tmp_path: Path, key: str) -> None:
    entry = {name: value for name, value in ENTRY.items() if name != key}
    assert f"waivers.0.{key}: is missing" in refused(tmp_path, entry)


def test_a_year_ahead_is_not_too_far(tmp_path: Path) -> None:
    assert load(tmp_path, {**ENTRY, "expires": "2027-11-21"})


def test_the_same_is_waived_once(tmp_path: Path) -> None:
    text = refused(tmp_path, ENTRY, {**ENTRY, "owner": "somebody else"})
    assert "the same is waived in line 3 already" in text
    assert load(tmp_path, ENTRY, {**ENTRY, "address": "192.0.2.1"})


@pytest.mark.parametrize("text", ["", "- a\n", "schema: 2\nwaivers: []\n", "waivers: [\n", "schema: 1\n"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    assert "waivers.yaml" in refused(tmp_path, text=text)


@pytest.mark.parametrize("scope", [{"target": "portal"}, {"environment": "staging"}])
def test_what_is_about_another_target_is_left_out(tmp_path: Path, scope: dict[str, str]) -> None:
    assert load(tmp_path, {**ENTRY, **scope, "component": "unknown here"}) == ()


def test_what_is_about_this_target_is_not(tmp_path: Path) -> None:
    assert len(load(tmp_path, {**ENTRY, "target": "shop", "environment": "production"})) == 1


# --- what they cover -------------------------------------------------------------------------------------------------


def test_a_waived_finding_stays_failed_and_does_not_block() -> None:
    waived = waivers(waiver()).applied(result(look()))
    assert (waived.outcome, waived.blocking, waived.is_waived) == (Outcome.FAILED, False, True)
    assert [(one.owner, one.at) for one in waived.waived_by] == [("ops@shop.example", "waivers.yaml:1:5")]
    assert decide([waived]) is Decision.GO


def test_a_waived_finding_that_would_not_block_decides_nothing() -> None:
    waived = waivers(waiver()).applied(result(look()))
    assert decide([waived], waived.severity) is Decision.GO
    assert decide([waived], Severity.CRITICAL) is Decision.INCONCLUSIVE


def test_it_holds_to_its_last_second() -> None:
    last = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert waivers(waiver(), now=last).applied(result(look())).is_waived
    over = datetime(2027, 1, 1, tzinfo=UTC)
    assert not waivers(waiver(), now=over).applied(result(look())).waived_by


@pytest.mark.parametrize("changes", [{"check": "HDR-CSP"}, {"component": "www"}])
def test_another_finding_is_not_waived(changes: dict[str, str]) -> None:
    found = result(look(), **changes)
    assert waivers(waiver()).applied(found) == found


def test_one_waiver_may_be_for_several_components() -> None:
    both = waivers(waiver(component=["api", "www"]))
    assert both.applied(result(look())).is_waived
    assert both.applied(result(look(), component="www")).is_waived


@pytest.mark.parametrize("address", ["192.0.2.1", "192.0.2.1:443"])
def test_a_waiver_can_be_for_one_address(address: str) -> None:
    one = waivers(waiver(address=address))
    assert one.applied(result(look(), look(Outcome.PASSED, address="192.0.2.2:443"))).is_waived
    assert not one.applied(result(look(), look(address="192.0.2.2:443"))).waived_by
    assert not one.applied(result(look(address=None))).waived_by


def test_an_ipv6_address_is_written_with_or_without_brackets() -> None:
    for address in ("2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443"):
        assert waivers(waiver(address=address)).applied(result(look(address="[2001:db8::1]:443"))).is_waived


def test_a_waiver_can_be_for_what_was_seen() -> None:
    one = waivers(waiver(seen="not sent"))
    assert one.applied(result(look())).is_waived
    assert not one.applied(result(look(seen="sent twice"))).waived_by


@pytest.mark.parametrize(
    ("told", "seen", "covered"),
    [
        ("a is old; a is long", ["a is"], True),
        ("a is old; b is new", ["a is"], False),
        ("a is old; b is new", ["a is", "b is"], True),
        ("a is old; b is new", ["a is old; b"], True),
        ("a is old; b is new; c is new", ["a is old; b is new"], False),
    ],
)
def test_a_fault_that_came_later_is_not_waived(told: str, seen: list[str], *, covered: bool) -> None:
    several = waivers(*(waiver(seen=words) for words in seen))
    assert several.applied(result(look(seen=told))).is_waived == covered


def test_several_waivers_may_cover_one_result_together() -> None:
    two = waivers(waiver(address="192.0.2.1"), waiver(address="192.0.2.2"))
    waived = two.applied(result(look(), look(address="192.0.2.2:443")))
    assert waived.is_waived
    assert len(waived.waived_by) == 2


def test_what_could_not_be_observed_is_not_waived() -> None:
    unseen = result(look(Outcome.NOT_OBSERVED))
    assert waivers(waiver()).applied(unseen) == unseen


def test_where_a_part_could_not_be_observed_that_part_counts() -> None:
    part = waivers(waiver()).applied(result(look(), look(Outcome.NOT_OBSERVED, "no answer", "192.0.2.2:443")))
    assert (part.outcome, part.weighs, part.blocking, part.is_waived) == (
        Outcome.FAILED,
        Outcome.NOT_OBSERVED,
        True,
        False,
    )
    assert decide([part]) is Decision.INCONCLUSIVE
    causes, _ = explain([part], TARGET)
    assert causes[0].outcome is Outcome.NOT_OBSERVED


def test_a_pass_needs_no_waiver() -> None:
    fine = result(look(Outcome.PASSED))
    assert waivers(waiver()).applied(fine) == fine
    assert not fine.is_waived


# --- causes ----------------------------------------------------------------------------------------------------------


def test_what_a_waived_finding_explains_is_a_cause_of_its_own() -> None:
    root = waivers(waiver(check="TLS-NAME")).applied(result(look(), check="TLS-NAME"))
    behind = result(look(), check="TLS-EXPIRY", after=("TLS-NAME",))
    causes, told = explain([root, behind], TARGET)
    assert [cause.check for cause in causes] == ["TLS-EXPIRY"]
    assert [one.blocked_by for one in told] == [None, None]
    assert decide(told) is Decision.NO_GO
    assert behind_waived(told, TARGET) == {root.node_id: (behind,)}


# --- what becomes of them --------------------------------------------------------------------------------------------


def use(one: Waivers, *results: Result, whole: bool = True) -> tuple[WaiverState, str] | None:
    applied = [one.applied(held) for held in results]
    found = one.uses(applied, behind_waived(applied, TARGET), whole=whole)
    return (found[0].state, found[0].told) if found else None


@pytest.mark.parametrize(
    ("entry", "found", "state"),
    [
        (waiver(), result(look()), WaiverState.HOLDS),
        (waiver(), result(look(Outcome.PASSED)), WaiverState.UNUSED),
        (waiver(), result(look(Outcome.NOT_OBSERVED)), WaiverState.NOT_OBSERVED),
        (waiver(), result(look(), look(Outcome.NOT_OBSERVED)), WaiverState.NOT_OBSERVED),
        (waiver(seen="twice"), result(look()), WaiverState.NO_FIT),
        (waiver(address="192.0.2.1"), result(look(), look(address="192.0.2.2:443")), WaiverState.NO_FIT),
        (waiver(expires="2026-11-20"), result(look()), WaiverState.EXPIRED),
        (waiver(expires="2026-11-20"), result(look(Outcome.PASSED)), WaiverState.UNUSED),
    ],
)
def test_each_waiver_is_told_for_what_it_did(entry: Waiver, found: Result, state: WaiverState) -> None:
    told = use(waivers(entry), found)
    assert told is not None
    assert told[0] is state
    assert bool(told[1]) is (state is not WaiverState.HOLDS)


@pytest.mark.parametrize(
    ("day", "told"), [("2026-12-06", ""), ("2026-12-05", "it ends in 14 days"), ("2026-11-21", "it ends in 0 days")]
)
def test_a_waiver_that_is_needed_and_ends_soon_says_so(day: str, told: str) -> None:
    assert use(waivers(waiver(expires=day)), result(look())) == (WaiverState.HOLDS, told)


def test_nothing_is_said_of_a_waiver_whose_check_was_not_selected() -> None:
    assert use(waivers(waiver()), result(look(), check="HDR-CSP"), whole=False) is None


def test_in_a_whole_run_a_waiver_for_nothing_is_unused() -> None:
    told = use(waivers(waiver()), result(look(), check="HDR-CSP"))
    assert told == (WaiverState.UNUSED, "the check has nothing to judge on this component: take it out")
