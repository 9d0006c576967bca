from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.cache import AnonymousCase, CacheCase, PublishedLoginCase, WrongPasswordCase
from roadworthy.facts.store import Purpose, StoreEnd
from tests.suites.cache.builders import LOGIN, REFUSED, broken, cache, case, outside
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PROMISED = {
    "login": LOGIN,
    "refuses_anonymous": True,
    "refuses_wrong_password": True,
    "refuses_logins": [{"published": "foobared"}],
}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("cache/test_logins.py")


def test_the_promised_login(suite: ModuleType) -> None:
    check = suite.test_the_cache_accepts_the_credentials
    passes(check, case(CacheCase, cache()))
    fails(check, case(CacheCase, outside("WRONGPASS", tried=True)), "the login was answered with WRONGPASS")
    no_password = outside("ERR", "it asks for no password", tried=True)
    fails(check, case(CacheCase, no_password), "the login was answered with ERR it asks for no password")
    fails(check, case(CacheCase, outside("NOAUTH")), "it asks for a password, and none is promised")
    is_not_observed(check, case(CacheCase, outside(withheld="no password was sent: it speaks no TLS")), "no password")
    is_not_observed(check, case(CacheCase, outside("DENIED", "protected mode")), "DENIED")
    is_not_observed(check, case(CacheCase, REFUSED), "connection refused")


def test_who_comes_without_a_password(suite: ModuleType) -> None:
    check = suite.test_the_cache_lets_nobody_in_without_a_password
    passes(check, case(AnonymousCase, outside("NOAUTH"), **PROMISED))
    passes(check, case(AnonymousCase, outside("NOPERM", "no permissions to run"), **PROMISED))
    fails(check, case(AnonymousCase, cache(), **PROMISED), "whoever comes without a password was let in")
    is_not_observed(check, case(AnonymousCase, outside("DENIED"), **PROMISED), "not for the credentials: DENIED")
    is_not_observed(check, case(AnonymousCase, REFUSED, **PROMISED), "connection refused")


def test_who_comes_with_a_wrong_password(suite: ModuleType) -> None:
    check = suite.test_the_cache_refuses_a_wrong_password
    passes(check, case(WrongPasswordCase, outside("WRONGPASS"), **PROMISED))
    passes(check, case(WrongPasswordCase, outside("ERR", "invalid password"), **PROMISED))
    fails(check, case(WrongPasswordCase, cache(), **PROMISED), "app with a wrong password was let in")
    no_password = outside("ERR", "it asks for no password")
    fails(check, case(WrongPasswordCase, no_password, **PROMISED), "was not refused: the server asks for no password")
    no_users = outside("ERR", "it knows passwords, and no users")
    is_not_observed(check, case(WrongPasswordCase, no_users, **PROMISED), "not for the credentials")
    is_not_observed(check, case(WrongPasswordCase, broken(StoreEnd.CLOSED, "AUTH"), **PROMISED), "closed")


def test_who_comes_with_a_published_password(suite: ModuleType) -> None:
    check = suite.test_the_cache_refuses_default_logins
    passes(check, case(PublishedLoginCase, outside("WRONGPASS"), **PROMISED))
    fails(check, case(PublishedLoginCase, cache(), **PROMISED), "default with a published password was let in")
    is_not_observed(check, case(PublishedLoginCase, REFUSED, **PROMISED), "connection refused")


def test_a_wrong_password_is_tried_once() -> None:
    ask = case(WrongPasswordCase, cache(), **PROMISED).ask
    assert (ask.purpose, ask.password, ask.lane.value) == (Purpose.WRONG_PASSWORD, None, "rough")
    assert not ask.may_repeat(outside(tried=True))
    assert ask.may_repeat(outside())
    session = case(CacheCase, cache(), **PROMISED).ask
    assert session.may_repeat(outside(tried=True))
    assert session.password == LOGIN["password"]
    assert LOGIN["password"] not in session.model_dump_json() + repr(session)
