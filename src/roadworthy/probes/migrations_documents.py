"""A schema's version in documents of a MongoDB collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bson.errors import BSONError
from pymongo.errors import ExecutionTimeout, NetworkTimeout, OperationFailure, PyMongoError

from roadworthy.facts.migrations import Applied, History, MigrationsAsk
from roadworthy.facts.store import StoreEnd, Unseen
from roadworthy.probes.reader import MOST_ROWS, longest_s
from roadworthy.probes.way import Ended

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pymongo.asynchronous.database import AsyncDatabase

    from roadworthy.facts.migrations import RecordWanted
    from roadworthy.probes.bench import Bench

    Database = AsyncDatabase[dict[str, Any]]

NO_RIGHTS = (13, 31, 8000)


def look_of(ask: MigrationsAsk, bench: Bench) -> Callable[[Database, dict[str, Any]], Awaitable[None]]:
    """What is looked at in a database."""

    async def look(database: Database, seen: dict[str, Any]) -> None:
        if ask.record is not None:
            seen["history"] = await _history(database, ask.record, int(longest_s(bench) * 500))
        seen["changes"] = ()

    return look


async def _history(database: Database, record: RecordWanted, time_ms: int) -> History | Unseen:
    order = [(record.order_by or "_id", 1)]
    try:
        found = database[record.table].find(
            {}, {record.column: 1}, sort=order, limit=MOST_ROWS + 1, max_time_ms=time_ms
        )
        documents = await found.to_list()
        exists = bool(documents) or record.table in await database.list_collection_names(filter={"name": record.table})
    except OperationFailure as error:
        return _unseen(error)
    except (PyMongoError, BSONError) as error:
        end = StoreEnd.SILENT if isinstance(error, NetworkTimeout) else StoreEnd.CLOSED
        raise Ended(end, f"reading {record.table}", str(error)[:200]) from error
    if len(documents) > MOST_ROWS:
        return Unseen(unseen="not supported", detail=f"{record.table} has more than {MOST_ROWS} documents")
    applied = tuple(Applied(name=text) for one in documents if (text := value_at(one, record.column)) is not None)
    return History(table=record.table, exists=exists, applied=applied)


def _unseen(error: OperationFailure) -> Unseen:
    words = str((error.details or {}).get("errmsg", error))[:200]
    if error.code in NO_RIGHTS:
        return Unseen(unseen="not permitted", detail=words)
    return Unseen(unseen="took too long" if isinstance(error, ExecutionTimeout) else "failed", detail=words)


def value_at(document: object, field: str) -> str | None:
    """What stands in a field, `a.b` inside of one; None: nothing."""
    for part in field.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return None if document is None or isinstance(document, dict | list) else _number_or_text(document)


def _number_or_text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)
