"""Databases: a conversation with one server, and what whoever is logged in sees there.

One session looks at all that a component promises; each part of it is `None` where nobody asked for it, and `Unseen`
where the server would not say. Nothing in it is a secret: no row of the application's, no hash, no statement's text.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Ask, Fact, NotObserved, Observation, Reason
from roadworthy.facts.store import Broke, Purpose, Refusal, Secured, StoreEnd, Unseen
from roadworthy.target.blocks.database import Engine

Scalar = str | int | bool


class TableWanted(Fact):
    """A table to look at."""

    name: str = Field(description="`table` or `schema.table`, as the target names it.")


class RowsWanted(Fact):
    """Rows to count, no further than needed."""

    table: str
    where: tuple[tuple[str, Scalar], ...] = ()
    up_to: int = Field(description="Counting ends here: enough to tell whether the promise holds.")


class PasswordWanted(Fact):
    """A stored hash to compare with published passwords."""

    table: str
    where: tuple[tuple[str, Scalar], ...]
    column: str
    published: tuple[str, ...]


class Wants(Fact):
    """What a session looks at."""

    settings: tuple[str, ...] = ()
    tables: tuple[TableWanted, ...] = ()
    rows: tuple[RowsWanted, ...] = ()
    passwords: tuple[PasswordWanted, ...] = ()
    parts: tuple[
        Literal["replicas", "upstream", "connections", "extensions", "privileges", "archive", "advice"], ...
    ] = ()


class DatabaseAsk(Ask):
    """One conversation."""

    kind: Literal["database"] = "database"
    engine: Engine
    purpose: Purpose = Purpose.SESSION
    name: str | None = Field(None, description="The database to look into.")
    username: str = ""
    password: str | None = Field(None, exclude=True, repr=False, description="Never written down.")
    published: str | None = Field(None, description="The default password to try; everybody knows it.")
    auth_source: str | None = None
    secures: bool = Field(False, description="A password is sent only over TLS whose certificate was verified.")
    wants: Wants = Wants()

    @property
    def exchanges(self) -> int:
        """A second connection tells what there is behind a certificate that is not trusted."""
        return 2

    def may_repeat(self, seen: Observation) -> bool:
        """Whether asking again is no second try of a wrong password, and may come to something else.

        MongoDB that demands TLS leaves whoever comes without it: that is its answer.
        """
        if self.engine == "mongodb" and self.purpose is Purpose.PLAIN and isinstance(seen, DatabaseObservation):
            return seen.broke is None or seen.broke.end is not StoreEnd.CLOSED
        return self.purpose in (Purpose.SESSION, Purpose.HELLO, Purpose.PLAIN) or not (
            isinstance(seen, DatabaseObservation) and seen.tried
        )


class Server(Fact):
    """Who answers."""

    product: str = Field(description="PostgreSQL, MySQL, MariaDB, MongoDB")
    version: str = Field(description="As numbers with dots: 16.14, 8.0.35, 10.11.19.")
    comment: str = Field("", description="What else it says of itself.")


class Session(Fact):
    """Who is logged in, and where."""

    user: str = Field(description="As the server sees it.")
    database: str | None
    writable: bool = Field(description="Whether it takes writes from this user.")
    recovering: bool = Field(description="It is a replica: it applies what another one writes.")
    why_read_only: str = Field("", description="What keeps it from taking writes: in recovery, super_read_only.")
    charset: str | None = None
    collation: str | None = None


class Replica(Fact):
    """One that copies this server, as this server knows it."""

    name: str
    state: str = Field(description="As the server calls it: streaming, catchup, SECONDARY.")
    streams: bool = Field(description="It takes what is written as it is written.")
    lag_s: float | None = Field(None, description="Seconds behind; None: the server does not say.")
    lag_bytes: int | None = Field(None, description="Bytes still to apply; None: the server does not say.")


class Upstream(Fact):
    """The one that this server copies, as this server knows it."""

    name: str = ""
    state: str
    streams: bool
    lag_s: float | None = Field(None, description="Seconds behind; 0 where all that was received is applied.")
    error: str = Field("", description="The last error of replication.")


class Connections(Fact):
    """Connections of clients."""

    used: int
    limit: int = Field(description="What applications can have: less those kept for administrators.")


class Setting(Fact):
    """A setting's value. Where the product counts in units of its own, the value is in plain numbers already."""

    value: str
    unit: Literal["bytes", "seconds"] | None = Field(None, description="What the value counts, where it has a unit.")


class ColumnSeen(Fact):
    """A column."""

    name: str
    type: str = Field(description="As the server prints it, lower case.")
    nullable: bool
    default: bool = Field(False, description="It has a default, or is generated.")


class IndexSeen(Fact):
    """An index."""

    name: str
    columns: tuple[str, ...] = Field(description="In order; an expression stands as the server prints it.")
    unique: bool = False
    valid: bool = Field(True, description="False: it is there and not used (a build that failed, invisible).")


class TableSeen(Fact):
    """A table or collection. Not there: `exists` is False and all else empty."""

    name: str = Field(description="As the target names it.")
    exists: bool = True
    columns: tuple[ColumnSeen, ...] = ()
    indexes: tuple[IndexSeen, ...] = ()
    row_security: Literal["off", "on", "forced"] = "off"
    policies: tuple[str, ...] = ()
    rows_about: int | None = Field(None, description="The server's own estimate.")


class Grant(Fact):
    """What a login may do somewhere."""

    on: str = Field(description="`*.*`, `schema.*`, `schema.table`, lower case names as the server has them.")
    privileges: tuple[str, ...] = Field(description="Upper case, sorted; with GRANT OPTION as one of them.")


class Privileges(Fact):
    """All that the login may do."""

    grants: tuple[Grant, ...] = ()
    roles: tuple[str, ...] = ()
    attributes: tuple[str, ...] = Field(
        (), description="PostgreSQL: SUPERUSER, CREATEDB, CREATEROLE, REPLICATION, BYPASSRLS, where it has them."
    )


class PasswordSeen(Fact):
    """What became of comparing a stored hash."""

    found: int = Field(description="How many accounts the conditions lead to; only one is compared.")
    scheme: str = Field("", description="bcrypt, argon2id, pbkdf2_sha256, ...; empty: none that is known.")
    matches: int | None = Field(
        None, description="Which of the published passwords it is the hash of, counted from 0; None: of none of them."
    )
    compared: bool = Field(False, description="It was compared: its scheme is known.")


class Archive(Fact):
    """How archiving goes (pg_stat_archiver)."""

    enabled: bool
    last_at: datetime | None = None
    last_failed_at: datetime | None = None
    failures: int = 0


class Unwell(Fact):
    """Something that a database administrator would look into, with a name for what kind it is."""

    kind: Literal[
        "long transaction",
        "invalid index",
        "wraparound",
        "bloat",
        "no primary key",
        "not transactional",
        "abandoned slot",
        "prepared",
        "old",
    ]
    what: str = Field(description="In a few words, with figures; no statement's text.")


class DatabaseObservation(Observation):
    """One conversation, as far as it went."""

    kind: Literal["database"] = "database"
    server: Server | None = Field(None, description="None: it did not say who it is.")
    secured: Secured | None = Field(None, description="None: no TLS.")
    offers_tls: bool | None = Field(None, description="It answered a wish for TLS with yes; None: it was not asked.")
    tried: bool = Field(False, description="A login was sent.")
    withheld: str = Field("", description="Why no login was sent.")
    refused: Refusal | None = Field(None, description="The login, or the very connection, was refused by the server.")
    broke: Broke | None = None
    session: Session | None = Field(None, description="None: nobody was let in.")
    replicas: tuple[Replica, ...] | Unseen | None = None
    replica_set: str | None = None
    upstream: Upstream | Unseen | None = Field(None, description="None, where asked for: it copies nobody.")
    connections: Connections | Unseen | None = None
    settings: dict[str, Setting | Unseen] | Unseen | None = Field(
        None, description="Those asked for that there are; Unseen: there, and hidden from this user."
    )
    extensions: tuple[str, ...] | Unseen | None = None
    tables: tuple[TableSeen | Unseen, ...] | None = Field(None, description="In the order in which they were wanted.")
    privileges: Privileges | Unseen | None = None
    rows: tuple[int | Unseen, ...] | None = Field(None, description="In the order in which they were wanted.")
    passwords: tuple[PasswordSeen | Unseen, ...] | None = Field(None, description="In the order wanted.")
    archive: Archive | Unseen | None = None
    advice: tuple[Unwell, ...] | Unseen | None = None

    @property
    def transient(self) -> bool:
        """A server that is not there, or is starting, may be well a moment later."""
        return self.broke is not None and self.broke.end is not StoreEnd.GARBLED

    @property
    def told(self) -> str:
        """Why nobody is logged in, on one line."""
        if self.broke is not None:
            return self.broke.told
        if self.refused is not None:
            return f"the server refused: {self.refused.told}"
        return self.withheld or "nobody was let in"

    @property
    def inside(self) -> Session:
        """The session, for checks that say nothing where nobody was let in.

        Raises:
            NotObserved: nobody was.
        """
        if self.session is None:
            raise NotObserved(Reason.NO_ANSWER, self.told)
        return self.session
