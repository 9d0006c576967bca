"""A stand-in for Debian's cron, as a program: it reads crontabs as cron does, and runs nothing of what is in them.

It writes into its log what it would have started.

`python -m roadworthy.sandbox.machines.crond ROOT`. It has been up for long: at its start it writes when each line was
last due. As PAM has it, no account that has expired (the eighth field of /etc/shadow) gets its jobs run. Its lines are
those of Debian 12's cron in rsyslog's default form.
"""

from __future__ import annotations

import os
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from roadworthy.facts.cron import Shift
from roadworthy.rules.schedules import last_due
from roadworthy.target.schedules import FIELDS, parse_cron

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.schedules import Schedule

SPOOL, SYSTEM, DROP_INS = "var/spool/cron/crontabs", "etc/crontab", "etc/cron.d"
LOG, PID_FILE = "var/log/syslog", "run/crond.pid"
NAME = "cron"
UP_FOR = timedelta(days=40)
IN_UTC = (Shift(since=datetime.fromtimestamp(0, UTC), offset_s=0),)
MINUTE = timedelta(minutes=1)
EXPIRES = 7
"""The place of an account's end among the fields of /etc/shadow, in days since 1970."""


class Entry(NamedTuple):
    """A line that is run."""

    schedule: Schedule
    user: str
    command: str

    def is_due(self, moment: datetime) -> bool:
        """Whether it is started in a minute."""
        day = (moment.month, moment.day, moment.isoweekday() % 7)
        return (
            moment.minute in self.schedule.minutes and moment.hour in self.schedule.hours and day in self.schedule.days
        )


def entries(root: Path) -> Iterator[Entry]:
    """What the crontabs say."""
    tabs = [(path, path.name) for path in _files(root / SPOOL)]
    tabs += [(root / SYSTEM, "")] if (root / SYSTEM).exists() else []
    tabs += [(path, "") for path in _files(root / DROP_INS) if re.fullmatch(r"[A-Za-z0-9_-]+", path.name)]
    for path, user in tabs:
        for line in path.read_text().splitlines():
            if (entry := _entry(line.strip(), user)) is not None:
                yield entry


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _entry(line: str, user: str) -> Entry | None:
    count = 1 if line.startswith("@") else FIELDS
    words = line.split(None, count + (not user))
    if not line or line.startswith("#") or re.match(r"\w+\s*=", line) or len(words) <= count + (not user):
        return None
    try:
        schedule = parse_cron(" ".join(words[:count]))
    except ValueError:
        return None
    return Entry(schedule, user or words[count], words[-1])


def expired(root: Path, user: str, moment: datetime) -> bool:
    """Whether PAM lets nobody of that name in any more."""
    shadow = root / "etc/shadow"
    fields = [line.split(":") for line in shadow.read_text().splitlines()] if shadow.exists() else []
    ends = (int(one[EXPIRES]) for one in fields if one[0] == user and len(one) > EXPIRES and one[EXPIRES].isdigit())
    return any(moment.timestamp() // 86400 >= day for day in ends)


def told(root: Path, entry: Entry, moment: datetime) -> str:
    """The line of a start, or of PAM's refusal."""
    said = f"({entry.user}) CMD ({entry.command})"
    if expired(root, entry.user, moment):
        said = f"pam_unix(cron:account): account {entry.user} has expired (account expired)"
    return f"{moment + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}.018642+00:00 host CRON[{os.getpid()}]: {said}\n"


def main(root: Path) -> None:
    """Runs until it is ended."""
    Path("/proc/self/comm").write_text(NAME)
    began = datetime.now(UTC)
    log = root / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    past = [
        (moment, entry) for entry in entries(root) if (moment := last_due(entry.schedule, began, IN_UTC)) is not None
    ]
    with log.open("a", buffering=1) as file:
        file.write(
            f"{began - UP_FOR:%Y-%m-%dT%H:%M:%S}.000000+00:00 host cron[1]: (CRON) INFO (Running @reboot jobs)\n"
        )
        file.writelines(told(root, entry, moment) for moment, entry in sorted(past, key=lambda one: one[0]))
        (root / PID_FILE).parent.mkdir(parents=True, exist_ok=True)
        (root / PID_FILE).write_text(f"{os.getpid()}\n")
        minute = began.replace(second=0, microsecond=0)
        while True:
            minute += MINUTE
            time.sleep(max(0.0, (minute - datetime.now(UTC)).total_seconds()))
            file.writelines(told(root, entry, minute) for entry in entries(root) if entry.is_due(minute))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
