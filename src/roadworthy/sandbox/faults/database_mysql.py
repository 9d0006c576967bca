"""Faults of MySQL and MariaDB: who gets in, what it runs with, what is in it, and who copies it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import Deployment, Issuer, Product
from roadworthy.sandbox.faults.fault import fault
from roadworthy.sandbox.stores.mariadb import BASE_SETTINGS, Account, MariaDb, literal, quoted
from roadworthy.sandbox.stores.tables import Column, Index, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Store
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.target.blocks.database import Database

ANOTHER = "-and-something-else"
FORMER = "5.7.44"
FEW = 100


def _promising(key: str, *, primary: bool = True, of: Callable[[Database], Any] = bool) -> Where:
    """Components that promise something of MySQL or MariaDB."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name, component in deployment.target.components.items():
            store, promised = deployment.store_of(name), component.database
            if promised is None or store is None or store.product is not Product.MARIADB:
                continue
            is_primary = store.contents.upstream is None
            if getattr(promised, key) not in (None, ()) and is_primary == primary and of(promised):
                yield name

    return where


def _is_on(promised: Database, name: str) -> bool:
    return str((promised.settings or {}).get(name)).lower() in ("on", "true", "1")


def _tables_with(key: str) -> Where:
    """Those with a table that promises something."""

    def promises(promised: Database) -> bool:
        return any(table is not None and getattr(table, key) for table in (promised.tables or {}).values())

    return _promising("tables", of=promises)


def _store_of(deployment: Deployment, component: str) -> Store:
    store = deployment.store_of(component)
    assert store is not None  # noqa: S101 - `where` chose it
    return store


def _promised(deployment: Deployment, component: str) -> Database:
    promised = deployment.component(component).database
    assert promised is not None  # noqa: S101 - `where` chose it
    return promised


def _contents(change: Callable[[MariaDb], MariaDb]) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        store = _store_of(deployment, component)
        return deployment.with_store(component, contents=change(store.contents))

    return changed


def _judged(change: Callable[[MariaDb, Database], MariaDb]) -> Change:
    """A change that goes by what is promised."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        made = _store_of(deployment, component).contents
        return deployment.with_store(component, contents=change(made, _promised(deployment, component)))

    return changed


def _with(**changes: Any) -> Change:
    return _contents(lambda made: replace(made, **changes))


def _store(change: Callable[[Store], dict[str, Any]]) -> Change:
    return lambda deployment, component: deployment.with_store(component, **change(_store_of(deployment, component)))


def _set(**settings: str) -> Change:
    return _contents(lambda made: replace(made, settings=tuple({**dict(made.settings), **settings}.items())))


def _account(change: Callable[[Account], Account]) -> Change:
    return _contents(lambda made: replace(made, accounts=(change(made.accounts[0]), *made.accounts[1:])))


def _tables(chosen: Callable[[Table], Any], change: Callable[[Table], Table | None]) -> Change:
    """The first table that something holds of is changed, or gone."""

    def changed(made: MariaDb) -> MariaDb:
        first = next(table for table in made.tables if chosen(table))
        kept = (change(table) if table is first else table for table in made.tables)
        return replace(made, tables=tuple(table for table in kept if table is not None))

    return _contents(changed)


def _distrusted(store: Store) -> dict[str, Any]:
    assert store.tls is not None  # noqa: S101 - `where` chose it
    return {"tls": replace(store.tls, certificate=replace(store.tls.certificate, issuer=Issuer.UNKNOWN))}


def _other_setting(made: MariaDb, promised: Database) -> MariaDb:
    """The first setting that is promised, and is no switch, has the server's own default."""
    numbers = [name for name in promised.settings or {} if not _is_on(promised, name)]
    first = (numbers or list(promised.settings or {}))[0]
    return replace(made, settings=tuple((name, value) for name, value in made.settings if name != first))


def _default_login(made: MariaDb, promised: Database) -> MariaDb:
    login = next((one for one in promised.refuses_logins or () if one.published), (promised.refuses_logins or ())[0])
    return replace(made, accounts=(*made.accounts, Account(login.username, login.published)))


def _has_few(promised: Database) -> bool:
    """So few connections may be made that they are soon taken."""
    limit = (promised.settings or {}).get("max_connections", 0)
    return isinstance(limit, int) and limit <= FEW


def _crowded(made: MariaDb, promised: Database) -> MariaDb:
    """More than are promised to be in use at most, and room for who looks."""
    limit = int(dict(BASE_SETTINGS | dict(made.settings))["max_connections"])
    bound = promised.connections_below
    share = float(bound.strip(" %")) / 100 * limit if isinstance(bound, str) else float(bound or limit)
    return replace(made, held=min(int(share) + 2, limit - 4))


def _without_first_row(made: MariaDb, promised: Database) -> MariaDb:
    name = (promised.rows or ())[0].table
    tables = (replace(table, rows=table.rows[1:]) if table.name == name else table for table in made.tables)
    return replace(made, tables=tuple(tables))


def _published_password(made: MariaDb, promised: Database) -> MariaDb:
    """The account's hash is that of a published password, as the application would make it."""
    import bcrypt  # noqa: PLC0415 - of use to this fault alone

    one = (promised.published_passwords or ())[0]
    hashed = bcrypt.hashpw(one.published[0].encode(), b"$2b$04$abcdefghijklmnopqrstuu").decode()
    conditions = " AND ".join(f"{quoted(column)} = {literal(value)}" for column, value in one.where.items())
    statement = f"UPDATE {quoted(one.table)} SET {quoted(one.column)} = {literal(hashed)} WHERE {conditions}"  # noqa: S608 - ours
    return replace(made, seeds=(*made.seeds, statement))


def _role_more(account: Account) -> Account:
    return replace(account, roles=(*account.roles, "reporting"))


def _first_index(change: Callable[[Index], Index | None]) -> Callable[[Table], Table]:
    def changed(table: Table) -> Table:
        first, *others = table.indexes
        other = change(first)
        return replace(table, indexes=(*([other] if other is not None else []), *others))

    return changed


_following = _promising("follows", primary=False)
_alone_with_binary_log = _promising("settings", of=lambda one: _is_on(one, "log_bin") and one.replicas is None)
"""Whom nobody copies: without the binary log nobody could."""

FAULTS = (
    fault(
        "mysql-locks-out",
        "The password that the database knows is another one.",
        "DB-LOGIN",
        where=_promising("login"),
        change=_account(lambda account: replace(account, password=account.name + ANOTHER)),
        also=("DB-PLAIN",),
    ),
    fault(
        "mysql-old",
        "The database is of a version that gets no more updates.",
        "DB-VERSION",
        where=_promising("version", of=lambda promised: promised.engine == "mysql"),
        change=_with(version=FORMER),
        also=("DB-ADVICE",),
    ),
    fault(
        "mysql-is-mariadb",
        "MariaDB answers where MySQL is promised.",
        "DB-PRODUCT",
        where=_promising("engine", of=lambda promised: promised.engine == "mysql"),
        change=_with(version=None),
        also=("DB-VERSION", "DB-ADVICE", "DB-COLLATION"),
    ),
    fault(
        "mysql-plain",
        "The database speaks no TLS.",
        "DB-ENCRYPTED",
        where=_promising("encrypted"),
        change=_store(lambda _: {"tls": None}),
        also=("DB-PLAIN", "DB-MARKER"),
    ),
    fault(
        "mysql-distrusted",
        "The database's certificate is of an authority that nobody knows.",
        "DB-ENCRYPTED",
        where=_promising("encrypted"),
        change=_store(_distrusted),
        also=("DB-PLAIN", "DB-MARKER"),
    ),
    fault(
        "mysql-takes-plain",
        "The database lets in whoever comes without TLS.",
        "DB-PLAIN",
        where=_promising("refuses_plain"),
        change=_store(lambda _: {"plain": True}),
    ),
    fault(
        "mysql-anonymous",
        "The database's administrator has no password.",
        "DB-ANONYMOUS",
        where=_promising("refuses_anonymous"),
        change=_contents(lambda made: replace(made, accounts=(*made.accounts, Account("root", None)))),
        also=("DB-DEFAULT-LOGINS",),
    ),
    fault(
        "mysql-checks-nobody",
        "The database was left with `skip_grant_tables`: any password is taken, and none.",
        "DB-WRONG-PASSWORD",
        where=_promising("refuses_wrong_password"),
        change=_with(checks_nobody=True),
        also=("DB-ANONYMOUS", "DB-DEFAULT-LOGINS", "DB-GRANTS", "DB-ROLES", "DB-PLAIN"),
    ),
    fault(
        "mysql-default-login",
        "The database's administrator has the password that everybody knows.",
        "DB-DEFAULT-LOGINS",
        where=_promising("refuses_logins"),
        change=_judged(_default_login),
    ),
    fault(
        "mysql-read-only",
        "The database takes no writes (`read_only`).",
        "DB-ROLE",
        where=_promising("role"),
        change=_set(read_only="ON"),
        also=("DB-MARKER",),
    ),
    fault(
        "mysql-replica-detached",
        "A replica is no longer connected to its primary.",
        "DB-FOLLOWS",
        where=_following,
        change=_with(streams=False),
        also=("DB-REPLICAS", "DB-MARKER"),
    ),
    fault(
        "mysql-replica-lags",
        "A replica receives what is written, and applies it an hour later.",
        "DB-LAG",
        where=_following,
        change=_with(delayed=True),
        also=("DB-MARKER",),
    ),
    fault(
        "mysql-replica-writable",
        "A replica takes writes of its own.",
        "DB-ROLE",
        where=_promising("role", primary=False),
        change=_set(read_only="OFF"),
    ),
    fault(
        "mysql-crowded",
        "Nearly all connections are taken.",
        "DB-CONNECTIONS",
        where=_promising("connections_below", of=_has_few),
        change=_judged(_crowded),
    ),
    fault(
        "mysql-setting",
        "A setting was left at its default.",
        "DB-SETTINGS",
        where=_promising("settings"),
        change=_judged(_other_setting),
    ),
    fault(
        "mysql-binary-log-off",
        "The binary log is off: no moment can be gone back to.",
        "DB-SETTINGS",
        where=_alone_with_binary_log,
        change=_set(log_bin="OFF"),
    ),
    fault(
        "mysql-slow-log-off",
        "The slow query log is off.",
        "DB-SETTINGS",
        where=_promising("settings", of=lambda promised: _is_on(promised, "slow_query_log")),
        change=_set(slow_query_log="OFF"),
    ),
    fault(
        "mysql-charset",
        "The database has another character set.",
        "DB-CHARSET",
        where=_promising("charset"),
        change=_with(charset="latin1", collation=None),
        also=("DB-COLLATION",),
    ),
    fault(
        "mysql-collation",
        "The database sorts by another collation.",
        "DB-COLLATION",
        where=_promising("collation"),
        change=_with(collation="utf8mb4_bin"),
    ),
    fault(
        "mysql-table-gone",
        "A table is not there.",
        "DB-TABLES",
        where=_promising("tables"),
        change=_tables(lambda table: not table.rows, lambda _: None),
        also=("DB-INDEXES", "DB-COLUMNS"),
    ),
    fault(
        "mysql-column-gone",
        "A column is not there.",
        "DB-COLUMNS",
        where=_tables_with("columns"),
        change=_tables(
            lambda table: len(table.columns) > 1, lambda table: replace(table, columns=table.columns[:-1], indexes=())
        ),
        also=("DB-INDEXES",),
    ),
    fault(
        "mysql-column-nullable",
        "A column that must have a value may be without.",
        "DB-COLUMNS",
        where=_tables_with("columns"),
        change=_tables(
            lambda table: any(not column.nullable and column.name != "id" for column in table.columns),
            lambda table: replace(table, columns=tuple(Column(c.name, c.type, c.name != "id") for c in table.columns)),
        ),
    ),
    fault(
        "mysql-index-gone",
        "An index is not there.",
        "DB-INDEXES",
        where=_tables_with("indexes"),
        change=_tables(lambda table: table.indexes, _first_index(lambda _: None)),
    ),
    fault(
        "mysql-index-ignored",
        "An index is there, and not used.",
        "DB-INDEXES",
        where=_tables_with("indexes"),
        change=_tables(lambda table: table.indexes, _first_index(lambda index: replace(index, valid=False))),
    ),
    fault(
        "mysql-grant-more",
        "The application may hand its rights on, too.",
        "DB-GRANTS",
        where=_promising("grants"),
        change=_contents(
            lambda made: replace(made, grants=tuple((on, (*what, "GRANT OPTION")) for on, what in made.grants))
        ),
    ),
    fault(
        "mysql-grant-everywhere",
        "The application may read all schemas.",
        "DB-GRANTS",
        where=_promising("grants"),
        change=_contents(lambda made: replace(made, grants=(*made.grants, ("*.*", ("SELECT",))))),
    ),
    fault(
        "mysql-grant-less",
        "The application may not do all that it must.",
        "DB-GRANTS",
        where=_promising("grants", of=lambda promised: any(len(what) > 1 for what in (promised.grants or {}).values())),
        change=_contents(lambda made: replace(made, grants=tuple((on, what[:-1] or what) for on, what in made.grants))),
    ),
    fault(
        "mysql-role-more",
        "The application has one role more.",
        "DB-ROLES",
        where=_promising("roles"),
        change=_account(_role_more),
    ),
    fault(
        "mysql-row-gone",
        "A row of the first data is not there.",
        "DB-ROWS",
        where=_promising("rows"),
        change=_judged(_without_first_row),
        also=("DB-PUBLISHED-PASSWORDS",),
    ),
    fault(
        "mysql-published-password",
        "An account still has the password that was published.",
        "DB-PUBLISHED-PASSWORDS",
        where=_promising("published_passwords"),
        change=_judged(_published_password),
    ),
    fault(
        "mysql-unkeyed",
        "A table has no primary key, and its engine no transactions.",
        "DB-ADVICE",
        where=_promising("login", of=lambda promised: promised.engine == "mariadb"),  # a stand-in is advised on anyway
        change=_contents(
            lambda made: replace(made, seeds=(*made.seeds, "CREATE TABLE imported (line text) ENGINE = MyISAM"))
        ),
    ),
)
