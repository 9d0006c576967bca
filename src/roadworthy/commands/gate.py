"""`roadworthy gate` and `roadworthy audit`: the suites through pytest, with the verdict on the terminal.

Both are `pytest suites --target NAME ...`; every other option is pytest's own and is handed over as it is.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from roadworthy.options import OPTIONS
from roadworthy.places import suites_folder

if TYPE_CHECKING:
    import argparse

WANTS_TERMINAL = frozenset({"-v", "-vv", "--verbose", "--collect-only", "--co", "--fixtures", "--markers", "--help"})
"""Options that are pointless without pytest's own terminal."""

PLUGINS = {"-n": "xdist", "--numprocesses": "xdist", "--dist": "xdist", "--alluredir": "allure_pytest.plugin"}
"""Plugins that an option needs; the others of the environment cost start-up time and have no part in a gate."""


IMPLIED = frozenset({"--target", "--verdict-only"})

UNUSED = ("doctest", "legacypath", "pastebin", "unraisableexception")
"""Plugins of pytest's own that have no part in a gate and cost a tenth of a second."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "gate",
        allow_abbrev=False,  # what is not ours is pytest's
        usage="roadworthy gate TARGET [options]   or   roadworthy gate --replay RUN [options]",
        help="may traffic stay on this deployment? waits, verifies, says go or no-go",
        description="Runs the suites against a target: a name below targets/, or a file. All other options are "
        "pytest's own: -k, -m, --lf, -n, -x, -q, --collect-only, ...",
    )
    for flag, settings in OPTIONS.items():
        if flag not in IMPLIED:
            parser.add_argument(flag, **settings)
    parser.set_defaults(run=run, takes_rest=True)


def run(args: argparse.Namespace) -> int:
    """Runs the gate; returns the exit code. The options go to pytest as they were typed."""
    is_named = bool(args.typed) and not args.typed[0].startswith("-")
    target, options = (args.typed[0], args.typed[1:]) if is_named else (None, args.typed)
    if target is None and args.replay is None:
        print("roadworthy gate: name the target first: roadworthy gate TARGET [options]", file=sys.stderr)
        return 4
    return verify(target, options)


def verify(target: str | None, options: list[str]) -> int:
    """Runs the suites in this process; pytest's own terminal and foreign plugins stay off unless they are asked for."""
    import pytest

    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):  # a gate's options stand on its command line
        os.environ.pop(variable, None)
    gc.set_threshold(
        100_000, 50, 50
    )  # a run builds tens of thousands of objects that stay: looking for cycles is waste
    suites = suites_folder()
    base = [str(suites), "--rootdir", str(suites.parent), "--disable-plugin-autoload", "-p", "roadworthy.plugin"]
    base += ["--import-mode", "importlib"]  # suites may have files of one name; no ini file is there to say so
    base += [part for plugin in UNUSED for part in ("-p", f"no:{plugin}")]
    names = {option.partition("=")[0] for option in options}
    if not names & WANTS_TERMINAL:
        base += ["--verdict-only"]
    for option, plugin in PLUGINS.items():
        if any(name.startswith(option) for name in names):
            base += ["-p", plugin]
    if any((own := option.partition("::")[0]) and not own.startswith("-") and Path(own).exists() for option in options):
        base += ["-p", "testinfra.plugin"]  # tests of somebody's own, which may want its `host`
    chosen = ["--target", target] if target is not None else []
    return int(pytest.main([*base, *chosen, *options]))
