"""Faults of PostgreSQL: who gets in, what it runs with, what is in it, and who copies it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import Deployment, Issuer, Product
from roadworthy.sandbox.faults.fault import fault
from roadworthy.sandbox.stores.postgresql import Account, literal
from roadworthy.sandbox.stores.tables import Column, Index, Table
from roadworthy.target.blocks.database import Table as Promised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Store
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.sandbox.stores.postgresql import Postgres

    Holds = Callable[[Promised, Table], bool]


ANOTHER = "-and-something-else"
NOTHING = Promised()


def _promising(key: str, *, primary: bool = True) -> Where:
    """PostgreSQL components that promise something; a fresh start of a primary is one of its replicas, too."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name, component in deployment.target.components.items():
            store, promised = deployment.store_of(name), component.database
            if promised is None or store is None or store.product is not Product.POSTGRES:
                continue
            if getattr(promised, key) not in (None, ()) and (store.contents.upstream is None) == primary:
                yield name

    return where


def _chosen(deployment: Deployment, component: str, holds: Holds) -> Iterable[Table]:
    """The tables of a component that something holds of, as they are promised and as they are."""
    promised, store = deployment.component(component).database, deployment.store_of(component)
    for table in store.contents.tables if store else ():
        wanted = (promised.tables if promised else None) or {}
        if table.name in wanted and holds(wanted[table.name] or NOTHING, table):
            yield table


def _table(holds: Holds) -> Where:
    """Those with a table that something holds of."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name in _promising("tables")(deployment):
            if any(True for _ in _chosen(deployment, name, holds)):
                yield name

    return where


def _contents(change: Callable[[Postgres], Postgres]) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        store = deployment.store_of(component)
        assert store is not None  # noqa: S101 - `where` chose it
        return deployment.with_store(component, contents=change(store.contents))

    return changed


def _with(**changes: Any) -> Change:
    return _contents(lambda made: replace(made, **changes))


def _store(change: Callable[[Store], dict[str, Any]]) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        store = deployment.store_of(component)
        assert store is not None  # noqa: S101 - `where` chose it
        return deployment.with_store(component, **change(store))

    return changed


def _account(change: Callable[[Account], Account]) -> Change:
    return _contents(lambda made: replace(made, accounts=(change(made.accounts[0]), *made.accounts[1:])))


def _tables(holds: Holds, change: Callable[[Table], Table | None]) -> Change:
    """The first table that something holds of is changed, or gone."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        store, first = deployment.store_of(component), next(iter(_chosen(deployment, component, holds)))
        assert store is not None  # noqa: S101 - `where` chose it
        kept = (change(table) if table is first else table for table in store.contents.tables)
        tables = tuple(table for table in kept if table is not None)
        return deployment.with_store(component, contents=replace(store.contents, tables=tables))

    return changed


def _rows_of(table: str, change: Callable[[Table], Table]) -> Change:
    """One table, promised or not, is changed."""
    return _contents(
        lambda made: replace(made, tables=tuple(change(one) if one.name == table else one for one in made.tables))
    )


def _distrusted(store: Store) -> dict[str, Any]:
    assert store.tls is not None  # noqa: S101 - `where` chose it
    return {"tls": replace(store.tls, certificate=replace(store.tls.certificate, issuer=Issuer.UNKNOWN))}


def _other_setting(deployment: Deployment, component: str) -> Deployment:
    """The first setting that is promised has the server's own default."""
    store, promised = deployment.store_of(component), deployment.component(component).database
    assert store is not None  # noqa: S101 - `where` chose it
    assert promised is not None  # noqa: S101 - as above
    first = next(iter(promised.settings or {}))
    kept = tuple((name, value) for name, value in store.contents.settings if name != first)
    return deployment.with_store(component, contents=replace(store.contents, settings=kept))


_following = _promising("follows", primary=False)


def _refusing_others(deployment: Deployment) -> Iterable[str]:
    """Those that refuse the default login of somebody else than the promised one."""
    for name in _promising("refuses_logins")(deployment):
        promised = deployment.component(name).database
        own = promised.login.username if promised and promised.login else ""
        if promised is not None and any(login.username != own for login in promised.refuses_logins or ()):
            yield name


def _marked(deployment: Deployment) -> Iterable[str]:
    """Replicas that a marker is looked for on."""
    for name in _following(deployment):
        promised = deployment.component(name).database
        if promised is not None and promised.follows is not None and promised.follows.marker is not None:
            yield name


def _published_login(deployment: Deployment, component: str) -> Deployment:
    promised, store = deployment.component(component).database, deployment.store_of(component)
    assert store is not None  # noqa: S101 - `where` chose it
    assert promised is not None  # noqa: S101 - as above
    own = {account.name for account in store.contents.accounts}
    login = next(login for login in promised.refuses_logins or () if login.username not in own)
    accounts = (*store.contents.accounts, Account(login.username, login.published))
    return deployment.with_store(component, contents=replace(store.contents, accounts=accounts))


def _without_first_row(deployment: Deployment, component: str) -> Deployment:
    """The first rows that are promised are one too few."""
    promised = deployment.component(component).database
    assert promised is not None  # noqa: S101 - `where` chose it
    table = (promised.rows or ())[0].table
    return _rows_of(table, lambda one: replace(one, rows=one.rows[1:]))(deployment, component)


def _second_row(deployment: Deployment, component: str) -> Deployment:
    promised = deployment.component(component).database
    assert promised is not None  # noqa: S101 - `where` chose it
    rows = next(rows for rows in promised.rows or () if rows.count is not None)
    more = tuple(rows.where.items())
    change = _rows_of(rows.table, lambda one: replace(one, rows=(*one.rows, more)))
    return change(deployment, component)


def _published_password(deployment: Deployment, component: str) -> Deployment:
    """The account's hash is that of a published password, as the application would make it."""
    import bcrypt  # noqa: PLC0415 - of use to this fault alone

    promised, store = deployment.component(component).database, deployment.store_of(component)
    assert store is not None  # noqa: S101 - `where` chose it
    assert promised is not None  # noqa: S101 - as above
    one = (promised.published_passwords or ())[0]
    salt = b"$2b$04$abcdefghijklmnopqrstuu"
    hashed = bcrypt.hashpw(one.published[0].encode(), salt).decode()
    conditions = " AND ".join(f'"{column}" = {literal(value)}' for column, value in one.where.items())
    statement = f'UPDATE "{one.table}" SET "{one.column}" = {literal(hashed)} WHERE {conditions}'  # noqa: S608 - ours
    return deployment.with_store(component, contents=replace(store.contents, seeds=(*store.contents.seeds, statement)))


def _wrong_type(table: Table) -> Table:
    first = next(column for column in table.columns if column.type == "text")
    return replace(table, columns=tuple(replace(c, type="varchar(20)") if c is first else c for c in table.columns))


def _failing_archive(made: Postgres) -> Postgres:
    settings = dict(made.settings) | {"archive_command": "/bin/false"}
    switched = ("SELECT pg_logical_emit_message(true, 'sandbox', 'x')", "SELECT pg_switch_wal()")
    return replace(made, settings=tuple(settings.items()), seeds=(*made.seeds, *switched))


def _has_rows_counted(deployment: Deployment) -> Iterable[str]:
    for name in _promising("rows")(deployment):
        promised = deployment.component(name).database
        if promised is not None and any(rows.count for rows in promised.rows or ()):
            yield name


def _invalid(table: Table) -> Table:
    first, *others = table.indexes
    return replace(table, indexes=(replace(first, valid=False), *others))


def _other_columns(table: Table) -> Table:
    first, *others = table.indexes
    return replace(table, indexes=(Index(first.name, first.columns[::-1] or ("id",)), *others))


def _is_empty(_: Promised, table: Table) -> bool:
    return not table.rows and table.row_security == "off"


def _has_a_column_to_lose(promised: Promised, table: Table) -> bool:
    """The last one is promised, and neither an index nor a row has it."""
    last = table.columns[-1].name
    used = {column for index in table.indexes for column in index.columns}
    used |= {column for row in table.rows for column, _ in row}
    return last in (promised.columns or {}) and last not in used


def _has_text(promised: Promised, table: Table) -> bool:
    wanted = promised.columns or {}
    return any((one := wanted.get(c.name)) is not None and one.type == "text" for c in table.columns)


def _has_required(_: Promised, table: Table) -> bool:
    return any(not column.nullable for column in table.columns)


def _is_indexed(promised: Promised, table: Table) -> bool:
    return bool(promised.indexes and table.indexes)


def _is_ordered(_: Promised, table: Table) -> bool:
    return any(len(index.columns) > 1 for index in table.indexes[:1])


def _is_secured(promised: Promised, table: Table) -> bool:
    return promised.row_level_security is not None and table.row_security != "off"


def _has_policies(promised: Promised, table: Table) -> bool:
    return bool(promised.policies and table.policies)


FAULTS = (
    fault(
        "database-locks-out",
        "The password that the database knows is another one.",
        "DB-LOGIN",
        where=_promising("login"),
        change=_account(lambda account: replace(account, password=account.name + ANOTHER)),
    ),
    fault(
        "database-old",
        "The database is of another major version.",
        "DB-VERSION",
        where=_promising("version"),
        change=_contents(lambda made: replace(made, major=34 - made.major)),
    ),
    fault(
        "database-plain",
        "The database speaks no TLS.",
        "DB-ENCRYPTED",
        where=_promising("encrypted"),
        change=_store(lambda _: {"tls": None, "plain": True}),
        also=("DB-PLAIN", "DB-MARKER"),
    ),
    fault(
        "database-distrusted",
        "The database's certificate is of an authority that nobody knows.",
        "DB-ENCRYPTED",
        where=_promising("encrypted"),
        change=_store(_distrusted),
        also=("DB-MARKER",),
    ),
    fault(
        "database-takes-plain",
        "The database lets in whoever comes without TLS.",
        "DB-PLAIN",
        where=_promising("refuses_plain"),
        change=_store(lambda _: {"plain": True}),
    ),
    fault(
        "database-trusts",
        "The database lets in whoever names a user (`trust`), with any password and with none.",
        "DB-ANONYMOUS",
        where=_promising("refuses_anonymous"),
        change=_with(trusts=True),
        also=("DB-WRONG-PASSWORD", "DB-DEFAULT-LOGINS"),
    ),
    fault(
        "database-wrong-password",
        "The database takes any password (`trust`).",
        "DB-WRONG-PASSWORD",
        where=_promising("refuses_wrong_password"),
        change=_with(trusts=True),
        also=("DB-ANONYMOUS", "DB-DEFAULT-LOGINS"),
    ),
    fault(
        "database-default-login",
        "The database's administrator has the password that everybody knows.",
        "DB-DEFAULT-LOGINS",
        where=_refusing_others,
        change=_published_login,
    ),
    fault(
        "database-read-only",
        "The database takes no writes (`default_transaction_read_only`).",
        "DB-ROLE",
        where=_promising("role"),
        change=_contents(
            lambda made: replace(made, settings=(*made.settings, ("default_transaction_read_only", "on")))
        ),
        also=("DB-MARKER",),
    ),
    fault(
        "replica-detached",
        "A replica no longer streams from its primary.",
        "DB-FOLLOWS",
        where=_following,
        change=_with(streams=False),
        also=("DB-REPLICAS", "DB-MARKER"),
    ),
    fault(
        "replica-lags",
        "A replica receives what is written, and does not apply it.",
        "DB-LAG",
        where=_following,
        change=_with(paused=True),
        also=("DB-REPLICA-LAG", "DB-MARKER"),
    ),
    fault(
        "replica-late",
        "A replica applies everything an hour late (`recovery_min_apply_delay`), and has nothing to apply yet.",
        "DB-MARKER",
        where=_marked,
        change=_contents(lambda made: replace(made, settings=(*made.settings, ("recovery_min_apply_delay", "1h")))),
        also=("DB-LAG", "DB-REPLICA-LAG"),
    ),
    fault(
        "database-renamed",
        "The database has another name.",
        "DB-NAME",
        where=_promising("name"),
        change=_contents(lambda made: replace(made, database=f"{made.database}_2")),
        also=("DB-MARKER",),
    ),
    fault(
        "replica-promoted",
        "A replica was promoted: it takes writes of its own.",
        "DB-ROLE",
        where=_following,
        change=_with(promoted=True),
        also=("DB-FOLLOWS", "DB-REPLICAS", "DB-MARKER"),
    ),
    fault(
        "database-crowded",
        "Nearly all connections are taken.",
        "DB-CONNECTIONS",
        where=_promising("connections_below"),
        change=_with(held=50),
    ),
    fault(
        "database-setting",
        "A setting was left at its default.",
        "DB-SETTINGS",
        where=_promising("settings"),
        change=_other_setting,
    ),
    fault(
        "database-charset",
        "The database has another encoding.",
        "DB-CHARSET",
        where=_promising("charset"),
        change=_with(encoding="SQL_ASCII"),
    ),
    fault(
        "database-collation",
        "The database sorts by another collation.",
        "DB-COLLATION",
        where=_promising("collation"),
        change=_with(collation="C.UTF-8"),
    ),
    fault(
        "database-extension-gone",
        "An extension is not installed.",
        "DB-EXTENSIONS",
        where=_promising("extensions"),
        change=_contents(lambda made: replace(made, extensions=made.extensions[1:])),
    ),
    fault(
        "table-gone",
        "A table is not there.",
        "DB-TABLES",
        where=_table(_is_empty),
        change=_tables(_is_empty, lambda _: None),
        also=("DB-INDEXES", "DB-COLUMNS"),
    ),
    fault(
        "column-gone",
        "A column is not there.",
        "DB-COLUMNS",
        where=_table(_has_a_column_to_lose),
        change=_tables(_has_a_column_to_lose, lambda table: replace(table, columns=table.columns[:-1])),
    ),
    fault(
        "column-retyped",
        "A column has another type.",
        "DB-COLUMNS",
        where=_table(_has_text),
        change=_tables(_has_text, _wrong_type),
    ),
    fault(
        "column-nullable",
        "A column that must have a value may be without.",
        "DB-COLUMNS",
        where=_table(_has_required),
        change=_tables(
            _has_required,
            lambda table: replace(table, columns=tuple(Column(c.name, c.type) for c in table.columns)),
        ),
    ),
    fault(
        "index-gone",
        "An index is not there.",
        "DB-INDEXES",
        where=_table(_is_indexed),
        change=_tables(_is_indexed, lambda table: replace(table, indexes=table.indexes[1:])),
    ),
    fault(
        "index-invalid",
        "The build of an index failed: it is there, and not used.",
        "DB-INDEXES",
        where=_table(_is_indexed),
        change=_tables(_is_indexed, _invalid),
        also=("DB-ADVICE",),
    ),
    fault(
        "index-reordered",
        "An index has its columns in another order.",
        "DB-INDEXES",
        where=_table(_is_ordered),
        change=_tables(_is_ordered, _other_columns),
    ),
    fault(
        "row-security-off",
        "Row-level security is off.",
        "DB-RLS",
        where=_table(_is_secured),
        change=_tables(_is_secured, lambda table: replace(table, row_security="off")),
    ),
    fault(
        "policy-gone",
        "A policy of row-level security is not there.",
        "DB-POLICIES",
        where=_table(_has_policies),
        change=_tables(_has_policies, lambda table: replace(table, policies=table.policies[1:])),
    ),
    fault(
        "grant-more",
        "The application may empty tables, too.",
        "DB-GRANTS",
        where=_promising("grants"),
        change=_contents(
            lambda made: replace(made, grants=tuple((on, (*what, "TRUNCATE")) for on, what in made.grants))
        ),
    ),
    fault(
        "grant-less",
        "The application may not do all that it must.",
        "DB-GRANTS",
        where=_promising("grants"),
        change=_contents(lambda made: replace(made, grants=tuple((on, what[:-1]) for on, what in made.grants))),
    ),
    fault(
        "superuser",
        "The application is the database's superuser.",
        "DB-GRANTS",
        where=_promising("grants"),
        change=_account(lambda account: replace(account, attributes=("SUPERUSER",))),
    ),
    fault(
        "role-more",
        "The application is a member of one role more.",
        "DB-ROLES",
        where=_promising("roles"),
        change=_account(lambda account: replace(account, member_of=(*account.member_of, "reporting"))),
    ),
    fault(
        "row-gone",
        "A row of the first data is not there.",
        "DB-ROWS",
        where=_promising("rows"),
        change=_without_first_row,
    ),
    fault(
        "row-twice",
        "There is one row more than there may be: a second administrator.",
        "DB-ROWS",
        where=_has_rows_counted,
        change=_second_row,
    ),
    fault(
        "published-password",
        "An account still has the password that was published.",
        "DB-PUBLISHED-PASSWORDS",
        where=_promising("published_passwords"),
        change=_published_password,
    ),
    fault(
        "archiving-fails",
        "The write-ahead log is no longer archived.",
        "DB-ARCHIVES",
        where=_promising("archives"),
        change=_contents(_failing_archive),
    ),
)
