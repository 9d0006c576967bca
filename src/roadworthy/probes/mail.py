"""Mail of a domain: every look-up that judging it takes, and the MTA-STS policy from its host.

What is looked up is decided by the rules themselves: their coroutines (`rules/questions.py`) are driven with DNS here,
and with what was seen there. A question is asked once, however many of them want to know.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from roadworthy.facts.base import NotObserved
from roadworthy.facts.http import HttpAsk, Silence
from roadworthy.facts.mail import Lookup, LookupState, MailObservation, NoPolicyAnswer, PolicyAnswer
from roadworthy.facts.name import NameState
from roadworthy.facts.tls import NoHandshake, TlsAsk
from roadworthy.probes import http, tls
from roadworthy.probes.name import addresses_of, ascii_name, resolver_of
from roadworthy.rules.mail import everything
from roadworthy.rules.tls import covers

if TYPE_CHECKING:
    from dns.name import Name
    from dns.resolver import Answer as DnsAnswer

    from roadworthy.facts.mail import LookupKind, MailAsk
    from roadworthy.facts.tls import Handshake
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.rules.questions import Steps

AT_ONCE = 8
MOST_LOOKUPS = 200
MOST_RECORDS = 200
MOST_BYTES = 1024 * 1024
"""Of all answers together: what DNS says of a domain's mail takes a few kilobytes."""

POLICY_BYTES = 64 * 1024
"""RFC 8461 section 3.3: clients may refuse what is larger."""

MOST_HOSTS = 4
"""Addresses of the policy's host that are asked."""


async def observe(ask: MailAsk, address: None, bench: Bench) -> MailObservation:  # noqa: ARG001 - a probe's signature
    """All look-ups, and the policy where the ask wants it.

    Raises:
        NotObserved: this machine names no resolver.
    """
    observed_at = datetime.now(UTC)
    desk = _Desk(bench)
    await bench.shared(resolver_of)
    domain = ascii_name(ask.host).lower().rstrip(".")
    asked = ask.model_copy(update={"host": domain})
    drives = [_drive(steps, desk) for steps in everything(asked)]
    *_, policies = await asyncio.gather(*drives, _policies(domain, bench) if ask.policy_file else _none())
    return MailObservation(observed_at=observed_at, lookups=desk.lookups, policies=policies)


async def _none() -> tuple[()]:
    return ()


async def _drive(steps: Steps[Any], desk: _Desk) -> None:
    """Answers the questions of one judgement, whatever it comes to."""
    try:
        question = next(steps)
        while True:
            question = steps.send(await desk.lookup(*question))
    except StopIteration:
        return


class _Desk:
    """Looks up what nobody has asked yet, a few at once."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._under_way: dict[tuple[str, LookupKind], asyncio.Task[Lookup]] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._bytes = 0

    async def lookup(self, name: str, kind: LookupKind) -> Lookup:
        """One look-up, in whose answer names have no dot at their end."""
        name = name.lower().rstrip(".")
        key = (name, kind)
        if key not in self._under_way:
            if len(self._under_way) >= MOST_LOOKUPS:
                return _failed(name, kind, f"more than {MOST_LOOKUPS} look-ups")
            self._under_way[key] = asyncio.create_task(self._look_up(name, kind))
        return await self._under_way[key]

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """All that were made, in the order of their names."""
        done = [task.result() for task in self._under_way.values()]
        return tuple(sorted(done, key=lambda one: (one.name.split(".")[::-1], one.kind)))

    async def _look_up(self, name: str, kind: LookupKind) -> Lookup:
        from dns.exception import DNSException  # noqa: PLC0415 - 0.08 s, and few runs look at mail
        from dns.resolver import NXDOMAIN, LifetimeTimeout  # noqa: PLC0415 - as above

        resolver = await self.bench.shared(resolver_of)
        patience_s = self.bench.patience_s
        async with self._at_once:
            try:
                asked = _dns_name(name)
                async with asyncio.timeout(patience_s):
                    answer = await resolver.resolve(
                        asked, kind, search=False, lifetime=patience_s, raise_on_no_answer=False
                    )
            except NXDOMAIN:
                return Lookup(name=name, kind=kind, state=LookupState.NXDOMAIN)
            except (LifetimeTimeout, TimeoutError):
                return _failed(name, kind, f"no answer within {patience_s:g} s")
            except (DNSException, OSError, ValueError) as error:
                return _failed(name, kind, str(error)[:300])
        return self._told(name, kind, answer)

    def _told(self, name: str, kind: LookupKind, answer: DnsAnswer) -> Lookup:
        if answer.rrset is None:
            return Lookup(name=name, kind=kind, state=LookupState.NODATA)
        if len(answer.rrset) > MOST_RECORDS:
            return _failed(name, kind, f"{len(answer.rrset)} records, more than {MOST_RECORDS}")
        records = tuple(sorted(_text(record, kind) for record in answer.rrset))
        self._bytes += sum(map(len, records))
        if self._bytes > MOST_BYTES:
            return _failed(name, kind, f"all answers together have more than {MOST_BYTES} bytes")
        end = _plain(answer.canonical_name)
        alias_of = end if end != name else None
        return Lookup(name=name, kind=kind, state=LookupState.FOUND, records=records, alias_of=alias_of)


def _failed(name: str, kind: LookupKind, why: str) -> Lookup:
    return Lookup(name=name, kind=kind, state=LookupState.FAILED, detail=why)


def _dns_name(name: str) -> Name:
    """A name whose labels may hold anything: SPF's macros make such.

    Raises:
        ValueError: it can be no name.
        dns.exception.DNSException: as above.
    """
    from dns.name import Name  # noqa: PLC0415 - as above

    return Name([*(label.encode("latin-1") for label in name.split(".")), b""])


def _plain(name: Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _text(record: Any, kind: LookupKind) -> str:
    match kind:
        case "MX":
            return f"{record.preference} {_plain(record.exchange)}"
        case "TXT":
            return b"".join(record.strings).decode("latin-1")
        case "PTR":
            return _plain(record.target)
        case _:
            return str(record.address)


async def _policies(domain: str, bench: Bench) -> tuple[PolicyAnswer | NoPolicyAnswer, ...]:
    """The policy at each address of its host (RFC 8461 section 3.3); a redirect is no policy."""
    host = f"mta-sts.{domain}"
    try:
        found, _ = await addresses_of(host, 443, bench)
    except NotObserved as error:
        return (NoPolicyAnswer(detail=str(error), unseen=True),)
    if isinstance(found, NameState):
        return (NoPolicyAnswer(detail=f"{host}: {found.value}"),)
    return tuple(await asyncio.gather(*(_policy(host, address, bench) for address in found[:MOST_HOSTS])))


async def _policy(host: str, address: Address, bench: Bench) -> PolicyAnswer | NoPolicyAnswer:
    ask = HttpAsk.of(f"https://{host}/.well-known/mta-sts.txt").model_copy(update={"body_limit": POLICY_BYTES})
    try:
        trusts = TlsAsk(host=host, port=443, ca_file=bench.network.ca_file)
        shaken = (await tls.observe(trusts, address, bench)).result
        if isinstance(shaken, NoHandshake):
            return NoPolicyAnswer(address=str(address), detail=f"{shaken.failure.value}: {shaken.detail}")
        seen = await http.observe(ask, address, bench)
    except NotObserved as error:
        return NoPolicyAnswer(address=str(address), detail=str(error), unseen=True)
    if isinstance(seen.result, Silence):
        return NoPolicyAnswer(address=str(address), detail=f"{seen.result.silence.value}: {seen.result.detail}")
    return PolicyAnswer(
        address=str(address),
        status=seen.result.status,
        media_type=seen.result.media_type,
        text=seen.result.body,
        truncated=seen.result.truncated,
        distrust=distrust_of(shaken, host, seen.observed_at),
    )


def distrust_of(shaken: Handshake, host: str, now: datetime) -> str:
    """What a client that verifies has against a handshake; empty where it has nothing."""
    leaf = shaken.leaf
    faults = list(shaken.distrust)
    if not covers(leaf, host):
        faults.append(f"the certificate is not for {host}")
    ends = min((end for end in (leaf.not_after, shaken.authorities_end) if end is not None), default=leaf.not_after)
    begins = max((at for at in (leaf.not_before, shaken.authorities_begin) if at is not None), default=leaf.not_before)
    if not begins <= now <= ends:
        faults.append(f"the certificate is valid from {begins:%d %b %Y} to {ends:%d %b %Y}")
    return "; ".join(faults)
