"""What a PostgreSQL login may do, as it comes out: by itself, by its roles, by PUBLIC, and by owning.

An owner's rights count as granted ones do, but not that it may hand them on: every owner may. Tables of extensions and
of the system are everybody's, and left out.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from roadworthy.facts.database import Grant, Privileges
from roadworthy.facts.store import Unseen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.probes.postgresql_session import Talk

MOST_TABLES = 5000
GRANT_OPTION = "GRANT OPTION"
ATTRIBUTES = ("SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS")

ROLE = """
SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
       ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
             WHERE m.member = r.oid ORDER BY 1)
FROM pg_roles r WHERE r.rolname = current_user
"""
OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
TABLES = f"""
SELECT n.nspname::text, c.relname::text,
       ARRAY(SELECT p FROM unnest(%s::text[]) p WHERE has_table_privilege(c.oid, p)),
       ARRAY(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p
             WHERE has_any_column_privilege(c.oid, p) AND NOT has_table_privilege(c.oid, p)),
       NOT pg_has_role(c.relowner, 'USAGE') AND EXISTS (
             SELECT FROM unnest(%s::text[]) p WHERE has_table_privilege(c.oid, p || ' WITH GRANT OPTION'))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND {OURS}
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2 LIMIT {MOST_TABLES + 1}
"""  # noqa: S608 - fixed text
SCHEMAS = f"""
SELECT n.nspname::text FROM pg_namespace n
WHERE {OURS} AND has_schema_privilege(n.oid, 'CREATE') AND NOT pg_has_role(n.nspowner, 'USAGE') ORDER BY 1
"""  # noqa: S608 - as above
DATABASE = """
SELECT has_database_privilege(d.oid, 'CREATE') AND NOT pg_has_role(d.datdba, 'USAGE')
FROM pg_database d WHERE d.datname = current_database()
"""


async def privileges(talk: Talk) -> Privileges | Unseen:
    """All that the login may do."""
    *flags, roles = await talk.one(ROLE)
    (number,) = await talk.one("SELECT current_setting('server_version_num')::int")
    kinds = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
    if number >= 170000:  # noqa: PLR2004 - PostgreSQL 17
        kinds.append("MAINTAIN")
    tables = await talk.rows(TABLES, (kinds, kinds))
    if len(tables) > MOST_TABLES:
        return Unseen(unseen="failed", detail=f"there are more than {MOST_TABLES} tables")
    held: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for schema, table, whole, partly, hands_on in tables:
        some = {f"{kind} (COLUMNS)" for kind in partly}
        held[schema][table] = frozenset({*whole, *some, *([GRANT_OPTION] if hands_on else [])})
    creates = {schema for (schema,) in await talk.rows(SCHEMAS)}
    everywhere = [Grant(on="*.*", privileges=("CREATE",))] if (await talk.one(DATABASE))[0] else []
    return Privileges(
        grants=(*everywhere, *_folded(held, creates)),
        roles=tuple(roles),
        attributes=tuple(name for name, has in zip(ATTRIBUTES, flags, strict=True) if has),
    )


def _folded(held: dict[str, dict[str, frozenset[str]]], creates: set[str]) -> Iterable[Grant]:
    """By table, or as `schema.*` where all tables of a schema are alike."""
    for schema in sorted({*held, *creates}):
        tables = held.get(schema, {})
        alike = set(tables.values())
        whole = alike.pop() if len(alike) == 1 else frozenset()
        if schema in creates:
            whole |= {"CREATE"}
        if whole:
            yield Grant(on=f"{schema}.*", privileges=tuple(sorted(whole)))
        for table, kinds in sorted(tables.items()) if alike else ():
            if kinds:
                yield Grant(on=f"{schema}.{table}", privileges=tuple(sorted(kinds)))
