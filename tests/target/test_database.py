"""Promises on databases and vantage points as they are written: what is taken, what is refused, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from roadworthy.cases.database import (
    AnonymousCase,
    DatabaseCase,
    PlainCase,
    PublishedLoginCase,
    WrongPasswordCase,
    wants_of,
)
from roadworthy.cases.health import NameCase, PortCase
from roadworthy.facts.base import Lane
from roadworthy.facts.store import Purpose
from roadworthy.target.blocks.database import Database
from roadworthy.target.fields import is_by_reference, is_public
from roadworthy.target.models import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from roadworthy.cases.base import Case

LOGIN = {"username": "shop", "password": "let-me-in"}
BASTION = {"bastion": {"ssh": "deploy@bastion.shop.test"}}


def target(database: dict[str, Any], *allows: str, **component: Any) -> Target:
    """A target of one database, and its replica where it has one."""
    network = {"allows": list(allows), "vantages": component.pop("vantages", {})}
    others = component.pop("parts", {})
    parts = {"db": {"address": "db.shop.test:5432", "database": {"engine": "postgresql", **database}, **component}}
    return Target.model_validate(
        {"schema": 1, "name": "shop", "environment": "test", "network": network, "components": parts | others}
    )


def asks_of(kind: type[Case[Any, Any, Any]], given: Target) -> list[Any]:
    return [ask for _, ask in kind.looks(given, given.components["db"])]


def test_one_session_knows_all_that_is_promised() -> None:
    given = target(
        {
            "login": LOGIN,
            "name": "shop",
            "tables": {"users": {"columns": {"email": None}}, "tenants": None},
            "rows": [{"table": "users", "where": {"role": "admin"}, "count": 1}, {"table": "users", "at_least": 5}],
            "settings": {"max_connections": ">= 100"},
            "connections_below": "80%",
            "replicas": {"count": 1},
        }
    )
    (ask,) = asks_of(DatabaseCase, given)
    assert (ask.purpose, ask.username, ask.password, ask.name) == (Purpose.SESSION, "shop", "let-me-in", "shop")
    assert [table.name for table in ask.wants.tables] == ["users", "tenants"]
    assert [rows.up_to for rows in ask.wants.rows] == [2, 6]
    assert ask.wants.settings == ("max_connections",)
    assert set(ask.wants.parts) == {"replicas", "connections", "advice"}
    assert "let-me-in" not in ask.model_dump_json() + repr(ask)
    assert hash(ask) == hash(asks_of(DatabaseCase, given)[0])


def test_without_a_login_only_the_greeting_is_asked_for() -> None:
    (ask,) = asks_of(DatabaseCase, target({"refuses_plain": True}))
    assert (ask.purpose, ask.wants.parts) == (Purpose.HELLO, ())


def test_counting_ends_where_the_promise_is_told() -> None:
    rows = Database.model_validate(
        {"engine": "mysql", "login": LOGIN, "rows": [{"table": "t", "count": 0}, {"table": "t", "at_least": 1}]}
    )
    assert [wanted.up_to for wanted in wants_of(rows).rows] == [1, 2]


def test_what_must_be_refused_is_tried_once_each() -> None:
    published = [{"username": "postgres", "published": "postgres"}, {"username": "postgres", "published": ""}]
    given = target(
        {
            "login": LOGIN,
            "refuses_plain": True,
            "refuses_anonymous": True,
            "refuses_wrong_password": True,
            "refuses_logins": published,
        },
        "logins",
    )
    assert [ask.username for ask in asks_of(AnonymousCase, given)] == ["shop", "postgres"]
    assert [(ask.lane, ask.password) for ask in asks_of(WrongPasswordCase, given)] == [(Lane.ROUGH, None)]
    assert [ask.published for ask in asks_of(PublishedLoginCase, given)] == ["postgres", ""]
    assert [ask.lane for ask in asks_of(PlainCase, given)] == [Lane.NORMAL]


@pytest.mark.parametrize(
    ("promise", "told"),
    [
        ({"refuses_anonymous": True}, "a login without a password is tried"),
        ({"refuses_wrong_password": True}, "one wrong password is sent"),
        ({"refuses_logins": [{"username": "a", "published": "a"}]}, "1 default logins are tried"),
    ],
)
def test_logins_need_leave(promise: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        target({"login": LOGIN, **promise})
    assert target({"login": LOGIN, **promise}, "logins").components["db"].database


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ({}, "promises nothing"),
        ({"name": "shop"}, "promises nothing"),
        ({"tables": ["users"]}, "give a login"),
        ({"login": LOGIN, "engine": "mysql", "extensions": ["pgcrypto"]}, "extensions is a promise of postgresql"),
        ({"login": LOGIN, "replica_set": "rs0"}, "replica_set is a promise of mongodb"),
        ({"login": LOGIN, "engine": "mongodb", "charset": "utf8"}, "charset is a promise of postgresql, mysql"),
        (
            {"login": LOGIN, "engine": "mysql", "tables": {"users": {"row_level_security": "on"}}},
            "row-level security is PostgreSQL's",
        ),
        ({"login": LOGIN, "rows": [{"table": "users"}]}, "one of count and at_least"),
        ({"login": LOGIN, "rows": [{"table": "users", "count": 1, "at_least": 1}]}, "one of count and at_least"),
        ({"login": LOGIN, "version": "sixteen"}, "a version is written as"),
        ({"login": LOGIN, "version": 8.0}, "write a version in quotes"),
        ({"login": LOGIN, "connections_below": "180 %%"}, "a share of the limit"),
        ({"login": LOGIN, "connections_below": "101%"}, "a share of the limit"),
        ({"login": LOGIN, "connections_below": 0}, "1 or more"),
        ({"login": {"username": "a", "password": "b\0c"}}, "a line's end"),
        ({"login": LOGIN, "role": "primary", "follows": {"component": "db"}}, "a primary follows nobody"),
        ({"login": LOGIN, "follows": {"component": "db"}}, "is no other database"),
        ({"login": LOGIN, "follows": {"component": "nowhere"}}, "is no other database"),
    ],
)
def test_what_makes_no_sense_is_refused(database: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        target(database)


@pytest.mark.parametrize("version", ["16", 16, "8.0.35", ">= 5.0", "< 9"])
def test_versions_that_are_taken(version: str | int) -> None:
    database = target({"version": version}).components["db"].database
    assert database is not None
    assert database.version == str(version)


def test_a_marker_is_written_where_somebody_may_write() -> None:
    primary = {"address": "primary.shop.test:5432", "database": {"engine": "postgresql", "version": "16"}}
    database = {"login": LOGIN, "follows": {"component": "primary", "marker": {}}}
    with pytest.raises(ValidationError, match="primary has no login to write with"):
        target(database, "writes", parts={"primary": primary})
    primary["database"] = {"engine": "postgresql", "login": LOGIN}
    with pytest.raises(ValidationError, match=r"allows: \[writes\]"):
        target(database, parts={"primary": primary})
    assert target(database, "writes", parts={"primary": primary})


def test_a_component_is_looked_at_from_its_vantage_point() -> None:
    given = target({"login": LOGIN}, via="bastion", vantages=BASTION)
    assert asks_of(NameCase, given) == []
    assert [ask.via for ask in (*asks_of(PortCase, given), *asks_of(DatabaseCase, given))] == ["bastion", "bastion"]


def test_a_command_that_connects_is_not_asked_for_the_port_alone() -> None:
    """It seldom says that it is connected; the database's own answer does."""
    by_command = {"bastion": {"command": ["nc", "{host}", "{port}"]}}
    given = target({"login": LOGIN}, via="bastion", vantages=by_command)
    assert asks_of(PortCase, given) == []
    assert [ask.via for ask in asks_of(DatabaseCase, given)] == ["bastion"]


@pytest.mark.parametrize(
    ("vantages", "told"),
    [
        ({}, "unknown vantage point bastion; there are none"),
        ({"other": {"ssh": "a@b"}}, "unknown vantage point bastion; there are other"),
        ({"bastion": {}}, "give ssh, command, local or exec"),
        ({"bastion": {"ssh": "a@b:70000"}}, "not of the form user@host"),
        ({"bastion": {"ssh": "a b"}}, "not of the form user@host"),
        ({"bastion": {"command": ["nc"], "key_file": "id"}}, "key_file is about an SSH server"),
        ({"bastion": {"ssh": "a@b", "through": "gone"}}, "gone is no vantage point with ssh"),
        ({"bastion": {"ssh": "a@b", "through": "bastion"}}, "in a circle"),
        (
            {"bastion": {"ssh": "a@b", "through": "c"}, "c": {"ssh": "c@d", "through": "bastion"}},
            "in a circle",
        ),
    ],
)
def test_vantage_points_that_lead_nowhere_are_refused(vantages: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        target({"login": LOGIN}, via="bastion", vantages=vantages)


@pytest.mark.parametrize(
    ("component", "told"),
    [
        ({"tls": {"trusted": True}}, "tls is looked at from this machine"),
        ({"dns": {"ttl": "5m"}}, "dns is looked at from this machine"),
    ],
)
def test_only_stores_are_looked_at_from_elsewhere(component: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        target({"login": LOGIN}, via="bastion", vantages=BASTION, **component)


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("deploy@bastion.shop.test", ("deploy", "bastion.shop.test", 22)),
        ("bastion", (None, "bastion", 22)),
        ("deploy@[2001:db8::1]:2222", ("deploy", "2001:db8::1", 2222)),
    ],
)
def test_where_an_ssh_server_is(text: str, login: tuple[str | None, str, int]) -> None:
    given = target({"login": LOGIN}, vantages={"v": {"ssh": text}})
    assert given.network.vantages["v"].login == login


def test_passwords_stay_out_of_files_and_names_may_be_printed() -> None:
    place = ("components", "db", "database")
    assert is_by_reference((*place, "login", "password"))
    assert not is_by_reference((*place, "refuses_logins", "0", "published"))
    assert is_by_reference(("network", "vantages", "bastion", "passphrase"))
    assert is_public((*place, "engine"))
    assert not is_public((*place, "login", "username"))


def test_lists_of_names_and_mappings_are_one(load: Callable[..., Any]) -> None:
    text = """\
schema: 1
name: shop
environment: test
components:
  db:
    address: db.shop.test:5432
    database:
      engine: postgresql
      login: {username: shop, password: "${env:PASSWORD}"}
      tables:
        tenants:
        users: {columns: [id, email], indexes: {users_email: [email]}}
        orders: {columns: {id: {type: uuid, nullable: false}}, indexes: [orders_pkey]}
"""
    database = load(text, environ={"PASSWORD": "let-me-in"}).target.components["db"].database
    assert database.tables["tenants"] is None
    assert database.tables["users"].columns == {"id": None, "email": None}
    assert database.tables["users"].indexes == {"users_email": ("email",)}
    assert database.tables["orders"].columns["id"].type == "uuid"
    assert database.tables["orders"].indexes == {"orders_pkey": None}
