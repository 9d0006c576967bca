from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.rules.tls import WEAKNESSES
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.tls.builders import ANONYMOUS, CBC, GCM, TLS_1_3, scan, scanned

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PROMISED = {
    "versions": ["1.2", "1.3"],
    "suites": ["ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"],
    "forbids_suites": ["anonymous", "cbc"],
    "vulnerabilities": "none",
}
CHECKS = (
    "test_exactly_the_promised_versions_are_on",
    "test_only_promised_suites_are_accepted",
    "test_no_forbidden_suite_is_accepted",
    "test_no_known_vulnerability_is_found",
)


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("tls/test_scan.py")


@pytest.mark.parametrize("check", CHECKS)
def test_a_healthy_edge_passes(suite: ModuleType, check: str) -> None:
    passes(getattr(suite, check), scan(scanned(), **PROMISED))


@pytest.mark.parametrize("check", CHECKS)
def test_a_server_that_breaks_the_scanner_is_seen_broken(suite: ModuleType, check: str) -> None:
    seen = scanned(accepted={}, gave_up="Server only supports SSL 2.0")
    fails(getattr(suite, check), scan(seen, **PROMISED), "the scanner gave up: Server only supports SSL 2.0")
    fails(getattr(suite, check), scan(scanned(accepted={}), **PROMISED), "no protocol version at all")


@pytest.mark.parametrize("check", CHECKS)
def test_a_server_that_is_not_there_is_not_observed(suite: ModuleType, check: str) -> None:
    seen = scanned(reachable=False, accepted={}, gave_up="connection refused (at 192.0.2.7:443)")
    is_not_observed(getattr(suite, check), scan(seen, **PROMISED), "connection refused")


def test_one_version_more_or_less_fails(suite: ModuleType) -> None:
    check = suite.test_exactly_the_promised_versions_are_on
    more = scanned(accepted={"SSL3": (CBC,), "1.0": (CBC,), "1.2": (GCM,), "1.3": (TLS_1_3,)})
    fails(check, scan(more, **PROMISED), "accepts SSL 3.0, TLS 1.0")
    fails(check, scan(scanned(accepted={"1.2": (GCM,)}), **PROMISED), "does not accept TLS 1.3")


def test_a_version_without_a_sure_answer_is_no_pass(suite: ModuleType) -> None:
    check = suite.test_exactly_the_promised_versions_are_on
    is_not_observed(check, scan(scanned(undetermined=("1.0",)), **PROMISED), "no sure answer on TLS 1.0")
    seen = scanned(accepted={"1.0": (CBC,), "1.3": (TLS_1_3,)}, undetermined=("1.2",))
    fails(check, scan(seen, **PROMISED), "accepts TLS 1.0")  # what is seen wrong is wrong all the same
    is_not_observed(suite.test_only_promised_suites_are_accepted, scan(scanned(undetermined=("1.0",)), **PROMISED))


def test_what_versions_leave_open_does_not_touch_vulnerabilities(suite: ModuleType) -> None:
    passes(suite.test_no_known_vulnerability_is_found, scan(scanned(undetermined=("1.0",)), **PROMISED))
    passes(suite.test_exactly_the_promised_versions_are_on, scan(scanned(undetermined=("ROBOT",)), **PROMISED))
    is_not_observed(suite.test_no_known_vulnerability_is_found, scan(scanned(undetermined=("ROBOT",)), **PROMISED))


@pytest.mark.parametrize("name", [GCM.openssl, GCM.iana, GCM.openssl.lower()])
def test_a_suite_goes_by_either_of_its_names(suite: ModuleType, name: str) -> None:
    passes(suite.test_only_promised_suites_are_accepted, scan(scanned(), suites=[name, TLS_1_3.iana]))


def test_a_suite_that_is_not_promised_fails(suite: ModuleType) -> None:
    seen = scanned(accepted={"1.2": (GCM, CBC), "1.3": (TLS_1_3,)})
    fails(suite.test_only_promised_suites_are_accepted, scan(seen, **PROMISED), "TLS 1.2 accepts ECDHE-RSA-AES128-SHA")


def test_all_forbidden_suites_are_told_by_kind(suite: ModuleType) -> None:
    seen = scanned(accepted={"1.1": (CBC,), "1.2": (GCM, CBC, ANONYMOUS)})
    fails(
        suite.test_no_forbidden_suite_is_accepted,
        scan(seen, **PROMISED),
        "anonymous: TLS 1.2 accepts ADH-AES128-GCM-SHA256",
        "cbc: TLS 1.1 accepts ECDHE-RSA-AES128-SHA",
    )


def test_a_kind_that_is_not_forbidden_passes(suite: ModuleType) -> None:
    seen = scanned(accepted={"1.2": (GCM, CBC)})
    passes(suite.test_no_forbidden_suite_is_accepted, scan(seen, forbids_suites=["anonymous", "null", "rc4"]))


@pytest.mark.parametrize("weakness", WEAKNESSES)
def test_each_vulnerability_fails(suite: ModuleType, weakness: str) -> None:
    seen = scanned(vulnerabilities=(weakness,))
    fails(suite.test_no_known_vulnerability_is_found, scan(seen, **PROMISED), weakness, "found twice")
