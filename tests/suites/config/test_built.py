from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.configuration import CachesCase, OutputCase, StaleCachesCase
from roadworthy.facts.built import BuiltObservation, Changed, OutputSeen
from tests.suites.config.builders import FORBIDDEN, case
from tests.suites.healthy import NOW, fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

APP, WEB = "/srv/app", "/srv/web/.next/BUILD_ID"
CACHES = {"laravel": {"app": {"path": APP, "caches": ["config", "views"]}}}
OUTPUT = {"outputs": {"web": {"path": WEB, "newer_than": ["/srv/web/src"]}}}
BUILT = Changed(path="/built", at=NOW)
AS_OLD = Changed(path="/source", at=NOW)
NEWER = Changed(path="/source", at=NOW + timedelta(seconds=1))


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("config/test_built.py")


def seen(**outputs: tuple[Any, Any]) -> BuiltObservation:
    names = {"config": f"{APP}: config", "views": f"{APP}: views", "web": WEB}
    found = tuple(OutputSeen(name=names[name], built=built, newest=new) for name, (built, new) in outputs.items())
    return BuiltObservation(observed_at=NOW, now=NOW, outputs=found)


def test_caches_that_are_built(suite: ModuleType) -> None:
    check = suite.test_laravels_caches_are_built

    def of(config: Any, views: Any) -> CachesCase:
        return case(CachesCase, "built", CACHES, seen(config=(config, AS_OLD), views=(views, None)))

    passes(check, of(BUILT, BUILT))
    fails(check, of(None, None), f"{APP} has no cache of config, views")
    fails(check, of(FORBIDDEN, None), "has no cache of views")
    is_not_observed(check, of(BUILT, FORBIDDEN), "no rights")


def test_caches_that_are_fresh(suite: ModuleType) -> None:
    check = suite.test_laravels_caches_are_newer_than_their_sources

    def of(built: Any, newest: Any) -> StaleCachesCase:
        return case(StaleCachesCase, "built", CACHES, seen(config=(built, newest), views=(None, None)))

    passes(check, of(BUILT, AS_OLD))
    fails(check, of(BUILT, NEWER), "the cache of config is of 21 Nov 12:00:00", "/source was changed after it")
    is_not_observed(check, of(None, NEWER), "is not there")
    is_not_observed(check, of(BUILT, None), "nothing that")
    is_not_observed(check, of(FORBIDDEN, NEWER), "no rights")
    is_not_observed(check, of(BUILT, FORBIDDEN), "no rights")


def test_only_some_caches_have_sources() -> None:
    views = {"laravel": {"app": {"path": APP, "caches": ["views", "events"]}}}
    with pytest.raises(StopIteration):
        case(StaleCachesCase, "built", views, seen())


def test_outputs(suite: ModuleType) -> None:
    there, fresh = suite.test_what_must_be_built_is_there, suite.test_what_is_built_is_newer_than_its_sources

    def of(built: Any, newest: Any) -> OutputCase:
        return case(OutputCase, "built", OUTPUT, seen(web=(built, newest)))

    passes(there, of(BUILT, NEWER))
    fails(there, of(None, AS_OLD), f"{WEB} is not there, or is empty")
    is_not_observed(there, of(FORBIDDEN, AS_OLD), "no rights")
    passes(fresh, of(BUILT, AS_OLD))
    fails(fresh, of(BUILT, NEWER), WEB, "was changed after it")
    lacks = seen(web=(BUILT, AS_OLD)).outputs[0].model_copy(update={"missing": ("/srv/web/scr",)})
    found = BuiltObservation(observed_at=NOW, now=NOW, outputs=(lacks,))
    is_not_observed(fresh, case(OutputCase, "built", OUTPUT, found), "nothing is at /srv/web/scr")
    is_not_observed(fresh, of(None, NEWER), "is not there")
    is_not_observed(fresh, of(BUILT, None), "nothing that")
