"""Evidence: the records of a run, in memory and as JSON files below the run's folder.

A recorded run is read the same way as a live one is written, which is what makes `--replay` exact. File names hold no
secret: an ask is named by its host, its port and a digest of its redacted form.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from roadworthy.facts.base import Ask, NotSeen, Reason, Record
from roadworthy.facts.name import NameAsk, NameObservation

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.observe.redaction import Scrubber


class AmbiguousAskError(ValueError):
    """Two asks can't be told apart in evidence; each secret by a reference of its own (`${env:...}`) can."""


class EvidenceStore:
    """The records of one run; `folder` holds one JSON file a record."""

    def __init__(self, folder: Path, scrub: Scrubber) -> None:
        self.folder = folder
        self._scrub = scrub
        self._records: dict[str, Record] = {}
        self._digests: dict[Ask, str] = {}
        self._asked: dict[str, Ask] = {}

    def file_name(self, ask: Ask, address: str | None) -> str:
        """Where the record of an ask at an address is kept, below the folder."""
        if ask not in self._digests:
            redacted = self._scrub(ask.model_dump_json())
            if (like := self._asked.setdefault(redacted, ask)) != ask:
                raise AmbiguousAskError(f"two asks of {like.host} differ only in what looks like a secret: {redacted}")
            self._digests[ask] = hashlib.sha256(redacted.encode()).hexdigest()[:10]
        digest = self._digests[ask]
        where = "".join(c if c.isalnum() or c in ".-" else "_" for c in f"{ask.host[:80]}-{ask.port}")
        at = "" if address is None else "@" + "".join(c if c.isalnum() or c == "." else "_" for c in address)
        return f"{ask.kind}-{where}-{digest}{at}.json"

    def put(self, record: Record) -> None:
        """Redacts a record, keeps it and writes it down."""
        name = self.file_name(record.ask, record.address)
        redacted = self._scrub.record(record)
        if not self._records:
            self.folder.mkdir(parents=True, exist_ok=True)
        self._records[name] = redacted
        scratch = self.folder / f".{name}.{os.getpid()}"
        scratch.write_text(redacted.model_dump_json(indent=1) + "\n", encoding="utf-8")
        scratch.replace(self.folder / name)

    def get(self, ask: Ask, address: str | None) -> Record | None:
        """The record of an ask at an address, from memory or from its file; None where there is none."""
        name = self.file_name(ask, address)
        if name not in self._records:
            try:
                text = (self.folder / name).read_bytes()
            except FileNotFoundError:
                return None
            try:
                self._records[name] = Record.from_json(text)
            except (ValidationError, ValueError, KeyError) as error:
                detail = f"{name} can't be read: {str(error).splitlines()[0]}"
                return _unread(ask, address, detail)
        return self._records[name]

    def forget(self) -> None:
        """Drops all records, so that everything is looked at anew."""
        self._records.clear()
        for file in self.folder.glob("*.json"):
            file.unlink()

    def records(self, ask: Ask) -> tuple[Record, ...] | None:
        """The records of an ask at every address behind its name; None where one is missing.

        A name that leads nowhere gives one record that says so.
        """
        if not ask.per_address:
            record = self.get(ask, None)
            return None if record is None else (record,)
        if ask.via is not None:
            record = self.get(ask, afar(ask))
            return None if record is None else (record,)
        name = self.get(name_of(ask), None)
        if name is None:
            return None
        endpoints = endpoints_of(name)
        if isinstance(endpoints, NotSeen):
            return (name.model_copy(update={"ask": ask, "result": endpoints}),)
        found = [self.get(ask, endpoint) for endpoint in endpoints]
        return None if None in found else tuple(record for record in found if record is not None)


def name_of(ask: Ask) -> NameAsk:
    """The look-up that an ask's addresses come from."""
    return NameAsk(host=ask.host, port=ask.port, moment=ask.moment)


def afar(ask: Ask) -> str:
    """Where something is looked at from a vantage point: by its name, which that one looks up."""
    return f"[{ask.host}]:{ask.port}" if ":" in ask.host else f"{ask.host}:{ask.port}"


def endpoints_of(name: Record) -> tuple[str, ...] | NotSeen:
    """The addresses in a name's record, or why there are none."""
    if isinstance(name.result, NotSeen):
        return name.result
    observation = name.result.observation
    if not isinstance(observation, NameObservation):
        raise TypeError(f"{name.ask.kind} is no name record")
    if not observation.endpoints:
        return NotSeen(reason=Reason.NO_ADDRESS, detail=f"{name.ask.host}: {observation.state.value}")
    return observation.endpoints


def _unread(ask: Ask, address: str | None, detail: str) -> Record:
    result = NotSeen(reason=Reason.NOT_RECORDED, detail=detail)
    return Record(ask=ask, address=address, result=result, started=datetime.now(UTC), elapsed_s=0.0)
