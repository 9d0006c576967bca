"""How an agreement is looked at from our side: records of asks against a running sandbox."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from roadworthy.observe.engine import Observatory
from roadworthy.observe.redaction import Scrubber
from roadworthy.observe.store import EvidenceStore
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from roadworthy.facts.base import Ask, Record
    from roadworthy.sandbox import Sandbox


def evidence_of(sandbox: Sandbox, ask: Ask) -> tuple[Record, ...]:
    """The records of one ask, at every address."""
    network = Network.model_validate(yaml.safe_load(sandbox.overlay.read_text())["network"])
    with tempfile.TemporaryDirectory() as folder:
        store = EvidenceStore(Path(folder) / "evidence", Scrubber({}, frozenset()))
        Observatory(network, store).observe([ask])
        return store.records(ask) or ()


def addresses(sandbox: Sandbox, part: str) -> list[tuple[str, int]]:
    """Where a part of a sandbox really listens."""
    status = sandbox.status()
    return [
        (where.rpartition(":")[0], int(where.rpartition(":")[2]))
        for found in status["parts"]
        if found["name"] == part
        for where in found["addresses"]
    ]
