"""SPF by RFC 7208 in full: check_host as a pure coroutine, which asks for look-ups and is given their answers.

    evaluation = Evaluation(Sender(ip, "postmaster@shop.example", "shop.example"))
    steps = evaluation.check_host("shop.example")        yields Question, is sent Lookup, returns Result

Who drives it decides where answers come from: the probe asks DNS and keeps what it learns, the rules look into what was
kept. An evaluation remembers what it met, so that a record can be judged as a whole: the terms, their networks, how
many look-ups it took.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

from roadworthy.facts.mail import Lookup, LookupState
from roadworthy.rules.questions import LONGEST_NAME, Question, Steps, is_below, is_name
from roadworthy.rules.spf_grammar import (
    LOOKS_UP,
    Macro,
    Record,
    SyntaxFault,
    Term,
    check_explanation,
    is_record,
    parse,
    pieces,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    from roadworthy.facts.mail import LookupKind

    Ip = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

MOST_LOOKUPS = 10
MOST_VOIDS = 2
MOST_NAMES = 10
"""Names of one `mx` or `ptr` whose addresses are looked up (RFC 7208 section 4.6.4)."""


class Result(StrEnum):
    """What check_host says (section 2.6)."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 - a result
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


QUALIFIERS = {"+": Result.PASS, "-": Result.FAIL, "~": Result.SOFTFAIL, "?": Result.NEUTRAL}


class Stop(Exception):  # noqa: N818 - a result that ends the evaluation, not an error of ours
    """An evaluation ends with an error of the record or of DNS."""

    def __init__(self, result: Result, why: str) -> None:
        super().__init__(why)
        self.result = result


@dataclass(frozen=True)
class Sender:
    """Who hands a message in."""

    ip: Ip
    mail_from: str
    helo: str

    @classmethod
    def of(cls, ip: str | Ip, domain: str) -> Sender:
        """A server that sends in the name of a domain."""
        return cls(unmapped(ipaddress.ip_address(ip)), f"postmaster@{domain}", domain)

    @property
    def address(self) -> str:
        """MAIL FROM, or who stands for it where it is empty (section 2.4)."""
        local, _, domain = (self.mail_from or f"postmaster@{self.helo}").rpartition("@")
        return f"{local or 'postmaster'}@{domain}"

    @property
    def domain(self) -> str:
        """Whose record is asked for."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True)
class Met:
    """A term that an evaluation came to."""

    domain: str
    term: Term
    passes: bool
    """It and every include that led to it let pass what matches."""
    target: str | None = None
    """The name that it leads to, of `include` and `redirect`."""


@dataclass
class Evaluation:
    """One run of check_host, and what was met on the way."""

    sender: Sender
    surveys: bool = False
    """No match ends it, but `all`: every term is met, whoever the sender is."""
    most_lookups: int = MOST_LOOKUPS
    most_voids: int = MOST_VOIDS
    lookups: int = 0
    voids: int = 0
    why: str = ""
    """What ended it with an error."""
    explanation: str | None = None
    met: list[Met] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    networks: list[Network] = field(default_factory=list)
    """Every network that a term was compared with."""
    receiver: str = "unknown"
    now: str = "0"
    _names: list[str] | None = None
    """The sender's validated names, once they are known: a record may ask for them thousands of times."""
    _above: tuple[str, ...] = ()
    """The qualifiers of the includes that led here."""

    def check_host(self, domain: str) -> Steps[Result]:
        """The result for the sender, by the record of a domain."""
        try:
            return (yield from self._check(domain))
        except Stop as stop:
            self.why = str(stop)
            return stop.result

    def _check(self, domain: str) -> Steps[Result]:
        if not is_name(domain):
            return Result.NONE
        text = yield from self._record_text(domain)
        if text is None:
            return Result.NONE
        try:
            record = parse(text)
        except SyntaxFault as fault:
            raise Stop(Result.PERMERROR, f"{domain}: {fault}") from fault
        self.records[domain.lower().rstrip(".")] = record
        for term in record.terms:
            matches = yield from self._matches(term, domain)
            if matches and (term.mechanism == "all" or not self.surveys):
                result = QUALIFIERS[term.qualifier]
                if result is Result.FAIL and not self._above:
                    yield from self._explain(record, domain)
                return result
        if record.redirect is None or record.all is not None:
            return Result.NEUTRAL
        return (yield from self._redirected(record.redirect, domain))

    def _meet(self, domain: str, term: Term, target: str | None = None) -> None:
        self.met.append(Met(domain, term, {*self._above, term.qualifier} == {"+"}, target))

    def _record_text(self, domain: str) -> Steps[str | None]:
        answer = yield Question(domain, "TXT")
        if answer.state is LookupState.FAILED:
            raise Stop(Result.TEMPERROR, f"{domain} TXT: {answer.detail}")
        texts = [text for text in answer.records if is_record(text)]
        if len(texts) > 1:
            raise Stop(Result.PERMERROR, f"{domain} has {len(texts)} SPF records; with more than one, none counts")
        return texts[0] if texts else None

    def _redirected(self, spec: str, domain: str) -> Steps[Result]:
        term = Term(f"redirect={spec}", "+", "redirect", spec)
        self._count(term.text)
        target = yield from self._expanded_name(spec, domain)
        self._meet(domain, term, target)
        result = yield from self._check(target)
        if result is Result.NONE:
            raise Stop(Result.PERMERROR, f"redirect={target} of {domain} leads to no SPF record")
        return result

    def _matches(self, term: Term, domain: str) -> Steps[bool]:
        if term.mechanism in LOOKS_UP:
            self._count(term.text)
        if term.mechanism == "include" and term.spec is not None:
            return (yield from self._includes(term, term.spec, domain))
        self._meet(domain, term)
        if term.mechanism == "all":
            return True
        if term.network is not None:
            return self._is_in(term.network)
        target = domain if term.spec is None else (yield from self._expanded_name(term.spec, domain))
        return (yield from self._looks_up(term, target))

    def _looks_up(self, term: Term, target: str) -> Steps[bool]:
        match term.mechanism:
            case "exists":
                return bool((yield from self._ask(target, "A", term)).records)
            case "mx":
                return (yield from self._matches_mx(target, term))
            case "ptr":
                names = yield from self._validated()
                return any(is_below(name, target) for name in names)
            case _:
                return (yield from self._matches_a(target, term, counts=True))

    def _includes(self, term: Term, spec: str, domain: str) -> Steps[bool]:
        target = yield from self._expanded_name(spec, domain)
        self._meet(domain, term, target)
        above, self._above = self._above, (*self._above, term.qualifier)
        result = yield from self._check(target)
        self._above = above
        if result is Result.NONE:
            raise Stop(Result.PERMERROR, f"include:{target} of {domain} leads to no SPF record")
        return result is Result.PASS

    def _matches_a(self, name: str, term: Term, *, counts: bool) -> Steps[bool]:
        kind: LookupKind = "A" if self.sender.ip.version == 4 else "AAAA"  # noqa: PLR2004 - IP version
        answer = yield from self._ask(name, kind, term, counts=counts)
        bits = term.lengths[kind == "AAAA"]
        found = [ipaddress.ip_network(f"{address}/{bits}", strict=False) for address in answer.records]
        matched = [self._is_in(network) for network in found]  # all of them are met
        return any(matched)

    def _matches_mx(self, name: str, term: Term) -> Steps[bool]:
        answer = yield from self._ask(name, "MX", term)
        hosts = [host for record in answer.records if (host := record.partition(" ")[2]) not in ("", ".")]
        if len(hosts) > MOST_NAMES:
            raise Stop(Result.PERMERROR, f"{term.text}: {name} has {len(hosts)} mail exchangers, {MOST_NAMES} at most")
        matched = False
        for host in hosts:
            matched |= yield from self._matches_a(host, term, counts=False)
            if matched and not self.surveys:
                break
        return matched

    def _is_in(self, network: Network) -> bool:
        self.networks.append(network)
        return self.sender.ip.version == network.version and self.sender.ip in network

    def _count(self, text: str) -> None:
        self.lookups += 1
        if self.lookups > self.most_lookups:
            raise Stop(Result.PERMERROR, f"needs more than {self.most_lookups} look-ups ({text} is one too many)")

    def _ask(self, name: str, kind: LookupKind, term: Term, *, counts: bool = True) -> Steps[Lookup]:
        """A look-up of a mechanism; one of a name that can be none has no answer (section 4.8)."""
        if not is_name(name, several=False):
            return Lookup(name=name, kind=kind, state=LookupState.NODATA)
        answer = yield Question(name, kind)
        if answer.state is LookupState.FAILED:
            raise Stop(Result.TEMPERROR, f"{name} {kind}: {answer.detail}")
        if counts and answer.is_void:
            self.voids += 1
            if self.voids > self.most_voids:
                told = f"more than {self.most_voids} look-ups find nothing ({term.text} is one too many)"
                raise Stop(Result.PERMERROR, told)
        return answer

    def _validated(self) -> Steps[list[str]]:
        """The names of the sender's address that have that address, too (section 5.5)."""
        if self._names is not None:
            return self._names
        answer = yield Question(reverse_name(self.sender.ip), "PTR")
        kind: LookupKind = "A" if self.sender.ip.version == 4 else "AAAA"  # noqa: PLR2004 - IP version
        names: list[str] = []
        for name in answer.records[:MOST_NAMES]:
            if is_name(name, several=False):
                found = yield Question(name, kind)
                if any(ipaddress.ip_address(address) == self.sender.ip for address in found.records):
                    names.append(name)
        self._names = names
        return names

    def _explain(self, record: Record, domain: str) -> Steps[None]:
        """Fills in the words for a refused sender; where anything is wrong with them, there are none (section 6.2)."""
        if record.exp is None:
            return
        name = yield from self._expanded_name(record.exp, domain)
        if not is_name(name, several=False):
            return
        answer = yield Question(name, "TXT")
        if len(answer.records) == 1:
            try:
                text = check_explanation(answer.records[0])
                self.explanation = yield from self._expanded(text, domain)
            except SyntaxFault:
                self.explanation = None

    def _expanded_name(self, spec: str, domain: str) -> Steps[str]:
        """A domain-spec's name; one that is too long loses labels on its left (section 7.3)."""
        name = (yield from self._expanded(spec, domain)).rstrip(".")
        if len(name) <= LONGEST_NAME:
            return name
        dot = name.find(".", len(name) - LONGEST_NAME - 1)
        return name[dot + 1 :] if dot >= 0 else name.rpartition(".")[2]

    def _expanded(self, text: str, domain: str) -> Steps[str]:
        made = ""
        for piece in pieces(text):
            if isinstance(piece, Macro):
                value = piece.applied((yield from self._value(piece.letter.lower(), domain)))
                made += quote(value, safe="") if piece.is_escaped else value
            else:
                made += piece
        return made

    def _value(self, letter: str, domain: str) -> Steps[str]:
        if letter == "p":
            return (yield from self._best_name(domain))
        ip, address = self.sender.ip, self.sender.address
        values: dict[str, Callable[[], str]] = {
            "s": lambda: address,
            "l": lambda: address.rpartition("@")[0],
            "o": lambda: self.sender.domain,
            "d": lambda: domain,
            "i": lambda: dotted(ip),
            "v": lambda: "in-addr" if ip.version == 4 else "ip6",  # noqa: PLR2004 - IP version
            "h": lambda: self.sender.helo,
            "c": lambda: str(ip),
            "r": lambda: self.receiver,
            "t": lambda: self.now,
        }
        return values[letter]()

    def _best_name(self, domain: str) -> Steps[str]:
        names = yield from self._validated()
        fitting = [name for name in names if name.lower() == domain.lower()]
        fitting += [name for name in names if is_below(name, domain)]
        return (fitting or names or ["unknown"])[0]


def unmapped(ip: Ip) -> Ip:
    """An address as SPF compares it: IPv4 in IPv6 is IPv4 (section 5)."""
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def dotted(ip: Ip) -> str:
    """An address as `%{i}` writes it: IPv6 as its hexadecimal digits."""
    return str(ip) if isinstance(ip, ipaddress.IPv4Address) else ".".join(ip.exploded.replace(":", "")).upper()


def reverse_name(ip: Ip) -> str:
    """Where the names of an address are."""
    return ip.reverse_pointer


def breakpoints(networks: Iterable[Network], within: Network) -> list[Ip]:
    """The addresses of a network at which an evaluation may come to another result than at the one before."""
    starts = {within.network_address}
    for network in networks:
        if network.version != within.version:
            continue
        for number in (int(network.network_address), int(network.broadcast_address) + 1):
            if int(within.network_address) <= number <= int(within.broadcast_address):
                starts.add(type(within.network_address)(number))
    return sorted(starts, key=int)
