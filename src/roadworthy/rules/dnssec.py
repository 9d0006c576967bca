"""Judgements on signatures: whether the chain holds, and for how long yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.dns import LinkState
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.dns import DnssecObservation, Signature, Signed
    from roadworthy.target.blocks.dns import Dnssec

OLD_ALGORITHMS = frozenset({"RSAMD5", "DSA", "RSASHA1", "DSANSEC3SHA1", "RSASHA1NSEC3SHA1", "ECCGOST"})
"""That must not be signed with any more (RFC 8624, RFC 9905)."""
SHA1_DIGEST = "1"


def broken_chain(seen: DnssecObservation) -> list[str]:
    """Where the chain from the trust anchor to the name's records does not hold; dates are not looked at."""
    for link in seen.links:
        if link.state is not LinkState.SECURE:
            return [f"{'the root' if link.zone == '.' else link.zone} is {link.state.value}: {link.detail}"]
    told = [signed for signed in seen.records if signed.state is not None]
    if not told:
        first = seen.records[0].detail if seen.records else "none has an address"
        raise NotObserved(Reason.NO_ANSWER, f"no name server of {seen.zone} answers: {first}")
    return _unsound(told)


def _unsound(signed: Iterable[Signed]) -> list[str]:
    found: dict[str, list[str]] = {}
    for one in signed:
        if one.state is not LinkState.SECURE:
            found.setdefault(one.detail, []).append(f"{one.server} ({one.address})")
    return [f"{', '.join(dict.fromkeys(who))}: {told}" for told, who in found.items()]


def _holds(seen: DnssecObservation) -> None:
    """Says nothing of what is behind a broken chain.

    Raises:
        NotObserved: it is broken.
    """
    if any(link.state is not LinkState.SECURE for link in seen.links):
        raise NotObserved(Reason.NOT_APPLICABLE, "the chain of trust does not hold")


def without_proof(seen: DnssecObservation) -> list[str]:
    """How the absence of a name is not shown by signed records."""
    _holds(seen)
    return _unsound(seen.absence)


def wrong_dates(seen: DnssecObservation, promised: Dnssec) -> list[str]:
    """Signatures that are not valid now, not for long enough, or for too long; parents' need to be valid alone."""
    _holds(seen)
    own = _own(seen)
    faults: dict[str, None] = {}
    for signature in seen.signatures:
        if fault := _date(seen, signature, promised if signature in own else None):
            faults[fault] = None
    if not seen.signatures:
        raise NotObserved(Reason.NOT_APPLICABLE, "no signature was met")
    return list(faults)


def _own(seen: DnssecObservation) -> set[Signature]:
    """The signatures that the zone itself has made."""
    last = [s for link in seen.links[-1:] for s in link.signatures if s.type != "DS"]
    return {*last, *(s for signed in (*seen.records, *seen.absence) for s in signed.signatures)}


def _date(seen: DnssecObservation, signature: Signature, promised: Dnssec | None) -> str | None:
    now = seen.observed_at
    called = f"the signature on {signature.name} {signature.type}"
    if signature.not_before > now:
        return f"{called} is not valid before {signature.not_before:%d %b %Y %H:%M} UTC"
    left = (signature.not_after - now).total_seconds()
    if left <= 0:
        return f"{called} ended on {signature.not_after:%d %b %Y %H:%M} UTC"
    if promised is not None and left < promised.left:
        return f"{called} ends in {show_duration(round(left))}, at least {show_duration(promised.left)} promised"
    if promised is not None and left > promised.at_most:
        span = show_duration(round(left))
        return f"{called} is valid for {span} yet, at most {show_duration(promised.at_most)} promised"
    return None
