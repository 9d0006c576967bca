"""WebSocket: that a handshake is completed, and somebody answers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Path
from roadworthy.target.blocks.http import Origin
from roadworthy.target.values import PUBLIC


def _token(value: str) -> str:
    if not value.isascii() or not value.replace(".", "").replace("-", "").replace("_", "").isalnum():
        raise ValueError("a subprotocol is a single word such as graphql-transport-ws")
    return value


class Websocket(Expectation):
    """Promises about a WebSocket endpoint (RFC 6455)."""

    WHERE: ClassVar[frozenset[str]] = frozenset({"sends"})

    path: Path = Field(description="Asked below the component's URL, with a query where it needs one.")
    pings: Literal[True] | None = Field(None, description="A ping is answered by the pong that belongs to it.")
    sends: str | None = Field(None, min_length=1, max_length=4096, description="A text message that is sent.")
    expects: str | None = Field(
        None, min_length=1, description="A text message comes that holds this; an echo, where it is what `sends` says."
    )
    subprotocol: Annotated[str, AfterValidator(_token)] | None = Field(
        None, description="Offered alone, and agreed on in the handshake."
    )
    closes: Literal[True] | None = Field(None, description="A close frame is answered by one, not by silence.")
    origins: tuple[Origin, ...] | None = Field(
        None,
        min_length=1,
        description="Pages of these origins may connect; those of any other are refused.",
        json_schema_extra={PUBLIC: True},
    )

    @model_validator(mode="after")
    def _what_is_sent_is_answered(self) -> Self:
        if self.sends is not None and self.expects is None:
            raise ValueError("sends: say in expects what comes back (the same text, where it is echoed)")
        return self
