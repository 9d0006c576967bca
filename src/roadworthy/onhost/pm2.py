"""On the host: applications that PM2 keeps running."""

from __future__ import annotations

from typing import Any


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/pm2.py` holds."""
    del wanted
    return {}
