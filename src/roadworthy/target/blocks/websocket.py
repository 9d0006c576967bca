"""WebSocket: that a handshake is completed, and somebody answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from roadworthy.target.blocks.block import Expectation, Path


class Websocket(Expectation):
    """Promises about a WebSocket endpoint (RFC 6455)."""

    path: Path = Field(description="Asked below the component's URL.")
    pings: Literal[True] | None = Field(None, description="A ping is answered by a pong.")
