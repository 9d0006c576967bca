from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.suites.healthy import NOW, fails, is_not_observed, passes
from tests.suites.tls.builders import certificate, refused, shaken, tls

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("tls/test_certificate.py")


def test_a_chain_that_verifies_is_trusted(suite: ModuleType) -> None:
    passes(suite.test_the_chain_leads_to_a_trusted_authority, tls(shaken()))


def test_all_reasons_for_distrust_are_told(suite: ModuleType) -> None:
    distrust = ("self-signed certificate (CN=api)", "unsuitable certificate purpose (CN=api)")
    fails(suite.test_the_chain_leads_to_a_trusted_authority, tls(shaken(distrust=distrust)), *distrust)


def test_without_a_handshake_nothing_of_the_certificate_is_told(suite: ModuleType) -> None:
    for check in (
        suite.test_the_chain_leads_to_a_trusted_authority,
        suite.test_the_certificate_is_for_this_name,
        suite.test_every_certificate_is_valid_today,
        suite.test_the_certificate_outlives_its_renewal_window,
        suite.test_the_certificate_is_not_issued_for_too_long,
        suite.test_the_key_is_long_enough,
    ):
        promised = {"min_days_left": 1, "max_lifetime_days": 90, "min_key_bits": {"ec": 256}}
        is_not_observed(check, tls(refused(), **promised), "connection refused")


def test_the_name_may_be_one_of_several(suite: ModuleType) -> None:
    seen = shaken(certificate(dns_names=("www.shop.example", "api.shop.example")))
    passes(suite.test_the_certificate_is_for_this_name, tls(seen))


def test_another_name_is_told_with_the_one_that_is_missing(suite: ModuleType) -> None:
    seen = shaken(certificate(dns_names=("www.shop.example", "*.api.shop.example")))
    check = suite.test_the_certificate_is_for_this_name
    fails(check, tls(seen), "www.shop.example", "*.api.shop.example", "not for api.shop.example")


def test_a_common_name_is_no_name(suite: ModuleType) -> None:
    seen = shaken(certificate(dns_names=(), subject="CN=api.shop.example"))
    fails(suite.test_the_certificate_is_for_this_name, tls(seen), "no name at all (subject CN=api.shop.example)")


def test_the_last_and_the_first_second_are_valid(suite: ModuleType) -> None:
    passes(suite.test_every_certificate_is_valid_today, tls(shaken(certificate(not_after=NOW))))
    passes(suite.test_every_certificate_is_valid_today, tls(shaken(certificate(not_before=NOW))))
    passes(suite.test_every_certificate_is_valid_today, tls(shaken(authorities_begin=NOW, authorities_end=NOW)))


def test_a_second_too_late_or_too_early_is_not(suite: ModuleType) -> None:
    check = suite.test_every_certificate_is_valid_today
    fails(check, tls(shaken(certificate(not_after=NOW - SECOND))), "expired on 21 Nov 2026")
    fails(check, tls(shaken(certificate(not_before=NOW + SECOND))), "valid only from 21 Nov 2026 12:00 UTC")
    fails(check, tls(shaken(authorities_end=NOW - SECOND)), "authority expired on 21 Nov 2026")
    fails(check, tls(shaken(authorities_begin=NOW + SECOND)), "authority is valid only from 21 Nov 2026")


def test_an_expired_leaf_has_no_valid_date_and_no_days_left(suite: ModuleType) -> None:
    seen = shaken(certificate(not_after=NOW - SECOND))
    fails(suite.test_every_certificate_is_valid_today, tls(seen, min_days_left=14), "expired on")
    fails(suite.test_the_certificate_outlives_its_renewal_window, tls(seen, min_days_left=14), "expired on")


def test_the_promised_days_are_left(suite: ModuleType) -> None:
    check = suite.test_the_certificate_outlives_its_renewal_window
    passes(check, tls(shaken(certificate(not_after=NOW + 14 * DAY)), min_days_left=14))
    passes(check, tls(shaken(certificate(not_after=NOW)), trusted=True, min_days_left=0))


def test_a_second_less_than_the_promised_days(suite: ModuleType) -> None:
    check = suite.test_the_certificate_outlives_its_renewal_window
    seen = shaken(certificate(not_after=NOW + 14 * DAY - SECOND))
    fails(check, tls(seen, min_days_left=14), "expires on 05 Dec 2026: 13 days left; 14 promised")


def test_an_expired_certificate_is_no_promise_of_zero_days(suite: ModuleType) -> None:
    check = suite.test_the_certificate_outlives_its_renewal_window
    fails(
        check, tls(shaken(certificate(not_after=NOW - SECOND)), trusted=True, min_days_left=0), "expired on 21 Nov 2026"
    )


def test_time_is_that_of_the_observation_in_any_zone(suite: ModuleType) -> None:
    check = suite.test_the_certificate_outlives_its_renewal_window
    seen = shaken(certificate(not_after=NOW + 14 * DAY), observed_at=NOW.astimezone(UTC) - DAY)
    passes(check, tls(seen, min_days_left=15))
    fails(check, tls(seen, min_days_left=16), "15 days left")


def test_a_lifetime_of_exactly_the_promised_days(suite: ModuleType) -> None:
    check = suite.test_the_certificate_is_not_issued_for_too_long
    start = NOW - DAY
    passes(check, tls(shaken(certificate(not_before=start, not_after=start + 90 * DAY)), max_lifetime_days=90))
    seen = shaken(certificate(not_before=start, not_after=start + 91 * DAY))
    fails(check, tls(seen, max_lifetime_days=90), "issued for 91.0 days, 90 promised at most")


@pytest.mark.parametrize(("kind", "bits"), [("rsa", 2048), ("ec", 256)])
def test_a_key_of_exactly_the_promised_size(suite: ModuleType, kind: str, bits: int) -> None:
    check = suite.test_the_key_is_long_enough
    promised = {"min_key_bits": {"rsa": 2048, "ec": 256}}
    passes(check, tls(shaken(certificate(key_type=kind, key_bits=bits)), **promised))
    seen = shaken(certificate(key_type=kind, key_bits=bits - 1))
    fails(check, tls(seen, **promised), f"{kind} key of {bits - 1} bits, {bits} promised")


def test_an_edwards_curve_is_an_elliptic_curve(suite: ModuleType) -> None:
    check = suite.test_the_key_is_long_enough
    passes(check, tls(shaken(certificate(key_type="ed25519", key_bits=256)), min_key_bits={"ec": 256}))
    fails(check, tls(shaken(certificate(key_type="ed25519", key_bits=256)), min_key_bits={"ec": 384}), "ed25519")


def test_a_key_of_a_kind_that_nothing_is_promised_of_is_no_pass(suite: ModuleType) -> None:
    seen = shaken(certificate(key_type="ec", key_bits=256))
    is_not_observed(suite.test_the_key_is_long_enough, tls(seen, min_key_bits={"rsa": 2048}), "only rsa is promised")


def test_a_kind_that_is_not_promised_hides_no_fault_of_the_other(suite: ModuleType) -> None:
    check, promised = suite.test_the_key_is_long_enough, {"min_key_bits": {"rsa": 4096}}
    rsa = certificate(key_type="rsa", key_bits=4096)
    is_not_observed(check, tls(shaken(certificate(), other=rsa), **promised), "only rsa is promised")
    short = rsa.model_copy(update={"key_bits": 2048})
    fails(check, tls(shaken(certificate(), other=short), **promised), "with its rsa certificate", "4096 promised")


def test_a_key_of_an_unknown_kind_is_not_long_enough(suite: ModuleType) -> None:
    seen = shaken(certificate(key_type="other", key_bits=0))
    fails(suite.test_the_key_is_long_enough, tls(seen, min_key_bits={"rsa": 2048}), "other key", "rsa or ec promised")
