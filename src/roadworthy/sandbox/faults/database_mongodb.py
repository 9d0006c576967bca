"""Faults of MongoDB: who gets in, what it runs with, what is in it, and who copies it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import Deployment, Issuer, Product
from roadworthy.sandbox.faults.fault import fault
from roadworthy.sandbox.stores.mongodb import Account, MongoDb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Store
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.sandbox.stores.tables import Index, Table
    from roadworthy.target.blocks.database import Database

ANOTHER = "-and-something-else"
DELAY_S = 3600


def _promising(key: str, *, of: Callable[[Database], Any] = lambda _: True) -> Where:
    """Components that promise something of MongoDB."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name, component in deployment.target.components.items():
            store, promised = deployment.store_of(name), component.database
            if promised is None or store is None or store.product is not Product.MONGODB:
                continue
            if getattr(promised, key) not in (None, ()) and of(promised):
                yield name

    return where


def _tables_with(key: str) -> Where:
    """Those with a collection that promises something."""

    def promises(promised: Database) -> bool:
        return any(table is not None and getattr(table, key) for table in (promised.tables or {}).values())

    return _promising("tables", of=promises)


_copied = _promising("replicas")
_copied_in_time = _promising("replicas", of=lambda promised: promised.replicas and promised.replicas.max_lag)


def _store_of(deployment: Deployment, component: str) -> Store:
    store = deployment.store_of(component)
    assert store is not None  # noqa: S101 - `where` chose it
    return store


def _contents(change: Callable[[MongoDb, Database], MongoDb]) -> Change:
    """A change of what the server is set up with, by what is promised."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        promised = deployment.component(component).database
        assert promised is not None  # noqa: S101 - `where` chose it
        return deployment.with_store(component, contents=change(_store_of(deployment, component).contents, promised))

    return changed


def _with(**changes: Any) -> Change:
    return _contents(lambda made, _: replace(made, **changes))


def _store(change: Callable[[Store], dict[str, Any]]) -> Change:
    return lambda deployment, component: deployment.with_store(component, **change(_store_of(deployment, component)))


def _account(change: Callable[[Account], Account]) -> Change:
    return _contents(lambda made, _: replace(made, accounts=(change(made.accounts[0]), *made.accounts[1:])))


def _collections(chosen: Callable[[Table], Any], change: Callable[[Table], Table | None]) -> Change:
    """The first collection that something holds of is changed, or gone."""

    def changed(made: MongoDb, _: Database) -> MongoDb:
        first = next(one for one in made.collections if chosen(one))
        kept = (change(one) if one is first else one for one in made.collections)
        return replace(made, collections=tuple(one for one in kept if one is not None))

    return _contents(changed)


def _first_index(change: Callable[[Index], Index | None]) -> Change:
    def changed(table: Table) -> Table:
        first, *others = table.indexes
        other = change(first)
        return replace(table, indexes=(*([other] if other is not None else []), *others))

    return _collections(lambda table: table.indexes, changed)


def _distrusted(store: Store) -> dict[str, Any]:
    assert store.tls is not None  # noqa: S101 - `where` chose it
    return {"tls": replace(store.tls, certificate=replace(store.tls.certificate, issuer=Issuer.UNKNOWN))}


def _dead(which: Callable[[MongoDb], Iterable[int]]) -> Change:
    """Members that died: nothing listens at their addresses any more."""

    def changed(store: Store) -> dict[str, Any]:
        dead = tuple(which(store.contents))
        gone = {store.contents.beside[number - 1] for number in dead}
        beside = tuple(address for address in store.beside if address not in gone)
        return {"contents": replace(store.contents, dead=dead), "beside": beside}

    return _store(changed)


def _other_setting(made: MongoDb, promised: Database) -> MongoDb:
    """The first setting that is promised has the server's own default."""
    first = next(iter(promised.settings or {}))
    return replace(made, parameters=tuple((name, value) for name, value in made.parameters if name != first))


def _default_login(made: MongoDb, promised: Database) -> MongoDb:
    login = next(one for one in promised.refuses_logins or () if one.published)
    return replace(made, accounts=(*made.accounts, Account(login.username, login.published)))


def _crowded(made: MongoDb, promised: Database) -> MongoDb:
    """More than are promised to be in use at most, and room for who looks and for the other members."""
    limit, bound = made.most_connections, promised.connections_below
    share = float(bound.strip(" %")) / 100 * limit if isinstance(bound, str) else float(bound or limit)
    return replace(made, held=min(int(share) + 2, limit - 20))


def _locked(made: MongoDb, promised: Database) -> MongoDb:
    max_lag = promised.replicas.max_lag if promised.replicas else None
    return replace(made, locked_s=(max_lag or 0.0) + 1)


def _without_first_row(made: MongoDb, promised: Database) -> MongoDb:
    name = (promised.rows or ())[0].table
    changed = (replace(one, rows=one.rows[1:]) if one.name == name else one for one in made.collections)
    return replace(made, collections=tuple(changed))


def _second_row(made: MongoDb, promised: Database) -> MongoDb:
    rows = next(rows for rows in promised.rows or () if rows.count is not None)
    return replace(made, seeds=(*made.seeds, (rows.table, tuple(rows.where.items()))))


def _published_password(made: MongoDb, promised: Database) -> MongoDb:
    """The account's hash is that of a published password, as the application would make it."""
    import bcrypt  # noqa: PLC0415 - of use to this fault alone

    one = (promised.published_passwords or ())[0]
    hashed = bcrypt.hashpw(one.published[0].encode(), b"$2b$04$abcdefghijklmnopqrstuu").decode()

    def changed(table: Table) -> Table:
        rows = (
            tuple({**dict(row), one.column: hashed}.items()) if one.where.items() <= dict(row).items() else row
            for row in table.rows
        )
        return replace(table, rows=tuple(rows)) if table.name == one.table else table

    return replace(made, collections=tuple(changed(table) for table in made.collections))


FAULTS = (
    fault(
        "mongodb-locks-out",
        "The password that the database knows is another one.",
        "DB-LOGIN",
        where=_promising("login"),
        change=_account(lambda account: replace(account, password=account.name + ANOTHER)),
    ),
    fault(
        "mongodb-plain",
        "The database speaks no TLS.",
        "DB-ANSWERS",
        where=_promising("encrypted"),
        change=_store(lambda _: {"tls": None}),
        also=("DB-ENCRYPTED", "DB-PLAIN"),
    ),
    fault(
        "mongodb-distrusted",
        "The database's certificate is of an authority that nobody knows.",
        "DB-ENCRYPTED",
        where=_promising("encrypted"),
        change=_store(_distrusted),
    ),
    fault(
        "mongodb-takes-plain",
        "The database serves whoever comes without TLS (`preferTLS`).",
        "DB-PLAIN",
        where=_promising("refuses_plain"),
        change=_store(lambda _: {"plain": True}),
    ),
    fault(
        "mongodb-anonymous",
        "The database asks nobody for a login.",
        "DB-ANONYMOUS",
        where=_promising("refuses_anonymous"),
        change=_with(asks_for_login=False),
    ),
    fault(
        "mongodb-default-login",
        "The database knows a login that everybody knows.",
        "DB-DEFAULT-LOGINS",
        where=_promising(
            "refuses_logins", of=lambda promised: any(one.published for one in promised.refuses_logins or ())
        ),
        change=_contents(_default_login),
    ),
    fault(
        "mongodb-no-primary",
        "The other members of the replica set died: nobody takes writes.",
        "DB-ROLE",
        where=_copied,
        change=_dead(lambda made: range(1, made.members)),
        also=("DB-REPLICAS",),
    ),
    fault(
        "mongodb-member-dead",
        "A member of the replica set died.",
        "DB-REPLICAS",
        where=_copied,
        change=_dead(lambda made: (made.members - 1,)),
    ),
    fault(
        "mongodb-member-delayed",
        "A member that is to stand in for the primary was set up to apply everything an hour later.",
        "DB-REPLICAS",
        where=_copied,
        change=_with(delayed_s=DELAY_S),
    ),
    fault(
        "mongodb-member-locked",
        "A backup locked a member (`fsyncLock`), and never unlocked it.",
        "DB-REPLICA-LAG",
        where=_copied_in_time,
        change=_contents(_locked),
    ),
    fault(
        "mongodb-other-set",
        "The server belongs to a replica set of another name.",
        "DB-REPLICA-SET",
        where=_promising("replica_set"),
        change=_contents(lambda made, _: replace(made, replica_set=f"{made.replica_set}-staging")),
    ),
    fault(
        "mongodb-crowded",
        "Nearly all connections are taken.",
        "DB-CONNECTIONS",
        where=_promising("connections_below"),
        change=_contents(_crowded),
    ),
    fault(
        "mongodb-setting",
        "A setting was left at its default.",
        "DB-SETTINGS",
        where=_promising("settings"),
        change=_contents(_other_setting),
    ),
    fault(
        "mongodb-collection-gone",
        "A collection is not there.",
        "DB-TABLES",
        where=_promising("tables"),
        change=_collections(lambda table: not table.rows, lambda _: None),
        also=("DB-INDEXES",),
    ),
    fault(
        "mongodb-index-gone",
        "An index is not there.",
        "DB-INDEXES",
        where=_tables_with("indexes"),
        change=_first_index(lambda _: None),
    ),
    fault(
        "mongodb-index-hidden",
        "An index is there, and hidden from the planner.",
        "DB-INDEXES",
        where=_tables_with("indexes"),
        change=_first_index(lambda index: replace(index, valid=False)),
    ),
    fault(
        "mongodb-index-other",
        "An index is over another field first.",
        "DB-INDEXES",
        where=_tables_with("indexes"),
        change=_first_index(lambda index: replace(index, columns=("tenant", *index.columns))),
    ),
    fault(
        "mongodb-role-more",
        "The application may administer the database, too.",
        "DB-ROLES",
        where=_promising("roles"),
        change=_account(lambda account: replace(account, roles=(*account.roles, "dbAdminAnyDatabase@admin"))),
    ),
    fault(
        "mongodb-role-less",
        "The application may only read.",
        "DB-ROLES",
        where=_promising(
            "roles", of=lambda promised: any(role.startswith("readWrite@") for role in promised.roles or ())
        ),
        change=_account(
            lambda account: replace(account, roles=tuple(role.replace("readWrite@", "read@") for role in account.roles))
        ),
    ),
    fault(
        "mongodb-document-gone",
        "A document of the first data is not there.",
        "DB-ROWS",
        where=_promising("rows"),
        change=_contents(_without_first_row),
        also=("DB-PUBLISHED-PASSWORDS",),
    ),
    fault(
        "mongodb-second-document",
        "A document that there is to be once is there twice.",
        "DB-ROWS",
        where=_promising("rows", of=lambda promised: any(rows.count is not None for rows in promised.rows or ())),
        change=_contents(_second_row),
    ),
    fault(
        "mongodb-published-password",
        "An account still has the password that was published.",
        "DB-PUBLISHED-PASSWORDS",
        where=_promising("published_passwords"),
        change=_contents(_published_password),
    ),
)
