"""What a server accepts, asked with one ClientHello after another: versions, suites, groups, and how it chooses.

Suites are found by elimination: offer many, note the one that is picked, offer the rest. That takes a connection for
each accepted suite, and one to three for each refused version, some 15 in all. No handshake is ever completed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from roadworthy.facts.suites import GROUPS, HYBRIDS, codes, group_name, named
from roadworthy.facts.tls import TlsScanAsk
from roadworthy.probes import tls_hello
from roadworthy.probes.tls import ALPN
from roadworthy.probes.tls_hello import (
    EMS,
    INAPPROPRIATE_FALLBACK,
    PROTOCOL_VERSION,
    RENEGOTIATION,
    Alert,
    Closed,
    NotTls,
    ServerHello,
    Silence,
    Ssl2Hello,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from roadworthy.facts.tls import Suite
    from roadworthy.probes.bench import Address
    from roadworthy.probes.starttls import Protocol
    from roadworthy.probes.tls_hello import Met

AT_ONCE = 2
"""Connections to one server: more makes throttled servers give random time-outs."""

SUITES_AT_ONCE = 120
"""In one ClientHello: some old servers break off at more than 128."""
SUITES_AT_ONCE_SSL3 = 90
"""A ClientHello of SSL 3.0 can't be padded out of the sizes that some load balancers hang on."""

OLDER = ("1.2", "1.1", "1.0", "SSL3")
FORWARD_SECRET = ("_ECDHE_", "_ECDH_anon_")
CHACHA = "_CHACHA20_"


class EnoughError(OSError):
    """All questions of a survey were asked, and the server still accepts more."""


@dataclass(frozen=True)
class Door:
    """Where to ask, and how."""

    address: Address
    sni: str | None
    patience_s: float
    protocol: Protocol | None = None
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    questions: Iterator[int] = field(default_factory=lambda: iter(range(TlsScanAsk.most_questions)))

    async def ask(
        self,
        version: str,
        suites: Sequence[int],
        *,
        groups: Sequence[int] = tuple(GROUPS),
        fallback: bool = False,
        with_group: bool = False,
        again: bool = True,
    ) -> Met:
        """One ClientHello; a silent or abrupt refusal is asked for a second time, unless it is known already."""
        hello = tls_hello.client_hello(
            version,
            suites,
            host=self.sni,
            groups=groups,
            fallback=fallback,
            protocols=() if self.protocol else ALPN,
        )
        met = await self._once(hello, with_group=with_group)
        if again and isinstance(met, Closed | Silence):
            return await self._once(hello, with_group=with_group)
        return met

    async def _once(self, hello: bytes, *, ssl2: bool = False, with_group: bool = False) -> Met:
        if next(self.questions, None) is None:
            raise EnoughError
        async with self.turns:
            return await tls_hello.ask(
                self.address,
                hello,
                patience_s=self.patience_s,
                protocol=self.protocol,
                ssl2=ssl2,
                with_group=with_group,
            )

    async def ask_ssl2(self) -> Met:
        """One CLIENT-HELLO of SSL 2.0: its answer names all suites at once."""
        return await self._once(tls_hello.ssl2_hello(codes("SSL2")), ssl2=True)


@dataclass(frozen=True)
class Found:
    """What one version brought to light."""

    suites: tuple[int, ...] = ()
    hello: ServerHello | None = None
    """The first answer."""
    compressed: bool = False
    broken: str | None = None
    """An answer that no client would understand."""
    silent: bool = False
    """A ClientHello was answered by nothing at all, twice."""
    abrupt: bool = False
    """One was answered by the end of the connection: a refusal, or a server that has had enough of us."""
    unsure: bool = False
    """The network, not the server's TLS, kept the answer back."""


@dataclass(frozen=True)
class Survey:
    """Everything that was found; what each means is told in `TlsScanObservation`."""

    accepted: dict[str, tuple[Suite, ...]]
    undetermined: tuple[str, ...]
    broken: tuple[str, ...]
    compressed: bool
    renegotiates_securely: bool | None
    extended_master_secret: bool | None
    groups: tuple[str, ...]
    preference: str | None
    fallback_refused: bool | None


async def survey(door: Door, *, all_groups: bool) -> Survey:
    """Asks everything.

    Args:
        door: where.
        all_groups: asks for every key exchange group that is accepted, and not for post-quantum ones alone.

    Raises:
        NotObserved: there is no route from here.
        starttls.NoStarttls: TLS was not offered behind the plain protocol.
    """
    versions = ("1.3", *OLDER, "SSL2")
    results = await asyncio.gather(*(_version(door, version) for version in versions))
    found = await _told(door, dict(zip(versions, results, strict=True)))
    older = [version for version in OLDER if found[version].suites]
    first = next((found[version].hello for version in older if found[version].hello), None)
    extensions = first.extensions if first else frozenset()
    groups, unsure_groups = await _groups(door, found, all_groups=all_groups)
    return Survey(
        accepted={v: tuple(named(code) for code in found[v].suites) for v in reversed(versions) if found[v].suites},
        undetermined=(*(v for v in reversed(versions) if found[v].unsure), *unsure_groups),
        broken=tuple(f"{version}: {found[version].broken}" for version in versions if found[version].broken),
        compressed=any(one.compressed for one in found.values()),
        renegotiates_securely=RENEGOTIATION in extensions if first else None,
        extended_master_secret=EMS in extensions if first else None,
        groups=groups,
        preference=await _preference(door, found),
        fallback_refused=await _fallback_refused(door, older, found),
    )


async def _told(door: Door, found: dict[str, Found]) -> dict[str, Found]:
    """The same, with silence told apart: a refusal where the server still answers others, and unsure where not.

    So is the end of a connection, of a server that answered before.
    """
    if not any(one.silent or one.abrupt for one in found.values()):
        return found
    known = next((version for version, one in found.items() if one.suites and version != "SSL2"), None)
    try:
        if known is not None and isinstance(await door.ask(known, found[known].suites), ServerHello):
            return found
    except OSError:
        pass  # it no longer answers at all
    return {
        version: replace(one, unsure=one.unsure or one.silent or (one.abrupt and known is not None))
        for version, one in found.items()
    }


async def _version(door: Door, version: str) -> Found:
    try:
        return await _ssl2(door) if version == "SSL2" else await _suites(door, version)
    except OSError:
        return Found(unsure=True)


async def _ssl2(door: Door) -> Found:
    met = await door.ask_ssl2()
    if isinstance(met, Ssl2Hello):
        return Found(suites=met.suites) if met.suites else Found(broken="a server hello without suites")
    return Found()


async def _suites(door: Door, version: str) -> Found:
    """Every suite of a version, group after group, until the server says that the version itself is refused."""
    found = Found()
    for offered in _batches(version):
        rest = list(offered)
        while rest:
            try:
                met = await door.ask(version, rest, again=not found.silent)
            except OSError:
                return replace(found, unsure=True)
            silent, abrupt = found.silent or isinstance(met, Silence), found.abrupt or isinstance(met, Closed)
            found = replace(found, silent=silent, abrupt=abrupt)
            if not isinstance(met, ServerHello) or met.version != version:
                break
            if met.suite not in rest:
                return replace(found, broken=f"chose {named(met.suite).iana}, which was not offered")
            rest.remove(met.suite)
            found = replace(
                found,
                suites=(*found.suites, met.suite),
                hello=found.hello or met,
                compressed=found.compressed or met.compressed,
            )
        if not found.suites and _refuses_version(met, version):
            break
    return found


def _refuses_version(met: Met, version: str) -> bool:
    """Whether other suites would meet the same."""
    if isinstance(met, Alert):
        return met.description == PROTOCOL_VERSION
    return isinstance(met, NotTls) or (isinstance(met, ServerHello) and met.version != version)


def _batches(version: str) -> Iterator[tuple[int, ...]]:
    every = codes(version)
    size = SUITES_AT_ONCE_SSL3 if version == "SSL3" else SUITES_AT_ONCE
    for start in range(0, len(every), size):
        yield every[start : start + size]


async def _groups(door: Door, found: dict[str, Found], *, all_groups: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The groups that are accepted, and what of them can't be told."""
    try:
        taken: dict[int, None] = {}
        if newest := found["1.3"].suites:
            offered = tuple(GROUPS) if all_groups else HYBRIDS
            async for group in _eliminated(door, "1.3", newest, offered, most=len(offered) if all_groups else 1):
                taken[group] = None
        curves = [code for code in found["1.2"].suites if any(part in named(code).iana for part in FORWARD_SECRET)]
        if all_groups and curves:
            async for group in _eliminated(door, "1.2", curves, tuple(GROUPS), most=len(GROUPS)):
                taken[group] = None
    except (OSError, _UnsureError):
        return (), ("groups",)
    return tuple(group_name(group) for group in taken), ()


class _UnsureError(Exception):
    """The server fell silent, or ends every connection by now."""


async def _eliminated(
    door: Door, version: str, suites: Sequence[int], offered: Sequence[int], *, most: int
) -> AsyncIterator[int]:
    rest = list(offered)
    while rest and len(offered) - len(rest) < most:
        met = await door.ask(version, suites, groups=rest, with_group=version != "1.3")
        if isinstance(met, Silence) or (
            isinstance(met, Closed) and not isinstance(await door.ask(version, suites), ServerHello)
        ):
            raise _UnsureError
        if not isinstance(met, ServerHello) or met.version != version or met.group not in rest:
            return
        rest.remove(met.group)
        yield met.group


async def _preference(door: Door, found: dict[str, Found]) -> str | None:
    """Whose order of suites counts, in the highest version that has two; up to TLS 1.2 first.

    ChaCha20 is left out where it can be: servers may take it from clients that have it first, and choose by their own
    order otherwise.
    """
    for version in (*OLDER, "1.3"):
        suites = found[version].suites
        plain = [code for code in suites if CHACHA not in named(code).iana]
        offered = plain if len(plain) > 1 else list(suites)
        if len(offered) > 1:
            try:
                picked = [await door.ask(version, order) for order in (offered, offered[::-1])]
            except OSError:
                return None
            chosen = [met.suite for met in picked if isinstance(met, ServerHello)]
            if chosen == [offered[0], offered[-1]]:
                return "client"
            return "server" if len(chosen) == len(picked) and chosen[0] == chosen[1] else None
    return None


async def _fallback_refused(door: Door, older: Sequence[str], found: dict[str, Found]) -> bool | None:
    """Whether a client that falls back is told so (RFC 7507); None where there are no two versions up to TLS 1.2."""
    if len(older) < 2:  # noqa: PLR2004 - one to fall back from, one to fall to
        return None
    try:
        met = await door.ask(older[-1], found[older[-1]].suites, fallback=True)
    except OSError:
        return None
    if isinstance(met, Alert):
        return met.description == INAPPROPRIATE_FALLBACK
    return False if isinstance(met, ServerHello) else None
