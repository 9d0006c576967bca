"""On the host: what is taken out of JSON that other programs write. Whatever is of another type is not there."""

from __future__ import annotations

import json
from typing import Any


def parsed(said: str) -> Any:
    """A document.

    Raises:
        ValueError: it is none.
    """
    try:
        return json.loads(said)
    except RecursionError as error:
        raise ValueError("too deep") from error


def table(value: Any) -> dict[str, Any]:
    """An object; an empty one."""
    return value if isinstance(value, dict) else {}


def tables(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A text; an empty one."""
    return value if isinstance(value, str) else ""


def texts(value: Any) -> list[str]:
    """The texts of a list."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def number(value: Any) -> int | None:
    """A whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
