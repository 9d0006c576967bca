from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.database import DatabaseCase
from roadworthy.facts.database import Grant, Privileges
from tests.suites.database.builders import HIDDEN, NOBODY, case, seen
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

MYSQL = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "INDEX", "ALTER", "DROP", "REFERENCES"]
EVERYTHING = [
    *MYSQL,
    *("CREATE VIEW", "SHOW VIEW", "TRIGGER", "CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE"),
    *("CREATE ROUTINE", "ALTER ROUTINE", "EVENT"),
]


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("database/test_rights.py")


def held(promised: dict[str, list[str]], engine: str = "mysql", *attributes: str, **on: list[str]) -> DatabaseCase:
    """Held by place; the names of places have underscores for what Python's have none of: shop__all is shop.*."""
    grants = tuple(
        Grant(on=place.replace("__all", ".*").replace("__", "."), privileges=tuple(sorted(names)))
        for place, names in on.items()
    )
    return case(
        DatabaseCase, seen(privileges=Privileges(grants=grants, attributes=attributes)), engine, grants=promised
    )


def test_exactly_what_was_promised(suite: ModuleType) -> None:
    check = suite.test_the_login_may_do_what_was_promised
    passes(check, held({"shop.*": MYSQL}, shop__all=MYSQL))
    passes(check, held({"`Shop`.*": [name.lower() for name in MYSQL]}, shop__all=MYSQL))
    passes(check, held({"*.*": ["USAGE"], "shop.*": ["SELECT"]}, shop__all=["SELECT"]))
    passes(check, held({"*.*": ["USAGE"]}))
    passes(check, held({"*.*": []}, **{"*.*": ["USAGE"]}))


def test_more_is_a_finding(suite: ModuleType) -> None:
    check = suite.test_the_login_may_do_what_was_promised
    fails(check, held({"shop.*": MYSQL}, shop__all=[*MYSQL, "EVENT"]), "may EVENT on shop.*, too")
    fails(check, held({"shop.*": MYSQL}, shop__all=MYSQL, other__all=["SELECT"]), "may SELECT on other.*, too")
    fails(check, held({"shop.*": MYSQL}, shop__all=[*MYSQL, "GRANT OPTION"]), "may GRANT OPTION on shop.*")
    fails(check, held({"shop.*": MYSQL}, shop__all=MYSQL, **{"*.*": ["PROCESS"]}), "may PROCESS on *.*, too")
    fails(check, held({"*.*": []}, shop__all=["SELECT"]), "may SELECT on shop.*, too")
    fails(check, held({"shop.*": ["SELECT"]}, shop__all=["ALL PRIVILEGES"]), "ALTER", "on shop.*, too")


def test_less_is_a_finding(suite: ModuleType) -> None:
    check = suite.test_the_login_may_do_what_was_promised
    fails(check, held({"shop.*": MYSQL}, shop__all=MYSQL[:-1]), "may not REFERENCES on shop.*")
    fails(check, held({"shop.*": ["SELECT"]}), "may not SELECT on shop.*")
    both = held({"shop.*": ["SELECT", "INSERT"]}, shop__all=["SELECT", "DROP"])
    fails(check, both, "may DROP on shop.*, too; may not INSERT on shop.*")


def test_a_table_need_not_repeat_what_its_schema_has(suite: ModuleType) -> None:
    check = suite.test_the_login_may_do_what_was_promised
    passes(check, held({"shop.*": ["SELECT", "INSERT"]}, shop__all=["SELECT", "INSERT"], shop__orders=["SELECT"]))
    more = held({"shop.*": ["SELECT"]}, shop__all=["SELECT"], shop__orders=["SELECT", "DELETE"])
    fails(check, more, "may DELETE on shop.orders, too")


def test_all_privileges_are_their_list(suite: ModuleType) -> None:
    check = suite.test_the_login_may_do_what_was_promised
    passes(check, held({"shop.*": ["ALL PRIVILEGES"]}, shop__all=["ALL PRIVILEGES"]))
    passes(check, held({"shop.*": ["ALL"]}, shop__all=EVERYTHING))
    passes(check, held({"shop.*": EVERYTHING}, shop__all=["ALL PRIVILEGES"]))
    passes(check, held({"shop.*": ["ALL"]}, "mariadb", shop__all=[*EVERYTHING, "DELETE HISTORY"]))
    fails(check, held({"shop.*": ["ALL"]}, shop__all=EVERYTHING[:-1]), "may not EVENT on shop.*")
    given_on = held({"shop.*": ["ALL"]}, shop__all=["ALL PRIVILEGES", "GRANT OPTION"])
    fails(check, given_on, "may GRANT OPTION on shop.*, too")


def test_partial_revokes(suite: ModuleType) -> None:
    check = suite.test_the_login_may_do_what_was_promised
    everywhere = {"*.*": ["SELECT"], "mysql.*": ["NO SELECT"]}
    fails(check, held({"*.*": ["SELECT"]}, **everywhere), "may not SELECT on mysql.*")
    fails(check, held({"shop.*": ["SELECT"]}, shop__all=["SELECT"], **everywhere), "may SELECT on *.*, too")


def test_postgresql_by_schema(suite: ModuleType) -> None:
    check = suite.test_the_login_may_do_what_was_promised
    promised = {"public.*": ["SELECT", "INSERT"]}
    passes(check, held(promised, "postgresql", public__all=["SELECT", "INSERT"]))
    fails(check, held(promised, "postgresql", public__all=["SELECT"]), "may not INSERT on public.*")
    more = held(promised, "postgresql", public__all=["SELECT", "INSERT", "CREATE"])
    fails(check, more, "may CREATE on public.*, too")
    superuser = held(promised, "postgresql", "SUPERUSER", public__all=["SELECT", "INSERT"])
    fails(check, superuser, "may SUPERUSER on *.*, too")
    passes(check, held({**promised, "*.*": ["CREATEDB"]}, "postgresql", "CREATEDB", public__all=["SELECT", "INSERT"]))


def test_postgresql_table_by_table(suite: ModuleType) -> None:
    check = suite.test_the_login_may_do_what_was_promised
    promised = {"public.*": ["SELECT", "INSERT"]}
    uneven = held(promised, "postgresql", public__orders=["SELECT", "INSERT"], public__audit=["SELECT"])
    fails(check, uneven, "may not INSERT on public.audit")
    wide = held(
        promised, "postgresql", public__orders=["SELECT", "INSERT", "DELETE"], public__audit=["SELECT", "INSERT"]
    )
    fails(check, wide, "may DELETE on public.orders, too")
    forgotten = held(promised, "postgresql", public__orders=["SELECT", "INSERT"])
    fails(check, forgotten, "some of its tables grant nothing")
    apart = {**promised, "public.audit": ["SELECT"]}
    passes(check, held(apart, "postgresql", public__orders=["SELECT", "INSERT"], public__audit=["SELECT"]))
    secret = {**promised, "public.audit": []}
    passes(check, held(secret, "postgresql", public__orders=["SELECT", "INSERT"]))


def test_postgresql_tables_that_are_all_alike(suite: ModuleType) -> None:
    check = suite.test_the_login_may_do_what_was_promised
    named = {"public.orders": ["SELECT"], "public.audit": ["SELECT"]}
    is_not_observed(check, held(named, "postgresql", public__all=["SELECT"]), "promise public.*")
    fails(check, held(named, "postgresql", public__all=["SELECT", "DELETE"]), "may DELETE on public.audit, too")
    passes(check, held(named, "postgresql", public__orders=["SELECT"], public__audit=["SELECT"]))
    passes(check, held({"public.*": ["ALL"]}, "postgresql", public__all=["ALL", "MAINTAIN"]))


def test_rights_that_are_not_shown(suite: ModuleType) -> None:
    check = suite.test_the_login_may_do_what_was_promised
    hidden = case(DatabaseCase, seen(privileges=HIDDEN), grants={"public.*": ["SELECT"]})
    is_not_observed(check, hidden, "not permitted")
    is_not_observed(check, case(DatabaseCase, NOBODY, grants={"public.*": ["SELECT"]}), "28P01")


def roles(promised: list[str], *found: str, engine: str = "postgresql") -> Any:
    return case(DatabaseCase, seen(privileges=Privileges(roles=found)), engine, roles=promised)


def test_roles(suite: ModuleType) -> None:
    check = suite.test_the_login_has_its_roles
    passes(check, roles(["reader"], "reader"))
    passes(check, roles(["reader"], "`reader`@`%`", engine="mysql"))
    passes(check, roles([]))
    fails(check, roles(["reader"], "reader", "reporting"), "has the role reporting, too")
    fails(check, roles(["reader", "writer"], "reader"), "lacks the role writer")
    fails(check, roles([], "dbOwner@shop", engine="mongodb"), "has the role dbOwner@shop, too")
    fails(check, roles(["readWrite@shop"], "readWrite@crm", engine="mongodb"), "readWrite@crm", "readWrite@shop")
    is_not_observed(check, case(DatabaseCase, seen(privileges=HIDDEN), roles=["reader"]), "not permitted")
    is_not_observed(check, case(DatabaseCase, NOBODY, roles=[]), "28P01")
