"""Mail: what a domain says of the mail that is sent in its name, and the server that takes it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Mail(Expectation):
    """Promises about the mail of the component's domain."""

    mx: tuple[str, ...] | None = Field(None, min_length=1, description="Exactly the names of its mail exchangers.")


class Smtp(Expectation):
    """Promises about an SMTP server."""

    starttls: Literal[True] | None = Field(None, description="It offers STARTTLS, and takes no login before it.")
