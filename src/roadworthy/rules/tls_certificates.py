"""Judgements on the certificates of a TLS edge. A server may have two for one name: each is judged, and told apart."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.tls import covers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from roadworthy.facts.tls import Certificate, Handshake, TlsObservation

WEAK_HASHES = frozenset({"md2", "md4", "md5", "sha1"})
"""Collisions are found for these: a certificate can be forged (RFC 6194, RFC 6151)."""

KIND_OF = {"rsa": "rsa", "ec": "ec", "ed25519": "ec", "ed448": "ec"}
"""The kind of key that a target speaks of: an Edwards curve is an elliptic curve."""


def of_each(seen: TlsObservation, judge: Callable[[Handshake], Iterable[str]]) -> list[str]:
    """The faults of every certificate that the server has; where it has two, each fault says of which it is.

    Raises:
        NotObserved: there was no handshake; or one can't be judged, and the other has no fault.
    """
    several = len(seen.handshakes) > 1
    faults: list[str] = []
    unsure: NotObserved | None = None
    for shaken in seen.handshakes:
        try:
            found = list(judge(shaken))
        except NotObserved as error:
            unsure = unsure or error
        else:
            faults += [f"with its {shaken.leaf.key_type} certificate: {one}" if several else one for one in found]
    if unsure is not None and not faults:
        raise unsure
    return faults


def wrong_name(leaf: Certificate, host: str) -> list[str]:
    """That a certificate is not for a host."""
    names = ", ".join((*leaf.dns_names, *leaf.ip_addresses)[:10]) or f"no name at all (subject {leaf.subject})"
    return [] if covers(leaf, host) else [f"the certificate is for {names}, not for {host}"]


def missing_names(leaf: Certificate, names: Iterable[str]) -> list[str]:
    """The promised names that a certificate does not cover; a promised wildcard must stand there as such."""
    held = {name.lower() for name in leaf.dns_names}
    missing = [name for name in names if (name.lower() not in held if "*" in name else not covers(leaf, name))]
    return [f"the certificate does not cover {', '.join(missing)}"] if missing else []


def wrong_issuer(leaf: Certificate, promised: Sequence[str]) -> list[str]:
    """That a certificate was issued by nobody of those that are promised."""
    by = {name.casefold() for name in leaf.issued_by}
    if any(name.casefold() in by for name in promised):
        return []
    return [f"issued by {leaf.issuer or 'nobody'}, not by {' or '.join(promised)}"]


def wrong_dates(shaken: Handshake, now: datetime) -> list[str]:
    """The certificates that have ended or not begun."""
    leaf, faults = shaken.leaf, []
    if leaf.not_before > now:
        faults.append(f"the certificate is valid only from {leaf.not_before:%d %b %Y %H:%M} UTC")
    if leaf.not_after < now:
        faults.append(f"the certificate expired on {leaf.not_after:%d %b %Y}")
    if shaken.authorities_begin is not None and shaken.authorities_begin > now:
        faults.append(f"a certificate of its authority is valid only from {shaken.authorities_begin:%d %b %Y}")
    if shaken.authorities_end is not None and shaken.authorities_end < now:
        faults.append(f"a certificate of its authority expired on {shaken.authorities_end:%d %b %Y}")
    return faults


def days_left(leaf: Certificate, now: datetime) -> int:
    """Whole days to its end; negative once it has ended."""
    return (leaf.not_after - now) // timedelta(days=1)


def too_close_to_its_end(leaf: Certificate, now: datetime, floor: int) -> list[str]:
    """That fewer days are left than promised; a certificate that has ended has none."""
    left, end = days_left(leaf, now), leaf.not_after
    if end >= now and left >= floor:
        return []
    seen = f"expired on {end:%d %b %Y}" if end < now else f"expires on {end:%d %b %Y}: {left} days left"
    return [f"{seen}; {floor} promised"]


def issued_for_too_long(leaf: Certificate, ceiling: timedelta) -> list[str]:
    """That a certificate lives longer than promised."""
    if leaf.lifetime <= ceiling:
        return []
    return [f"issued for {leaf.lifetime / timedelta(days=1):.1f} days, {ceiling.days} promised at most"]


def short_key(leaf: Certificate, promised: Mapping[str, int]) -> list[str]:
    """That a key is shorter than promised; one of an unknown kind has no size to compare.

    Raises:
        NotObserved: nothing is promised of this kind of key.
    """
    kind = KIND_OF.get(leaf.key_type)
    if kind is not None and kind not in promised:
        raise NotObserved(Reason.NOT_APPLICABLE, f"the key is {leaf.key_type}; only {', '.join(promised)} is promised")
    floor = promised[kind] if kind is not None else None
    if floor is not None and leaf.key_bits >= floor:
        return []
    return [f"{leaf.key_type} key of {leaf.key_bits} bits, {floor or 'rsa or ec'} promised"]


def weak_signatures(shaken: Handshake) -> list[str]:
    """Certificates that were sent and are signed with a broken hash; nobody reads a root's own signature."""
    return [
        f"{one.subject} is signed with {one.signature_hash}"
        for one in shaken.chain
        if one.signature_hash in WEAK_HASHES and not (one.is_self_issued and one is not shaken.leaf)
    ]


def untidy_chain(chain: Sequence[Certificate]) -> list[str]:
    """What is wrong with the order and the members of a chain as it was sent, each kind told apart."""
    below, path = chain[0], [chain[0]]
    rest = list(chain[1:])
    while (above := next((one for one in rest if one.subject == below.issuer), None)) and not below.is_self_issued:
        path.append(above)
        rest.remove(above)
        below = above
    again = [one for one in rest if any(one.sha256 == member.sha256 for member in path)]
    strangers = [one for one in rest if one not in again]
    roots = [one for one in path[1:] if one.is_self_issued]
    faults = []
    if [one for one in chain if one in path] != path and not again:
        faults.append(f"the chain is out of order: {_told(chain)}")
    if strangers:
        faults.append(f"a certificate that does not belong to the chain is sent: {_told(strangers)}")
    if again:
        faults.append(f"a certificate is sent twice: {_told(again)}")
    if roots:
        faults.append(f"the root is sent, which clients have or don't trust: {_told(roots)}")
    return faults


def _told(certificates: Collection[Certificate]) -> str:
    return ", ".join(one.subject or one.sha256[:16] for one in certificates)


def unstapled(shaken: Handshake) -> list[str]:
    """That a certificate which may not be used without an OCSP response came without one."""
    if shaken.leaf.must_staple and not shaken.stapled:
        return ["the certificate demands a stapled OCSP response (must-staple), and none came"]
    return []
