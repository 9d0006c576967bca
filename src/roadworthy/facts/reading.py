"""What asks have in common that read an application's own tables: the login of the store, and where to look."""

from __future__ import annotations

from pydantic import Field

from roadworthy.facts.base import Ask
from roadworthy.target.blocks.database import Engine


class ReadingAsk(Ask):
    """One session with a database, for what is promised of tables of the application's own."""

    engine: Engine | None = Field(None, description="None: it is a cache.")
    name: str | None = Field(None, description="The database to look into.")
    username: str = ""
    password: str | None = Field(None, exclude=True, repr=False, description="Never written down.")
    auth_source: str | None = None
    secures: bool = Field(False, description="A password is sent only over TLS whose certificate was verified.")

    @property
    def exchanges(self) -> int:
        """A second connection tells what there is behind a certificate that is not trusted."""
        return 2
