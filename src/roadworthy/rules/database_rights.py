"""Whether a login may do exactly what was promised: more is a finding, and so is less.

A right on a schema is one on each of its tables. MySQL grants them apart, and what a schema has its tables need not
repeat. PostgreSQL grants by table; the probe says `schema.*` where all tables of a schema are alike, and names each
that has any right where they are not.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.database import looked_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roadworthy.facts.database import DatabaseObservation, Privileges
    from roadworthy.target.blocks.database import Engine

    Rights = Mapping[str, frozenset[str]]

EVERYWHERE = "*.*"
ALL = "ALL PRIVILEGES"
NOTHING = "USAGE"
"""In MySQL: an account, and no right."""
NOT = "NO "
"""In front of what MySQL's partial revokes take away from a right on everything."""

_OF_TABLES = frozenset(
    {
        *("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "REFERENCES", "INDEX", "ALTER"),
        *("CREATE VIEW", "SHOW VIEW", "TRIGGER"),
    }
)
_OF_SCHEMAS = _OF_TABLES | {
    *("CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE", "EVENT")
}
_OF_SERVERS = _OF_SCHEMAS | {
    *("RELOAD", "SHUTDOWN", "PROCESS", "FILE", "SHOW DATABASES", "REPLICATION SLAVE", "CREATE USER")
}
_IN_POSTGRESQL = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"})
BEYOND = frozenset({"MAINTAIN", "DELETE HISTORY"})
"""In `ALL PRIVILEGES` of newer versions, and of MariaDB."""
APART = frozenset({"GRANT OPTION", "SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS"})
"""What `ALL PRIVILEGES` never stands for (MySQL manual, GRANT Statement; PostgreSQL manual, Role Attributes)."""


def other_grants(seen: DatabaseObservation, promised: Mapping[str, tuple[str, ...]], engine: Engine) -> list[str]:
    """What the login may do beyond what was promised, and what it may not.

    Raises:
        NotObserved: the server does not show it, or not for the tables that were named.
    """
    held = _held(looked_at(seen, seen.privileges, "what the login may do"), engine)
    wanted = {_place(on): _named(privileges, engine) for on, privileges in promised.items()}
    if engine == "postgresql":
        held = _by_table(held, wanted)
    faults: list[str] = []
    for on in sorted({*held, *wanted}):
        faults += _told(on, *_lists(on, held, wanted, engine))
    return faults or (_forgotten(held, wanted) if engine == "postgresql" else [])


def other_roles(seen: DatabaseObservation, promised: Iterable[str]) -> list[str]:
    """The roles that the login has beyond those that were promised, and those that it lacks."""
    held = {_role(role) for role in looked_at(seen, seen.privileges, "the roles of the login").roles}
    wanted = {_role(role) for role in promised}
    faults = [f"has the role {', '.join(sorted(held - wanted))}, too"] if held - wanted else []
    return faults + ([f"lacks the role {', '.join(sorted(wanted - held))}"] if wanted - held else [])


# --- what is held, and what is wanted --------------------------------------------------------------------------------


def _held(privileges: Privileges, engine: Engine) -> dict[str, frozenset[str]]:
    """By place; what a PostgreSQL role may by its attributes it may everywhere."""
    held: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for grant in privileges.grants:
        if found := _named(grant.privileges, engine):
            held[_place(grant.on)] |= found
    if privileges.attributes:
        held[EVERYWHERE] |= frozenset(privileges.attributes)
    return dict(held)


def _named(names: Iterable[str], engine: Engine) -> frozenset[str]:
    found = {" ".join(name.upper().split()) for name in names}
    found = {ALL if name == "ALL" else name for name in found}
    return frozenset(found if engine == "postgresql" else found - {NOTHING})


def _place(on: str) -> str:
    r"""`shop\_eu`.* and shop_eu.* are one."""
    place = on.strip().replace("`", "").replace('"', "").replace(r"\_", "_").replace(r"\%", "%").casefold()
    return EVERYWHERE if place == "*" else place


def _schema(on: str) -> str:
    """The place that holds another one; nothing for what is in none."""
    schema, dot, _ = on.partition(".")
    return f"{schema}.*" if dot and " " not in schema and not on.endswith(".*") else ""


def _tables_of(place: str, rights: Rights) -> list[str]:
    return [on for on in rights if _schema(on) == place]


def _by_table(held: Rights, wanted: Rights) -> dict[str, frozenset[str]]:
    """What is held on all tables of a schema, as tables were promised one by one.

    Raises:
        NotObserved: of the tables that were not named it can't be told whether there are any.
    """
    held = dict(held)
    for place in [on for on in held if on not in wanted and on != EVERYWHERE]:
        tables = _tables_of(place, wanted)
        of_all = held[place] - {"CREATE"}
        if not tables or not of_all:
            continue
        if all(wanted[table] == of_all for table in tables):
            told = f"all tables of {place} are alike: promise {place}, as others than those named may be there"
            raise NotObserved(Reason.NOT_APPLICABLE, told)
        held |= dict.fromkeys(tables, of_all) | {place: held[place] - of_all}
    return held


def _lists(on: str, held: Rights, wanted: Rights, engine: Engine) -> tuple[frozenset[str], frozenset[str]]:
    """What is held on a place, and what must be, in single privileges as far as they have a list."""
    has, must = held.get(on, frozenset()), wanted.get(on, wanted.get(_schema(on), frozenset()))
    if engine == "postgresql" and on.endswith(".*") and _tables_of(on, held):
        has |= must - {ALL}  # told table by table
    if on not in wanted and engine != "postgresql":
        has |= must  # what a schema has, its tables need not repeat
    revoked = frozenset(privilege.removeprefix(NOT) for privilege in has if privilege.startswith(NOT))
    if revoked:
        has, must = frozenset(), revoked & _spelled_out(EVERYWHERE, wanted.get(EVERYWHERE, frozenset()), engine)
    whole = ALL in must
    has, must = _spelled_out(on, has, engine), _spelled_out(on, must, engine)
    if whole:  # so whatever else there is, but for what it never stands for
        must |= has - APART
        has |= must & BEYOND
    return has, must


def _spelled_out(on: str, privileges: frozenset[str], engine: Engine) -> frozenset[str]:
    """`ALL PRIVILEGES` as what it stands for, and what is there beside it."""
    if ALL not in privileges:
        return privileges
    of_mysql = _OF_SERVERS if on == EVERYWHERE else _OF_SCHEMAS if on.endswith(".*") else _OF_TABLES
    return (privileges - {ALL}) | (_IN_POSTGRESQL if engine == "postgresql" else of_mysql)


def _told(on: str, has: frozenset[str], must: frozenset[str]) -> list[str]:
    more, less = sorted(has - must), sorted(must - has)
    faults = [f"may {', '.join(more)} on {on}, too"] if more else []
    return faults + ([f"may not {', '.join(less)} on {on}"] if less else [])


def _forgotten(held: Rights, wanted: Rights) -> list[str]:
    """Tables without any right are not named; that others are named one by one tells that there are some."""
    return [
        f"may not {', '.join(sorted(wanted[place]))} on all of {place}: some of its tables grant nothing"
        for place in wanted
        if wanted[place] and _tables_of(place, held) and not _tables_of(place, wanted)
    ]


def _role(role: str) -> str:
    return role.strip().replace("`", "").replace("'", "").removesuffix("@%")
