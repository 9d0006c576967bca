"""On the host: PHP's pools and settings."""

from __future__ import annotations

from typing import Any


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/php.py` holds."""
    del wanted
    return {}
