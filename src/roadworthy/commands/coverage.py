"""`roadworthy coverage`: the ledger of promises, with the targets, checks and faults of each; what is missing."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from roadworthy.places import targets_folder

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from roadworthy.ledger import Coverage
    from roadworthy.target.models import Target


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("coverage", help="every promise of the ledger: who carries, judges and proves it")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--family", action="append", default=[], help="only promises of this family; may be repeated")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the coverage; returns the exit code."""
    from roadworthy.catalogue import entries
    from roadworthy.ledger import coverage
    from roadworthy.proofs import Proofs

    covered = coverage(_targets(), entries(), Proofs.recorded())
    chosen = tuple(row for row in covered if not args.family or row.promise.family in args.family)
    if args.json:
        print(json.dumps({"schema_version": 1, "promises": [row.as_json() for row in chosen]}, indent=1))
    else:
        _print(chosen)
    return 0


def _targets() -> tuple[Target, ...]:
    from roadworthy.target.loading import read_tree
    from roadworthy.target.releases import load_release

    def load(file: Path) -> Target:
        """The target, whatever release and credentials it is given: no promise depends on them."""
        return load_release(file, environ=dict.fromkeys(read_tree(file).environment, "whatever")).target

    return tuple(load(file) for file in sorted(targets_folder().glob("*.yaml")))


def _print(rows: tuple[Coverage, ...]) -> None:
    for row in rows:
        promise = row.promise
        proven = "proven" if row.partly is None else "partly"
        state = proven if row.missing is None else f"no {row.missing} yet"
        print(f"{promise.id:12} {promise.family:11} {state:13} {promise.text}")
        for label, values in (("targets", row.targets), ("checks", row.checks), ("faults", row.faults)):
            if values:
                print(f"{'':12} {label + ':':11} {', '.join(values)}")
        if row.partly:
            print(f"{'':12} {'missing:':11} {row.partly}")
    counts = Counter("partly" if row.partly and row.missing is None else row.missing for row in rows)
    print(
        f"\n{len(rows)} promises: {counts[None]} proven (a fault turned their check red), {counts['partly']} in part, "
        f"{counts['fault']} judged but not proven, {counts['check'] + counts['target']} not yet judged"
    )
