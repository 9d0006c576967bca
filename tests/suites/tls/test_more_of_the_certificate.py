from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.suites.healthy import NOW, fails, is_not_observed, passes
from tests.suites.tls.builders import (
    HEALTHY,
    INTERMEDIATE,
    ROOT,
    RSA,
    STRANGER,
    certificate,
    refused,
    shaken,
    tls,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

ALL_PROMISED = {
    "names": ["www.shop.example"],
    "issuer": "Let's Encrypt",
    "clean_chain": True,
    "scts": 2,
    "min_days_left": 20,
    "max_lifetime_days": 90,
    "min_key_bits": {"rsa": 2048, "ec": 256},
    "stapling": True,
}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("tls/test_certificate.py")


@pytest.fixture
def shaking(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("tls/test_handshake.py")


def test_without_a_handshake_none_of_these_is_told(suite: ModuleType, shaking: ModuleType) -> None:
    for check in (
        suite.test_no_certificate_is_signed_with_a_broken_hash,
        suite.test_the_chain_is_sent_in_order_and_alone,
        suite.test_the_certificate_covers_all_promised_names,
        suite.test_the_certificate_comes_from_the_promised_authority,
        suite.test_the_certificate_was_logged_in_public,
        shaking.test_an_ocsp_response_is_stapled,
        shaking.test_a_certificate_that_demands_a_staple_has_one,
    ):
        is_not_observed(check, tls(refused(), **ALL_PROMISED), "connection refused")


def test_all_promised_names_are_covered_by_a_name_or_a_wildcard(suite: ModuleType) -> None:
    check = suite.test_the_certificate_covers_all_promised_names
    passes(check, tls(shaken(), names=["www.shop.example", "*.shop.example", "API.shop.example"]))


def test_a_name_that_is_not_covered_is_told(suite: ModuleType) -> None:
    check = suite.test_the_certificate_covers_all_promised_names
    fails(check, tls(shaken(), names=["shop.example", "www.shop.example", "a.b.shop.example"]), "shop.example, a.b.")
    seen = shaken(certificate(dns_names=("api.shop.example", "www.shop.example")))
    fails(check, tls(seen, names=["*.shop.example"]), "*.shop.example")  # one name is no wildcard


def test_a_common_name_covers_nothing(suite: ModuleType) -> None:
    seen = shaken(certificate(dns_names=(), subject="CN=www.shop.example"))
    fails(suite.test_the_certificate_covers_all_promised_names, tls(seen, names=["www.shop.example"]), "www.shop")


@pytest.mark.parametrize("promised", ["Let's Encrypt", "let's encrypt", "E7", ["Amazon", "Let's Encrypt"]])
def test_an_authority_goes_by_its_organisation_or_its_name(suite: ModuleType, promised: str | list[str]) -> None:
    passes(suite.test_the_certificate_comes_from_the_promised_authority, tls(shaken(), issuer=promised))


@pytest.mark.parametrize("promised", ["Amazon", "Encrypt", "CN=E7"])
def test_another_authority_is_told_with_the_promised_one(suite: ModuleType, promised: str) -> None:
    check = suite.test_the_certificate_comes_from_the_promised_authority
    fails(check, tls(shaken(), issuer=promised), "issued by CN=E7,O=Let's Encrypt,C=US", f"not by {promised}")


def test_a_chain_in_order_is_clean(suite: ModuleType) -> None:
    check = suite.test_the_chain_is_sent_in_order_and_alone
    passes(check, tls(shaken(chain=(HEALTHY, INTERMEDIATE)), clean_chain=True))
    passes(check, tls(shaken(chain=(HEALTHY,)), clean_chain=True))  # incomplete is another matter: TLS-TRUST


@pytest.mark.parametrize(
    ("chain", "told"),
    [
        ((HEALTHY, ROOT, INTERMEDIATE), "out of order: CN=api.shop.example, CN=ISRG Root X1"),
        ((HEALTHY, INTERMEDIATE, ROOT), "the root is sent"),
        ((HEALTHY, INTERMEDIATE, STRANGER), "does not belong to the chain is sent: CN=Other CA"),
        ((HEALTHY, STRANGER, INTERMEDIATE), "does not belong to the chain is sent: CN=Other CA"),
        ((HEALTHY, INTERMEDIATE, INTERMEDIATE), "sent twice: CN=E7"),
        ((HEALTHY, HEALTHY, INTERMEDIATE), "sent twice: CN=api.shop.example"),
    ],
)
def test_what_is_wrong_with_a_chain_is_told_apart(suite: ModuleType, chain: tuple[object, ...], told: str) -> None:
    check = suite.test_the_chain_is_sent_in_order_and_alone
    fails(check, tls(shaken(chain=chain), clean_chain=True), told)


def test_a_sound_signature_passes_and_nobody_reads_that_of_a_root(suite: ModuleType) -> None:
    check = suite.test_no_certificate_is_signed_with_a_broken_hash
    passes(check, tls(shaken(chain=(HEALTHY, INTERMEDIATE, ROOT))))
    passes(check, tls(shaken(certificate(signature_hash=None))))  # Ed25519 has none of its own


@pytest.mark.parametrize("digest", ["sha1", "md5"])
def test_a_broken_hash_is_told_wherever_it_is(suite: ModuleType, digest: str) -> None:
    check = suite.test_no_certificate_is_signed_with_a_broken_hash
    fails(check, tls(shaken(certificate(signature_hash=digest))), f"CN=api.shop.example is signed with {digest}")
    weak = INTERMEDIATE.model_copy(update={"signature_hash": digest})
    fails(check, tls(shaken(chain=(HEALTHY, weak))), f"CN=E7,O=Let's Encrypt,C=US is signed with {digest}")


def test_the_promised_timestamps_are_there(suite: ModuleType) -> None:
    check = suite.test_the_certificate_was_logged_in_public
    passes(check, tls(shaken(certificate(scts=2)), scts=2))
    fails(check, tls(shaken(certificate(scts=1)), scts=2), "1 embedded timestamps, 2 promised")


def test_a_staple_is_there_or_missed(shaking: ModuleType) -> None:
    check = shaking.test_an_ocsp_response_is_stapled
    passes(check, tls(shaken(stapled=True), stapling=True))
    fails(check, tls(shaken(stapled=False), stapling=True), "no OCSP response came")


def test_only_a_certificate_that_demands_a_staple_needs_one(shaking: ModuleType) -> None:
    check = shaking.test_a_certificate_that_demands_a_staple_has_one
    passes(check, tls(shaken(certificate(must_staple=False), stapled=False)))
    passes(check, tls(shaken(certificate(must_staple=True), stapled=True)))
    fails(check, tls(shaken(certificate(must_staple=True), stapled=False)), "must-staple")


def test_two_good_certificates_are_as_good_as_one(suite: ModuleType) -> None:
    seen = shaken(chain=(HEALTHY, INTERMEDIATE), other=RSA)
    for check in (
        suite.test_the_chain_leads_to_a_trusted_authority,
        suite.test_the_certificate_is_for_this_name,
        suite.test_every_certificate_is_valid_today,
        suite.test_the_certificate_outlives_its_renewal_window,
        suite.test_the_certificate_is_not_issued_for_too_long,
        suite.test_the_key_is_long_enough,
        suite.test_no_certificate_is_signed_with_a_broken_hash,
        suite.test_the_certificate_covers_all_promised_names,
        suite.test_the_certificate_comes_from_the_promised_authority,
        suite.test_the_certificate_was_logged_in_public,
    ):
        passes(check, tls(seen, **ALL_PROMISED))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("test_the_certificate_is_for_this_name", {"dns_names": ("www.shop.example",)}),
        ("test_every_certificate_is_valid_today", {"not_after": NOW - timedelta(seconds=1)}),
        ("test_the_certificate_outlives_its_renewal_window", {"not_after": NOW + timedelta(days=19)}),
        ("test_the_certificate_is_not_issued_for_too_long", {"not_before": NOW - timedelta(days=31)}),
        ("test_the_key_is_long_enough", {"key_bits": 1024}),
        ("test_no_certificate_is_signed_with_a_broken_hash", {"signature_hash": "sha1"}),
        ("test_the_certificate_was_logged_in_public", {"scts": 0}),
    ],
)
def test_the_second_certificate_is_judged_too(suite: ModuleType, name: str, change: dict[str, object]) -> None:
    seen = shaken(other=RSA.model_copy(update=change))
    fails(getattr(suite, name), tls(seen, **ALL_PROMISED), "with its rsa certificate: ")
