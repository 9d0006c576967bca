"""`roadworthy demo`: brings up a real deployment on loopback, gates it, leaves reports, takes it down."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from roadworthy.commands.gate import verify
from roadworthy.places import targets_folder

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("demo", help="a real deployment on loopback, gated before your eyes")
    parser.add_argument("target", nargs="?", default="demo", help="which target to build and gate (demo)")
    parser.add_argument("--break", dest="faults", action="append", default=[], metavar="FAULT", help="inject a fault")
    parser.set_defaults(run=run)


def _invent(variables: frozenset[str]) -> None:
    """Values for what a target needs and nobody has set: the sandbox takes any, and they lead nowhere else."""
    missing = sorted(variables - os.environ.keys())
    os.environ.update({name: f"{name.lower().replace('_', '-')}-of-the-sandbox" for name in missing})
    if missing:
        print(f"invented for the sandbox: {', '.join(missing)}", file=sys.stderr)


def run(args: argparse.Namespace) -> int:
    """Runs the demonstration; returns the gate's exit code."""
    from roadworthy.sandbox import SandboxError, running
    from roadworthy.target.loading import TargetError, find_target, read_tree

    clock = time.monotonic()
    try:
        path = find_target(args.target, targets_folder())
        _invent(read_tree(path).environment)
        with running(path) as sandbox:
            print(f"sandbox of {path.stem} is up after {time.monotonic() - clock:.1f} s", file=sys.stderr)
            for fault in args.faults:
                sandbox.break_(fault)
                print(f"broken: {fault}", file=sys.stderr)
            return verify(str(path), ["--overlay", str(sandbox.overlay)])
    except (SandboxError, TargetError) as error:
        print(f"roadworthy demo: {error}", file=sys.stderr)
        return 4
