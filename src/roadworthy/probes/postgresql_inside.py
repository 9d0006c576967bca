"""What whoever is logged in sees of a PostgreSQL server: who it is, what it runs with, whom it copies, who copies it.

Views of statistics show rows with nothing in them to those without `pg_monitor`: that is *not permitted*, never zero.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from roadworthy.facts.database import Archive, Connections, Replica, Server, Session, Setting, Upstream
from roadworthy.facts.store import Unseen
from roadworthy.probes.postgresql_session import NO_RIGHTS, told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.probes.postgresql_session import Talk

HIDDEN = Unseen(unseen="not permitted", detail="the login may not see others' statistics (pg_monitor)")

BYTES = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_UNIT = re.compile(r"([0-9]*)([A-Za-z]+)")

AGAIN_S = (0.05, 0.15, 0.3, 0.5)
"""After which pauses a replica that is behind is looked at again."""
SILENT_S = 40.0
"""A primary that is not heard from for longer than it takes to send keepalives (half of wal_sender_timeout) is gone."""


@dataclass
class Inside:
    """The looks at a server."""

    talk: Talk

    # --- who it is ---------------------------------------------------------------------------------------------------

    async def is_writable(self) -> str:
        """Before any transaction of ours: what keeps this user from writing; empty: nothing."""
        (read_only,) = await self.talk.one("SELECT current_setting('transaction_read_only')")
        return "transactions of this user are read only (default_transaction_read_only)" if read_only == "on" else ""

    async def session(self, read_only: str) -> Session:
        """Who is logged in, and where."""
        user, database, recovering, charset, provider, collate, locale = await self.talk.one(
            "SELECT current_user::text, current_database()::text, pg_is_in_recovery(), pg_encoding_to_char(d.encoding),"
            " to_jsonb(d)->>'datlocprovider', d.datcollate::text,"
            " coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale')"
            " FROM pg_database d WHERE d.datname = current_database()"
        )
        return Session(
            user=user,
            database=database,
            writable=not recovering and not read_only,
            recovering=recovering,
            why_read_only="in recovery" if recovering else read_only,
            charset=charset,
            collation=(locale or collate) if provider in ("i", "b") else collate,
        )

    async def server(self) -> Server:
        """Who answers; others that speak the protocol say so in their version."""
        number, words = await self.talk.one("SELECT current_setting('server_version_num')::int, version()")
        return Server(product=words.split(" ", 1)[0], version=dotted(number), comment=words.split(",", 1)[0][:100])

    # --- what it runs with -------------------------------------------------------------------------------------------

    async def settings(self, names: tuple[str, ...]) -> dict[str, Setting | Unseen]:
        """Those that there are, in plain numbers; those that are kept from this user say so.

        What is in force for a new transaction of this user: our own one has time-outs of ours (`reset_val`).
        """
        rows = await self.talk.rows(
            "SELECT lower(name), coalesce(reset_val, setting), unit FROM pg_settings WHERE lower(name) = ANY(%s)",
            ([name.lower() for name in names],),
        )
        found = {name: _setting(value, unit) for name, value, unit in rows}
        seen: dict[str, Setting | Unseen] = {}
        for name in names:
            setting = found.get(name.lower()) or await self._hidden(name)
            if setting is not None:
                seen[name] = setting
        return seen

    async def _hidden(self, name: str) -> Setting | Unseen | None:
        """A setting that is not listed: kept from this user, or not there."""
        await self.talk.rows("SAVEPOINT setting")
        try:
            (value,) = await self.talk.one("SELECT current_setting(%s, true)", (name,))
        except psycopg.Error as error:
            await self.talk.rows("ROLLBACK TO SAVEPOINT setting")
            return Unseen(unseen="not permitted", detail=told(error)) if error.sqlstate == NO_RIGHTS else None
        return None if value is None else Setting(value=value)

    async def connections(self) -> Connections:
        """Those of clients: by each of them where they may be seen, else by the sum of what the databases count."""
        used, limit = await self.talk.one(
            "SELECT CASE WHEN pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
            " THEN (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"
            " ELSE (SELECT sum(numbackends) FROM pg_stat_database WHERE datid <> 0) END::int,"
            " current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
            " - coalesce(current_setting('reserved_connections', true), '0')::int"
        )
        return Connections(used=used, limit=limit)

    async def extensions(self) -> tuple[str, ...]:
        """Those that are installed in this database."""
        return tuple(name for (name,) in await self.talk.rows("SELECT extname::text FROM pg_extension ORDER BY 1"))

    async def archive(self) -> Archive:
        """How archiving goes."""
        mode, recovering, command, library = await self.talk.one(
            "SELECT current_setting('archive_mode'), pg_is_in_recovery(), current_setting('archive_command', true),"
            " current_setting('archive_library', true)"
        )
        archives = bool(library) or command not in (None, "", "(disabled)")
        last, failed, failures = await self.talk.one(
            "SELECT last_archived_time, last_failed_time, failed_count FROM pg_stat_archiver"
        )
        enabled = archives and (mode == "always" or (mode == "on" and not recovering))
        return Archive(enabled=enabled, last_at=last, last_failed_at=failed, failures=failures)

    # --- replication -------------------------------------------------------------------------------------------------

    async def upstream(self) -> Upstream | Unseen | None:
        """The one that it copies. What was received and is applied is no lag, however long ago anything was written."""
        (recovering,) = await self.talk.one("SELECT pg_is_in_recovery()")
        if not recovering:
            return None
        rows = await self.talk.rows(
            "SELECT status, sender_host || ':' || sender_port,"
            " extract(epoch FROM clock_timestamp() - last_msg_receipt_time)::float8 FROM pg_stat_wal_receiver"
        )
        state, name, silent_s = rows[0] if rows else ("no WAL receiver", "", None)
        if state is None:
            return HIDDEN
        late_s, paused = await self._behind()
        if late_s == 0 and (silent_s is None or silent_s > SILENT_S):
            late_s = silent_s
        return Upstream(
            name=name or "",
            state=state,
            streams=state == "streaming",
            lag_s=_seconds(late_s),
            error="replay is paused" if paused else "",
        )

    async def _behind(self) -> tuple[float | None, bool]:
        """How old the newest is that was applied, 0 where that is all that was received; and whether it is paused."""
        late_s, paused = None, False
        for pause_s in (0, *AGAIN_S):
            await asyncio.sleep(pause_s)
            applied, late_s, paused = await self.talk.one(
                "SELECT pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), extract(epoch FROM clock_timestamp()"
                " - coalesce(pg_last_xact_replay_timestamp(), (pg_control_checkpoint()).checkpoint_time))::float8,"
                " pg_is_wal_replay_paused()"
            )
            if applied:
                return 0.0, paused
        return late_s, paused

    async def replicas(self) -> tuple[Replica, ...] | Unseen:
        """Those that copy it, and for how long what was written before the look has not been applied.

        `replay_lag` stays as it was while a replica applies nothing, so it counts only where one has moved.
        """
        first = await self._senders()
        if first is None:
            return HIDDEN
        now, senders = first
        began, late = asyncio.get_running_loop().time(), senders
        moved: set[int] = set()
        caught_up = {pid: 0.0 for pid, sender in senders.items() if sender.applied >= now}
        for pause_s in AGAIN_S:
            if not any(sender.is_copy and pid not in caught_up for pid, sender in senders.items()):
                break
            await asyncio.sleep(pause_s)
            late = (await self._senders() or (now, {}))[1]
            elapsed_s = asyncio.get_running_loop().time() - began
            moved |= {pid for pid, sender in late.items() if pid in senders and sender.applied > senders[pid].applied}
            caught_up |= {
                pid: elapsed_s for pid, sender in late.items() if pid not in caught_up and sender.applied >= now
            }
        return tuple(
            Replica(
                name=sender.name,
                state=sender.state,
                streams=sender.is_copy and sender.state == "streaming",
                lag_s=_seconds(_lag_s(late.get(pid, sender), caught_up.get(pid), moves=pid in moved)),
                lag_bytes=max(0, now - late.get(pid, sender).applied) if sender.is_copy else None,
            )
            for pid, sender in senders.items()
            if not sender.is_logical
        )

    async def _senders(self) -> tuple[int, dict[int, _Sender]] | None:
        """What is written so far, and who is sent it; None: it is hidden."""
        rows = await self.talk.rows(
            "SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
            " ELSE pg_current_wal_lsn() END, '0/0')::bigint, r.pid, r.state,"
            " coalesce(nullif(r.application_name, ''), host(r.client_addr), 'unnamed'),"
            " pg_wal_lsn_diff(r.replay_lsn, '0/0')::bigint, extract(epoch FROM r.replay_lag)::float8,"
            " EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')"
            " FROM (SELECT) one LEFT JOIN pg_stat_replication r ON true ORDER BY 4, 2"
        )
        senders = {}
        for _, pid, state, name, applied, lag_s, is_logical in rows:
            if pid is not None and state is None:
                return None
            if pid is not None:
                senders[pid] = _Sender(name, state, applied if applied is not None else -1, lag_s, is_logical)
        return int(rows[0][0] or 0), senders


@dataclass(frozen=True)
class _Sender:
    name: str
    state: str
    applied: int
    """Bytes from the log's beginning; -1: it applies nothing (a backup, an archive of the log)."""
    lag_s: float | None
    is_logical: bool

    @property
    def is_copy(self) -> bool:
        """Whether it is a replica, and neither a backup nor a copy of the log alone."""
        return self.applied >= 0 and not self.is_logical


def _lag_s(sender: _Sender, caught_up_s: float | None, *, moves: bool) -> float | None:
    if not sender.is_copy:
        return None
    if caught_up_s is not None:
        return caught_up_s
    return sender.lag_s if moves else None


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(max(0.0, value), 3)


def _setting(value: str, unit: str | None) -> Setting:
    match = _UNIT.fullmatch(unit or "")
    if match is None or value == "-1":  # -1 switches off, whatever it would count
        return Setting(value=value)
    times = int(match[1] or 1)
    if match[2] in BYTES:
        return Setting(value=str(int(value) * times * BYTES[match[2]]), unit="bytes")
    if match[2] in SECONDS:
        seconds = round(float(value) * times * SECONDS[match[2]], 6)
        return Setting(value=f"{seconds:.6f}".rstrip("0").rstrip("."), unit="seconds")
    return Setting(value=value)


def dotted(number: int) -> str:
    """160014 -> 16.14, 90624 -> 9.6.24."""
    parts: Iterable[int] = (number // 10000, number % 10000)
    if number < 100000:  # noqa: PLR2004 - 10.0 has two parts
        parts = (number // 10000, number // 100 % 100, number % 100)
    return ".".join(map(str, parts))
