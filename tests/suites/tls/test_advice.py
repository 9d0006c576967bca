from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.suites.healthy import NOW, fails, is_not_observed, passes
from tests.suites.tls.builders import (
    ANONYMOUS,
    CBC,
    GCM,
    HEALTHY,
    INTERMEDIATE,
    ROOT,
    RSA,
    TLS_1_3,
    advised,
    certificate,
    refused,
    scanned,
    shaken,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.tls import Certificate

DAY = timedelta(days=1)
OWN = "authority.pem"


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("tls/test_advice.py")


def test_an_edge_of_today_needs_no_advice(suite: ModuleType) -> None:
    passes(suite.test_nothing_falls_behind_best_practice, advised(shaken(chain=(HEALTHY, INTERMEDIATE), other=RSA)))
    passes(suite.test_nothing_falls_behind_best_practice, advised(scanned()))


def test_without_a_handshake_there_is_no_advice(suite: ModuleType) -> None:
    is_not_observed(suite.test_nothing_falls_behind_best_practice, advised(refused()), "connection refused")


def ending(left: timedelta, lifetime: timedelta) -> Certificate:
    return certificate(not_after=NOW + left, not_before=NOW + left - lifetime)


@pytest.mark.parametrize(("lifetime", "floor"), [(90, 30), (200, 30), (47, 47 / 3), (6, 2)])
def test_renewal_is_late_when_a_third_is_left_or_thirty_days(suite: ModuleType, lifetime: int, floor: float) -> None:
    check, second = suite.test_nothing_falls_behind_best_practice, timedelta(seconds=1)
    passes(check, advised(shaken(ending(floor * DAY, lifetime * DAY))))
    late = shaken(ending(floor * DAY - second, lifetime * DAY))
    fails(check, advised(late), "the certificate ends in", "CA/B Forum SC-081v3")
    passes(check, advised(late, min_days_left=1))  # decided on


def test_an_expired_certificate_is_no_matter_of_advice(suite: ModuleType) -> None:
    passes(suite.test_nothing_falls_behind_best_practice, advised(shaken(ending(-DAY, 90 * DAY))))


@pytest.mark.parametrize(
    ("issued", "days"),
    [
        (datetime(2026, 3, 14, tzinfo=UTC), 398),
        (datetime(2026, 3, 15, tzinfo=UTC), 200),
        (datetime(2027, 3, 15, tzinfo=UTC), 100),
        (datetime(2029, 3, 15, tzinfo=UTC), 47),
    ],
)
def test_a_public_certificate_lives_as_long_as_on_its_day_of_issue(
    suite: ModuleType, issued: datetime, days: int
) -> None:
    check = suite.test_nothing_falls_behind_best_practice

    def seen(lifetime: int) -> Any:
        leaf = certificate(not_before=issued, not_after=issued + lifetime * DAY)
        return shaken(leaf, observed_at=issued + DAY)

    passes(check, advised(seen(days)))
    fails(check, advised(seen(days + 2)), f"lives for {days + 2} days, {days} at most")
    passes(check, advised(seen(days + 2), max_lifetime_days=3650))
    passes(check, advised(seen(days + 2), OWN))


@pytest.mark.parametrize(
    ("change", "told", "decided"),
    [
        ({"key_type": "rsa", "key_bits": 2047}, "the key is rsa of 2047 bits", {"min_key_bits": {"rsa": 1024}}),
        ({"key_type": "ec", "key_bits": 224}, "the key is ec of 224 bits", {"min_key_bits": {"ec": 192}}),
        ({"scts": 0}, "no timestamp of a public log", {"scts": 1}),
        ({"has_ocsp": True}, "no response is stapled", {"stapling": True}),
    ],
)
def test_a_certificate_is_advised_on_unless_decided(
    suite: ModuleType, change: dict[str, object], told: str, decided: dict[str, object]
) -> None:
    check = suite.test_nothing_falls_behind_best_practice
    fails(check, advised(shaken(certificate(**change))), told)
    passes(check, advised(shaken(certificate(**change)), **decided))


def test_an_untidy_chain_is_advised_on_unless_decided(suite: ModuleType) -> None:
    check, seen = suite.test_nothing_falls_behind_best_practice, shaken(chain=(HEALTHY, INTERMEDIATE, ROOT))
    fails(check, advised(seen), "the root is sent", "RFC 8446")
    passes(check, advised(seen, clean_chain=True))


def test_what_is_of_the_public_web_is_not_said_of_an_authority_of_ones_own(suite: ModuleType) -> None:
    check = suite.test_nothing_falls_behind_best_practice
    passes(check, advised(shaken(certificate(scts=0, has_ocsp=True)), OWN))
    passes(check, advised(scanned(groups=()), OWN))


@pytest.mark.parametrize(
    ("change", "told", "decided"),
    [
        ({"accepted": {"1.2": (GCM,)}}, "TLS 1.3 is not accepted", {"versions": ["1.2"]}),
        ({"groups": ("X25519",)}, "no post-quantum key exchange", {"groups": ["X25519"]}),
        ({"extended_master_secret": False}, "no extended master secret", {"extended_master_secret": True}),
        ({"early_data": True}, "0-RTT data is accepted", {"early_data": "refused"}),
        ({"vulnerabilities": ("ROBOT",)}, "ROBOT found", {"vulnerabilities": "none"}),
        ({"accepted": {"1.2": (CBC,), "1.3": (TLS_1_3,)}}, "CBC suites are accepted", {"suites": [CBC.iana]}),
        (
            {"accepted": {"1.2": (ANONYMOUS,), "1.3": (TLS_1_3,)}},
            "anonymous suites are accepted",
            {"forbids_suites": ["anonymous"]},
        ),
    ],
)
def test_a_server_is_advised_on_unless_decided(
    suite: ModuleType, change: dict[str, object], told: str, decided: dict[str, object]
) -> None:
    check = suite.test_nothing_falls_behind_best_practice
    fails(check, advised(scanned(**change)), told)
    passes(check, advised(scanned(**change), **decided))


def test_a_promise_that_is_no_longer_safe_is_told_so(suite: ModuleType) -> None:
    check = suite.test_nothing_falls_behind_best_practice
    seen = scanned(accepted={"1.0": (CBC,), "1.2": (ANONYMOUS,), "1.3": (TLS_1_3,)})
    promised = {"versions": ["1.0", "1.2", "1.3"], "suites": [CBC.iana, ANONYMOUS.iana]}
    fails(
        check, advised(seen, **promised), "TLS 1.0 promised, yet no longer safe", "anonymous suites are promised, yet"
    )


def test_what_a_promise_forbids_is_told_by_the_check_on_it_alone(suite: ModuleType) -> None:
    seen = scanned(accepted={"1.0": (CBC,), "1.2": (ANONYMOUS, GCM), "1.3": (TLS_1_3,)})
    promised = {"versions": ["1.2", "1.3"], "suites": [GCM.iana]}
    passes(suite.test_nothing_falls_behind_best_practice, advised(seen, **promised))


def test_falling_back_matters_where_there_is_where_to_fall(suite: ModuleType) -> None:
    check = suite.test_nothing_falls_behind_best_practice
    fails(check, advised(scanned(fallback_refused=False)), "falls back", "RFC 7507")
    passes(check, advised(scanned(fallback_refused=True)))


def test_what_was_not_there_to_scan_is_not_advised_on(suite: ModuleType) -> None:
    gone = scanned(reachable=False, accepted={}, groups=(), gave_up="connection refused")
    is_not_observed(suite.test_nothing_falls_behind_best_practice, advised(gone), "connection refused")
    is_not_observed(suite.test_nothing_falls_behind_best_practice, advised(scanned(accepted={})), "no protocol version")
