"""Judgements on what a name says: its addresses, aliases and texts, at the resolver and at every server."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

import yaml

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.dns import TELLS, DnsState, own_view
from roadworthy.rules.networks import is_of
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.facts.dns import DnsObservation, Said

ROTATES_FROM = 8
"""Addresses in one answer from which on a load balancer may tell only some of those that it has."""

_NOT_ROUTED = tuple(map(ip_network, ("::/128", "::1/128", "::ffff:0:0/96", "fe80::/10", "fc00::/7", "ff00::/8")))
_ADDRESSES = ("A", "AAAA")


def _everywhere(seen: DnsObservation, type_: str, fault: Callable[[Said], str | None]) -> list[str]:
    """What is wrong at the resolver and at each server that tells of the name; the same fault is told once.

    A server that knows the name as an alias into another zone is not asked what that one says. That servers are silent
    is no fault here: the resolver alone may tell.

    Raises:
        NotObserved: nothing is wrong, and the resolver could not tell.
    """
    found: dict[str, list[str]] = {}
    telling = [server for server in seen.servers if server.tells(type_)]
    here = seen.at_resolver(type_)
    if here.state in TELLS and (told := fault(here)):
        found.setdefault(told, []).append("the resolver")
    for server in telling:
        said = server.to(type_)
        is_alias = type_ in _ADDRESSES and said.of("CNAME", seen.name) is not None and not said.of(type_)
        if not is_alias and (told := fault(said)):
            found.setdefault(told, []).append(server.called)
    if not found and here.state not in TELLS:
        raise NotObserved(Reason.RESOLVER, here.told)
    all_agree = len(found) == 1 and len(next(iter(found.values()))) > len(telling)
    if all_agree:
        return list(found)
    return [f"{', '.join(who)}: {told}" for told, who in found.items()]


def wrong_addresses(seen: DnsObservation, type_: str, promised: Iterable[str]) -> list[str]:
    """Where the addresses of a type are not exactly the promised ones."""
    wanted = sorted(promised)

    def fault(said: Said) -> str | None:
        got = sorted(_plain_ip(value) for value in said.values(type_))
        return (
            None
            if got == sorted(map(_plain_ip, wanted))
            else f"{type_} {_listed(got, said)}, promised {', '.join(wanted) or 'none'}"
        )

    return _everywhere(seen, type_, fault)


def _plain_ip(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def _listed(values: Iterable[str], said: Said) -> str:
    return ", ".join(values) or said.told


def wrong_alias(seen: DnsObservation, promised: str) -> list[str]:
    """Where the name is not an alias of the promised one."""

    def fault(said: Said) -> str | None:
        got = said.values("CNAME", seen.name)
        return None if got == (promised,) else f"CNAME {_listed(got, said)}, promised {promised}"

    return _everywhere(seen, "CNAME", fault)


def wrong_texts(seen: DnsObservation, promised: Iterable[str]) -> list[str]:
    """Promised texts that are in no TXT record of the name."""

    def fault(said: Said) -> str | None:
        missing = [text for text in promised if not any(text in value for value in said.values("TXT"))]
        return f"no TXT record holds {', '.join(map(repr, missing))}" if missing else None

    return _everywhere(seen, "TXT", fault)


def not_alike(seen: DnsObservation) -> list[str]:
    """How the name's addresses differ from those of the name that it stands for.

    Only what the other name has at no server and not at the resolver is too much: load balancers change addresses.
    """
    own = _addresses(said for type_ in _ADDRESSES for said in _views(seen, type_))
    theirs = [_addresses(seen.like)]
    theirs += [_addresses(server.said) for server in seen.like_servers if server.tells("A")]
    if not any(theirs):
        return [f"{seen.name} is to have its addresses, and it has none: {seen.like[0].told}"]
    if not own:
        return [f"has no address; the other has {', '.join(sorted(theirs[0]))}"]
    faults = []
    if extra := own - frozenset().union(*theirs):
        faults.append(f"has {', '.join(sorted(extra))}, which the other has not")
    always = frozenset.intersection(*[addresses for addresses in theirs if addresses])
    if (missing := always - own) and len(always) < ROTATES_FROM:
        faults.append(f"lacks {', '.join(sorted(missing))}, which the other has")
    return faults


def _views(seen: DnsObservation, type_: str) -> list[Said]:
    return [seen.at_resolver(type_), *(server.to(type_) for server in seen.servers if server.tells(type_))]


def _addresses(said: Iterable[Said]) -> frozenset[str]:
    return frozenset(value for one in said for type_ in _ADDRESSES for value in one.values(type_))


def wrong_ttl(seen: DnsObservation, promised_s: float) -> list[str]:
    """Where the name's address records live for another time than promised, at their source."""
    found: dict[str, list[str]] = {}
    judged = False
    for server in seen.telling("A"):
        for said in server.said:
            own = [
                record for record in said.records if record.name == seen.name and record.type in (*_ADDRESSES, "CNAME")
            ]
            judged = judged or bool(own)
            for record in own:
                if record.ttl != promised_s:
                    told = f"{record.type} lives {show_duration(record.ttl)}, promised {show_duration(promised_s)}"
                    found.setdefault(told, []).append(server.called)
    if not judged:
        raise NotObserved(Reason.NOT_APPLICABLE, f"{seen.name} has no address record at its servers")
    return _told(found, len(seen.telling("A")))


def _told(found: dict[str, list[str]], everybody: int) -> list[str]:
    return [
        told if len(set(who)) >= everybody else f"{', '.join(dict.fromkeys(who))}: {told}"
        for told, who in found.items()
    ]


def differences(seen: DnsObservation) -> list[str]:
    """What servers, or the resolver, say differently of the name."""
    faults = []
    for here in seen.resolver:
        if _rotates(seen, here.type):
            continue
        told: dict[str, list[str]] = {}
        for server in seen.telling(here.type):
            told.setdefault(_view(server.to(here.type)), []).append(server.called)
        if here.state in TELLS and own_view(here) not in seen.views(here.type):
            told.setdefault(_view(here), []).append("the resolver")
        if len(told) > 1:
            faults.append(f"{here.type}: " + "; ".join(f"{', '.join(who)}: {what}" for what, who in told.items()))
    return list(dict.fromkeys(faults))


def _rotates(seen: DnsObservation, type_: str) -> bool:
    """Whether each answer has so many addresses that it may be a part of more, another one each time."""
    views = _views(seen, type_) if type_ in _ADDRESSES else []
    return bool(views) and all(len(said.values(type_)) >= ROTATES_FROM for said in views)


def _view(said: Said) -> str:
    nothing, own = own_view(said)
    return nothing or ", ".join(f"{type_} {' '.join(values)}" for type_, values in sorted(own))


def not_proxied(seen: DnsObservation, proxy: str) -> list[str]:
    """Addresses that are not the proxy's own."""
    own = _addresses(said for type_ in _ADDRESSES for said in _views(seen, type_))
    if not own:
        raise NotObserved(Reason.NOT_APPLICABLE, f"the name has no address: {seen.resolver[0].told}")
    strangers = sorted(ip for ip in own if not is_of(proxy, ip))
    return [f"{', '.join(strangers)}: not in the networks of {proxy.capitalize()}"] if strangers else []


def without_ipv6(seen: DnsObservation) -> list[str]:
    """Where the name has no IPv6 address that the Internet could route to."""

    def fault(said: Said) -> str | None:
        values = said.values("AAAA")
        odd = [value for value in values if any(IPv6Address(value) in network for network in _NOT_ROUTED)]
        if odd:
            return f"AAAA {', '.join(odd)}: an address that is not routed"
        return None if values else f"no AAAA record: {said.told}"

    return _everywhere(seen, "AAAA", fault)


def unsound_alias(seen: DnsObservation) -> list[str]:
    """What is wrong with the name as an alias; nothing where it is none."""
    faults = []
    known = [said for server in seen.servers for said in server.said if server.tells(said.type)]
    aliases = {value for said in (*seen.resolver, *known) for value in said.values("CNAME", seen.name)}
    if not aliases:
        return []
    if seen.name == seen.zone:
        faults.append(f"{seen.name} is a zone of its own, and can't be an alias beside its SOA record")
    if len(aliases) > 1 and any(len(said.values("CNAME", seen.name)) > 1 for said in known):
        faults.append(f"is an alias of several names: {', '.join(sorted(aliases))}")
    beside = sorted(
        {r.type for said in known for r in said.records if r.name == seen.name and r.type in (*_ADDRESSES, "TXT")}
    )
    if beside:
        faults.append(f"has {', '.join(beside)} records beside its CNAME")
    if circle := next(filter(None, map(_circle, (*seen.resolver, *known))), None):
        return [*faults, f"goes round in a circle: {circle}"]
    addresses = [seen.at_resolver(type_) for type_ in _ADDRESSES]
    if any(said.state is DnsState.FAILED for said in addresses) and not faults:
        raise NotObserved(Reason.RESOLVER, addresses[0].told)
    end = _end(addresses[0], seen.name)
    if any(said.state is DnsState.NO_NAME for said in addresses):
        faults.append(f"leads to {end}, which does not exist{_for_the_taking(end)}")
    elif all(said.state is DnsState.NO_DATA for said in addresses):
        faults.append(f"leads to {end}, which has no address")
    return faults


def _circle(said: Said) -> str | None:
    following = {record.name: record.values[0] for record in said.records if record.type == "CNAME"}
    for start in following:
        met = [start]
        while (after := following.get(met[-1])) is not None:
            if after in met:
                return " -> ".join((*met, after))
            met.append(after)
    return None


def _end(said: Said, name: str) -> str:
    following = {record.name: record.values[0] for record in said.records if record.type == "CNAME"}
    for _ in following:
        name = following.get(name, name)
    return name


@cache
def _services() -> dict[str, str]:
    text = files("roadworthy.known").joinpath("takeovers.yaml").read_text(encoding="utf-8")
    return {suffix: name for name, suffixes in yaml.safe_load(text)["services"].items() for suffix in suffixes}


def _for_the_taking(name: str) -> str:
    service = next((service for suffix, service in _services().items() if name.endswith(f".{suffix}")), None)
    return f": whoever registers it at {service} takes this name over" if service else ""


def wildcards(seen: DnsObservation) -> list[str]:
    """Names that nobody has made, and that are there all the same.

    A server that signs on the fly says that there is no such record where others say that there is no such name
    (RFC 9824): only an answer is a wildcard's.
    """
    return [
        f"{step.name} is there, too: {', '.join(v for r in step.said.records for v in r.values)}"
        for step in seen.strangers
        if step.said.state is DnsState.ANSWERED
    ]


_CAA_TAGS = frozenset({"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"})
_CRITICAL = 128


def wrong_issuers(seen: DnsObservation, promised: Iterable[str]) -> list[str]:
    """How the authorities that may issue for the name (RFC 8659) differ from the promised ones.

    Raises:
        NotObserved: the resolver could not tell.
    """
    step = next((step for step in seen.caa if step.said.of("CAA")), None)
    if step is None and (failed := next((step for step in seen.caa if step.said.state not in TELLS), None)):
        raise NotObserved(Reason.RESOLVER, f"{failed.name} CAA: {failed.said.told}")
    if step is None:
        return ["no CAA record, here or above: every authority may issue"]
    issue, wild = _issuers(step.said, "issue"), _issuers(step.said, "issuewild")
    wanted, where = set(promised), f"CAA of {step.name}"
    faults = [f"{tag} is critical and unknown: no authority may issue" for tag in _unknown_critical(step.said)]
    if issue is None:
        faults.append(f"{where} has no issue property: every authority may issue")
    elif issue != wanted:
        faults.append(f"{where} lets {_names(issue)} issue, promised {_names(wanted)}")
    if wild and wild - wanted:
        faults.append(f"{where} lets {_names(wild - wanted)} issue wildcards")
    return faults


def _properties(said: Said) -> Iterable[tuple[int, str, str]]:
    """The flags, tag and value of each CAA record."""
    for record in said.values("CAA"):
        flags, _, rest = record.partition(" ")
        tag, _, value = rest.partition(" ")
        yield int(flags) if flags.isdigit() else 0, tag, value


def _issuers(said: Said, wanted: str) -> set[str] | None:
    """The authorities that a property names, `;` being none; None where there is no such property."""
    found = [value for _, tag, value in _properties(said) if tag == wanted]
    return {value.partition(";")[0].strip().lower().removesuffix(".") for value in found} - {""} if found else None


def _unknown_critical(said: Said) -> list[str]:
    return [tag for flags, tag, _ in _properties(said) if tag not in _CAA_TAGS and flags & _CRITICAL]


def _names(issuers: set[str]) -> str:
    return ", ".join(sorted(issuers)) or "nobody"
