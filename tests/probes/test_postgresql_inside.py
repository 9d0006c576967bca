"""What whoever is logged in sees inside a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.database import PasswordWanted, RowsWanted, TableWanted
from roadworthy.facts.store import Unseen
from tests.probes.postgresql_servers import HASH, Place, placed, wanting

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(tmp_path_factory.mktemp("pg")) as made:
        yield made


def test_settings_are_in_plain_numbers_and_those_of_a_new_transaction(place: Place) -> None:
    names = ("work_mem", "Statement_Timeout", "deadlock_timeout", "max_connections", "log_temp_files", "fsync", "nix")
    seen = wanting(place, settings=(*names, "config_file")).settings
    assert isinstance(seen, dict)
    told = {name: (one.value, one.unit) for name, one in seen.items() if not isinstance(one, Unseen)}
    assert told == {
        "work_mem": ("4194304", "bytes"),
        "Statement_Timeout": ("0", "seconds"),
        "deadlock_timeout": ("1", "seconds"),
        "max_connections": ("20", None),
        "log_temp_files": ("-1", None),
        "fsync": ("off", None),
    }
    assert isinstance(hidden := seen["config_file"], Unseen)
    assert hidden.unseen == "not permitted"


def test_connections_are_counted_against_what_applications_can_have(place: Place) -> None:
    with place.primary.connect():
        for username in ("app", "monitor"):
            seen = wanting(place, username, parts=("connections",)).connections
            assert not isinstance(seen, Unseen)
            assert seen is not None
            assert (seen.used, seen.limit) == (2, 17)


def test_a_user_that_may_only_read_is_not_writable(place: Place) -> None:
    seen = wanting(place, "50%er").inside
    assert (seen.writable, seen.recovering) == (False, False)
    assert "default_transaction_read_only" in seen.why_read_only


def test_tables_are_seen_as_the_catalogue_has_them(place: Place) -> None:
    wanted = ("orders", "tenants", "nowhere", "no.where", "public.orders")
    tables = wanting(place, tables=tuple(TableWanted(name=name) for name in wanted)).tables
    assert tables is not None
    orders, tenants, nowhere, no_where, again = tables
    assert not isinstance(orders, Unseen)
    columns = {one.name: (one.type, one.nullable, one.default) for one in orders.columns}
    assert columns == {
        "id": ("bigint", False, True),
        "name": ("character varying(20)", False, False),
        "total": ("numeric(10,2)", True, True),
        "open": ("boolean", True, False),
    }
    indexes = {one.name: (one.columns, one.unique, one.valid) for one in orders.indexes}
    assert indexes == {
        "orders_broken": (("total",), False, False),
        "orders_by_name": (("lower(name::text)", "total"), False, True),
        "orders_pkey": (("id",), True, True),
    }
    assert not isinstance(tenants, Unseen)
    assert (tenants.row_security, tenants.policies) == ("forced", ("of_tenant",))
    assert not isinstance(nowhere, Unseen)
    assert not isinstance(no_where, Unseen)
    assert not isinstance(again, Unseen)
    assert (nowhere.exists, no_where.exists, again.exists, again.columns) == (False, False, True, orders.columns)


def test_a_table_in_a_schema_that_is_kept_from_the_login_is_not_missing(place: Place) -> None:
    wanted = (TableWanted(name="kept.secrets"), TableWanted(name="secrets"))
    tables = wanting(place, tables=wanted).tables
    assert tables is not None
    assert [one.unseen for one in tables if isinstance(one, Unseen)] == ["not permitted", "not permitted"]


def test_rows_are_counted_no_further_than_needed_and_by_the_columns_own_types(place: Place) -> None:
    wanted = (
        RowsWanted(table="orders", up_to=2),
        RowsWanted(table="orders", where=(("open", True), ("id", 2)), up_to=2),
        RowsWanted(table="orders", where=(("name", "nobody's"),), up_to=2),
        RowsWanted(table="nowhere", up_to=2),
        RowsWanted(table="orders", where=(("nothing", 1),), up_to=2),
        RowsWanted(table="kept.secrets", up_to=2),
    )
    rows = wanting(place, rows=wanted).rows
    assert rows is not None
    assert [one.unseen if isinstance(one, Unseen) else one for one in rows] == [
        2,
        1,
        0,
        "failed",
        "failed",
        "not permitted",
    ]


def test_rows_that_row_level_security_hides_are_not_taken_for_none(place: Place) -> None:
    rows = wanting(place, rows=(RowsWanted(table="tenants", up_to=2), RowsWanted(table="tenants", up_to=1))).rows
    assert rows is not None
    assert isinstance(rows[0], Unseen)  # one is seen, and there may be others
    assert rows[0].unseen == "not permitted"
    assert rows[1] == 1  # one is enough


@pytest.mark.parametrize(
    ("where", "published", "expected"),
    [
        ((("50%", "boss"),), ("changeme", "letmein"), (1, "bcrypt", None, True)),
        ((("50%", "nobody"),), ("changeme",), (1, "", None, False)),
        ((("50%", "nowhere"),), ("changeme",), (0, "", None, False)),
    ],
)
def test_hashes_are_compared_and_never_shown(place: Place, where: Any, published: Any, expected: Any) -> None:
    wanted = PasswordWanted(table="staff", where=where, column="password", published=published)
    seen = wanting(place, "boss", passwords=(wanted,))
    assert seen.passwords is not None
    assert not isinstance(one := seen.passwords[0], Unseen)
    assert (one.found, one.scheme, one.matches, one.compared) == expected
    assert HASH not in seen.model_dump_json()


def test_privileges_are_those_that_come_out(place: Place) -> None:
    seen = wanting(place, parts=("privileges",)).privileges
    assert not isinstance(seen, Unseen)
    assert seen is not None
    assert {one.on: one.privileges for one in seen.grants} == {
        "public.orders": ("INSERT", "SELECT"),
        "public.staff": ("SELECT (COLUMNS)",),
        "public.tenants": ("GRANT OPTION", "SELECT"),
        "stock.*": ("CREATE", "UPDATE"),
    }
    assert (seen.roles, seen.attributes) == ((), ())


def test_an_owner_has_all_rights_and_no_more_than_other_owners(place: Place) -> None:
    seen = wanting(place, "owner", parts=("privileges",)).privileges
    assert not isinstance(seen, Unseen)
    assert seen is not None
    (grant,) = seen.grants
    assert grant.on == "public.orders"
    assert {"SELECT", "DELETE", "TRUNCATE", "MAINTAIN"} < set(grant.privileges)
    assert "GRANT OPTION" not in grant.privileges
    assert seen.attributes == ("CREATEDB",)


def test_a_superuser_and_roles_are_seen(place: Place) -> None:
    boss = wanting(place, "boss", parts=("privileges",)).privileges
    monitor = wanting(place, "monitor", parts=("privileges",)).privileges
    assert not isinstance(boss, Unseen)
    assert not isinstance(monitor, Unseen)
    assert boss is not None
    assert monitor is not None
    assert boss.attributes == ("SUPERUSER",)
    assert monitor.roles == ("pg_monitor",)


def test_advice_names_what_is_unwell(place: Place) -> None:
    seen = wanting(place, parts=("advice", "extensions", "archive"))
    assert not isinstance(seen.advice, Unseen)
    assert seen.advice is not None
    told = {one.kind: one.what for one in seen.advice}
    assert told["invalid index"] == "public.orders_broken is not valid, and costs every write"
    assert "no primary key" in told
    assert seen.extensions == ("plpgsql",)
    assert not isinstance(seen.archive, Unseen)
    assert seen.archive is not None
    assert not seen.archive.enabled


def test_what_is_locked_takes_too_long_and_the_rest_is_still_seen(place: Place) -> None:
    with place.primary.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        seen = wanting(place, rows=(RowsWanted(table="orders", up_to=1), RowsWanted(table="tenants", up_to=1)))
    assert seen.rows is not None
    assert isinstance(seen.rows[0], Unseen)
    assert seen.rows[0].unseen == "took too long"
    assert seen.rows[1] == 1


def test_nothing_is_left_of_a_session(place: Place) -> None:
    wanting(place, parts=("advice", "privileges"))
    with place.primary.connect() as admin:
        rows = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state <> 'idle'"
        ).fetchone()
    assert rows == (0,)
