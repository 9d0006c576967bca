"""`roadworthy target validate|show|schema|reference|list`: what the target files say; no deployment is looked at."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from roadworthy.places import targets_folder
from roadworthy.target.problems import TargetError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sized

USAGE = 4


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("target", help="the target files: check them, show what is in force")
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    validate = actions.add_parser("validate", help="check target files; prints every error with its place")
    validate.add_argument("targets", nargs="+", metavar="NAME", help="a name below targets/, or a file")
    show = actions.add_parser("show", help="print a target with overlays, policies and defaults filled in")
    show.add_argument("target", metavar="NAME", help="a name below targets/, or a file")
    for parser_with_overlays in (validate, show):
        parser_with_overlays.add_argument(
            "--overlay",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="a file that is laid over the target; may be repeated",
        )
    actions.add_parser("schema", help="print the JSON Schema of target files")
    actions.add_parser("reference", help="print the reference of target files, docs/target.md")
    actions.add_parser("list", help="list the targets")


def run(args: argparse.Namespace) -> int:
    """Runs an action; returns the exit code."""
    actions = {"validate": _validate, "show": _show, "schema": _schema, "reference": _reference, "list": _list}
    try:
        return actions[args.action](args)
    except TargetError as error:
        print(error, file=sys.stderr)
        return USAGE


def _folder() -> Path:
    try:
        return targets_folder()
    except FileNotFoundError:
        return Path("targets")


def _count(components: Sized) -> str:
    return f"{len(components)} component{'' if len(components) == 1 else 's'}"


def _validate(args: argparse.Namespace) -> int:
    from roadworthy.target.loading import find_target, load_target

    code = 0
    for name in args.targets:
        try:
            target = load_target(find_target(name, _folder()), args.overlay).target
            print(f"{name}: valid; {target.name}, {target.environment}, {_count(target.components)}")
        except TargetError as error:
            print(error, file=sys.stderr)
            code = USAGE
    return code


def _show(args: argparse.Namespace) -> int:
    from roadworthy.target.loading import find_target, read_tree
    from roadworthy.target.showing import as_yaml

    print(as_yaml(read_tree(find_target(args.target, _folder()), args.overlay)), end="")
    return 0


def _schema(_: argparse.Namespace) -> int:
    from roadworthy.target.schema import as_json

    print(as_json(), end="")
    return 0


def _reference(_: argparse.Namespace) -> int:
    from roadworthy.catalogue import judges_by_key
    from roadworthy.target.reference import as_markdown

    print(as_markdown(judges_by_key()), end="")
    return 0


def _list(_: argparse.Namespace) -> int:
    from roadworthy.target.loading import read_tree

    rows: list[tuple[str, str, str, str]] = []
    code = 0
    for file in sorted(_folder().glob("*.yaml")):
        try:
            merged = read_tree(file).merged
        except TargetError as error:
            print(error, file=sys.stderr)
            code = USAGE
            continue
        components = _count(merged.get("components") or ())
        rows.append((file.stem, str(merged.get("environment", "")), components, str(merged.get("description") or "")))
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return code
