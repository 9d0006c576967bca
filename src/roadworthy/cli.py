"""The `roadworthy` command: a thin layer over pytest that adds no check and hides no option of it."""

from __future__ import annotations

import argparse
import os
import sys

from roadworthy import __version__
from roadworthy.commands import checks, coverage, demo, gate, sandbox, target

COMMANDS = (gate, target, checks, coverage, sandbox, demo)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns the exit code of docs/exit-codes.md."""
    parser = argparse.ArgumentParser(prog="roadworthy", description=__doc__)
    parser.add_argument("--version", action="version", version=f"roadworthy {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    typed = sys.argv[1:] if arguments is None else arguments
    try:
        args, rest = parser.parse_known_args(typed)
    except SystemExit as ended:  # argparse ends with 2, which means interrupted here
        return 4 if ended.code else 0
    if rest and not getattr(args, "takes_rest", False):
        print(f"roadworthy {args.command}: unknown option {rest[0]}", file=sys.stderr)
        return 4
    args.typed = typed[typed.index(args.command) + 1 :]
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 2
    except BrokenPipeError:  # the reader has seen enough (`| head`)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for what is still to be flushed
        return 3


def entry() -> None:
    """The console script: ends the process at once, as all is written and closed; tearing down takes 0.1 s more."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    entry()
