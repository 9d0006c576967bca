from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.database import AnonymousCase, LoggedInCase, PublishedLoginCase, WrongPasswordCase
from roadworthy.facts.store import StoreEnd
from tests.suites.database.builders import NOBODY, SILENT, broke, case, hello, looks, refused, seen, session
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

NO_DATABASE = refused("3D000", 'database "shop" does not exist')
POOLERS = refused("3D000", "no such database: shop")


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("database/test_logins.py")


def test_the_promised_login(suite: ModuleType) -> None:
    check = suite.test_the_login_is_accepted
    passes(check, case(LoggedInCase, seen()))
    passes(check, case(LoggedInCase, NO_DATABASE))
    fails(check, case(LoggedInCase, NOBODY), "the login of shop", "28P01")
    fails(check, case(LoggedInCase, refused("28000", "no pg_hba.conf entry")), "no pg_hba.conf entry")
    fails(check, case(LoggedInCase, refused("1130", "Host is not allowed"), "mysql"), "1130")
    fails(check, case(LoggedInCase, POOLERS), "no such database")
    fails(check, case(LoggedInCase, NO_DATABASE, name=None), "does not exist")


def test_a_login_that_was_not_tried_is_not_refused(suite: ModuleType) -> None:
    check = suite.test_the_login_is_accepted
    is_not_observed(check, case(LoggedInCase, hello(withheld="the certificate does not verify")), "does not verify")
    is_not_observed(check, case(LoggedInCase, SILENT), "no answer")
    is_not_observed(check, case(LoggedInCase, refused("53300", "too many clients")), "too many clients")
    is_not_observed(check, case(LoggedInCase, refused("57P03", "starting up")), "starting up")


def test_the_database(suite: ModuleType) -> None:
    check = suite.test_the_database_is_there
    passes(check, case(LoggedInCase, seen()))
    fails(check, case(LoggedInCase, NO_DATABASE), "does not exist")
    fails(check, case(LoggedInCase, POOLERS), "no such database")
    fails(check, case(LoggedInCase, refused("1049", "Unknown database 'shop'"), "mysql"), "1049")
    fails(check, case(LoggedInCase, seen(session=session(database="postgres"))), "is in postgres, promised shop")
    is_not_observed(check, case(LoggedInCase, NOBODY), "28P01")
    is_not_observed(check, case(LoggedInCase, SILENT), "no answer")


def anonymous(observed: object, engine: str = "postgresql", nth: int = 0) -> AnonymousCase:
    return case(AnonymousCase, observed, engine, nth, refuses_anonymous=True)


def wrong(observed: object, engine: str = "postgresql") -> WrongPasswordCase:
    return case(WrongPasswordCase, observed, engine, refuses_wrong_password=True)


def published(observed: object, engine: str = "postgresql", known: str = "postgres") -> PublishedLoginCase:
    logins = [{"username": "postgres", "published": known}]
    return case(PublishedLoginCase, observed, engine, refuses_logins=logins)


def test_nobody_comes_without_a_password(suite: ModuleType) -> None:
    check = suite.test_nobody_gets_in_without_a_password
    passes(check, anonymous(NOBODY))
    passes(check, anonymous(refused("", "it asks for a password")))
    passes(check, anonymous(refused("28000", 'no pg_hba.conf entry for host "192.0.2.9", user "postgres"'), nth=1))
    passes(check, anonymous(refused("1045", "Access denied for user 'shop' (using password: NO)"), "mysql"))
    passes(check, anonymous(refused("1698", "Access denied for user 'root'"), "mariadb", 1))
    passes(check, anonymous(refused("13", "Command listDatabases requires authentication"), "mongodb"))
    fails(check, anonymous(seen()), "shop without a password was let in")
    fails(check, anonymous(seen(), nth=1), "postgres without a password was let in")
    fails(check, anonymous(seen(), "mongodb"), "whoever comes without a password was let in")
    fails(check, anonymous(refused("1044", "Access denied for user ''@'%' to database 'shop'"), "mysql"), "was let in")


def test_a_wrong_password_is_looked_at_and_refused(suite: ModuleType) -> None:
    check = suite.test_the_database_refuses_a_wrong_password
    passes(check, wrong(NOBODY))
    passes(check, wrong(refused("1045", "Access denied"), "mysql"))
    passes(check, wrong(refused("18", "Authentication failed."), "mongodb"))
    passes(check, wrong(refused("8000", "bad auth : Authentication failed."), "mongodb"))
    passes(check, wrong(refused("08P01", "SASL authentication failed")))
    fails(check, wrong(seen()), "shop with a wrong password was let in")
    fails(check, wrong(refused("1049", "Unknown database 'shop'"), "mysql"), "was let in, and then told: 1049")


def test_default_logins(suite: ModuleType) -> None:
    check = suite.test_the_database_refuses_default_logins
    passes(check, published(NOBODY))
    passes(check, published(refused("28000", 'role "postgres" is not permitted to log in')))
    passes(check, published(refused("3118", "Access denied. Account is locked."), "mysql"))
    fails(check, published(seen()), "postgres with a password that everybody knows was let in")
    fails(check, published(seen(), "mysql", ""), "postgres with no password was let in")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("53300", "sorry, too many clients already"),
        ("57P03", "the database system is starting up"),
        ("3D000", 'database "shop" does not exist'),
        ("1040", "Too many connections"),
        ("1129", "Host '192.0.2.9' is blocked because of many connection errors"),
        ("1130", "Host '192.0.2.9' is not allowed to connect to this MySQL server"),
        ("1226", "User 'shop' has exceeded the 'max_connections_per_hour' resource"),
        ("3159", "Connections using insecure transport are prohibited"),
        ("08P01", "server login has been failing, try again later"),
        ("8000", "over quota"),
        ("334", "Mechanism SCRAM-SHA-1 not supported"),
        ("28000", 'no pg_hba.conf entry for host "192.0.2.9", no encryption'),
    ],
)
def test_what_refuses_everybody_says_nothing_of_who_came(suite: ModuleType, code: str, message: str) -> None:
    observed = refused(code, message)
    is_not_observed(suite.test_nobody_gets_in_without_a_password, anonymous(observed), message)
    is_not_observed(suite.test_the_database_refuses_a_wrong_password, wrong(observed), message)
    is_not_observed(suite.test_the_database_refuses_default_logins, published(observed), message)


@pytest.mark.parametrize("code", ["28000", "3118", "1862", ""])
def test_a_refusal_of_the_name_says_nothing_of_the_password(suite: ModuleType, code: str) -> None:
    observed = refused(code, "it asks for a password")
    is_not_observed(suite.test_the_database_refuses_a_wrong_password, wrong(observed), "not for the credentials")


@pytest.mark.parametrize("observed", [SILENT, broke(StoreEnd.CLOSED, "the login"), hello(withheld="not spoken here")])
def test_silence_refuses_nobody(suite: ModuleType, observed: Any) -> None:
    is_not_observed(suite.test_nobody_gets_in_without_a_password, anonymous(observed))
    is_not_observed(suite.test_the_database_refuses_a_wrong_password, wrong(observed))
    is_not_observed(suite.test_the_database_refuses_default_logins, published(observed))


def test_who_is_tried() -> None:
    assert looks(AnonymousCase, refuses_anonymous=True) == 2
    assert looks(AnonymousCase, "mongodb", refuses_anonymous=True) == 1
    assert looks(WrongPasswordCase, refuses_wrong_password=True) == 1
    assert looks(WrongPasswordCase) == 0
