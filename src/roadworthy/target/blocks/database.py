"""A database: who may log in and how, what it runs with, what is in it, and who copies it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Need
from roadworthy.target.blocks.stores import (
    Amount,
    Follows,
    Login,
    PublishedLogin,
    Replicas,
    Role,
    SettingValue,
    Version,
)
from roadworthy.target.values import PUBLIC, Duration, Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

Engine = Literal["postgresql", "mysql", "mariadb", "mongodb"]

SQL_ONLY = ("charset", "collation", "grants")
POSTGRESQL_ONLY = ("extensions", "archives")
MONGODB_ONLY = ("auth_source", "replica_set")


def _named(value: Any) -> Any:
    """A list of names as a mapping to nothing in particular; lists in a mapping as the model holds them."""
    return dict.fromkeys(value) if isinstance(value, list | tuple) else _with_tuples(value)


def _with_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_tuples(held) for key, held in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


class Column(Frozen):
    """A column of a table."""

    type: str | None = Field(
        None, min_length=1, description="Its type as the server prints it: `uuid`, `varchar(255)`; case is one."
    )
    nullable: bool | None = Field(None, description="Whether it may be NULL.")


class Table(Frozen):
    """What a table (in MongoDB a collection) must have; that it is there is promised whatever stands here."""

    columns: (
        Annotated[
            dict[str, Column | None],
            BeforeValidator(_named, json_schema_input_type=dict[str, Column | None] | tuple[str, ...]),
        ]
        | None
    ) = Field(
        None, min_length=1, description="These columns, among others: a list, or a mapping that says more of each."
    )
    indexes: (
        Annotated[
            dict[str, tuple[str, ...] | None],
            BeforeValidator(_named, json_schema_input_type=dict[str, tuple[str, ...] | None] | tuple[str, ...]),
        ]
        | None
    ) = Field(
        None,
        min_length=1,
        description="These indexes, valid: a list of names, or each with its columns in order.",
    )
    row_level_security: Literal["on", "forced"] | None = Field(
        None, description="PostgreSQL: `on`, or `forced`, which holds for the table's owner too."
    )
    policies: tuple[str, ...] | None = Field(None, min_length=1, description="PostgreSQL: exactly these policies.")


class Rows(Frozen):
    """Rows that must be there: seed data, a default tenant, roles."""

    table: str = Field(min_length=1, description="The table or collection.", json_schema_extra={PUBLIC: True})
    where: dict[str, str | int | bool] = Field({}, description="What the rows have in these columns.")
    count: int | None = Field(None, ge=0, description="Exactly so many.")
    at_least: int | None = Field(None, ge=1, description="So many, or more.")

    @model_validator(mode="after")
    def _says_how_many(self) -> Self:
        if (self.count is None) == (self.at_least is None):
            raise ValueError("give one of count and at_least")
        return self


class PublishedPassword(Frozen):
    """An account whose stored hash must not be that of a password that everybody knows."""

    table: str = Field(min_length=1, description="The table or collection.", json_schema_extra={PUBLIC: True})
    where: dict[str, str | int | bool] = Field(min_length=1, description="What leads to the one account.")
    column: str = Field(min_length=1, description="Where its hash is. It is compared, and never written down.")
    published: tuple[str, ...] = Field(min_length=1, description="The passwords that everybody knows.")


class Archives(Frozen):
    """Continuous archiving of the write-ahead log, for recovery to any moment."""

    within: Duration = Field(description="The last segment was archived no longer ago than this.")


class Database(Expectation):
    """Promises about a database. It is only read, unless `network.allows` names `writes`."""

    WHERE = frozenset({"engine", "name", "auth_source"})

    engine: Engine = Field(description="Which product it is.", json_schema_extra={PUBLIC: True})
    name: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="The database that is looked into.",
        json_schema_extra={PUBLIC: True},
    )
    login: Login | None = Field(
        None, description="These credentials are accepted. All that is inside is seen with their rights."
    )
    auth_source: str | None = Field(
        None, description="MongoDB: the database that knows the user; the server's own default is `admin`."
    )
    version: Version | None = Field(
        None, description='The version that answers: "16" is any 16.x; ">= 5.0".', json_schema_extra={PUBLIC: True}
    )
    encrypted: Literal[True] | None = Field(
        None, description="It speaks TLS with a certificate that verifies; no password is sent otherwise."
    )
    refuses_plain: Literal[True] | None = Field(None, description="It refuses whoever comes without TLS.")
    refuses_anonymous: Literal[True] | None = Field(
        None, description="Without a password nobody is let in; needs network.allows: [logins]."
    )
    refuses_wrong_password: Literal[True] | None = Field(
        None, description="One wrong password is tried, and refused; needs network.allows: [logins]."
    )
    refuses_logins: tuple[PublishedLogin, ...] | None = Field(
        None, min_length=1, description="Default credentials that are refused; needs network.allows: [logins]."
    )
    role: Role | None = Field(None, description="`primary`: it takes writes. `replica`: it takes none.")
    replicas: Replicas | None = Field(None, description="Who copies it, as it knows them itself.")
    replica_set: str | None = Field(None, description="MongoDB: the name of the replica set that it belongs to.")
    follows: Follows | None = Field(None, description="Whom it copies, as it knows it itself.")
    connections_below: Amount | None = Field(None, description="So many connections are in use at most: `180`, `80%`.")
    settings: dict[str, SettingValue] | None = Field(
        None,
        min_length=1,
        description="Settings by name, as they must be (`12G`, `on`) or a bound (`>= 64M`); units are understood.",
    )
    charset: str | None = Field(None, description="The character set of the database: `utf8mb4`, `UTF8`.")
    collation: str | None = Field(None, description="The collation of the database.")
    extensions: tuple[str, ...] | None = Field(None, min_length=1, description="PostgreSQL: these are installed.")
    tables: (
        Annotated[
            dict[str, Table | None],
            BeforeValidator(_named, json_schema_input_type=dict[str, Table | None] | tuple[str, ...]),
        ]
        | None
    ) = Field(
        None,
        min_length=1,
        description="Tables (in MongoDB collections) that are there: a list, or a mapping that says more of each. "
        "`schema.table` where it is not in the default one.",
    )
    grants: dict[str, tuple[str, ...]] | None = Field(
        None,
        min_length=1,
        description="What the login may do, exactly, by `*.*`, `schema.*` or `schema.table`: more is a finding, and so "
        "is less.",
    )
    roles: tuple[str, ...] | None = Field(
        None, description="The roles of the login, exactly; in MongoDB `readWrite@shop`."
    )
    rows: tuple[Rows, ...] | None = Field(None, min_length=1, description="Rows that are there: seed data.")
    published_passwords: tuple[PublishedPassword, ...] | None = Field(
        None, min_length=1, description="Accounts whose password is not one that was published."
    )
    archives: Archives | None = Field(None, description="PostgreSQL: its write-ahead log is archived.")

    @property
    def looks_inside(self) -> bool:
        """Whether anything is promised that only somebody who is logged in can see."""
        return any(getattr(self, name) not in (None, ()) for name in INSIDE) or self.login is not None

    def needs(self) -> Iterable[Need]:
        """Wrong and default passwords, and what is written."""
        if self.refuses_anonymous:
            yield Need("refuses_anonymous", "logins", "a login without a password is tried")
        if self.refuses_wrong_password:
            yield Need("refuses_wrong_password", "logins", "one wrong password is sent")
        if self.refuses_logins:
            yield Need("refuses_logins", "logins", f"{len(self.refuses_logins)} default logins are tried")
        if self.follows is not None and self.follows.marker is not None:
            yield Need("follows.marker", "writes", "a row is written on the primary, and taken away again")

    @model_validator(mode="after")
    def _is_of_its_product(self) -> Self:
        for products, keys in (
            (("postgresql", "mysql", "mariadb"), SQL_ONLY),
            (("postgresql",), POSTGRESQL_ONLY),
            (("mongodb",), MONGODB_ONLY),
        ):
            if self.engine not in products and (strangers := [key for key in keys if getattr(self, key) is not None]):
                raise ValueError(f"{strangers[0]} is a promise of {', '.join(products)}, not of {self.engine}")
        for name, table in (self.tables or {}).items():
            if table is not None and self.engine != "postgresql" and (table.row_level_security or table.policies):
                raise ValueError(f"tables.{name}: row-level security is PostgreSQL's, not {self.engine}'s")
        return self

    @model_validator(mode="after")
    def _can_be_seen(self) -> Self:
        inside = [name for name in INSIDE if getattr(self, name) not in (None, ())]
        if inside and self.login is None:
            raise ValueError(f"{inside[0]} is seen by whoever is logged in: give a login")
        if self.follows is not None and self.role == "primary":
            raise ValueError("a primary follows nobody")
        return self


INSIDE = (
    "role",
    "replicas",
    "replica_set",
    "follows",
    "connections_below",
    "settings",
    "charset",
    "collation",
    "extensions",
    "tables",
    "grants",
    "roles",
    "rows",
    "published_passwords",
    "archives",
)
"""Promises that only somebody who is logged in can see."""
