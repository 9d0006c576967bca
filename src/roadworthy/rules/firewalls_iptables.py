"""`iptables -S` as rules."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roadworthy.rules.firewalls_rule import (
    DHCP,
    NUMBERS,
    Layer,
    Rule,
    Who,
    from_address,
    others,
    spans,
    to_address,
)

if TYPE_CHECKING:
    from collections.abc import Callable

VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return", "TARPIT": "drop"}
NO_VERDICT = frozenset(
    {"LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "SET", "TRACE", "AUDIT", "SECMARK", "CONNSECMARK", "CT", "NOTRACK"}
)
_LIMITS = ("--limit", "--connlimit", "--hashlimit", "--seconds", "--hitcount", "--rcheck", "--update")
_SAY_NOTHING = frozenset(
    {
        *("-m", "--match", "--comment", "--set", "--name", "--mask", "--rsource", "--rdest", "--rttl", "--remove"),
        *("--reap", "--sport", "--sports", "--source-port", "--reject-with"),
    }
)
_OF_TARGETS = ("--log-", "--nflog-", "--set-", "--icmp")
"""How options begin that say what is done, or are of a protocol that has no ports."""

_ALONE = frozenset({"--syn", "--rcheck", "--update", "--set", "--remove", "--rsource", "--rdest", "--rttl", "--reap"})
"""Options without a value."""


@dataclass(frozen=True)
class _Option:
    """One option of a rule."""

    name: str
    values: tuple[str, ...]
    negated: bool

    @property
    def value(self) -> str:
        return self.values[0] if self.values else ""

    def when(self, *, fulfilled: bool) -> Who:
        """Who fulfils it, where all or nobody do."""
        return Who.ALL if fulfilled is not self.negated else Who.NOBODY


def from_iptables(text: str, family: int, outside: tuple[str, ...]) -> Layer:
    """The chains that lead on from INPUT."""
    chains: dict[str, list[Rule]] = {}
    policy = "accept"
    for line in text.splitlines():
        words = shlex.split(line)
        if words[:1] in (["-P"], ["-N"], ["-A"]):
            chains.setdefault(words[1], [])
        if words[:2] == ["-P", "INPUT"]:
            policy = VERDICTS[words[2]]
        elif words[:1] == ["-A"]:
            chains[words[1]].append(_rule(list(_options(words[2:])), line, outside))
    return Layer({name: tuple(rules) for name, rules in chains.items()}, "INPUT", policy, family)


def _options(words: list[str]) -> list[_Option]:
    left, found = list(words), list[_Option]()
    while left:
        negated = left[0] == "!"
        name = left.pop(1 if negated else 0)
        left = left[1:] if negated else left
        values: list[str] = []
        while left and name not in _ALONE and left[0] != "!" and not (values and left[0].startswith("-")):
            values.append(left.pop(0))
        found.append(_Option(name, tuple(values), negated))
    return found


def _rule(options: list[_Option], line: str, outside: tuple[str, ...]) -> Rule:
    rule = Rule(text=line)
    for option in options:
        rule = _with_option(rule, option, outside)
    given = {option.name: option.value for option in options}
    if (given.get("--sport"), given.get("--dport")) in DHCP:
        rule = rule.asking(Who.NOBODY)
    if any(name.startswith(_LIMITS) for name in given):
        return _limited(rule, by_list=bool({"--rcheck", "--update"} & given.keys()))
    return rule


def _limited(rule: Rule, *, by_list: bool) -> Rule:
    """A rule about whoever comes too often, or not too often: it never drops all, and lets all in at first.

    Where it lets in who is on a list, or goes on elsewhere, it can't be told who that is.
    """
    if rule.does in ("accept", "return"):
        return rule.asking(Who.UNSURE) if by_list else rule
    return rule.asking(Who.SOME if rule.does == "drop" else Who.UNSURE)


def _with_option(rule: Rule, option: _Option, outside: tuple[str, ...]) -> Rule:
    if option.name in ("-i", "--in-interface"):
        return rule.through([option.value], outside, negated=option.negated)
    if option.name in _MATCHES:
        return _MATCHES[option.name](rule, option)
    is_known = option.name in _SAY_NOTHING or option.name.startswith((*_LIMITS, *_OF_TARGETS))
    return rule if is_known else rule.asking(Who.UNSURE)


def _jump(rule: Rule, option: _Option) -> Rule:
    how = "call" if option.name == "-j" else "goto"
    target = option.value
    return replace(rule, does=VERDICTS.get(target, "" if target in NO_VERDICT else f"{how} {target}"))


def _protocol(rule: Rule, option: _Option) -> Rule:
    named = NUMBERS.get(option.value, option.value)
    return rule.asking(Who.UNSURE) if option.negated else replace(rule, protocol="" if named in ("all", "0") else named)


def _ports(rule: Rule, option: _Option) -> Rule:
    found = spans(option.value)
    return replace(rule, ports=others(found) if option.negated else found)


def _source(rule: Rule, option: _Option) -> Rule:
    return rule if option.negated else rule.asking(*from_address(option.value))


def _destination(rule: Rule, option: _Option) -> Rule:
    return rule.to(Who.ALL if option.negated else to_address(option.value))


def _state(rule: Rule, option: _Option) -> Rule:
    return rule.asking(option.when(fulfilled="NEW" in option.value.split(",")))


def _status(rule: Rule, option: _Option) -> Rule:
    return rule.asking(option.when(fulfilled=False))


def _flags(rule: Rule, option: _Option) -> Rule:
    return rule.asking(option.when(fulfilled=option.name == "--syn" or option.values[1:] == ("SYN",)))


def _kind_of_address(rule: Rule, option: _Option) -> Rule:
    return rule.asking(option.when(fulfilled=option.value == ("LOCAL" if option.name == "--dst-type" else "UNICAST")))


_MATCHES: dict[str, Callable[[Rule, _Option], Rule]] = {
    "-j": _jump,
    "-g": _jump,
    "-p": _protocol,
    "-s": _source,
    "-d": _destination,
    "--dport": _ports,
    "--dports": _ports,
    "--ctstate": _state,
    "--state": _state,
    "--ctstatus": _status,
    "--tcp-flags": _flags,
    "--syn": _flags,
    "--dst-type": _kind_of_address,
    "--src-type": _kind_of_address,
}
