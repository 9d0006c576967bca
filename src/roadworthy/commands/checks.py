"""`roadworthy checks`: what can be checked, why, and how to see it by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("checks", help="the check catalogue")
    parser.add_argument("--markdown", action="store_true", help="as docs/checks.md")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the catalogue; returns the exit code."""
    from roadworthy.catalogue import as_markdown, entries
    from roadworthy.proofs import Proofs

    found = entries()
    if args.markdown:
        print(as_markdown(found, Proofs.recorded()), end="")
        return 0
    for entry in found:
        print(f"{entry.check.id:22} {entry.check.severity.label:9} {entry.check.title}")
    return 0
