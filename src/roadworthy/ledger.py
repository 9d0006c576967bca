"""The ledger: every promise that the verified systems make, and how far it is kept an eye on."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from roadworthy.verdict.judging import Subject, judges, looks_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.catalogue import Entry
    from roadworthy.proofs import Proofs
    from roadworthy.target.models import Target


@dataclass(frozen=True)
class Promise:
    """An entry of the ledger."""

    id: str
    system: str
    family: str
    text: str


@dataclass(frozen=True)
class Coverage:
    """A promise, who carries it, what judges it, what has turned that red."""

    promise: Promise
    targets: tuple[str, ...]
    checks: tuple[str, ...]
    faults: tuple[str, ...]
    partly: str | None = None
    """What of the promise nothing judges yet."""

    @property
    def missing(self) -> str | None:
        """The first thing that is not there yet: a target, a check or a fault."""
        for what, found in (("target", self.targets), ("check", self.checks), ("fault", self.faults)):
            if not found:
                return what
        return None

    def as_json(self) -> dict[str, Any]:
        """As `roadworthy coverage --json` prints it."""
        return {
            "id": self.promise.id,
            "system": self.promise.system,
            "family": self.promise.family,
            "promise": self.promise.text,
            "targets": list(self.targets),
            "checks": list(self.checks),
            "faults": list(self.faults),
            "missing": self.missing,
            "partly": self.partly,
        }


def promises() -> tuple[Promise, ...]:
    """All promises, in the ledger's order."""
    held = yaml.safe_load(files("roadworthy").joinpath("claims.yaml").read_text(encoding="utf-8"))
    return tuple(
        Promise(entry["id"], system, entry["family"], entry["promise"])
        for system, rows in held.items()
        for entry in rows
    )


def coverage(targets: Iterable[Target], entries: Iterable[Entry], proofs: Proofs) -> tuple[Coverage, ...]:
    """How far each promise is covered."""
    targets, entries = tuple(targets), tuple(entries)
    return tuple(_cover(promise, targets, entries, proofs) for promise in promises())


def _cover(promise: Promise, targets: tuple[Target, ...], entries: tuple[Entry, ...], proofs: Proofs) -> Coverage:
    carriers = [
        (target, name, keys)
        for target in targets
        for name, component in target.components.items()
        if (keys := component.promises.get(promise.id))
    ]
    judged = [
        (target.name, name, entry.check.id)
        for target, name, keys in carriers
        for entry in entries
        if any(judges(entry.check, key) for key in keys) and looks_of(entry.function, Subject(target, name))
    ]
    turned = [fault for target, name, check in judged for _, fault in proofs.of(check, name, target)]
    return Coverage(
        promise,
        tuple(dict.fromkeys(target.name for target, _, _ in carriers)),
        tuple(dict.fromkeys(check for _, _, check in judged)),
        tuple(dict.fromkeys(turned)),
        next((why for target, name, _ in carriers if (why := target.components[name].partly.get(promise.id))), None),
    )
