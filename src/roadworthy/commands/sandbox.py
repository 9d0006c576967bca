"""`roadworthy sandbox`: a real deployment on loopback to play with, kept up until it is taken down."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import Any


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("sandbox", help="a real deployment on loopback, and faults to break it")
    orders = parser.add_subparsers(dest="order", metavar="ORDER", required=True)

    def order(name: str, run: Callable[[argparse.Namespace], int], says: str) -> argparse.ArgumentParser:
        added = orders.add_parser(name, help=says)
        added.set_defaults(run=_guarded(run))
        return added

    up = order("up", _up, "bring up a deployment of a target")
    up.add_argument("target", help="a name below targets/, or a file")
    up.add_argument("--expect-version", metavar="X", help="the release that runs in it (release.version)")
    named = [
        up,
        order("status", _status, "what runs where, and how it is"),
        order("down", _down, "take it down: no process and no file is left"),
    ]
    for name, run, says in (("break", _break, "break it"), ("mend", _mend, "mend it; all takes every fault away")):
        changing = order(name, run, says)
        changing.add_argument("fault", metavar="FAULT[:COMPONENT]")
        named.append(changing)
    for each in named:
        each.add_argument("--name", help="which sandbox, where several run")
    order("faults", _faults, "what can be broken").add_argument("target", nargs="?", help="only what applies there")


def _guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    def guarded(args: argparse.Namespace) -> int:
        from roadworthy.sandbox import SandboxError
        from roadworthy.target.loading import TargetError

        try:
            return run(args)
        except (SandboxError, TargetError) as error:
            print(f"roadworthy sandbox {args.order}: {error}", file=sys.stderr)
            return 4

    return guarded


def _up(args: argparse.Namespace) -> int:
    from roadworthy.places import targets_folder
    from roadworthy.sandbox import start
    from roadworthy.sandbox.deriving import derive
    from roadworthy.sandbox.faults import FAULTS
    from roadworthy.target.loading import find_target
    from roadworthy.target.releases import load_release

    path = find_target(args.target, targets_folder())
    given = {"release.version": args.expect_version} if args.expect_version else {}
    target = load_release(path, overrides=given).target
    started = start(target, args.name)
    try:
        _print_status(started.sandbox.status())
    except BaseException:
        started.end()
        raise
    started.stay()
    named = f" --name {started.sandbox.name}"
    options = f"--overlay {started.sandbox.overlay}"
    options += f" --expect-version {args.expect_version}" if args.expect_version else ""
    print(f"\nUp after {started.after_s:.1f} s. Verify it, break it, take it down:")
    print(f"  roadworthy gate {args.target} {options}")
    print(f"  pytest suites --target {args.target} {options}")
    deployment = derive(target, "127.64.0")
    if fault := next((fault for fault in FAULTS.values() if fault.applies(deployment)), None):
        print(f"  roadworthy sandbox break {fault.name}{named}")
    print(f"  roadworthy sandbox down{named}")
    return 0


def _status(args: argparse.Namespace) -> int:
    from roadworthy.sandbox import find, known

    found = [find(args.name)] if args.name else known()
    for sandbox in found:
        _print_status(sandbox.status())
    if not found:
        print("No sandbox runs.")
    return 0


def _print_status(status: Mapping[str, Any]) -> None:
    print(f"Sandbox {status['name']} of {status['target']}, since {status['started']}, below {status['directory']}")
    width = max(len(part["name"]) for part in status["parts"])
    for part in status["parts"]:
        addresses = ", ".join(part["addresses"][:2]) + (", ..." if len(part["addresses"]) > 2 else "")  # noqa: PLR2004 - fits a line
        print(f"  {part['name']:{width}}  {part['is']:15}  {part['state']:8}  {addresses}")
    print(f"  broken: {', '.join(status['faults']) or 'nothing'}")


def _down(args: argparse.Namespace) -> int:
    from roadworthy.sandbox import find

    sandbox = find(args.name)
    sandbox.down()
    print(f"Sandbox {sandbox.name} is down.")
    return 0


def _break(args: argparse.Namespace) -> int:
    from roadworthy.sandbox import find

    told = find(args.name).break_(args.fault)
    print(f"Broken: {told['fault']}. {told['summary']} Found by {', '.join(told['reds'])}.")
    return 0


def _mend(args: argparse.Namespace) -> int:
    from roadworthy.sandbox import find

    told = find(args.name).mend(args.fault)
    print(f"Mended: {', '.join(told['mended']) or 'nothing was broken'}.")
    return 0


def _faults(args: argparse.Namespace) -> int:
    from roadworthy.sandbox.faults import FAULTS

    where = dict.fromkeys(FAULTS, "")
    if args.target:
        from roadworthy.places import targets_folder
        from roadworthy.sandbox.deriving import derive
        from roadworthy.target.loading import find_target
        from roadworthy.target.releases import load_release

        deployment = derive(load_release(find_target(args.target, targets_folder())).target, "127.64.0")
        applying = [fault for fault in FAULTS.values() if fault.applies(deployment)]
        where = {fault.name: f" By default in {fault.component_for(deployment)}." for fault in applying}
    width = max(map(len, FAULTS))
    for name, place in where.items():
        fault = FAULTS[name]
        print(f"{name:{width}}  {fault.summary}{place} Found by {', '.join(sorted(fault.reds))}.")
    return 0
