"""What others do with a Valkey server of the sandbox: fill it, keep connections, say a command again and again.

python -m roadworthy.sandbox.stores.valkey_clients   with what it needs in the environment, as a password stands there
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

PIECE = 64 * 1024
AT_ONCE, PAUSE_S = 3, 0.02


def fill(client: Any, size: int) -> None:
    """So many bytes of keys, or until so many are in use without what waits for replicas, which is gone soon."""
    for number in range(size // PIECE):
        client.set(f"filling:{number}", "x" * PIECE)
        memory = client.info("memory")
        if memory["used_memory"] - memory["mem_total_replication_buffers"] >= size:
            return


def seed(client: Any, commands: Iterable[tuple[str, ...]]) -> None:
    """Says commands; {now} in them becomes the moment, in seconds."""
    for words in commands:
        client.execute_command(*(word.replace("{now}", f"{time.time():.3f}") for word in words))


def held(clients: Iterable[Any]) -> ExitStack:
    """A connection of each, taken from its pool and never given back."""
    stack = ExitStack()
    for client in clients:
        stack.enter_context(client)
        connection = client.connection_pool.get_connection()
        stack.callback(connection.disconnect)
    return stack


def command_of() -> list[str]:
    """What starts somebody who says a command again and again."""
    return [sys.executable, "-m", "roadworthy.sandbox.stores.valkey_clients"]


def environ_of(address: tuple[str, int], username: str, password: str, words: tuple[str, ...]) -> dict[str, str]:
    """What that one's process is told."""
    told = {"ADDRESS": json.dumps(address), "USER": username, "PASSWORD": password, "WORDS": json.dumps(words)}
    return {f"CLIENT_{name}": value for name, value in told.items()}


def main() -> None:
    """Several say it until they are killed: where it takes long, one is always under way."""
    import redis  # noqa: PLC0415 - of use to that process alone

    told = {name: os.environ[f"CLIENT_{name}"] for name in ("ADDRESS", "USER", "PASSWORD", "WORDS")}
    ip, port = json.loads(told["ADDRESS"])
    client: Any = redis.Redis(ip, port, username=told["USER"], password=told["PASSWORD"], socket_timeout=None)

    def say() -> None:
        while True:
            with contextlib.suppress(redis.RedisError):
                client.execute_command(*json.loads(told["WORDS"]))
            time.sleep(PAUSE_S)

    speakers = [threading.Thread(target=say) for _ in range(AT_ONCE)]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join()


if __name__ == "__main__":
    main()
