"""Front ends: the API they were built for, and whether they may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from roadworthy.cases.frontend import NamingCase, ReadingCase
from roadworthy.facts.http import ScriptsObservation
from roadworthy.target.models import Target
from tests.suites.healthy import NOW, answered, fails, is_not_observed, passes, silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from roadworthy.facts.http import HttpObservation

API, PORTAL = "https://api.shop.example", "https://student.shop.example"


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("http/test_frontend.py")


def target(portal: str = PORTAL, reached: str = "api") -> Target:
    components = {
        "portal": {"url": portal, "http": {"reaches": {reached: "/health"}}},
        "api": {"url": f"{API}/", "health": {"path": "/health"}},
        "database": {"address": "db.shop.example:5432", "tcp": {"open": True}},
    }
    return Target.model_validate({"schema": 1, "name": "shop", "environment": "test", "components": components})


def case(kind: Any, seen: Any, portal: str = PORTAL) -> Any:
    promised = target(portal)
    component = promised.components["portal"]
    ((expected, ask),) = kind.looks(promised, component)
    return kind(promised, "portal", component, expected, ask, "192.0.2.7:443", seen)


def scripts(**fields: Any) -> ScriptsObservation:
    return ScriptsObservation(observed_at=NOW, **{"page": answered("<html>").answer, **fields})


def test_the_api_is_asked_as_the_page_would() -> None:
    promised = target()
    ((_, ask),) = ReadingCase.looks(promised, promised.components["portal"])
    assert (ask.url, ask.headers) == (f"{API}/health", (("origin", PORTAL),))
    ((_, page),) = NamingCase.looks(promised, promised.components["portal"])
    assert (page.url, page.wanted) == (f"{PORTAL}/", (API,))


@pytest.mark.parametrize("other", ["nobody", "database"])
def test_what_is_reached_is_a_component_with_a_url(other: str) -> None:
    with pytest.raises(ValidationError, match=f"reaches: {other} is no component with a url"):
        target(reached=other)


def test_a_bundle_that_names_the_api_passes(suite: ModuleType) -> None:
    check = suite.test_the_page_was_built_for_the_api
    passes(check, case(NamingCase, scripts(found=((API, f"{PORTAL}/app.js"),), unread=(("x", "too long"),))))


def test_a_bundle_that_names_another_fails(suite: ModuleType) -> None:
    check = suite.test_the_page_was_built_for_the_api
    fails(check, case(NamingCase, scripts(read=("a", "b"))), f"neither the page nor its 2 scripts name {API}")


def test_what_was_not_read_may_name_it(suite: ModuleType) -> None:
    check = suite.test_the_page_was_built_for_the_api
    unread = (("https://cdn.example/a.js", "on another host"), ("b", "too long"))
    is_not_observed(check, case(NamingCase, scripts(unread=unread)), "cdn.example/a.js and 1 more", "on another host")
    is_not_observed(check, case(NamingCase, scripts(page=silent().result)), "refused")
    is_not_observed(check, case(NamingCase, scripts(page=answered(status=404).answer)), "name a page")


def allowed(*origins: str, status: int = 200) -> HttpObservation:
    return answered("{}", *(("access-control-allow-origin", origin) for origin in origins), status=status)


def test_an_api_that_lets_the_page_in_passes(suite: ModuleType) -> None:
    check = suite.test_the_page_may_read_the_api
    passes(check, case(ReadingCase, allowed(PORTAL)))
    passes(check, case(ReadingCase, allowed("*")))
    passes(check, case(ReadingCase, allowed(), portal=f"{API}/portal"))  # the same origin: nobody needs to be let in


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (allowed(), "Access-Control-Allow-Origin is not sent"),
        (allowed("https://admin.shop.example"), "is https://admin.shop.example"),
        (allowed(PORTAL, PORTAL), "may not read it"),
        (allowed(f"{PORTAL}/"), "may not read it"),
        (allowed("null"), "may not read it"),
        (allowed(PORTAL, status=404), "answered 404"),
    ],
)
def test_an_api_that_does_not_fails(suite: ModuleType, seen: HttpObservation, told: str) -> None:
    fails(suite.test_the_page_may_read_the_api, case(ReadingCase, seen), told)


def test_an_api_that_is_down_is_its_own_matter(suite: ModuleType) -> None:
    is_not_observed(suite.test_the_page_may_read_the_api, case(ReadingCase, silent()))
    is_not_observed(suite.test_the_page_may_read_the_api, case(ReadingCase, allowed(PORTAL, status=503)), "503")
