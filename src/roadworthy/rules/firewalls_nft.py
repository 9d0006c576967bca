"""`nft -j list ruleset` as rules: libnftables-json(5)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from roadworthy.rules.firewalls_iptables import NO_VERDICT, VERDICTS
from roadworthy.rules.firewalls_rule import (
    DHCP,
    NUMBERS,
    PROTOCOLS,
    Layer,
    Rule,
    Span,
    Who,
    from_address,
    others,
    to_address,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FAMILIES = {"ip": 4, "ip6": 6, "inet": 0}
_OF_VERSION = {"ip": 4, "ipv4": 4, "ip6": 6, "ipv6": 6}
_VERDICTS = {"accept": "accept", "drop": "drop", "reject": "drop", "return": "return", "queue": "drop", "continue": ""}
_CALLS = {"jump": "call", "goto": "goto"}
_ASIDE = frozenset({"counter", "log", "mangle", "notrack", "set", "meter", "ct helper", "last", "comment"})
_LIMITS = frozenset({"limit", "ct count", "quota"})
_HOOKS = ("input", "prerouting", "ingress")


def from_nft(text: str, outside: tuple[str, ...], but: set[int]) -> Iterator[Layer]:
    """One layer for each chain that incoming connections pass.

    Args:
        text: the JSON.
        outside: interfaces that others come through.
        but: versions of IP whose table `filter` is iptables', which tells more of it.
    """
    entries = json.loads(text)["nftables"] if text.strip() else []
    chains = [entry["chain"] for entry in entries if "chain" in entry]
    for base in chains:
        family = _FAMILIES.get(base["family"])
        is_passed = base.get("hook") in _HOOKS and base.get("type") == "filter"
        is_of_iptables = (base["table"], base["name"]) == ("filter", "INPUT") and family in but
        if is_passed and not is_of_iptables and family is not None:
            policy = "drop" if base.get("policy") == "drop" else "accept"
            yield Layer(_table(entries, base, outside), base["name"], policy, family)


def _table(
    entries: list[dict[str, Any]], base: dict[str, Any], outside: tuple[str, ...]
) -> dict[str, tuple[Rule, ...]]:
    """The chains of a base chain's table."""

    def of(*kinds: str) -> Iterator[dict[str, Any]]:
        for one in (entry[kind] for entry in entries for kind in kinds if kind in entry):
            if (one["family"], one["table"]) == (base["family"], base["table"]):
                yield one

    reader = _Reader({one["name"]: one.get("elem", []) for one in of("set", "map")}, outside)
    rules: dict[str, list[Rule]] = {chain["name"]: [] for chain in of("chain")}
    for rule in of("rule"):
        rules[rule["chain"]].extend(reader.rules(rule))
    return {name: tuple(chain) for name, chain in rules.items()}


@dataclass(frozen=True)
class _Match:
    """One match, with what it compares with one by one."""

    of: dict[str, Any]
    """What the left side says beside its kind."""
    values: list[Any]
    negated: bool

    @property
    def words(self) -> list[str]:
        return [str(value) for value in self.values]

    def when(self, *, fulfilled: bool) -> Who:
        """Who fulfils it, where all or nobody do."""
        return Who.ALL if fulfilled is not self.negated else Who.NOBODY


@dataclass(frozen=True)
class _Reader:
    """Reads the rules of one table."""

    named: dict[str, list[Any]]
    """Its sets and maps."""
    outside: tuple[str, ...]

    def rules(self, entry: dict[str, Any]) -> Iterator[Rule]:
        """A rule; one for each element, where it has a map of verdicts."""
        text = f"{entry['chain']}: {entry.get('comment') or json.dumps(entry['expr'])}"[:200]
        rule, is_limited = Rule(text=text), False
        for statement in entry["expr"]:
            name, given = _parted(statement)
            does = _does(name, given)
            if name == "match":
                rule = self.with_match(rule, given)
            elif name == "vmap":
                yield from self.mapped(rule, given)
            elif name in _LIMITS:
                is_limited = True
            elif does is not None:
                rule = replace(rule, does=does)
            elif name not in _ASIDE and (given or {}).get("name") not in {"comment", *NO_VERDICT}:
                rule = rule.asking(Who.UNSURE)
        if is_limited and rule.does not in ("accept", "return"):  # it never drops all, and lets all in at first
            rule = rule.asking(Who.SOME if rule.does == "drop" else Who.UNSURE)
        if rule.does:
            yield rule

    def mapped(self, rule: Rule, given: dict[str, Any]) -> Iterator[Rule]:
        """A rule for each element of a map of verdicts."""
        for value, verdict in self.values(given["data"]):
            match = {"op": "==", "left": given["key"], "right": _plain(value)}
            ((name, to),) = verdict.items()
            yield replace(rule if value == "*" else self.with_match(rule, match), does=_does(name, to) or "")

    def values(self, right: Any) -> list[Any]:
        """What a match compares with, one by one."""
        if isinstance(right, str) and right.startswith("@"):
            return self.values({"set": self.named[right[1:]]})
        if isinstance(right, dict) and "set" in right:
            inner = right["set"] if isinstance(right["set"], list) else self.values(right["set"])
            return [_plain(one) for one in inner]
        return list(right) if isinstance(right, list) else [right]

    def with_match(self, rule: Rule, match: dict[str, Any]) -> Rule:
        """A rule with one more match."""
        if match["op"] not in ("==", "!=", "in") or not isinstance(match["left"], dict):
            return rule.asking(Who.UNSURE)
        ((kind, of),) = match["left"].items()
        of = of if isinstance(of, dict) else {}
        own = _Match(of, self.values(match["right"]), match["op"] == "!=")
        key = of.get("key") or of.get("field") or ""
        if key in ("iifname", "iif"):
            return rule.through(own.words, self.outside, negated=own.negated)
        if kind == "&" and "flags" in json.dumps(match["left"]):
            return rule.asking(own.when(fulfilled=own.words == ["syn"]))
        if str(of.get("protocol")).startswith(("icmp", "igmp")):
            return replace(rule, protocol=of["protocol"])
        return _MATCHES[kind, key](rule, own) if (kind, key) in _MATCHES else rule.asking(Who.UNSURE)


def _parted(statement: Any) -> tuple[str, Any]:
    """A statement's name, and what it says."""
    ((name, given),) = statement.items() if isinstance(statement, dict) else ((statement, None),)
    return name, given


def _does(name: str, given: Any) -> str | None:
    """What a statement does with a connection; None: it is another kind of statement."""
    if name in _CALLS:
        return f"{_CALLS[name]} {given['target']}"
    if name == "xt":
        return VERDICTS.get((given or {}).get("name", ""))  # what iptables put there
    return _VERDICTS.get(name)


def _plain(element: Any) -> Any:
    """An element without what stands beside it: a time-out, a comment."""
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def _to_ports(rule: Rule, match: _Match) -> Rule:
    found = tuple(_span(value) for value in match.values)
    named = match.of["protocol"] if match.of["protocol"] != "th" else rule.protocol
    return replace(rule, protocol=named, ports=others(found) if match.negated else found)


def _span(value: Any) -> Span:
    first, last = value["range"] if isinstance(value, dict) else (value, value)
    return int(first), int(last)


def _from_ports(rule: Rule, match: _Match) -> Rule:
    """Anybody can choose where from; only a DHCP server's answers are none of theirs."""
    ports = {str(first) for first, _ in rule.ports or ()}
    is_answer = any((word, port) in DHCP for word in match.words for port in ports)
    return rule.asking(Who.NOBODY) if is_answer and not match.negated else rule


def _from_networks(rule: Rule, match: _Match) -> Rule:
    rule = _of_version(rule, match)
    networks = [_network(value) for value in match.values]
    if match.negated:
        return rule
    if None in networks:
        return rule.asking(Who.UNSURE)
    found = [from_address(network or "") for network in networks]
    if any(who is Who.ALL for who, _ in found):
        return rule
    some = [network for who, network in found if who is Who.SOME]
    return rule.asking(Who.SOME, *some) if some else rule.asking(Who.NOBODY)


def _to_networks(rule: Rule, match: _Match) -> Rule:
    rule = _of_version(rule, match)
    networks = [_network(value) for value in match.values]
    if match.negated or None in networks:
        return rule.to(Who.ALL)
    return rule.to(Who.ALL if any(to_address(one or "") is Who.ALL for one in networks) else Who.NOBODY)


def _network(value: Any) -> str | None:
    """A network; None: it is told as a range."""
    if isinstance(value, dict) and "prefix" in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    return value if isinstance(value, str) else None


def _of_version(rule: Rule, match: _Match) -> Rule:
    """A rule about the version of IP whose addresses it compares."""
    family = _FAMILIES[match.of["protocol"]]
    return rule.asking(Who.NOBODY) if rule.family not in (0, family) else replace(rule, family=family)


def _protocol(rule: Rule, match: _Match) -> Rule:
    if match.negated:
        return rule.asking(Who.UNSURE)
    named = [NUMBERS.get(word, word) for word in match.words]
    if set(PROTOCOLS) <= set(named):
        return rule
    return replace(rule, protocol=next((one for one in named if one in PROTOCOLS), named[0] if named else "none"))


def _version(rule: Rule, match: _Match) -> Rule:
    versions = {_OF_VERSION[word] for word in match.words if word in _OF_VERSION}
    if match.negated or len(versions) != 1:
        return rule.asking(Who.UNSURE) if match.negated or not versions else rule
    return replace(rule, family=versions.pop())


def _state(rule: Rule, match: _Match) -> Rule:
    return rule.asking(match.when(fulfilled="new" in match.words))


def _status(rule: Rule, match: _Match) -> Rule:
    return rule.asking(match.when(fulfilled=False))


def _kind_of_address(rule: Rule, match: _Match) -> Rule:
    return rule.asking(match.when(fulfilled=bool({"host", "local", "unicast"} & set(match.words))))


_MATCHES: dict[tuple[str, str], Callable[[Rule, _Match], Rule]] = {
    ("payload", "dport"): _to_ports,
    ("payload", "sport"): _from_ports,
    ("payload", "saddr"): _from_networks,
    ("payload", "daddr"): _to_networks,
    ("payload", "protocol"): _protocol,
    ("payload", "nexthdr"): _protocol,
    ("meta", "l4proto"): _protocol,
    ("meta", "protocol"): _version,
    ("meta", "nfproto"): _version,
    ("meta", "pkttype"): _kind_of_address,
    ("ct", "state"): _state,
    ("ct", "status"): _status,
    ("fib", ""): _kind_of_address,
}
