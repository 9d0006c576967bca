from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.database import ColumnsCase, DatabaseCase, IndexesCase, PoliciesCase, RowSecurityCase
from roadworthy.facts.database import ColumnSeen, IndexSeen, TableSeen
from roadworthy.facts.store import StoreEnd
from roadworthy.rules.database_schema import type_of
from tests.suites.database.builders import HIDDEN, NOBODY, SLOW, broke, case, gone, looks, seen, session, table
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.cases.base import Case

INDEXES = {"indexes": {"orders_customer": ["customer", "id"]}}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("database/test_schema.py")


def orders(kind: type[Case[Any, Any, Any]], found: object, engine: str = "postgresql", **promised: Any) -> Any:
    return case(kind, seen(tables=(found,)), engine, tables={"orders": promised or None})


def test_tables(suite: ModuleType) -> None:
    check = suite.test_tables_are_there
    both = {"tables": ["orders", "customers"]}
    passes(check, case(DatabaseCase, seen(tables=(table(), table("customers"))), **both))
    fails(check, case(DatabaseCase, seen(tables=(table(), gone("customers"))), **both), "table customers is not there")
    fails(
        check,
        case(DatabaseCase, seen(tables=(gone(), gone("customers"))), **both),
        "tables orders, customers are not there",
    )
    fails(check, orders(DatabaseCase, gone(), "mongodb"), "collection orders is not there")
    fails(check, case(DatabaseCase, seen(tables=(SLOW, gone("customers"))), **both), "table customers is not there")


def test_tables_that_nobody_looked_at_are_not_there_for_all_one_knows(suite: ModuleType) -> None:
    check = suite.test_tables_are_there
    both = {"tables": ["orders", "customers"]}
    is_not_observed(check, case(DatabaseCase, seen(tables=(table(), SLOW)), **both), "customers: took too long")
    is_not_observed(check, case(DatabaseCase, seen(tables=(table(),)), **both), "customers was not looked at")
    is_not_observed(check, case(DatabaseCase, seen(tables=None), **both), "orders was not looked at")
    cut_off = broke(StoreEnd.CLOSED, "looking around", session=session())
    is_not_observed(check, case(DatabaseCase, cut_off, **both), "closed the connection")
    is_not_observed(check, case(DatabaseCase, NOBODY, **both), "28P01")


def columns(found: object, engine: str = "postgresql", **promised: Any) -> ColumnsCase:
    made: ColumnsCase = orders(ColumnsCase, found, engine, columns=promised)
    return made


def test_columns(suite: ModuleType) -> None:
    check = suite.test_columns_are_as_promised
    passes(check, columns(table(), id={"type": "bigint", "nullable": False}, customer={"type": "VARCHAR(255)"}))
    fails(check, columns(table(), total=None), "orders.total is not there")
    fails(
        check, columns(table(), customer={"type": "varchar(254)"}), "is character varying(255), promised varchar(254)"
    )
    fails(check, columns(table(), customer={"nullable": False}), "orders.customer may be NULL")
    fails(check, columns(table(), id={"nullable": True}), "orders.id may not be NULL")
    fails(check, columns(table(), Id=None), "orders.Id is not there")
    passes(check, columns(table(), "mysql", ID=None))
    is_not_observed(check, columns(SLOW, id=None), "took too long")
    is_not_observed(check, columns(gone(), id=None), "orders: it is not there")
    is_not_observed(check, columns(TableSeen(name="orders"), "mongodb", id=None), "no columns")


@pytest.mark.parametrize(
    ("engine", "one", "other"),
    [
        ("postgresql", "timestamptz(3)", "timestamp(3) with time zone"),
        ("postgresql", "timestamptz", "timestamp with time zone"),
        ("postgresql", "timestamp", "timestamp without time zone"),
        ("postgresql", "numeric(10, 2)", "numeric(10,2)"),
        ("postgresql", "int4[]", "integer[]"),
        ("postgresql", "BOOL", "boolean"),
        ("mysql", "bigint unsigned", "bigint(20) unsigned"),
        ("mysql", "boolean", "tinyint(1)"),
        ("mysql", "integer unsigned", "int(10) unsigned"),
        ("mysql", "enum('a','b')", "ENUM('a','b')"),
        ("mariadb", "json", "longtext"),
    ],
)
def test_types_that_are_one(engine: Any, one: str, other: str) -> None:
    assert type_of(one, engine) == type_of(other, engine)


@pytest.mark.parametrize(
    ("engine", "one", "other"),
    [
        ("postgresql", "timestamptz", "timestamp"),
        ("postgresql", "varchar(10)", "varchar(100)"),
        ("postgresql", "int", "int[]"),
        ("mysql", "int", "int unsigned"),
        ("mysql", "decimal(10,2)", "decimal(10,0)"),
        ("mysql", "json", "longtext"),
    ],
)
def test_types_that_are_two(engine: Any, one: str, other: str) -> None:
    assert type_of(one, engine) != type_of(other, engine)


def test_indexes(suite: ModuleType) -> None:
    check = suite.test_indexes_are_there_and_valid
    passes(check, orders(IndexesCase, table(), **INDEXES))
    passes(check, orders(IndexesCase, table(), indexes=["orders_customer"]))
    fails(check, orders(IndexesCase, table(indexes=()), **INDEXES), "orders_customer on orders is not there")
    invalid = table(indexes=(IndexSeen(name="orders_customer", columns=("customer", "id"), valid=False),))
    fails(check, orders(IndexesCase, invalid, **INDEXES), "is there, and not used (invalid")
    turned = table(indexes=(IndexSeen(name="orders_customer", columns=("id", "customer")),))
    fails(check, orders(IndexesCase, turned, **INDEXES), "is on (id, customer), promised (customer, id)")
    is_not_observed(check, orders(IndexesCase, HIDDEN, **INDEXES), "not permitted")
    is_not_observed(check, orders(IndexesCase, gone(), **INDEXES), "it is not there")


def test_row_level_security(suite: ModuleType) -> None:
    check = suite.test_rows_are_kept_apart
    passes(check, orders(RowSecurityCase, table(), row_level_security="on"))
    passes(check, orders(RowSecurityCase, table(row_security="forced"), row_level_security="on"))
    off = table(row_security="off")
    fails(check, orders(RowSecurityCase, off, row_level_security="on"), "of orders is off, promised on")
    fails(check, orders(RowSecurityCase, table(), row_level_security="forced"), "is on, promised forced")
    is_not_observed(check, orders(RowSecurityCase, SLOW, row_level_security="on"), "took too long")
    is_not_observed(check, orders(RowSecurityCase, gone(), row_level_security="on"), "it is not there")


def test_policies(suite: ModuleType) -> None:
    check = suite.test_the_promised_policies_hold
    passes(check, orders(PoliciesCase, table(), policies=["of_tenant"]))
    fails(check, orders(PoliciesCase, table(policies=()), policies=["of_tenant"]), "orders lacks of_tenant")
    more = table(policies=("of_tenant", "of_everybody"))
    fails(check, orders(PoliciesCase, more, policies=["of_tenant"]), "orders has of_everybody, too")
    is_not_observed(check, orders(PoliciesCase, HIDDEN, policies=["of_tenant"]), "not permitted")


def test_a_table_that_is_not_there_hides_no_fault_of_another_one(suite: ModuleType) -> None:
    promised = {"tables": {"orders": {"columns": ["id"]}, "customers": {"columns": ["email"]}, "staff": None}}
    found = (gone(), table("customers", columns=(ColumnSeen(name="id", type="uuid", nullable=False),)), gone("staff"))
    check = suite.test_columns_are_as_promised
    fails(check, case(ColumnsCase, seen(tables=found), **promised), "customers.email is not there")


def test_only_what_is_promised_is_looked_at() -> None:
    kinds = (ColumnsCase, IndexesCase, RowSecurityCase, PoliciesCase)
    for kind, key, value in zip(kinds, ("columns", "indexes", "row_level_security", "policies"), "abcd", strict=True):
        given = "on" if key == "row_level_security" else [value]
        assert [looks(one, tables={"orders": {key: given}}) for one in kinds] == [int(one is kind) for one in kinds]
        assert looks(kind, tables=["orders"]) == 0
