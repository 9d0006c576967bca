"""On the host: the firewall, and what bans intruders."""

from __future__ import annotations

from typing import Any


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/firewall.py` holds."""
    del wanted
    return {}
