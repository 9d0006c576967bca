"""Name resolution: which addresses stand behind a name."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from roadworthy.facts.base import Ask, Observation


class NameState(StrEnum):
    """How a look-up ended (RFC 1035, RFC 2308). A resolver that fails (SERVFAIL, time-out) is not observed."""

    RESOLVED = "resolved"
    NXDOMAIN = "NXDOMAIN"
    NODATA = "no A or AAAA record"


class NameAsk(Ask):
    """Which addresses the name has, A and AAAA. The port matters only to `connect_to`."""

    kind: Literal["name"] = "name"
    per_address: ClassVar[bool] = False
    exchanges: ClassVar[int] = 0  # with the resolver, and none with the host


class NameObservation(Observation):
    """The addresses behind a name, as `address:port` to connect to, in the order to try them."""

    kind: Literal["name"] = "name"
    state: NameState
    endpoints: tuple[str, ...] = ()
    source: Literal["literal", "connect-to", "hosts file", "DNS"]

    @property
    def transient(self) -> bool:
        """A name that is not there may be on its way."""
        return self.state is not NameState.RESOLVED
