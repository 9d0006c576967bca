from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from roadworthy.facts.suites import listed
from roadworthy.facts.tls import Suite
from tests.suites.healthy import fails, is_not_observed, passes, target
from tests.suites.tls.builders import ANONYMOUS, CBC, GCM, TLS_1_3, scan, scanned

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PROMISED: dict[str, Any] = {
    "suites": ["ECDHE-RSA-AES128-GCM-SHA256"],
    "suites_exact": True,
    "ciphers": "HIGH:!aNULL",
    "groups": ["X25519MLKEM768", "X25519"],
    "includes_groups": ["X25519"],
    "post_quantum": True,
    "preference": "client",
    "extended_master_secret": True,
    "early_data": "refused",
}
CHECKS = (
    "test_every_promised_suite_is_accepted",
    "test_only_suites_of_the_promised_cipher_string_are_accepted",
    "test_only_promised_groups_are_accepted",
    "test_the_promised_groups_are_accepted",
    "test_key_exchange_withstands_a_quantum_computer",
    "test_the_promised_side_chooses_the_suite",
    "test_sessions_are_bound_to_their_handshake",
    "test_early_data_is_refused",
)
ECDSA = Suite(iana="TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", openssl="ECDHE-ECDSA-AES128-GCM-SHA256")
EXPANDED = {"ciphers": (GCM.openssl, ECDSA.openssl)}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("tls/test_scan.py")


@pytest.mark.parametrize("check", CHECKS)
def test_a_healthy_edge_passes(suite: ModuleType, check: str) -> None:
    passes(getattr(suite, check), scan(scanned(**EXPANDED), **PROMISED))


@pytest.mark.parametrize("check", CHECKS)
def test_a_server_that_is_not_there_is_not_observed(suite: ModuleType, check: str) -> None:
    seen = scanned(reachable=False, accepted={}, groups=(), gave_up="connection refused (at 192.0.2.7:443)")
    is_not_observed(getattr(suite, check), scan(seen, **PROMISED), "connection refused")


@pytest.mark.parametrize("check", CHECKS)
def test_a_server_that_nobody_understands_is_seen_broken(suite: ModuleType, check: str) -> None:
    seen = scanned(accepted={}, groups=(), gave_up="Server only supports SSL 2.0", **EXPANDED)
    fails(getattr(suite, check), scan(seen, **PROMISED), "the scanner gave up")


@pytest.mark.parametrize("check", CHECKS)
def test_what_can_not_be_told_is_no_pass(suite: ModuleType, check: str) -> None:
    unsure = scanned(
        accepted={},
        groups=(),
        undetermined=("1.2", "1.3", "groups", "early data"),
        early_data=None,
        preference=None,
        extended_master_secret=None,
        **EXPANDED,
    )
    is_not_observed(getattr(suite, check), scan(unsure, **PROMISED), "no sure answer on")


def test_a_suite_that_may_not_have_been_asked_is_not_missed(suite: ModuleType) -> None:
    seen = scanned(accepted={"1.2": (ECDSA,)}, undetermined=("1.2",))
    is_not_observed(suite.test_every_promised_suite_is_accepted, scan(seen, **PROMISED), "no sure answer on TLS 1.2")


def test_garbled_answers_are_seen(suite: ModuleType) -> None:
    seen = scanned(garbled=("1.2: chose TLS_NULL, which was not offered",))
    fails(suite.test_exactly_the_promised_versions_are_on, scan(seen, versions=["1.2", "1.3"]), "not offered")


def test_a_promised_suite_that_the_key_allows_is_missed(suite: ModuleType) -> None:
    check = suite.test_every_promised_suite_is_accepted
    both = {"suites": [GCM.openssl, ECDSA.iana], "suites_exact": True}
    passes(check, scan(scanned(key_types=("rsa",)), **both))
    fails(check, scan(scanned(key_types=("rsa", "ec")), **both), f"does not accept {ECDSA.iana}")
    passes(check, scan(scanned(key_types=("rsa", "ec"), accepted={"1.2": (GCM, ECDSA)}), **both))
    fails(check, scan(scanned(accepted={"1.2": (CBC,)}), **both), f"does not accept {GCM.openssl}")


def test_a_suite_of_a_version_that_is_off_is_not_missed(suite: ModuleType) -> None:
    check = suite.test_every_promised_suite_is_accepted
    every = {"suites": [GCM.openssl, TLS_1_3.iana, "TLS_AES_256_GCM_SHA384"], "suites_exact": True}
    passes(check, scan(scanned(accepted={"1.2": (GCM,)}), **every))
    fails(check, scan(scanned(), **every), "does not accept TLS_AES_256_GCM_SHA384")
    passes(check, scan(scanned(accepted={"1.0": (CBC,)}), suites=[CBC.iana, GCM.iana], suites_exact=True))


def test_a_name_that_is_none_of_a_suite_is_no_pass(suite: ModuleType) -> None:
    check = suite.test_every_promised_suite_is_accepted
    is_not_observed(
        check, scan(scanned(), suites=["ECDHE-RSA-AES-GCM"], suites_exact=True), "no cipher suite is called"
    )


def test_without_knowing_the_keys_nothing_is_missed_and_nothing_passes(suite: ModuleType) -> None:
    check = suite.test_every_promised_suite_is_accepted
    is_not_observed(check, scan(scanned(key_types=()), suites=[CBC.iana], suites_exact=True), "kinds of keys")
    passes(check, scan(scanned(key_types=()), suites=[GCM.iana, TLS_1_3.iana], suites_exact=True))


def test_anonymous_suites_need_no_key(suite: ModuleType) -> None:
    check = suite.test_every_promised_suite_is_accepted
    fails(check, scan(scanned(key_types=()), suites=[ANONYMOUS.iana], suites_exact=True), ANONYMOUS.iana)


def test_a_list_without_suites_of_tls_1_3_leaves_them_open(suite: ModuleType) -> None:
    check = suite.test_only_promised_suites_are_accepted
    passes(check, scan(scanned(), suites=[GCM.iana]))
    fails(check, scan(scanned(), suites=[GCM.iana, "TLS_AES_256_GCM_SHA384"]), "TLS 1.3 accepts TLS_AES_128_GCM_SHA256")


def test_a_cipher_string_is_held_up_to_tls_1_2(suite: ModuleType) -> None:
    check = suite.test_only_suites_of_the_promised_cipher_string_are_accepted
    seen = scanned(accepted={"1.2": (GCM, CBC), "1.3": (TLS_1_3,)}, **EXPANDED)
    passes(check, scan(scanned(accepted={"1.2": (GCM,), "1.3": (TLS_1_3,)}, **EXPANDED), ciphers="HIGH:!aNULL"))
    fails(check, scan(seen, ciphers="HIGH:!aNULL"), "TLS 1.2 accepts ECDHE-RSA-AES128-SHA")


def test_a_cipher_string_that_can_not_be_read_is_no_pass(suite: ModuleType) -> None:
    check = suite.test_only_suites_of_the_promised_cipher_string_are_accepted
    is_not_observed(check, scan(scanned(ciphers=()), ciphers="nonsense"), "can't read the cipher string 'nonsense'")


def test_one_group_more_or_less_fails(suite: ModuleType) -> None:
    seen = scanned(groups=("X25519", "P-256"))
    fails(suite.test_only_promised_groups_are_accepted, scan(seen, groups=["X25519"]), "accepts P-256")
    passes(suite.test_only_promised_groups_are_accepted, scan(seen, groups=["x25519", "secp256r1", "P-384"]))
    fails(suite.test_the_promised_groups_are_accepted, scan(seen, includes_groups=["X25519", "P-384"]), "P-384")
    passes(suite.test_the_promised_groups_are_accepted, scan(seen, includes_groups=["P-256"]))


def test_no_group_at_all_is_no_pass(suite: ModuleType) -> None:
    check = suite.test_only_promised_groups_are_accepted
    is_not_observed(check, scan(scanned(groups=()), groups=["X25519"]), "no key exchange by groups")


def test_any_hybrid_withstands(suite: ModuleType) -> None:
    check = suite.test_key_exchange_withstands_a_quantum_computer
    passes(check, scan(scanned(groups=("SecP256r1MLKEM768",)), post_quantum=True))
    fails(check, scan(scanned(groups=("X25519",)), post_quantum=True), "no hybrid with ML-KEM")


def test_the_other_side_chooses(suite: ModuleType) -> None:
    check = suite.test_the_promised_side_chooses_the_suite
    passes(check, scan(scanned(preference="server"), preference="server"))
    fails(check, scan(scanned(preference="client"), preference="server"), "the client chooses, server promised")
    is_not_observed(check, scan(scanned(preference=None), preference="server"), "there are not two suites")


def test_sessions_that_are_not_bound(suite: ModuleType) -> None:
    check = suite.test_sessions_are_bound_to_their_handshake
    fails(check, scan(scanned(extended_master_secret=False), extended_master_secret=True), "no extended master")
    newest = scanned(accepted={"1.3": (TLS_1_3,)}, extended_master_secret=None)
    passes(check, scan(newest, extended_master_secret=True))
    oldest = scanned(accepted={"SSL2": (CBC,)}, extended_master_secret=None)
    fails(check, scan(oldest, extended_master_secret=True), "no extended master")


def test_early_data_that_is_taken(suite: ModuleType) -> None:
    check = suite.test_early_data_is_refused
    fails(check, scan(scanned(early_data=True), early_data="refused"), "0-RTT data is accepted")
    passes(check, scan(scanned(accepted={"1.2": (GCM,)}, early_data=None), early_data="refused"))


def test_what_broke_the_scanner_is_told_of_weaknesses_alone(suite: ModuleType) -> None:
    seen = scanned(gave_up="it broke off")
    fails(suite.test_no_known_vulnerability_is_found, scan(seen, vulnerabilities="none"), "the scanner gave up")
    passes(suite.test_exactly_the_promised_versions_are_on, scan(seen, versions=["1.2", "1.3"]))


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({"suites_exact": True}, "no `suites`"),
        ({"groups": ["P-999"]}, "P-256"),
        ({"names": ["https://shop.example"]}, "as it stands in a certificate"),
        ({"starttls": "smtp"}, "promises nothing"),
        ({"starttls": "smtp", "trusted": True}, "needs an address"),
    ],
)
def test_what_can_not_be_meant_is_refused(promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        target(tls=promised)


def test_the_table_of_suites_has_no_suite_twice() -> None:
    codes = [one.code for one in listed()]
    names = [name for one in listed() if one.since != "SSL2" for name in {one.suite.iana, one.suite.openssl}]
    assert len(set(codes)) == len(codes) > 300
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("check", CHECKS)
def test_nothing_accepted_is_no_pass_whatever_else_is_open(suite: ModuleType, check: str) -> None:
    weak = ("Heartbleed", "ROBOT")
    fails(getattr(suite, check), scan(scanned(accepted={}, groups=(), undetermined=weak, **EXPANDED), **PROMISED))
    unsure = scanned(accepted={}, groups=(), undetermined=("1.3", *weak), **EXPANDED)
    is_not_observed(getattr(suite, check), scan(unsure, **PROMISED), "TLS 1.3")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_groups_of_a_version_that_can_not_be_told_are_open(suite: ModuleType, version: str) -> None:
    seen = scanned(groups=("X25519",), undetermined=(version,))
    is_not_observed(suite.test_only_promised_groups_are_accepted, scan(seen, groups=["X25519"]), version)
    is_not_observed(suite.test_the_promised_groups_are_accepted, scan(seen, includes_groups=["P-256"]), version)
    is_not_observed(suite.test_key_exchange_withstands_a_quantum_computer, scan(seen, post_quantum=True), version)
    fails(suite.test_only_promised_groups_are_accepted, scan(seen, groups=["P-256"]), "accepts X25519")
    hybrid = scanned(groups=("X25519MLKEM768",), undetermined=(version,))
    passes(suite.test_key_exchange_withstands_a_quantum_computer, scan(hybrid, post_quantum=True))
