from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.health import HealthCase
from roadworthy.facts.base import Lane
from roadworthy.facts.http import SilenceKind
from tests.suites.healthy import answered, case_of, fails, is_not_observed, passes, silent, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.http import HttpObservation


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("health/test_health.py")


def health(seen: HttpObservation, **promised: Any) -> HealthCase:
    return case_of(HealthCase, seen, target(health={"path": "/up", **promised}))


def test_the_promised_status_passes(suite: ModuleType) -> None:
    passes(suite.test_it_answers_with_the_promised_status, health(answered()))
    passes(suite.test_it_answers_with_the_promised_status, health(answered(status=204), status=204))


def test_another_status_fails(suite: ModuleType) -> None:
    check = suite.test_it_answers_with_the_promised_status
    fails(check, health(answered(status=204)), "204", "200 promised")
    fails(check, health(answered(status=302)), "302")


def test_a_gateway_is_told_from_what_is_behind_it(suite: ModuleType) -> None:
    seen = answered("<html>Bad Gateway</html>", ("server", "nginx"), status=502)
    fails(suite.test_it_answers_with_the_promised_status, health(seen), "502 from nginx, a gateway")


def test_a_services_own_words_are_told_with_its_503(suite: ModuleType) -> None:
    seen = answered('{"status":"error","failed":["db"]}', ("server", "uvicorn"), status=503)
    check = suite.test_it_answers_with_the_promised_status
    fails(check, health(seen), '503 from uvicorn, which says that it can\'t serve now; it says {"status":"error"')


@pytest.mark.parametrize("kind", SilenceKind)
def test_silence_fails_with_its_kind(suite: ModuleType, kind: SilenceKind) -> None:
    fails(suite.test_it_answers_with_the_promised_status, health(silent(kind)), kind.value, "200 promised")


def test_a_promised_member_may_have_company(suite: ModuleType) -> None:
    seen = answered('{"status": "ok", "checks": {"db": "ok", "cache": "ok"}, "at": 7}')
    passes(suite.test_it_says_that_it_is_well, health(seen, json={"status": "ok", "checks": {"db": "ok"}}))


def test_every_member_that_differs_is_told(suite: ModuleType) -> None:
    seen = answered('{"status": "ok", "checks": {"db": "down"}}')
    promised = {"status": "ok", "checks": {"db": "ok", "cache": "ok"}}
    told = ('$.checks.db: "down", promised "ok"', "$.checks.cache is missing")
    fails(suite.test_it_says_that_it_is_well, health(seen, json=promised), *told)


def test_a_page_is_no_json(suite: ModuleType) -> None:
    fails(suite.test_it_says_that_it_is_well, health(answered("<html>ok</html>"), json={"a": 1}), "no JSON", "<html>")


def test_true_is_not_one(suite: ModuleType) -> None:
    fails(suite.test_it_says_that_it_is_well, health(answered('{"up": 1}'), json={"up": True}), "1, promised true")
    passes(suite.test_it_says_that_it_is_well, health(answered('{"up": 1.0}'), json={"up": 1}))


def test_the_whole_answer_is_compared(suite: ModuleType) -> None:
    check, promised = suite.test_it_says_exactly_what_is_promised, {"a": 1, "b": [1, 2]}
    passes(check, health(answered('{"b": [1, 2], "a": 1}'), json_equals=promised))
    fails(check, health(answered('{"b": [1, 2], "a": 1, "c": 0}'), json_equals=promised), "$.c: 0, not promised")
    fails(check, health(answered('{"b": [2, 1], "a": 1}'), json_equals=promised), "$.b[0]: 2", "$.b[1]: 1")


def test_every_match_of_a_query_is_compared(suite: ModuleType) -> None:
    check, promised = suite.test_every_match_is_as_promised, {"$.parts[*].state": "up"}
    passes(check, health(answered('{"parts": [{"state": "up"}, {"state": "up"}]}'), json_path=promised))
    seen = answered('{"parts": [{"state": "up"}, {"state": "down"}]}')
    fails(check, health(seen, json_path=promised), "$['parts'][1]['state']", '"down"')


def test_a_query_that_matches_nothing_is_not_green(suite: ModuleType) -> None:
    promised = {"$.parts[*].state": "up"}
    fails(suite.test_every_match_is_as_promised, health(answered('{"parts": []}'), json_path=promised), "nothing")


def test_the_text_is_looked_for_as_it_stands(suite: ModuleType) -> None:
    check = suite.test_the_answer_holds_the_promised_text
    passes(check, health(answered("<title>Shop</title>"), contains="<title>Shop</title>"))
    fails(check, health(answered("<title>shop</title>"), contains="<title>Shop</title>"), "not in the answer", "shop")


def test_a_text_that_may_stand_in_what_was_cut_is_not_observed(suite: ModuleType) -> None:
    seen = answered("<title>", truncated=True)
    is_not_observed(suite.test_the_answer_holds_the_promised_text, health(seen, contains="Shop"), "cut")


def test_an_answer_is_in_time_to_the_last_millisecond(suite: ModuleType) -> None:
    check = suite.test_it_answers_in_time
    passes(check, health(answered(took_s=0.5), within="500ms"))
    fails(check, health(answered(took_s=0.501), within="500ms"), "took 0.501 s", "first byte", "500ms promised")


@pytest.mark.parametrize(
    ("check", "promised"),
    [
        ("test_it_says_that_it_is_well", {"json": {"status": "ok"}}),
        ("test_it_says_exactly_what_is_promised", {"json_equals": {"status": "ok"}}),
        ("test_every_match_is_as_promised", {"json_path": {"$.status": "ok"}}),
        ("test_the_answer_holds_the_promised_text", {"contains": "ok"}),
        ("test_it_answers_in_time", {"within": "1s"}),
    ],
)
def test_another_status_says_nothing_of_the_rest(suite: ModuleType, check: str, promised: dict[str, Any]) -> None:
    is_not_observed(getattr(suite, check), health(answered(status=502), **promised), "502")
    is_not_observed(getattr(suite, check), health(silent(), **promised), "refused")


def test_one_ask_serves_all_promises_of_a_question() -> None:
    promised = target(health=[{"path": "/up", "json": {"a": 1}}, {"path": "/up", "contains": "a"}])
    assert len({ask for _, ask in HealthCase.looks(promised, promised.components["api"])}) == 1


def test_latency_is_judged_in_the_quiet_lane() -> None:
    assert health(answered(), within="1s").ask.lane is Lane.QUIET
    assert health(answered()).ask.lane is Lane.NORMAL
