"""`python -m tests.fuzz [NAME ...] [--seconds N] [--seed S]`: feeds parsers until the time is over; 1 if one broke."""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.registry import PARSERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fuzz.parser import Parser

ROUND = settings(
    max_examples=100,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # to shrink what takes long takes longer
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Feeds the named parsers, or all, each for its share of the time."""
    options = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PARSERS)}")
    options.add_argument("--seconds", type=float, default=60.0, help="in all (default: %(default)s)")
    options.add_argument("--seed", type=int, default=None, help="to see the same again")
    given_options = options.parse_args(arguments)
    if unknown := set(given_options.names) - PARSERS.keys():
        options.error(f"invalid choice: {', '.join(sorted(unknown))}")
    chosen = [PARSERS[name] for name in given_options.names or PARSERS]
    start = random.SystemRandom().randrange(2**32) if given_options.seed is None else given_options.seed
    broke = [parser.name for parser in chosen if _fuzz(parser, given_options.seconds / len(chosen), start)]
    return int(bool(broke))


def _fuzz(parser: Parser, seconds: float, start: int) -> bool:
    """Whether it broke."""
    fed, ends, number = 0, time.monotonic() + seconds, start

    def feed(sent: Any) -> None:
        nonlocal fed
        if time.monotonic() < ends:  # else the rest of the round goes by unfed
            fed += 1
            parser.feed(sent)

    while time.monotonic() < ends:
        try:
            seed(number)(ROUND(given(parser.inputs)(feed)))()
        except Exception:  # noqa: BLE001 - whatever a parser raises is what we look for
            print(f"{parser.name}: BROKE (--seed {number})\n{traceback.format_exc()}")
            return True
        number += 1
    print(f"{parser.name}: {fed} inputs, seeds {start} to {number - 1}")
    return False


if __name__ == "__main__":
    sys.exit(main())
