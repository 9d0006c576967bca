"""The options of a verification, for `pytest suites` and `roadworthy gate` alike: flag -> argparse's settings."""

from __future__ import annotations

from typing import Any

from roadworthy.check import Severity

OPTIONS: dict[str, dict[str, Any]] = {
    "--target": {"metavar": "NAME|FILE", "help": "what is verified: a name below targets/, or a file"},
    "--overlay": {"action": "append", "default": [], "metavar": "FILE", "help": "laid over the target; repeatable"},
    "--connect-to": {
        "action": "append",
        "default": [],
        "metavar": "HOST:PORT:ADDR:PORT",
        "help": "where a name is really reached, as curl's; repeatable",
    },
    "--resolver": {"metavar": "ADDRESS:PORT", "help": "the DNS server to ask"},
    "--expect-version": {"metavar": "X", "help": "the release that must answer on every address"},
    "--fail-on": {
        "default": Severity.LOW.label,
        "choices": [severity.label for severity in Severity],
        "help": "findings from this severity on block (low)",
    },
    "--wait": {"metavar": "5m", "help": "wait as long for the release, and for every component to be there"},
    "--settle": {"type": int, "default": 1, "metavar": "N", "help": "good rounds in a row before the full run (1)"},
    "--waivers": {"metavar": "FILE", "help": "findings that somebody answers for (waivers.yaml, where it is there)"},
    "--no-waivers": {"action": "store_true", "help": "nothing is waived in this run"},
    "--dry-run": {"action": "store_true", "help": "list all that would be sent; nothing is"},
    "--json": {"action": "store_true", "help": "with --dry-run: the list as JSON"},
    "--replay": {"metavar": "RUN", "help": "judge a recorded run again; nothing is sent"},
    "--reports": {"metavar": "DIR", "help": "where runs are kept (reports/)"},
    "--verdict-only": {"action": "store_true", "help": "the verdict alone, without pytest's own terminal output"},
}
