"""Promises of applications that PM2 keeps running."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from roadworthy.target.blocks.block import Expectation, Place
from roadworthy.target.values import Duration, Frozen


class App(Frozen):
    """An application of PM2."""

    instances: int = Field(ge=1, le=1000, description="It has exactly so many, each online.")
    mode: Literal["cluster", "fork"] | None = Field(None, description="How they are run.")
    restarts: int | None = Field(
        None,
        ge=0,
        description="Each was started again so often at most, by whomever, since `pm2 start` or `pm2 reset`.",
    )
    unstable_restarts: int | None = Field(None, ge=0, description="So often at most because it ended at once.")
    uptime: Duration | None = Field(None, description="Each has been up for so long at least.")
    saved: Literal[True] | None = Field(
        None, description="`pm2 save` has written it down as it runs: as many, the same script, words and mode."
    )


class Pm2(Expectation):
    """Promises of applications that PM2 keeps running, as its daemon says; none is started by looking."""

    WHERE = frozenset({"home"})

    user: str | None = Field(None, min_length=1, description="Whose PM2 it is: its applications run as this user.")
    home: Place | None = Field(None, description="PM2_HOME; without it, `.pm2` in the user's own folder.")
    apps: dict[str, App] | None = Field(None, min_length=1, description="By name.")
    resurrects: Literal[True] | None = Field(
        None, description="A systemd unit that is enabled starts PM2 at boot (`pm2 startup`), with what is saved."
    )

    @model_validator(mode="after")
    def _is_somebodys(self) -> Self:
        if self.user is None and self.home is None:
            raise ValueError("say whose PM2 is meant: user, or home")
        return self
