"""That certificates are renewed by themselves, by certbot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from roadworthy.target.blocks.block import Expectation, Need
from roadworthy.target.schedules import When
from roadworthy.target.values import Duration, Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable


def _name(text: str) -> str:
    if not text or any(character.isspace() or character in "/,:" for character in text):
        raise ValueError(f"{text!r} is no name; write api.shop.example or *.shop.example")
    return text.lower()


class DryRun(Frozen):
    """All certificates are renewed, as a trial."""

    within: Duration = Field(description="It ends within this time; network.scan_timeout must be longer.")


class Renewal(Expectation):
    """Promises of certbot's renewals."""

    scheduled: Literal[True] | When | None = Field(
        None,
        description="A crontab whose daemon runs, or an active timer, calls `certbot renew`; or it does so just then: "
        '`"0 0 * * *"`.',
    )
    names: tuple[Annotated[str, AfterValidator(_name)], ...] | None = Field(
        None, min_length=1, description="Names that are in a certificate which certbot renews by itself."
    )
    ran_within: Duration | None = Field(None, description="The last run of it, no trial, is at most so long ago.")
    sound: Literal[True] | None = Field(None, description="That run came to its end, and nothing failed.")
    dry_run: DryRun | None = Field(
        None, description="`certbot renew --dry-run` succeeds, of each certificate; needs network.allows: [writes]."
    )

    def needs(self) -> Iterable[Need]:
        """A trial is no mere look."""
        if self.dry_run is not None:
            yield Need("dry_run", "writes", "certbot speaks to the CA's staging server and writes logs")
