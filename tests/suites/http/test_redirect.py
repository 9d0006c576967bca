from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.http import CanonicalCase, RedirectCase
from tests.suites.healthy import answered, case_of, fails, hop, is_not_observed, passes, silent, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.http import HttpObservation

ASKED = "http://api.shop.example/roadworthy-no-such-page?kept=yes"
THERE = "https://api.shop.example/roadworthy-no-such-page?kept=yes"


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("http/test_redirect.py")


def redirect(seen: HttpObservation, url: str = "https://api.shop.example", status: int = 301) -> RedirectCase:
    return case_of(RedirectCase, seen, target(url, http={"redirects_from_http": status}))


def led_to(location: str | None, status: int = 301) -> HttpObservation:
    return answered(status=404, hops=(hop(ASKED, location, status),))


def test_the_same_place_on_https_passes(suite: ModuleType) -> None:
    check = suite.test_http_leads_to_the_same_place_on_https
    passes(check, redirect(led_to(THERE)))
    passes(check, redirect(led_to(THERE, 308), status=308))
    passes(check, redirect(led_to(THERE.replace("api.shop.example", "API.shop.example:443"))))


@pytest.mark.parametrize(
    ("location", "changed"),
    [
        ("http://api.shop.example/roadworthy-no-such-page?kept=yes", "scheme"),
        ("/roadworthy-no-such-page?kept=yes", "scheme and the port"),
        ("https://www.shop.example/roadworthy-no-such-page?kept=yes", "host"),
        ("https://api.shop.example@evil.example/roadworthy-no-such-page?kept=yes", "host"),
        ("https://api.shop.example:8443/roadworthy-no-such-page?kept=yes", "port"),
        ("https://api.shop.example/?kept=yes", "path"),
        ("https://api.shop.example/roadworthy-no-such-page", "query"),
        ("https://api.shop.example/", "path and the query"),
        ("https://[broken/", "is no URL"),
        ("https:///nowhere", "is no URL"),
        ("https://api.shop.example:port/", "is no URL"),
        (None, "no Location"),
    ],
)
def test_another_place_fails(suite: ModuleType, location: str | None, changed: str) -> None:
    fails(suite.test_http_leads_to_the_same_place_on_https, redirect(led_to(location)), changed)


def test_another_status_fails(suite: ModuleType) -> None:
    check = suite.test_http_leads_to_the_same_place_on_https
    fails(check, redirect(led_to(THERE, 302)), "302, promised 301")
    fails(check, redirect(answered(status=200)), "200", "301 promised")
    fails(check, redirect(answered("", status=301)), "no Location")
    fails(check, redirect(silent()), "refused", "301 promised")


def test_the_first_hop_is_judged_although_the_second_is_silent(suite: ModuleType) -> None:
    passes(suite.test_http_leads_to_the_same_place_on_https, redirect(silent(hops=(hop(ASKED, THERE),))))


def test_a_redirect_leads_to_the_components_own_port(suite: ModuleType) -> None:
    check, url = suite.test_http_leads_to_the_same_place_on_https, "https://api.shop.example:8443"
    passes(check, redirect(led_to(THERE.replace("example/", "example:8443/")), url))
    fails(check, redirect(led_to(THERE), url), "port")


def test_a_chain_that_ends_on_https_lands(suite: ModuleType) -> None:
    check = suite.test_the_redirects_end_on_https
    passes(check, redirect(led_to(THERE)))
    passes(check, redirect(answered(hops=(hop(ASKED, THERE), hop(THERE, "/login", 302)))))
    passes(
        check, redirect(answered(hops=(hop(ASKED, "https://www.shop.example/"),), left_for="https://www.shop.example/"))
    )


def test_a_circle_does_not_land(suite: ModuleType) -> None:
    seen = answered(status=301, hops=(hop(ASKED, THERE), hop(THERE, ASKED)), loops=True)
    fails(suite.test_the_redirects_end_on_https, redirect(seen), "circle", f"{THERE} leads to {ASKED}")


def test_a_hop_over_http_does_not_land(suite: ModuleType) -> None:
    check = suite.test_the_redirects_end_on_https
    seen = answered(
        hops=(hop(ASKED, THERE), hop(THERE, "http://api.shop.example/x"), hop("http://api.shop.example/x", THERE))
    )
    fails(check, redirect(seen), "leads to http://api.shop.example/x")
    seen = answered(status=301, hops=(hop(ASKED, "http://www.shop.example/"),), left_for="http://www.shop.example/")
    fails(check, redirect(seen), "leads to http://www.shop.example/")


def test_a_redirect_to_nowhere_does_not_land(suite: ModuleType) -> None:
    fails(suite.test_the_redirects_end_on_https, redirect(answered("", status=301)), "leads to nowhere")
    seen = answered("", status=302, hops=(hop(ASKED, THERE),))
    fails(suite.test_the_redirects_end_on_https, redirect(seen), f"{THERE} leads to nowhere")


def test_where_there_is_no_redirect_nothing_lands(suite: ModuleType) -> None:
    check = suite.test_the_redirects_end_on_https
    is_not_observed(check, redirect(answered(status=200)), "no redirect")
    is_not_observed(check, redirect(silent(hops=(hop(ASKED, THERE),))), "refused")


@pytest.mark.parametrize(
    ("url", "asked", "port"),
    [
        ("https://api.shop.example", ASKED, 80),
        ("https://api.shop.example:8443/v1", "http://api.shop.example/v1/roadworthy-no-such-page?kept=yes", 80),
        ("http://api.shop.example:8080", "http://api.shop.example:8080/roadworthy-no-such-page?kept=yes", 8080),
        ("https://[2001:db8::7]", "http://[2001:db8::7]/roadworthy-no-such-page?kept=yes", 80),
    ],
)
def test_http_is_asked_on_port_80(url: str, asked: str, port: int) -> None:
    ask = redirect(answered(), url).ask
    assert (ask.url, ask.port, ask.follow) == (asked, port, True)


def chained(count: int, most: int, **changes: Any) -> RedirectCase:
    hops = tuple(hop(f"https://api.shop.example/{n}", f"https://api.shop.example/{n + 1}") for n in range(count))
    return case_of(RedirectCase, answered(hops=hops, **changes), target(http={"max_redirects": most}))


def test_as_many_redirects_as_promised_pass_and_one_more_fails(suite: ModuleType) -> None:
    check = suite.test_few_redirects_lead_to_the_page
    passes(check, chained(1, 1))
    passes(check, chained(2, 2))
    fails(check, chained(2, 1), "2 redirects: https://api.shop.example/0 (301)")
    fails(check, chained(11, 10, loops=True), "11 redirects and more")


def test_a_chain_that_leaves_or_never_began_can_not_be_counted(suite: ModuleType) -> None:
    check = suite.test_few_redirects_lead_to_the_page
    is_not_observed(check, chained(0, 1), "no redirect was met")
    is_not_observed(check, chained(1, 1, left_for="https://www.example/"), "goes on at https://www.example/")
    fails(check, chained(2, 1, left_for="https://www.example/"), "2 redirects")


def canonical(status: int, *location: str, url: str = "https://www.shop.example") -> CanonicalCase:
    headers = tuple(("location", value) for value in location)
    promised = target(url, http={"redirects_to": "https://shop.example"})
    return case_of(CanonicalCase, answered("", *headers, status=status), promised)


CANONICAL = "https://shop.example/roadworthy-no-such-page?kept=yes"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_same_page_of_the_other_name_passes(suite: ModuleType, status: int) -> None:
    passes(suite.test_every_page_leads_to_its_promised_name, canonical(status, CANONICAL))


@pytest.mark.parametrize(
    ("status", "location", "told"),
    [
        (200, None, "a redirect to https://shop.example is promised"),
        (404, None, "answered 404"),
        (300, CANONICAL, "answered 300"),
        (301, None, "without a Location"),
        (301, "https://shop.example/", "another path and query"),
        (301, "http://shop.example/roadworthy-no-such-page?kept=yes", "another scheme"),
        (301, "https://www.shop.example/roadworthy-no-such-page?kept=yes", "another host"),
        (301, "/roadworthy-no-such-page?kept=yes", "another host"),
        (301, "https://[broken", "is no URL"),
    ],
)
def test_anything_else_is_not_the_promised_name(
    suite: ModuleType, status: int, location: str | None, told: str
) -> None:
    check = suite.test_every_page_leads_to_its_promised_name
    fails(check, canonical(status, *([location] if location else [])), told)


def test_without_an_answer_the_name_can_not_be_told(suite: ModuleType) -> None:
    case = case_of(CanonicalCase, silent(), target(http={"redirects_to": "https://shop.example"}))
    is_not_observed(suite.test_every_page_leads_to_its_promised_name, case)
