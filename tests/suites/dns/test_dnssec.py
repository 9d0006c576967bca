from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.dns import DnssecCase
from roadworthy.facts.dns import LinkState
from tests.suites.dns.builders import HOST, ZONE, dnssec, link, promising, signature, signed
from tests.suites.healthy import case_of, fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.dns import DnssecObservation


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("dns/test_dnssec.py")


def case(seen: DnssecObservation, promised: Any = True) -> DnssecCase:  # noqa: FBT002 - the target's own value
    return case_of(DnssecCase, seen, promising(dnssec=promised))


BROKEN = dnssec(links=(link("."), link("example", state=LinkState.INSECURE, detail="no DS record")))


def test_the_chain_holds_from_the_anchor_to_the_records(suite: ModuleType) -> None:
    check = suite.test_the_chain_of_trust_holds
    passes(check, case(dnssec()))
    fails(check, case(BROKEN), "example is insecure: no DS record")
    fails(check, case(dnssec(links=(link(".", state=LinkState.BOGUS, detail="key 1"),))), "the root is bogus: key 1")
    unsigned = signed(state=LinkState.INSECURE, detail=f"{HOST} A has no signature")
    fails(check, case(dnssec(records=(signed(), unsigned))), f"{HOST} A has no signature")
    silent = signed(state=None, detail="no answer")
    passes(check, case(dnssec(records=(signed(), silent))))
    is_not_observed(check, case(dnssec(records=(silent,))), "no answer")


@pytest.mark.parametrize(("days", "is_enough"), [(0.51, True), (0.49, False), (0, False), (-3, False)])
def test_signatures_are_valid_for_long_enough(suite: ModuleType, days: float, *, is_enough: bool) -> None:
    check = suite.test_signatures_are_valid_and_for_long_enough
    seen = dnssec(records=(signed("A", signature(days=days)),))
    if is_enough:
        passes(check, case(seen))
    else:
        fails(check, case(seen), f"the signature on {HOST} A end")


def test_signatures_are_valid_already_and_not_for_too_long(suite: ModuleType) -> None:
    check = suite.test_signatures_are_valid_and_for_long_enough
    fails(check, case(dnssec(records=(signed("A", signature(since=0.1)),))), "not valid before")
    passes(check, case(dnssec(records=(signed("A", signature(days=179)),))))
    fails(check, case(dnssec(records=(signed("A", signature(days=181)),))), "valid for 181d yet, at most 180d")
    fails(check, case(dnssec(), promised={"left": "14d"}), "at least 14d promised")


def test_parents_signatures_need_to_be_valid_alone(suite: ModuleType) -> None:
    check = suite.test_signatures_are_valid_and_for_long_enough
    short, over = signature("DNSKEY", days=0.1, name="."), signature("DNSKEY", days=-1, name=".")
    passes(check, case(dnssec(links=(link(".", short), link(ZONE)))))
    fails(check, case(dnssec(links=(link(".", over), link(ZONE)))), "the signature on . DNSKEY ended")
    is_not_observed(check, case(BROKEN), "does not hold")


def test_absence_is_shown(suite: ModuleType) -> None:
    check = suite.test_what_is_not_there_is_shown_not_to_be
    passes(check, case(dnssec()))
    passes(check, case(dnssec(absence=(), denial=None)))  # a wildcard answers
    bare = signed("A", state=LinkState.INSECURE, detail="no NSEC or NSEC3 record")
    fails(check, case(dnssec(absence=(bare,), denial=None)), "no NSEC or NSEC3 record")
    is_not_observed(check, case(BROKEN), "does not hold")
