"""What is known of a hostile server: how it talks, and which words a person must read of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hostile.grounds import Grounds, Talk

STATUS = "health: {path: /health}"


@dataclass(frozen=True)
class Hostile:
    """One hostile server."""

    name: str
    talk: Talk
    told: str
    """A regular expression that a finding about it must match."""
    promises: str = STATUS
    """The component's blocks, as YAML."""
    where: str = "url: http://127.0.0.1:{port}"
    """The component's place, as YAML."""
    serve: Callable[[Grounds, Hostile], int] | None = None
    """How it is served, if not as plain TCP; gives the port."""
    is_slow: bool = False
    """It takes long to think, and would hold up its neighbours."""
    network: str = ""
    """More of the target's network block."""

    def __str__(self) -> str:
        return self.name

    def target(self, port: int, healthy: int, times: dict[str, float]) -> str:
        """A target with the hostile server and a healthy one."""
        allowed = ", ".join(f"{name}: {seconds:g}s" for name, seconds in times.items())
        return f"""
schema: 1
name: hostile
environment: test
network: {{{allowed}, retries: 0{self.network.format(port=port)}}}
components:
  hostile:
    {self.where.format(port=port)}
    {self.promises}
  well:
    url: http://127.0.0.1:{healthy}
    health: {{path: /health, json: {{status: ok}}}}
    headers: {{x-content-type-options: nosniff}}
"""
