from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.limits import (
    AnnouncedCase,
    AttemptsCase,
    FirewallCase,
    FittingCase,
    GuardsCase,
    RateCase,
    TooLargeCase,
)
from roadworthy.facts.burst import BurstObservation, Shot, UploadObservation
from roadworthy.facts.http import SilenceKind
from roadworthy.facts.paths import Glimpse, PathsObservation
from roadworthy.target.models import Target
from tests.suites.healthy import NOW, answered, case_of, fails, is_not_observed, passes, silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

BUCKET = {"path": "/up", "requests": 10, "per": "1s", "burst": 20}
WINDOW = {"path": "/up", "requests": 60, "per": "1m"}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("limits/test_limits.py")


def shop(**limits: Any) -> Target:
    return Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"allows": ["bursts", "logins", "attacks", "large-bodies"]},
            "components": {"api": {"url": "https://api.shop.example", "limits": limits}},
        }
    )


def shot(status: int | None, **changes: Any) -> Shot:
    silence = SilenceKind.RESET if status is None else None
    return Shot(**{"sent_s": 3.0, "answered_s": 3.1, "status": status, "silence": silence, **changes})


def burst(taken: int, refused: int, status: int = 429, others: tuple[int | None, ...] = (), **changes: Any) -> Any:
    took_s = changes.pop("took_s", 0.1)
    refusal = changes.pop("refusal", {})
    shots = (
        *(shot(200, answered_s=3.0 + took_s) for _ in range(taken)),
        *(shot(status, **refusal) for _ in range(refused)),
        *(shot(other) for other in others),
    )
    return BurstObservation(**{"observed_at": NOW, "scout": shot(200), "rounds": (shots,), **changes})


def rate(seen: BurstObservation, promised: dict[str, Any] = BUCKET, **more: Any) -> RateCase:
    return case_of(RateCase, seen, shop(rate={**promised, **more}))


def test_a_bucket_of_the_promised_size_passes(suite: ModuleType) -> None:
    check = suite.test_who_asks_too_fast_is_refused
    passes(check, rate(burst(21, 7)))
    passes(check, rate(burst(20, 8)))  # the limit's clock began a moment earlier
    passes(check, rate(burst(23, 5)))  # what came free meanwhile, and one
    passes(check, rate(burst(26, 2, took_s=0.4)))
    passes(check, rate(burst(21, 7, 503), refuses=[429, 503]))


def test_a_bucket_of_another_size_fails(suite: ModuleType) -> None:
    check = suite.test_who_asks_too_fast_is_refused
    fails(check, rate(burst(28, 0)), "all of 28 requests", "10 in 1s with a burst of 20 promised")
    fails(check, rate(burst(24, 4)), "24 of 28", "no more than 23")
    fails(check, rate(burst(19, 9)), "only 19 of 28", "lets 21 through")
    fails(check, rate(burst(21, 7, 503)), "7 ended with 503")
    fails(check, rate(burst(21, 5, others=(502, None))), "1 ended with 502", "1 ended with connection reset")


def test_a_window_of_the_promised_size(suite: ModuleType) -> None:
    check = suite.test_who_asks_too_fast_is_refused
    passes(check, rate(burst(59, 5), WINDOW))  # and the first request alone
    passes(check, rate(burst(110, 5), WINDOW))  # two windows met
    fails(check, rate(burst(57, 7), WINDOW), "only 58 of 65", "60 in 1m")
    fails(check, rate(burst(130, 0), WINDOW), "all of 131")


def test_a_limit_that_was_used_up_before_is_not_judged(suite: ModuleType) -> None:
    check = suite.test_who_asks_too_fast_is_refused
    is_not_observed(
        check, rate(BurstObservation(observed_at=NOW, scout=shot(429))), "a single request was answered 429"
    )
    is_not_observed(check, rate(BurstObservation(observed_at=NOW, scout=shot(None))), "connection reset")


def test_when_to_come_again(suite: ModuleType) -> None:
    check = suite.test_a_refusal_says_when_to_come_again
    for value in ("1", "0", "Sat, 21 Nov 2026 12:00:00 GMT"):
        passes(check, rate(burst(21, 7, refusal={"retry_after": value}), retry_after=True))
    fails(check, rate(burst(21, 7), retry_after=True), "7 of 7 refusals say nothing")
    fails(check, rate(burst(21, 7, refusal={"retry_after": "soon"}), retry_after=True), "'soon' is neither")
    past = burst(21, 7, refusal={"retry_after": "Sat, 21 Nov 2026 11:59:59 GMT"})
    fails(check, rate(past, retry_after=True), "was over before")
    is_not_observed(check, rate(burst(28, 0), retry_after=True), "nothing was refused")


def test_a_limit_that_lets_go(suite: ModuleType) -> None:
    check = suite.test_the_limit_lets_go
    promised: dict[str, Any] = {"recovers_within": "1s"}
    passes(check, rate(burst(21, 7, recovery=shot(200), recovered_after_s=1.0), **promised))
    stuck = burst(21, 7, recovery=shot(429, retry_after="600"), recovered_after_s=1.0)
    fails(check, rate(stuck, **promised), "still 429 1s after", "600 in Retry-After")
    is_not_observed(check, rate(burst(21, 7, recovery=shot(None)), **promised), "reset")
    is_not_observed(check, rate(burst(28, 0), **promised), "nothing was refused")


def announced(*headers: tuple[str, str], **more: Any) -> AnnouncedCase:
    return case_of(
        AnnouncedCase, answered("{}", *headers), shop(announces={"path": "/up", "requests": 100, "per": "1m", **more})
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ratelimit-policy", '"default";q=100;w=60'),
        ("ratelimit-policy", '"burst";q=10;w=1, "default";q=100;w=60'),
        ("ratelimit-policy", "100;w=60"),
        ("ratelimit-limit", "100, 100;window=60"),
        ("ratelimit-limit", "100"),
        ("ratelimit", "limit=100, remaining=99, reset=60"),
        ("x-ratelimit-limit", "100"),
    ],
)
def test_a_limit_that_is_told_passes(suite: ModuleType, name: str, value: str) -> None:
    passes(suite.test_answers_tell_the_promised_limit, announced((name, value)))


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ((), "no RateLimit-Policy"),
        ((("ratelimit-policy", '"default";q=99;w=60'),), "says 99 in 1m"),
        ((("ratelimit-policy", '"default";q=100;w=61'),), "says 100 in 1m1s; in 1m promised"),
        ((("x-ratelimit-limit", "1000"),), "says 1000"),
        ((("x-ratelimit-limit", "many"),), "no RateLimit-Policy"),
    ],
)
def test_a_limit_that_is_told_otherwise_fails(
    suite: ModuleType, headers: tuple[tuple[str, str], ...], told: str
) -> None:
    fails(suite.test_answers_tell_the_promised_limit, announced(*headers), told)


def test_a_silent_page_tells_no_limit(suite: ModuleType) -> None:
    case = case_of(AnnouncedCase, silent(), shop(announces={"path": "/up", "requests": 100}))
    is_not_observed(suite.test_answers_tell_the_promised_limit, case, "refused")


def attempts(*statuses: int | None, last: dict[str, Any] | None = None, seen: Any = None, **more: Any) -> AttemptsCase:
    shots = [shot(status) for status in statuses]
    shots[-1:] = [shot(statuses[-1], **(last or {}))]
    observed = BurstObservation(observed_at=NOW, rounds=(tuple(shots),), **(seen or {}))
    promised = {"path": "/login", "json": {"email": "{invented}@x"}, "at_most": 5, **more}
    return case_of(AttemptsCase, observed, shop(attempts=[promised]))


def test_attempts_up_to_the_promised_number_pass(suite: ModuleType) -> None:
    passes(suite.test_attempts_are_limited, attempts(401, 401, 401, 401, 401, 429))
    passes(suite.test_attempts_are_limited, attempts(200, 200, 200, 200, 200, 403, answers=[200], refuses=[403]))


def test_attempts_otherwise_fail(suite: ModuleType) -> None:
    check = suite.test_attempts_are_limited
    fails(check, attempts(401, 401, 401, 401, 401, 401), "attempt 6 was answered as all before (401); 5 attempts")
    fails(check, attempts(401, 401, 401, 401, 429), "refused after 4 attempts; 5 promised")
    fails(check, attempts(401, 429), "refused after 1 attempt; 5 promised")
    fails(check, attempts(200, 200, 200, 200, 200, 429), "answered 200")
    fails(check, attempts(401, 401, 500, 401, 401, 429), "answered 500")


def test_attempts_that_tell_nothing(suite: ModuleType) -> None:
    check = suite.test_attempts_are_limited
    is_not_observed(check, attempts(429, last={"retry_after": "42"}), "earlier lock-out", "42")
    is_not_observed(check, attempts(401, 401, None), "attempt 3", "reset")


def test_a_lock_out_says_how_long(suite: ModuleType) -> None:
    tried = (401, 401, 401, 401, 401, 429)
    check = suite.test_a_lock_out_says_how_long
    passes(check, attempts(*tried, last={"retry_after": "60"}, retry_after=True))
    fails(check, attempts(*tried, retry_after=True), "1 of 1 refusals say nothing")
    is_not_observed(check, attempts(401, 401, 401, 401, 401, 401, retry_after=True), "nothing was refused")


def test_a_lock_out_ends(suite: ModuleType) -> None:
    tried = (401, 401, 401, 401, 401, 429)
    check = suite.test_a_lock_out_ends
    within: dict[str, Any] = {"recovers_within": "2s"}
    passes(check, attempts(*tried, seen={"recovery": shot(401), "recovered_after_s": 2.0}, **within))
    fails(
        check, attempts(*tried, seen={"recovery": shot(429), "recovered_after_s": 2.0}, **within), "still 429 2s after"
    )
    is_not_observed(check, attempts(*tried, seen={"recovery": shot(None)}, **within), "reset")


def upload(kind: type[Any], status: int | None = None, **changes: Any) -> Any:
    seen = UploadObservation(observed_at=NOW, status=status, **changes)
    return case_of(kind, seen, shop(body={"path": "/x", "at_most": "20MB"}))


def test_a_body_over_the_limit(suite: ModuleType) -> None:
    check = suite.test_a_body_over_the_limit_is_refused
    passes(check, upload(TooLargeCase, 413))
    passes(check, upload(TooLargeCase, 413, sent_bytes=20_000_001))
    fails(check, upload(TooLargeCase, 404, sent_bytes=20_000_001), "over 20MB", "answered 404", "413 promised")
    cut: dict[str, Any] = {"silence": SilenceKind.RESET, "sent_bytes": 9}
    fails(check, upload(TooLargeCase, **cut), "reset after 9 bytes", "413 promised")
    is_not_observed(check, upload(TooLargeCase, silence=SilenceKind.REFUSED), "refused")
    is_not_observed(check, upload(TooLargeCase, 429), "too busy")
    assert upload(TooLargeCase).ask.size == 20_000_001


def test_a_body_within_the_limit(suite: ModuleType) -> None:
    check = suite.test_a_body_within_the_limit_is_taken
    for status in (200, 201, 401, 404, 405, 422):
        passes(check, upload(FittingCase, status, sent_bytes=20_000_000))
    fails(check, upload(FittingCase, 413), "20MB, promised to be taken", "413")
    fails(check, upload(FittingCase, 502, sent_bytes=20_000_000), "502")
    fails(check, upload(FittingCase, silence=SilenceKind.RESET, sent_bytes=8_000_000), "after 8000000 bytes")
    is_not_observed(check, upload(FittingCase, silence=SilenceKind.TIMED_OUT), "timed out")
    is_not_observed(check, upload(FittingCase, 503), "too busy")
    assert upload(FittingCase).ask.size == 20_000_000


def firewall(*answers: int | SilenceKind, control: int = 200) -> FirewallCase:
    promised = shop(firewall={})
    ((_, ask),) = FirewallCase.looks(promised, promised.components["api"])
    told = ({"status": a} if not isinstance(a, SilenceKind) else {"silence": a} for a in (control, *answers))
    glimpses = tuple(Glimpse(spot=spot, **said) for spot, said in zip(ask.spots, told, strict=True))
    return case_of(FirewallCase, PathsObservation(observed_at=NOW, glimpses=glimpses), promised)


def test_a_firewall_that_refuses_attacks_alone_passes(suite: ModuleType) -> None:
    check = suite.test_the_firewall_refuses_attacks
    passes(check, firewall(403, 406))
    passes(check, firewall(403, SilenceKind.RESET))
    passes(check, firewall(403, 403, control=404))


def test_a_firewall_that_lets_attacks_through_fails(suite: ModuleType) -> None:
    check = suite.test_the_firewall_refuses_attacks
    fails(check, firewall(403, 200), "cross-site-scripting answered 200", "403 or 406 promised")
    fails(check, firewall(200, 404), "sql-injection answered 200", "cross-site-scripting answered 404")


def test_a_firewall_that_refuses_everything_tells_nothing(suite: ModuleType) -> None:
    check = suite.test_the_firewall_refuses_attacks
    is_not_observed(check, firewall(403, 403, control=403), "the harmless request")
    is_not_observed(check, firewall(403, 403, control=503), "503")
    is_not_observed(check, firewall(403, SilenceKind.TIMED_OUT), "timed out")
    is_not_observed(check, firewall(403, SilenceKind.REFUSED), "connection refused")


def guarded(status: int, nothing: int = 404) -> GuardsCase:
    promised = shop(guards=["/admin"])
    ((_, ask),) = GuardsCase.looks(promised, promised.components["api"])
    glimpses = (
        Glimpse(spot=ask.spots[0], status=nothing),
        Glimpse(spot=ask.spots[1], status=status, media_type="text/html"),
    )
    return case_of(GuardsCase, PathsObservation(observed_at=NOW, glimpses=glimpses), promised)


def test_guarded_places(suite: ModuleType) -> None:
    check = suite.test_places_for_some_addresses_are_closed_to_others
    for status in (401, 403):
        passes(check, guarded(status))
    passes(check, guarded(404, nothing=200))
    is_not_observed(check, guarded(404), "as where nothing is")
    for status in (200, 302):
        fails(check, guarded(status), f"/admin answered {status}")
    is_not_observed(check, guarded(502), "502")


def test_what_a_burst_takes_is_known_before() -> None:
    promised = shop(rate=BUCKET)
    ((_, ask),) = RateCase.looks(promised, promised.components["api"])
    assert (ask.first, ask.exchanges) == (28, 57)
    assert ask.settles_s == pytest.approx(2.1)
