"""The chain of trust: from an anchor, by DS and DNSKEY, to the keys of the name's zone, and from these to its records.

Signatures are verified without regard to their dates, which are facts of their own: an expired signature and a wrong
key are two findings. Each zone's keys are asked at the resolver, checking disabled; where it strips signatures, at the
zone's own servers. The records of the name are asked at every server.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
import dns.rdataset
import dns.rdatatype
from cryptography.exceptions import UnsupportedAlgorithm

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.dns import TELLS, DnssecObservation, Link, LinkState, Signature, Signed
from roadworthy.probes.dns_wire import Question, plain, put
from roadworthy.probes.dns_zones import asked_name, endpoints_of, resolve, servers_of, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dns.message import Message
    from dns.rdtypes.ANY.DNSKEY import DNSKEY
    from dns.rdtypes.ANY.DS import DS
    from dns.rdtypes.ANY.RRSIG import RRSIG
    from dns.rrset import RRset

    from roadworthy.facts.dns import DnssecAsk
    from roadworthy.probes.bench import Address, Bench

_MOST_SIGNATURES, _MOST_KEYS, _MOST_ANCHORS = 8, 4, 16
"""That are tried: a zone may hold thousands that fit (KeyTrap, CVE-2023-50387)."""
_MOST_ITERATIONS = 150
"""Of NSEC3's hash: beyond, resolvers stop to validate, and so does this."""
_FEW = 2
_MOST_ZONES = 12
_UNSOUND = (dns.exception.DNSException, UnsupportedAlgorithm, ValueError, TypeError, IndexError, KeyError)


async def observe(ask: DnssecAsk, address: None, bench: Bench) -> DnssecObservation:  # noqa: ARG001 - a probe's signature
    """Follows the chain, as far as it holds.

    Raises:
        NotObserved: the way to the zone is not known, or its keys can't be asked for.
    """
    observed_at = datetime.now(UTC)
    name = asked_name(ask.host)
    zone = (await zone_of(name, bench)).zone
    links, keys = await _chain(await _zones_above(zone, bench), _anchors(ask.anchor), bench)
    trust = Trust(zone, keys)
    places = (await servers_of(zone, bench)).places
    records = [
        signed
        for kind, owner in (("SOA", zone), ("A", name), ("AAAA", name))
        for signed in await asyncio.gather(*(_records(kind, owner, place, trust, bench) for place in places))
        if signed is not None
    ]
    stranger = f"{ask.stranger}.{zone}" if zone != "." else ask.stranger
    absence, denial, iterations = await _absence(stranger, places, trust, bench)
    return DnssecObservation(
        observed_at=observed_at,
        zone=zone,
        links=tuple(links),
        records=tuple(records),
        absence=absence,
        denial=denial,
        iterations=iterations,
    )


def _anchors(file: str | None) -> dict[str, list[dns.rdata.Rdata]]:
    """The trusted DS and DNSKEY records of each zone.

    Raises:
        NotObserved: the file holds none.
    """
    if file is None:
        text = files("roadworthy.known").joinpath("root-anchors.txt").read_text(encoding="ascii")
    else:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise NotObserved(Reason.BROKEN, f"trust anchor {file}: {error}") from error
    found: dict[str, list[dns.rdata.Rdata]] = {}
    for line in text.splitlines():
        words = line.partition(";")[0].split()
        kind = next((at for at, word in enumerate(words) if word.upper() in ("DS", "DNSKEY")), None)
        if not kind:
            continue
        try:
            rdata = dns.rdata.from_text("IN", words[kind], " ".join(words[kind + 1 :]))
            found.setdefault(plain(dns.name.from_text(words[0])), []).append(rdata)
        except dns.exception.DNSException as error:
            raise NotObserved(Reason.BROKEN, f"trust anchor {file}: {line.strip()!r}: {error}") from error
    if not found:
        raise NotObserved(Reason.BROKEN, f"trust anchor {file}: holds no DS or DNSKEY record")
    return found


async def _zones_above(zone: str, bench: Bench) -> list[str]:
    """The root, and every zone down to this one."""
    found = [zone]
    while found[-1] != "." and len(found) < _MOST_ZONES:
        found.append((await zone_of(found[-1].partition(".")[2] or ".", bench)).zone)
    return found[::-1]


Keys = list["DNSKEY"]


Denial = Literal["NSEC", "NSEC3"]


class Trust(NamedTuple):
    """A zone, and the keys that its records may be signed with."""

    zone: str
    keys: Keys


async def _chain(zones: list[str], anchors: dict[str, list[dns.rdata.Rdata]], bench: Bench) -> tuple[list[Link], Keys]:
    """A link for each zone from the closest anchor on, until one does not hold; and the last zone's keys."""
    start = max((at for at, zone in enumerate(zones) if zone in anchors), default=None)
    if start is None:
        raise NotObserved(Reason.NOT_APPLICABLE, f"no trust anchor is at or above {zones[-1]}")
    trusted = anchors[zones[start]][:_MOST_ANCHORS]
    links: list[Link] = []
    keys: Keys = []
    for at, zone in enumerate(zones[start:], start):
        met: list[Signature] = []
        if at > start:
            told = await _signed_answer(zone, "DS", zones[at - 1], bench)
            rrset, state, detail, signature = _verified(told, zone, "DS", zones[at - 1], keys)
            met += [signature] if signature else []
            if rrset is None or state is not LinkState.SECURE:
                why = detail or "the parent has no DS record for it"
                links.append(Link(zone=zone, state=state, detail=why, signatures=tuple(met)))
                return links, []
            trusted = list(rrset)
        told = await _signed_answer(zone, "DNSKEY", zone, bench)
        link, keys = _keys(told, zone, trusted, tuple(met))
        links.append(link)
        if link.state is not LinkState.SECURE:
            return links, []
    return links, keys


async def _signed_answer(name: str, kind: str, zone: str, bench: Bench) -> Message:
    """An answer with its signatures: the resolver's, or that of one of the zone's servers.

    Raises:
        NotObserved: nobody answers.
    """
    question = Question(name, kind, signed=True)
    told: str | None = None
    try:
        reply = await resolve(question, bench)
        if reply.message is not None and _has_signatures(reply.message):
            return reply.message
    except NotObserved as error:
        told = error.detail
    servers = (await resolve(Question(zone, "NS"), bench)).said.values("NS", zone)[:_FEW]
    found = await asyncio.gather(*(endpoints_of(server, bench) for server in servers))
    for address in (addresses[0] for addresses in found if addresses):
        reply = await put(question, address, bench)
        if reply.said.state in TELLS and reply.message is not None:
            return reply.message
        told = f"{address}: {reply.said.told}"
    raise NotObserved(Reason.NO_ANSWER, f"{name} {kind}: {told or 'no name server has an address'}")


def _has_signatures(message: Message) -> bool:
    return any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in (*message.answer, *message.authority))


def _keys(told: Message, zone: str, trusted: list[dns.rdata.Rdata], met: tuple[Signature, ...]) -> tuple[Link, Keys]:
    """A zone's keys, if one that is trusted signed them all."""
    rrset = _find(told.answer, zone, "DNSKEY")
    digests = tuple(dict.fromkeys(str(int(cast("DS", ds).digest_type)) for ds in trusted if _is(ds, "DS")))

    def link(state: LinkState, detail: str = "", algorithms: tuple[str, ...] = (), *more: Signature) -> Link:
        return Link(
            zone=zone, state=state, detail=detail, algorithms=algorithms, digests=digests, signatures=(*met, *more)
        )

    if rrset is None:
        return link(LinkState.BOGUS, "it has no DNSKEY record, and its parent says that it is signed"), []
    keys = [cast("DNSKEY", key) for key in rrset][:64]
    algorithms = tuple(dict.fromkeys(dns.dnssec.algorithm_to_text(key.algorithm) for key in keys))
    entries = [key for key in keys if any(_is_trusted(zone, key, rdata) for rdata in trusted)]
    if not entries:
        tags = ", ".join(sorted({str(_tag_of(rdata)) for rdata in trusted}))
        own = ", ".join(sorted({str(dns.dnssec.key_id(key)) for key in keys}))
        said = "the trust anchor" if not met else "its DS record"
        return link(LinkState.BOGUS, f"{said} is of key {tags}, and it has {own}", algorithms), []
    signature, detail = _signature(rrset, _find(told.answer, zone, "RRSIG", "DNSKEY"), zone, entries)
    if signature is None:
        return link(LinkState.BOGUS, f"its keys are not signed by the one that is trusted: {detail}", algorithms), []
    return link(LinkState.SECURE, "", algorithms, signature), keys


def _is(rdata: Any, kind: str) -> bool:
    return bool(rdata.rdtype == dns.rdatatype.from_text(kind))


def _tag_of(rdata: Any) -> int:
    return int(rdata.key_tag) if _is(rdata, "DS") else int(dns.dnssec.key_id(rdata))


def _is_trusted(zone: str, key: DNSKEY, rdata: dns.rdata.Rdata) -> bool:
    if not _is(rdata, "DS"):
        return bool(key == rdata)
    ds = cast("DS", rdata)
    if (ds.key_tag, ds.algorithm) != (dns.dnssec.key_id(key), key.algorithm):
        return False
    try:
        return bool(
            dns.dnssec.make_ds(dns.name.from_text(zone), key, ds.digest_type, validating=True).digest == ds.digest
        )
    except _UNSOUND:
        return False


def _find(section: Iterable[RRset], name: str, kind: str, covers: str = "NONE") -> RRset | None:
    wanted = (dns.name.from_text(name), dns.rdatatype.from_text(kind), dns.rdatatype.from_text(covers))
    return next((rrset for rrset in section if (rrset.name, rrset.rdtype, rrset.covers) == wanted), None)


def _verified(
    told: Message, name: str, kind: str, zone: str, keys: Keys
) -> tuple[RRset | None, LinkState, str, Signature | None]:
    """Records of an answer and how they are signed."""
    rrset = _find(told.answer, name, kind)
    if rrset is None:
        return None, LinkState.INSECURE, "", None
    signature, detail = _signature(rrset, _find(told.answer, name, "RRSIG", kind), zone, keys)
    return rrset, LinkState.SECURE if signature else LinkState.BOGUS, detail, signature


def _signature(rrset: RRset, signatures: RRset | None, zone: str, keys: Keys) -> tuple[Signature | None, str]:
    """The longest valid one of the signatures that hold, or why none does; dates are not looked at."""
    if signatures is None:
        return None, f"{_called(rrset)} has no signature"
    held: list[RRSIG] = []
    problem = ""
    for rdata in list(signatures)[:_MOST_SIGNATURES]:
        rrsig = cast("RRSIG", rdata)
        fitting = [key for key in keys if (dns.dnssec.key_id(key), key.algorithm) == (rrsig.key_tag, rrsig.algorithm)]
        if not fitting:
            problem = problem or f"{_called(rrset)} is signed by key {rrsig.key_tag}, which is none of the zone's"
        for key in fitting[:_MOST_KEYS]:
            known: dict[dns.name.Name, Any] = {dns.name.from_text(zone): dns.rdataset.from_rdata(0, key)}
            try:
                dns.dnssec.validate_rrsig(rrset, rrsig, known, now=rrsig.inception)
            except _UNSOUND as error:
                problem = f"{_called(rrset)}: {error or type(error).__name__}"
            else:
                held.append(rrsig)
                break
    if not held:
        return None, problem or f"{_called(rrset)} has no signature"
    best = max(held, key=lambda rrsig: rrsig.expiration)
    return (
        Signature(
            name=plain(rrset.name),
            type=dns.rdatatype.to_text(rrset.rdtype),
            tag=best.key_tag,
            algorithm=dns.dnssec.algorithm_to_text(best.algorithm),
            not_before=datetime.fromtimestamp(best.inception, UTC),
            not_after=datetime.fromtimestamp(best.expiration, UTC),
        ),
        "",
    )


def _called(rrset: RRset) -> str:
    return f"{plain(rrset.name)} {dns.rdatatype.to_text(rrset.rdtype)}"


async def _records(kind: str, name: str, place: tuple[str, Address], trust: Trust, bench: Bench) -> Signed | None:
    """How one server's records of a name are signed; None where there are none."""
    server, address = place
    reply = await put(Question(name, kind, signed=True), address, bench)
    if reply.message is None or reply.said.state not in TELLS:
        return Signed(server=server, address=str(address), type=kind, state=None, detail=reply.said.told)
    own = [rrset for rrset in reply.message.answer if rrset.rdtype != dns.rdatatype.RRSIG and plain(rrset.name) == name]
    return _signed(own, reply.message.answer, place, kind, trust) if own else None


def _signed(own: list[RRset], section: list[RRset], place: tuple[str, Address], kind: str, trust: Trust) -> Signed:
    found: list[Signature] = []
    problems: list[str] = []
    unsigned = False
    for rrset in own[:_MOST_SIGNATURES]:
        signatures = _find(section, rrset.name.to_text(), "RRSIG", dns.rdatatype.to_text(rrset.rdtype))
        unsigned = unsigned or signatures is None
        signature, problem = _signature(rrset, signatures, trust.zone, trust.keys)
        found += [signature] if signature else []
        problems += [problem] if problem else []
    state = LinkState.SECURE if not problems else LinkState.INSECURE if unsigned else LinkState.BOGUS
    server, address = place
    return Signed(
        server=server, address=str(address), type=kind, state=state, detail="; ".join(problems), signatures=tuple(found)
    )


async def _absence(
    name: str, places: Iterable[tuple[str, Address]], trust: Trust, bench: Bench
) -> tuple[tuple[Signed, ...], Denial | None, int]:
    """How the first server that answers shows that a name is not there; a wildcard answers instead."""
    for place in places:
        reply = await put(Question(name, "A", signed=True), place[1], bench)
        if reply.message is None or reply.said.state not in TELLS:
            continue
        section = reply.message.authority
        kinds = (dns.rdatatype.NSEC, dns.rdatatype.NSEC3)
        proofs = [rrset for rrset in section if rrset.rdtype in kinds][:_MOST_SIGNATURES]
        if not proofs:
            if reply.said.records:
                return (), None, 0
            nothing = "no NSEC or NSEC3 record shows that it is not there"
            return (_bare(place, LinkState.INSECURE, nothing),), None, 0
        denial: Denial = "NSEC" if proofs[0].rdtype == dns.rdatatype.NSEC else "NSEC3"
        iterations = int(getattr(proofs[0][0], "iterations", 0))
        if iterations > _MOST_ITERATIONS:
            costly = f"NSEC3 with {iterations} iterations, which resolvers take for unsigned (RFC 9276)"
            return (_bare(place, LinkState.INSECURE, costly),), denial, iterations
        signed = _signed(proofs, section, place, denial, trust)
        if signed.state is LinkState.SECURE and not reply.said.records and not covers(proofs, name, trust.zone):
            signed = signed.model_copy(
                update={"state": LinkState.BOGUS, "detail": f"its {denial} records leave room for {name}"}
            )
        return (signed,), denial, iterations
    return (), None, 0


def _bare(place: tuple[str, Address], state: LinkState, detail: str) -> Signed:
    return Signed(server=place[0], address=str(place[1]), type="A", state=state, detail=detail)


def covers(proofs: list[RRset], name: str, zone: str) -> bool:
    """Whether signed records show that a name is not there."""
    try:
        return _shows(proofs, name, zone)
    except _UNSOUND:
        return False


def _shows(proofs: list[RRset], name: str, zone: str) -> bool:
    """Whether a name is the very one of a proof, or between two that are there (RFC 4035, RFC 5155)."""
    wanted, origin = dns.name.from_text(name), dns.name.from_text(zone)
    if proofs[0].rdtype == dns.rdatatype.NSEC:
        return any(_between(rrset.name, wanted, cast("Any", rrset[0]).next) for rrset in proofs)
    first = cast("Any", proofs[0][0])
    hashed = dns.dnssec.nsec3_hash(wanted, first.salt, first.iterations, first.algorithm)
    digest = dns.name.from_text(hashed, origin)
    return any(
        _between(rrset.name, digest, dns.name.from_text(cast("Any", rrset[0]).next_name().labels[0].decode(), origin))
        for rrset in proofs
    )


def _between(before: dns.name.Name, name: dns.name.Name, after: dns.name.Name) -> bool:
    return bool(before == name or before < name < after or (after <= before and (name > before or name < after)))
