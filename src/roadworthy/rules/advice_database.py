"""What a database administrator would look into, where the target has not decided by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved
from roadworthy.rules.database import looked_at
from roadworthy.rules.versions import is_version

if TYPE_CHECKING:
    from roadworthy.facts.database import DatabaseAsk, DatabaseObservation
    from roadworthy.target.blocks.database import Database

POOR_CHARSETS = {
    "utf8mb3": "holds no character beyond the basic plane, such as emoji (MySQL manual, utf8mb3)",
    "utf8": "holds no character beyond the basic plane, such as emoji (MySQL manual, utf8mb3)",
    "latin1": "holds Western European characters alone (MySQL manual, West European Character Sets)",
    "SQL_ASCII": "checks nothing: any bytes are taken for text (PostgreSQL manual, Character Set Support)",
}
OF_MARIADB = "with MariaDB's own settings"
"""What the probe has seen of a server that calls itself something else."""
OF_MYSQL = frozenset({"utf8mb3", "utf8", "latin1"})


def advice(seen: DatabaseObservation, ask: DatabaseAsk, promised: Database) -> list[str]:
    """Every deviation that the target has not decided on itself.

    Raises:
        NotObserved: nothing was found, and the server did not show what else there is.
    """
    found = [*_on_the_way(seen, ask, promised), *_disguise(seen), *_charset(seen, promised)]
    try:
        unwell = looked_at(seen, seen.advice, "what an administrator would look into")
    except NotObserved:
        if not found:
            raise
        return found
    return [*found, *(f"{one.kind}: {one.what}" for one in unwell)]


def _on_the_way(seen: DatabaseObservation, ask: DatabaseAsk, promised: Database) -> list[str]:
    """Of TLS; from a vantage point the way may be another network's than the application's."""
    if seen.secured is None:
        decided = promised.encrypted is not None or ask.via is not None
        return [] if decided else ["the login went over the network without TLS"]
    found = []
    if seen.secured.distrust and promised.encrypted is None:
        found.append(f"the certificate does not verify: {seen.secured.distrust}")
    if seen.secured.version[:1].isdigit() and is_version("< 1.2", seen.secured.version):
        found.append(f"it speaks TLS {seen.secured.version}, which was retired (RFC 8996)")
    return found


def _disguise(seen: DatabaseObservation) -> list[str]:
    """MariaDB can be told to give another version, for applications that ask for one; it is MariaDB all the same."""
    server = seen.server
    if server is None or OF_MARIADB not in server.comment:
        return []
    return [f"it calls itself {server.product} {server.version}, {OF_MARIADB}: is it MariaDB?"]


def _charset(seen: DatabaseObservation, promised: Database) -> list[str]:
    charset = seen.inside.charset
    if promised.charset is not None or charset not in POOR_CHARSETS:
        return []
    if charset in OF_MYSQL and promised.engine not in ("mysql", "mariadb"):
        return []
    return [f"the database's character set {charset} {POOR_CHARSETS[charset]}"]
