"""On the host: programs that Supervisor keeps running."""

from __future__ import annotations

from typing import Any


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/supervisor.py` holds."""
    del wanted
    return {}
