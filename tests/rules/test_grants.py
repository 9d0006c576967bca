"""`SHOW GRANTS`, as MySQL 5.7, 8.0, 8.4 and MariaDB write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.database import Grant, Privileges
from roadworthy.rules.grants import UnreadableError, demands, read, tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterable


def held(*lines: str) -> dict[str, tuple[str, ...]]:
    return {grant.on: grant.privileges for grant in read(lines).grants}


@pytest.mark.parametrize(
    ("line", "on", "privileges"),
    [
        ("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", "*.*", "ALL PRIVILEGES, GRANT OPTION"),
        ("GRANT SELECT, INSERT ON `shop\\_live`.* TO 'app'@'10.0.%'", "shop_live.*", "INSERT, SELECT"),
        ("GRANT SELECT ON `shop_live`.* TO `app`@`%`", "shop_live.*", "SELECT"),
        ("GRANT SELECT ON `shop%`.* TO `app`@`%`", "shop%.*", "SELECT"),
        ("GRANT SELECT ON `a\\_b`.`c\\_d` TO `app`@`%`", "a\\_b.c\\_d", "SELECT"),
        ("GRANT SELECT (`a`, `to`), UPDATE (`b`) ON `s`.`t` TO `app`@`%`", "s.t", "SELECT (a, to), UPDATE (b)"),
        ("GRANT SELECT, UPDATE (`b``c`) ON `s`.`t` TO `app`@`%`", "s.t", "SELECT, UPDATE (b`c)"),
        ("GRANT EXECUTE ON PROCEDURE `s`.`p` TO `app`@`%`", "procedure s.p", "EXECUTE"),
        ("GRANT EXECUTE ON PACKAGE BODY `s`.`p` TO `app`@`%`", "package body s.p", "EXECUTE"),
        ("GRANT SELECT ON TABLE `s`.`t` TO `app`@`%`", "s.t", "SELECT"),
        ("GRANT PROXY ON ``@`%` TO `root`@`localhost` WITH GRANT OPTION", "''", "GRANT OPTION, PROXY"),
        ("GRANT PROXY ON 'one'@'10.%' TO 'two'@'%'", "one@10.%", "PROXY"),
        ("GRANT BACKUP_ADMIN,XA_RECOVER_ADMIN ON *.* TO `app`@`%`", "*.*", "BACKUP_ADMIN, XA_RECOVER_ADMIN"),
        ("GRANT REPLICATION CLIENT, BINLOG MONITOR ON *.* TO `a`@`%`", "*.*", "BINLOG MONITOR, REPLICATION CLIENT"),
        ("GRANT USAGE ON *.* TO `app`@`%` WITH GRANT OPTION", "*.*", "GRANT OPTION"),
        ("GRANT DROP ON *.* TO ``@`%` REQUIRE SSL WITH GRANT OPTION MAX_STATEMENT_TIME 5", "*.*", "DROP, GRANT OPTION"),
        ("REVOKE INSERT, SELECT ON `mysql`.* FROM `app`@`%`", "mysql.*", "NO INSERT, NO SELECT"),
        ('GRANT SELECT ON "shop"."orders" TO "app"@"%"', "shop.orders", "SELECT"),
        ("GRANT SELECT ON `we.ird`.`on to` TO `GRANT OPTION`@`%`", "we.ird.on to", "SELECT"),
    ],
)  # fmt: skip
def test_a_line(line: str, on: str, privileges: str) -> None:
    assert {place: ", ".join(what) for place, what in held(line).items()} == {on: privileges}


def test_of_a_hash_nothing_is_kept() -> None:
    hashed = "*857E7614490AEA931B3C4FE749CE80B4A65B22E2"
    line = f"GRANT USAGE ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '{hashed}' REQUIRE SSL"
    assert read([line]) == Privileges()
    with pytest.raises(UnreadableError) as told:
        read([f"{line} '"])
    assert hashed not in str(told.value)


def test_an_account_that_may_nothing() -> None:
    assert read(["GRANT USAGE ON *.* TO `app`@`%`"]) == Privileges()


def test_roles() -> None:
    lines = (
        "GRANT `reader` TO `app`@`%`",
        "GRANT `writer`@`%`,`auditor`@`10.%` TO `app`@`%` WITH ADMIN OPTION",
        "GRANT plain TO 'app'@'%'",
        "SET DEFAULT ROLE `reader` FOR `app`@`%`",
        "GRANT USAGE ON *.* TO `app`@`%`",
    )
    assert read(lines) == Privileges(roles=("auditor@10.%", "plain", "reader", "writer"))


def test_lines_of_one_place_are_one() -> None:
    lines = (
        "GRANT SELECT ON *.* TO `app`@`%`",
        "GRANT BACKUP_ADMIN ON *.* TO `app`@`%` WITH GRANT OPTION",
        "GRANT INSERT ON `b`.* TO `app`@`%`",
    )
    assert read(lines).grants == (
        Grant(on="*.*", privileges=("BACKUP_ADMIN", "GRANT OPTION", "SELECT")),
        Grant(on="b.*", privileges=("INSERT",)),
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "GRANT",
        "GRANT TO `app`@`%`",
        "GRANT SELECT ON *.*",
        "GRANT SELECT ON `s TO `app`@`%`",
        "GRANT SELECT ON `a`.`b`.`c` TO `app`@`%`",
        "GRANT SELECT, ON *.* TO `app`@`%`",
        "SHOW GRANTS TO `app`",
        "GRANT `r`@ TO `app`@`%`",
    ],
)
def test_what_can_not_be_read_is_no_right_less(line: str) -> None:
    with pytest.raises(UnreadableError):
        read([line])


@pytest.mark.parametrize(
    ("definition", "demanded"),
    [
        ("CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '*8 REQUIRE SSL 57E'", ""),
        ("CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '*857E' REQUIRE SSL", "SSL"),
        ("CREATE USER `a`@`%` IDENTIFIED WITH 'sha256_password' AS '$A$005$\\'x' REQUIRE NONE PASSWORD EXPIRE", ""),
        ("CREATE USER 'a'@'%' REQUIRE X509 ACCOUNT UNLOCK", "X509"),
        ("CREATE USER `a`@`%` REQUIRE ISSUER '/CN=ca' SUBJECT '/CN=a'", "ISSUER"),
        ("CREATE USER `REQUIRE SSL`@`%`", ""),
    ],
)  # fmt: skip
def test_what_an_account_demands(definition: str, demanded: str) -> None:
    assert demands(definition) == demanded


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
PRIVILEGES = st.lists(st.sampled_from(["SELECT", "INSERT", "CREATE VIEW", "BACKUP_ADMIN"]), min_size=1, unique=True)


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


@given(NAMES, NAMES, PRIVILEGES, NAMES, st.booleans())
def test_any_name_comes_back(schema: str, table: str, privileges: list[str], user: str, gives_on: bool) -> None:  # noqa: FBT001 - drawn
    tail = " WITH GRANT OPTION" if gives_on else ""
    line = f"GRANT {', '.join(privileges)} ON {quoted(schema)}.{quoted(table)} TO {quoted(user)}@`%`{tail}"
    wanted = sorted([*privileges, *(["GRANT OPTION"] if gives_on else [])])
    assert held(line) == {f"{schema}.{table}": tuple(wanted)}


@given(NAMES, st.lists(NAMES, min_size=1, max_size=4, unique=True))
def test_any_column_comes_back(table: str, columns: list[str]) -> None:
    line = f"GRANT SELECT ({', '.join(map(quoted, columns))}) ON `s`.{quoted(table)} TO `u`@`%`"
    assert held(line) == {f"s.{table}": (f"SELECT ({', '.join(columns)})",)}


@given(st.lists(NAMES, min_size=1, max_size=4, unique=True))
def test_any_role_comes_back(roles: list[str]) -> None:
    line = f"GRANT {','.join(f'{quoted(role)}@`%`' for role in roles)} TO `u`@`%`"
    assert read([line]).roles == tuple(sorted(roles))


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    def kept() -> Iterable[str]:
        try:
            yield from (token.text for token in tokens_of(text))
            read([text])
            demands(text)
        except UnreadableError:
            return

    assert all(isinstance(part, str) for part in kept())
