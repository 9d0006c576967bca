"""Cases of the database suite: conversations with a database server, one for each purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.facts.base import Lane
from roadworthy.facts.database import (
    DatabaseAsk,
    DatabaseObservation,
    PasswordWanted,
    RowsWanted,
    TableWanted,
    Wants,
)
from roadworthy.facts.marker import MarkerAsk, MarkerObservation
from roadworthy.facts.store import Purpose
from roadworthy.target.blocks.database import Database, Table
from roadworthy.target.blocks.stores import Follows, Replicas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roadworthy.target.models import Component, Target

NOBODY = "nobody_of_this_name"
"""Who tries a wrong password, where the target names nobody who may log in."""

DEFAULT_USERS = {"postgresql": "postgres", "mysql": "root", "mariadb": "root", "mongodb": ""}
"""Who comes without a password, where the target names nobody."""


def wants_of(promised: Database) -> Wants:
    """What a session must look at, so that all that is promised can be judged."""
    parts = {
        "replicas": promised.replicas is not None or promised.replica_set is not None,
        "upstream": promised.follows is not None,
        "connections": promised.connections_below is not None,
        "extensions": promised.extensions is not None,
        "privileges": promised.grants is not None or promised.roles is not None,
        "archive": promised.archives is not None,
    }
    return Wants.model_validate(
        {
            "settings": tuple(promised.settings or ()),
            "tables": tuple(TableWanted(name=name) for name in promised.tables or ()),
            "rows": tuple(
                RowsWanted(
                    table=rows.table,
                    where=tuple(rows.where.items()),
                    up_to=(rows.count if rows.count is not None else rows.at_least or 0) + 1,
                )
                for rows in promised.rows or ()
            ),
            "passwords": tuple(
                PasswordWanted(
                    table=one.table, where=tuple(one.where.items()), column=one.column, published=one.published
                )
                for one in promised.published_passwords or ()
            ),
            "parts": (*(name for name, wanted in parts.items() if wanted), "advice"),
        }
    )


def session_ask(component: Component) -> DatabaseAsk:
    """The one session that answers all about what is inside; without a login, as far as the greeting."""
    promised = component.database
    assert promised is not None  # noqa: S101 - the callers have looked
    host, port = component.endpoint
    login = promised.login
    return DatabaseAsk(
        host=host,
        port=port,
        via=component.via,
        engine=promised.engine,
        purpose=Purpose.SESSION if login is not None else Purpose.HELLO,
        name=promised.name,
        username=login.username if login else "",
        password=login.password if login else None,
        auth_source=promised.auth_source,
        secures=promised.encrypted is True,
        wants=wants_of(promised) if login is not None else Wants(),
    )


def other_ask(
    component: Component, purpose: Purpose, username: str | None = None, published: str | None = None
) -> DatabaseAsk:
    """A conversation that is no session: it ends where the server lets in or refuses."""
    ask = session_ask(component)
    lane = Lane.NORMAL if purpose is Purpose.PLAIN else Lane.ROUGH
    changes = {"purpose": purpose, "lane": lane, "password": None, "published": published, "wants": Wants()}
    if purpose is Purpose.PLAIN and ask.engine in ("mysql", "mariadb"):
        changes["password"] = ask.password  # never in plain: whether an account demands TLS, it alone can read
    return ask.model_copy(update=changes | {"username": ask.username if username is None else username})


class DatabaseCase(Case[Database, DatabaseAsk, DatabaseObservation]):
    """A session as promised."""

    block = "database"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Database, DatabaseAsk]]:  # noqa: ARG003 - a case's signature
        """One session, where the component promises anything about a database."""
        if component.database is not None:
            yield component.database, session_ask(component)


class PlainCase(DatabaseCase):
    """A conversation without TLS."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Database, DatabaseAsk]]:  # noqa: ARG003 - as above
        """One, where its refusal is promised."""
        if component.database is not None and component.database.refuses_plain:
            yield component.database, other_ask(component, Purpose.PLAIN)


class AnonymousCase(DatabaseCase):
    """A login without a password."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Database, DatabaseAsk]]:  # noqa: ARG003 - as above
        """One for the promised user, and one for the product's own administrator, where refusal is promised."""
        promised = component.database
        if promised is not None and promised.refuses_anonymous:
            for username in _anonymous(promised):
                yield promised, other_ask(component, Purpose.ANONYMOUS, username)


def _anonymous(promised: Database) -> Iterable[str]:
    names = [promised.login.username if promised.login else "", DEFAULT_USERS[promised.engine]]
    if promised.engine == "mongodb":
        return ("",)  # who comes without a password comes without a name
    return dict.fromkeys(filter(None, names))


class WrongPasswordCase(DatabaseCase):
    """A login with a wrong password."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Database, DatabaseAsk]]:  # noqa: ARG003 - as above
        """One try, where its refusal is promised."""
        promised = component.database
        if promised is not None and promised.refuses_wrong_password:
            username = promised.login.username if promised.login else NOBODY
            yield promised, other_ask(component, Purpose.WRONG_PASSWORD, username)


class PublishedLoginCase(DatabaseCase):
    """A login with credentials that everybody knows."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Database, DatabaseAsk]]:  # noqa: ARG003 - as above
        """One try for each."""
        promised = component.database
        for login in (promised.refuses_logins if promised is not None else None) or ():
            assert promised is not None  # noqa: S101 - it has logins
            yield promised, other_ask(component, Purpose.PUBLISHED, login.username, login.published)


# --- the same session, for what not every one is about ---------------------------------------------------------------


class TellingCase(DatabaseCase):
    """A session with a server that says what it is: PostgreSQL does so to whoever is logged in."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Database, DatabaseAsk]]:
        """One, where there is a login or the product greets by name."""
        for promised, ask in super().looks(target, component):
            if promised.engine != "postgresql" or promised.login is not None:
                yield promised, ask


class LoggedInCase(DatabaseCase):
    """A session of a login."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Database, DatabaseAsk]]:
        """One, where there is a login."""
        for promised, ask in super().looks(target, component):
            if promised.login is not None:
                yield promised, ask


class _TablesCase(DatabaseCase):
    """A session in which tables are looked at."""

    @staticmethod
    def says(table: Table) -> bool:
        """Whether a table's promises have what the check judges."""
        raise NotImplementedError

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Database, DatabaseAsk]]:
        """One, where any table promises it."""
        for promised, ask in super().looks(target, component):
            if any(table is not None and cls.says(table) for table in (promised.tables or {}).values()):
                yield promised, ask


class ColumnsCase(_TablesCase):
    """A session with tables of which columns are promised."""

    @staticmethod
    def says(table: Table) -> bool:
        """Whether columns are."""
        return table.columns is not None


class IndexesCase(_TablesCase):
    """A session with tables of which indexes are promised."""

    @staticmethod
    def says(table: Table) -> bool:
        """Whether indexes are."""
        return table.indexes is not None


class RowSecurityCase(_TablesCase):
    """A session with tables of which row-level security is promised."""

    @staticmethod
    def says(table: Table) -> bool:
        """Whether it is."""
        return table.row_level_security is not None


class PoliciesCase(_TablesCase):
    """A session with tables of which policies are promised."""

    @staticmethod
    def says(table: Table) -> bool:
        """Whether policies are."""
        return table.policies is not None


# --- replication -----------------------------------------------------------------------------------------------------


class ReplicaLagCase(Case[Replicas, DatabaseAsk, DatabaseObservation]):
    """A session with a primary, for how far behind its replicas are."""

    block = "database"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Replicas, DatabaseAsk]]:  # noqa: ARG003 - as above
        """One, where a bound is promised."""
        replicas = component.database.replicas if component.database is not None else None
        if replicas is not None and (replicas.max_lag is not None or replicas.max_lag_bytes is not None):
            yield replicas, session_ask(component)


class LagCase(Case[Follows, DatabaseAsk, DatabaseObservation]):
    """A session with a replica, for how far behind it is."""

    block = "database"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Follows, DatabaseAsk]]:  # noqa: ARG003 - as above
        """One, where a bound is promised."""
        follows = component.database.follows if component.database is not None else None
        if follows is not None and follows.max_lag is not None:
            yield follows, session_ask(component)


class MarkerCase(Case[Follows, MarkerAsk, MarkerObservation]):
    """A row that is written on the primary and looked for on the replica."""

    block = "database"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Follows, MarkerAsk]]:
        """One row, where one is promised."""
        follows = component.database.follows if component.database is not None else None
        if follows is None or follows.marker is None:
            return
        primary, replica = session_ask(target.components[follows.component]), session_ask(component)
        yield (
            follows,
            MarkerAsk(
                host=primary.host,
                port=primary.port,
                via=primary.via,
                primary=primary.model_copy(update={"wants": Wants()}),
                replica=replica.model_copy(update={"wants": Wants()}),
                table=follows.marker.table,
                within=follows.marker.within,
            ),
        )
