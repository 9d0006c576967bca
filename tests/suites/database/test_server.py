from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.database import DatabaseCase, PlainCase, TellingCase
from roadworthy.facts.store import Secured, StoreEnd
from tests.suites.database.builders import NOBODY, SILENT, broke, case, hello, looks, refused, seen, server, session
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

NO_TLS = StoreEnd.NO_TLS
DISTRUSTED = Secured(version="1.3", distrust="self-signed certificate")
NO_ENTRY = 'no pg_hba.conf entry for host "192.0.2.9", user "shop", database "shop", no encryption'


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("database/test_server.py")


def test_a_server_that_speaks_answers(suite: ModuleType) -> None:
    check = suite.test_the_database_answers
    passes(check, case(DatabaseCase, seen()))
    passes(check, case(DatabaseCase, NOBODY))
    passes(check, case(DatabaseCase, refused("1203", "user shop has too many connections"), "mysql"))
    passes(check, case(DatabaseCase, hello(offers_tls=True, withheld="no login was sent")))
    passes(check, case(DatabaseCase, broke(NO_TLS, "the TLS handshake", offers_tls=True)))
    passes(check, case(DatabaseCase, broke(NO_TLS, "the TLS handshake", server=server("MySQL")), "mysql"))


@pytest.mark.parametrize("end", [end for end in StoreEnd if end is not NO_TLS])
def test_a_server_that_does_not_speak_does_not_answer(suite: ModuleType, end: StoreEnd) -> None:
    fails(suite.test_the_database_answers, case(DatabaseCase, broke(end)), end.value)
    fails(suite.test_the_database_answers, case(DatabaseCase, broke(end, "the login", tried=True)), "(the login)")


def test_a_server_that_takes_nobody_does_not_answer(suite: ModuleType) -> None:
    check = suite.test_the_database_answers
    fails(check, case(DatabaseCase, refused("53300", "sorry, too many clients already")), "too many clients")
    fails(check, case(DatabaseCase, refused("57P03", "the database system is starting up")), "starting up")
    fails(check, case(DatabaseCase, refused("1040", "Too many connections"), "mysql"), "1040")
    mute = broke(NO_TLS, "the TLS handshake", offers_tls=False)
    fails(check, case(DatabaseCase, mute, "mongodb"), "TLS failed (the TLS handshake)")


def test_a_session_that_broke_off_was_one(suite: ModuleType) -> None:
    late = broke(StoreEnd.CLOSED, "looking around", session=session())
    passes(suite.test_the_database_answers, case(DatabaseCase, late))


def test_the_product(suite: ModuleType) -> None:
    check = suite.test_the_promised_product_answers
    passes(check, case(TellingCase, seen()))
    percona = server("MySQL", "8.0.35", "8.0.35-27 Percona Server (GPL)")
    passes(check, case(TellingCase, seen(server=percona), "mysql"))
    fails(check, case(TellingCase, seen(server=server("MariaDB", "10.11.6")), "mysql"), "MariaDB 10.11.6 answers")
    fails(check, case(TellingCase, seen(server=server("MySQL", "8.0.35")), "mariadb"), "promised mariadb")
    fails(check, case(TellingCase, seen(server=server("CockroachDB", "23.1"))), "CockroachDB")
    imitation = server("MongoDB", "5.0", "Amazon DocumentDB")
    fails(check, case(TellingCase, seen(server=imitation), "mongodb"), "Amazon DocumentDB")
    is_not_observed(check, case(TellingCase, NOBODY), "did not say what it is", "28P01")


def test_only_who_says_what_it_is_can_be_another_one() -> None:
    assert looks(TellingCase) == 1
    assert looks(TellingCase, login=None, refuses_plain=True) == 0
    assert looks(TellingCase, "mysql", login=None, refuses_plain=True) == 1


def test_the_version(suite: ModuleType) -> None:
    check = suite.test_the_promised_version_answers
    passes(check, case(DatabaseCase, seen(), version="16"))
    passes(check, case(DatabaseCase, seen(), version="16.14"))
    fails(check, case(DatabaseCase, seen(), version="16.1"), "PostgreSQL 16.14 answers, promised 16.1")
    fails(check, case(DatabaseCase, seen(), version="17"), "promised 17")
    is_not_observed(check, case(DatabaseCase, SILENT, version="16"), "no answer")


def test_encryption(suite: ModuleType) -> None:
    check = suite.test_the_way_to_the_database_is_encrypted
    passes(check, case(DatabaseCase, seen(), encrypted=True))
    passes(check, case(DatabaseCase, refused("28P01", secured=Secured(version="1.2")), encrypted=True))
    withheld = hello(secured=DISTRUSTED, offers_tls=True, withheld="no login was sent")
    fails(check, case(DatabaseCase, withheld, encrypted=True), "does not verify: self-signed certificate")
    fails(check, case(DatabaseCase, hello(offers_tls=False, withheld="no TLS"), encrypted=True), "offers no TLS")
    fails(check, case(DatabaseCase, seen(secured=None, offers_tls=None), encrypted=True), "without TLS")
    failed = broke(NO_TLS, "the TLS handshake", "unsupported protocol", offers_tls=True)
    fails(check, case(DatabaseCase, failed, encrypted=True), "unsupported protocol")
    is_not_observed(check, case(DatabaseCase, broke(), encrypted=True), "connection refused")
    early = hello(refused=None, withheld="")
    is_not_observed(check, case(DatabaseCase, early, encrypted=True), "nobody was let in")


@pytest.mark.parametrize(
    ("engine", "code", "message"),
    [
        ("postgresql", "28000", NO_ENTRY),
        ("postgresql", "28000", 'no pg_hba.conf entry for host "192.0.2.9", user "shop", database "shop", SSL off'),
        ("postgresql", "08P01", "SSL required"),
        ("mysql", "3159", "Connections using insecure transport are prohibited"),
        ("mysql", "REQUIRE SSL", "by the account's own definition"),
        ("mysql", "9002", "SSL connection is required. Please specify SSL options and retry."),
        ("mariadb", "require_secure_transport", "is on"),
    ],
)
def test_who_refuses_for_the_lack_of_tls_refuses_plain(suite: ModuleType, engine: str, code: str, message: str) -> None:
    passes(suite.test_nobody_is_served_without_tls, case(PlainCase, refused(code, message), engine, refuses_plain=True))


def plain(observed: object, engine: str = "postgresql") -> PlainCase:
    return case(PlainCase, observed, engine, refuses_plain=True)


def test_who_serves_plain_does_not_refuse_it(suite: ModuleType) -> None:
    check = suite.test_nobody_is_served_without_tls
    fails(check, plain(hello()), "asked for a password")
    fails(check, plain(seen(secured=None)), "a login without TLS was let in")
    fails(check, plain(refused("28P01", "password authentication failed")), "was looked at: 28P01")
    fails(check, plain(refused("3D000", 'database "shop" does not exist')), "was looked at")
    answered = hello(server=server("MySQL"), withheld="a login without TLS is answered: the server offers none")
    fails(check, plain(answered, "mysql"), "a login without TLS is answered")
    fails(check, plain(hello(server=server("MongoDB", "7.0.5")), "mongodb"), "answers whoever comes")


def test_other_refusals_say_nothing_of_tls(suite: ModuleType) -> None:
    check = suite.test_nobody_is_served_without_tls
    is_not_observed(check, plain(broke()), "connection refused")
    is_not_observed(check, plain(broke(StoreEnd.CLOSED, "the answer to the startup message")), "closed")
    is_not_observed(check, plain(refused("28000", 'role "shop" is not permitted to log in')), "not for the lack of TLS")
    is_not_observed(check, plain(refused("1130", "Host '192.0.2.9' is not allowed to connect"), "mysql"), "1130")
    is_not_observed(check, plain(refused("1045", "Access denied for user 'shop'"), "mysql"), "1045")
    is_not_observed(check, plain(hello(server=server("MySQL")), "mysql"), "nobody was let in")


def test_mongodb_that_demands_tls_leaves_at_the_first_word(suite: ModuleType) -> None:
    check = suite.test_nobody_is_served_without_tls
    left = plain(broke(StoreEnd.CLOSED, "the greeting"), "mongodb")
    passes(check, left)
    assert not left.ask.may_repeat(left.seen)
    assert left.ask.may_repeat(broke(StoreEnd.REFUSED))
    is_not_observed(check, plain(broke(StoreEnd.REFUSED), "mongodb"), "connection refused")
    is_not_observed(check, plain(broke(StoreEnd.SILENT), "mongodb"), "no answer")
