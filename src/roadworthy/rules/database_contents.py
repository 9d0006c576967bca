"""Judgements on what a database runs with and what rows it has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import Unseen
from roadworthy.rules.database import looked_at, of_each
from roadworthy.rules.settings import differs
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from roadworthy.facts.database import DatabaseObservation, PasswordSeen, Scalar
    from roadworthy.target.blocks.database import Archives, PublishedPassword, Rows
    from roadworthy.target.blocks.stores import Amount, SettingValue

_ENCODING = re.compile(r"(?i)\.utf-?8$")
_OLD_UTF8 = re.compile(r"utf8(?=_|$)")


def crowded(seen: DatabaseObservation, promised: Amount) -> list[str]:
    """That more connections are in use than promised."""
    connections = looked_at(seen, seen.connections, "the number of connections")
    if isinstance(promised, str) and connections.limit <= 0:
        raise NotObserved(Reason.NOT_APPLICABLE, "the server sets no limit that a share could be taken of")
    most = promised if isinstance(promised, int) else connections.limit * float(promised.rstrip("% ")) / 100
    if connections.used <= most:
        return []
    return [f"{connections.used} of {connections.limit} connections are in use, promised {promised} at most"]


def other_settings(seen: DatabaseObservation, promised: dict[str, SettingValue]) -> list[str]:
    """The settings that are not there, or not as promised.

    Raises:
        NotObserved: none of those that were seen is, and one is hidden.
    """
    settings = looked_at(seen, seen.settings, "the settings")
    faults: list[str] = []
    hidden: NotObserved | None = None
    for name, value in promised.items():
        setting = settings.get(name)
        if isinstance(setting, Unseen):
            error = setting.error()
            hidden = NotObserved(error.reason, f"{name}: {error.detail}")
        elif setting is None:
            faults.append(f"the server has no setting {name}")
        elif fault := differs(name, value, setting):
            faults.append(fault)
    if hidden is not None and not faults:
        raise hidden
    return faults


def other_charset(seen: DatabaseObservation, promised: str) -> list[str]:
    """That the database has another character set."""
    found = looked_at(seen, seen.inside.charset, "the character set")
    return [] if _charset(found) == _charset(promised) else [f"the database has {found}, promised {promised}"]


def _charset(name: str) -> str:
    folded = name.casefold().replace("-", "").replace("_", "")
    return "utf8" if folded == "utf8mb3" else folded  # one name until MySQL 8.0.28, the other one from then on


def other_collation(seen: DatabaseObservation, promised: str) -> list[str]:
    """That the database sorts by another collation."""
    found = looked_at(seen, seen.inside.collation, "the collation")
    return [] if _collation(found) == _collation(promised) else [f"the database has {found}, promised {promised}"]


def _collation(name: str) -> str:
    """`en_US.utf8` and `en_US.UTF-8` are one; so are `utf8_bin` and `utf8mb3_bin`."""
    return _OLD_UTF8.sub("utf8mb3", _ENCODING.sub(".utf-8", name.strip()).casefold(), count=1)


def missing_extensions(seen: DatabaseObservation, promised: tuple[str, ...]) -> list[str]:
    """The extensions that are not installed in the database."""
    missing = sorted(set(promised) - set(looked_at(seen, seen.extensions, "the list of extensions")))
    return [f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed"] if missing else []


def old_archives(seen: DatabaseObservation, promised: Archives) -> list[str]:
    """How archiving of the write-ahead log is off, behind, or failing."""
    archive = looked_at(seen, seen.archive, "the state of archiving")
    if not archive.enabled:
        return ["archiving is off"]
    if archive.last_at is None:
        failed = f", and {archive.failures} tries failed" if archive.failures else ""
        return [f"nothing was archived yet{failed}"]
    faults = []
    age_s = (seen.observed_at - archive.last_at).total_seconds()
    if age_s > promised.within:
        ago = show_duration(round(age_s))
        faults.append(f"the last segment was archived {ago} ago, promised {show_duration(promised.within)}")
    if archive.last_failed_at is not None and archive.last_failed_at > archive.last_at:
        faults.append(f"the last try failed at {archive.last_failed_at:%d %b %Y %H:%M} UTC")
    return faults


# --- rows ------------------------------------------------------------------------------------------------------------


def _where(table: str, where: dict[str, Scalar]) -> str:
    conditions = ", ".join(f"{column} = {value}" for column, value in where.items())
    return f"{table} ({conditions})" if conditions else table


def wrong_rows(seen: DatabaseObservation, promised: tuple[Rows, ...]) -> list[str]:
    """Rows that there are too few of, or too many. They were counted no further than one beyond the promise."""
    names = [_where(rows.table, rows.where) for rows in promised]

    def judge(nth: int, found: int) -> list[str]:
        rows = promised[nth]
        if rows.count is not None and found != rows.count:
            told = f"more than {rows.count}" if found > rows.count else str(found)
            return [f"{names[nth]}: {told}, promised {rows.count}"]
        if rows.at_least is not None and found < rows.at_least:
            return [f"{names[nth]}: {found}, promised at least {rows.at_least}"]
        return []

    return of_each(seen, seen.rows, names, judge)


def known_passwords(seen: DatabaseObservation, promised: tuple[PublishedPassword, ...]) -> list[str]:
    """Accounts that have a password that everybody knows.

    Raises:
        NotObserved: none is seen to have one, and of one it can't be told: nobody was found by what was promised, or
            more than one, or the hash is of a scheme that is not known.
    """
    names = [_where(one.table, one.where) for one in promised]

    def judge(nth: int, found: PasswordSeen) -> list[str]:
        if found.matches is not None:
            of = f" (number {found.matches + 1} of those listed)" if len(promised[nth].published) > 1 else ""
            return [f"{names[nth]} has a password that everybody knows{of}"]
        if found.found == 0:
            raise NotObserved(Reason.NOT_APPLICABLE, "there is no such account")
        if found.found > 1:
            raise NotObserved(Reason.NOT_APPLICABLE, "more than one account is meant")
        if not found.compared:
            scheme = f"of the scheme {found.scheme}" if found.scheme else "of no known scheme"
            raise NotObserved(Reason.NOT_APPLICABLE, f"its hash is {scheme} and could not be compared")
        return []

    return of_each(seen, seen.passwords, names, judge)
