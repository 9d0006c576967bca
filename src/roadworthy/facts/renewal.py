"""What a host shows of certbot: who calls it, which certificates it renews, and how its last run ended."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.cron import Crontab, Timer
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class RenewalAsk(HostAsk):
    """What to look at."""

    kind: Literal["renewal"] = "renewal"
    trial_s: float | None = Field(None, description="A dry run is made, and ends by then; nothing else is looked at.")

    @property
    def once(self) -> bool:
        """A dry run is."""
        return self.trial_s is not None


class Lineage(Fact):
    """A certificate that certbot renews: a file of /etc/letsencrypt/renewal."""

    name: str
    automatic: bool = Field(True, description="Not `autorenew = False`.")
    names: tuple[str, ...] | Unseen = Field(description="The names in the certificate itself.")


class Run(Fact):
    """A run of `certbot renew`, as its log has it."""

    at: datetime
    path: str
    errors: tuple[str, ...] = ()
    ended: bool = Field(description="It says itself that it came to its end: no renewal failures, or so many.")


class Trial(Fact):
    """How a dry run ended."""

    code: int
    outcomes: dict[str, str] = Field(description="By certificate: success, failure.")
    last_words: str = ""


class RenewalObservation(HostObservation):
    """What was seen."""

    kind: Literal["renewal"] = "renewal"
    debian: bool = False
    systemd: bool = False
    daemons: tuple[str, ...] | Unseen | None = None
    tabs: tuple[Crontab, ...] = Field((), description="Their lines that call `certbot renew`.")
    others: Unseen | None = Field(None, description="Why other users' crontabs are not among them; None: they are.")
    timers: dict[str, Timer] | Unseen | None = None
    lineages: tuple[Lineage, ...] | Unseen | None = None
    last: Run | Unseen | None = Field(
        None, description="The newest run that was no trial; None: the logs tell of none."
    )
    trial: Trial | Unseen | None = None
