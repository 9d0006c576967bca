"""What experts agree on about exposure, for targets that say nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.rules.security_txt import SECURITY_TXT, security_txt_faults

if TYPE_CHECKING:
    from roadworthy.facts.paths import PathsObservation
    from roadworthy.target.blocks.exposure import Exposure


def advice(promised: Exposure, seen: PathsObservation, url: str) -> list[str]:
    """Each as `what (source)`."""
    if promised.security_txt is not None:
        return []
    faults = security_txt_faults(seen.at(SECURITY_TXT), seen.observed_at, url)
    return [f"{SECURITY_TXT}: {', '.join(faults)} (RFC 9116)"] if faults else []
