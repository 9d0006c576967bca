"""A worker of Laravel's kind: takes jobs off a list, notes them as reserved while it works, and forgets them.

python -m roadworthy.sandbox.stores.worker   with what it needs in the environment, as a password stands there
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import Any

RESERVED_S = 90
LISTS = {"laravel": "queues:{q}", "celery": "{q}", "sidekiq": "queue:{q}"}


@dataclass(frozen=True)
class Worker:
    """Which queue it works on."""

    kind: str
    prefix: str
    queue: str
    number: int = 0

    @property
    def key(self) -> str:
        """The list."""
        return self.prefix + LISTS[self.kind].replace("{q}", self.queue)

    def environ(self, address: tuple[str, int], username: str, password: str) -> dict[str, str]:
        """What its process is told."""
        told = {"IP": address[0], "PORT": str(address[1]), "USER": username, "PASSWORD": password, "KEY": self.key}
        told |= {"NUMBER": str(self.number), "END": "0" if self.kind == "laravel" else "-1"}
        return {f"WORKER_{name}": value for name, value in told.items()}

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return [sys.executable, "-m", "roadworthy.sandbox.stores.worker"]


def main() -> None:
    """Works until it is killed."""
    import redis  # noqa: PLC0415 - of use to the worker alone

    told = {name: os.environ[f"WORKER_{name}"] for name in ("IP", "PORT", "USER", "PASSWORD", "KEY", "NUMBER", "END")}
    client = redis.Redis(
        told["IP"], int(told["PORT"]), int(told["NUMBER"]), username=told["USER"], password=told["PASSWORD"]
    )
    take = client.blpop if told["END"] == "0" else client.brpop
    reserved = f"{told['KEY']}:reserved"
    while True:
        found = take([told["KEY"]], timeout=5)
        if isinstance(found, list | tuple):
            job: Any = found[1]
            client.zadd(reserved, {job: time.time() + RESERVED_S})
            client.zrem(reserved, job)


if __name__ == "__main__":
    main()
