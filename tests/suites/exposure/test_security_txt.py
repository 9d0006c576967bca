from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.exposure import SecurityTxtCase
from roadworthy.facts.http import SilenceKind
from roadworthy.facts.paths import Glimpse, PathsAsk, PathsObservation, Spot
from roadworthy.rules.security_txt import SECURITY_TXT
from tests.suites.healthy import NOW, case_of, fails, is_not_observed, passes, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

CONTACT, EXPIRES = "Contact: mailto:security@shop.example", "Expires: 2026-11-21T12:00:01Z"


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("exposure/test_security_txt.py")


def file(*lines: str, promised: bool | None = True, **changes: Any) -> SecurityTxtCase:
    shop = target("https://shop.example", exposure={"denies": ["/x"], "security_txt": promised})
    _, ask = next(iter(SecurityTxtCase.looks(shop, shop.components["api"])))
    assert isinstance(ask, PathsAsk)
    there = {"status": 200, "media_type": "text/plain", "start": "\n".join(lines), **changes}
    seen = PathsObservation(observed_at=NOW, glimpses=(Glimpse(spot=Spot(path=SECURITY_TXT), **there),))
    return case_of(SecurityTxtCase, seen, shop)


def test_a_file_that_says_whom_to_tell_passes(suite: ModuleType) -> None:
    check = suite.test_a_finder_of_a_hole_knows_whom_to_tell
    passes(check, file(CONTACT, EXPIRES))
    passes(check, file("# ours", "contact: https://shop.example/security", "expires: 2027-01-01T00:00:00+01:00"))
    canonical = "Canonical: https://shop.example/.well-known/security.txt"
    passes(check, file("-----BEGIN PGP SIGNED MESSAGE-----", "Hash: SHA256", "", CONTACT, EXPIRES, canonical))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((EXPIRES,), "no Contact"),
        ((CONTACT,), "no Expires"),
        ((CONTACT, EXPIRES, EXPIRES), "2 Expires"),
        ((CONTACT, "Expires: 2026-11-21T12:00:00Z"), "expired 21 Nov 2026"),
        ((CONTACT, "Expires: next year"), "no time of RFC 3339"),
        ((CONTACT, "Expires: 2027-01-01"), "no time of RFC 3339"),
        (("Contact: security@shop.example", EXPIRES), "no https:, mailto: or tel:"),
        (("Contact: http://shop.example/security", EXPIRES), "no https:, mailto: or tel:"),
        ((CONTACT, EXPIRES, "Canonical: https://other.example/.well-known/security.txt"), "belongs to https://other"),
    ],
)
def test_a_file_that_helps_nobody_fails(suite: ModuleType, lines: tuple[str, ...], told: str) -> None:
    fails(suite.test_a_finder_of_a_hole_knows_whom_to_tell, file(*lines), told)


def test_no_file_fails(suite: ModuleType) -> None:
    check = suite.test_a_finder_of_a_hole_knows_whom_to_tell
    fails(check, file(status=404), "answered 404")
    fails(check, file("<html>", media_type="text/html"), "text/html")
    is_not_observed(check, file(status=301, location="https://www.shop.example/x"), "redirects to https://www")
    is_not_observed(check, file(status=None, silence=SilenceKind.TIMED_OUT), "timed out")


def test_advice_where_nobody_decided(suite: ModuleType) -> None:
    check = suite.test_exposure_follows_what_experts_agree_on
    passes(check, file(CONTACT, EXPIRES, promised=None))
    fails(check, file(status=404, promised=None), "security.txt: answered 404 (RFC 9116)")
    passes(check, file(status=404, promised=True))  # what is promised is judged elsewhere


def test_there_is_no_advice_without_tls_or_against_a_decision() -> None:
    plain = target("http://shop.example", exposure={"denies": ["/x"]})
    decided = target("https://shop.example", exposure={"denies": ["/x"], "security_txt": False})
    for shop in (plain, decided):
        assert not list(SecurityTxtCase.looks(shop, shop.components["api"]))
