"""What a job says of when it was put into its queue; nothing else of it is looked at."""

from __future__ import annotations

import json
from datetime import UTC, datetime

LARGEST = 1024 * 1024
"""Characters of a job that are read."""

_MILLISECONDS_FROM = 1e11  # as seconds it would be the year 5138
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

FIELDS = {"laravel": ("pushedAt", "createdAt"), "sidekiq": ("enqueued_at", "created_at")}
"""Of Laravel, Horizon writes the first one and newer versions the second one."""


def put_in_at(kind: str, payload: str) -> datetime | None:
    """When a job was put in; None: it does not say."""
    if len(payload) > LARGEST:
        return None
    try:
        job = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(job, dict):
        return None
    moments = (moment_of(job.get(field)) for field in FIELDS.get(kind, ()))
    return next((moment for moment in moments if moment is not None), None)


def moment_of(value: object) -> datetime | None:
    """A moment, from seconds or milliseconds since 1970, ISO 8601, or a date with a time; without a zone it is UTC."""
    if isinstance(value, datetime):
        return _likely(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()[:64]
    try:
        seconds = float(text)
        if abs(seconds) >= _MILLISECONDS_FROM:
            seconds /= 1000
        return _likely(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, OSError):
        return None
    except ValueError:
        return _from_iso(text)


def _from_iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _likely(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _likely(moment: datetime) -> datetime | None:
    """The moment, unless it can't be one at which a job was put in."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        return None
    return moment if _EARLIEST <= moment <= _LATEST else None
