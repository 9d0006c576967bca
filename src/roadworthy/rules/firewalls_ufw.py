"""`ufw status verbose` as rules; their order counts. What it prints is in ufw's src/backend_iptables.py, get_status."""

from __future__ import annotations

import re
from dataclasses import replace

from roadworthy.rules.firewalls_rule import Layer, Rule, from_address, spans, to_address

_DEFAULT = re.compile(r"^Default: (\w+) \(incoming\)", re.MULTILINE)
_RULE = re.compile(r"(?P<to>\S.*?)\s+(?P<does>ALLOW|DENY|REJECT|LIMIT) (?P<way>IN|OUT|FWD)\s+(?P<source>\S.*)")
_PORTS = re.compile(r"[0-9:,]+")
_SIDES = re.compile(r" \(.*\)")
"""A profile's name, or `(v6)`."""


def from_ufw(text: str, outside: tuple[str, ...]) -> Layer:
    """The rules for incoming connections."""
    default = _DEFAULT.search(text)
    if default is None:
        raise ValueError("ufw does not tell its default")
    rules = [rule for line in text.splitlines() if (rule := _rule(line.rstrip(), outside)) is not None]
    return Layer({"": tuple(rules)}, "", "accept" if default[1] == "allow" else "drop")


def _rule(line: str, outside: tuple[str, ...]) -> Rule | None:
    match = _RULE.fullmatch(line)
    if match is None or match["way"] != "IN":
        return None
    source = re.split(r"\s{2,}\(log|\s+# |\s+\(log", match["source"])[0].strip()
    does = "accept" if match["does"] in ("ALLOW", "LIMIT") else "drop"
    rule = Rule(does, family=6 if "(v6)" in match["to"] + source else 0, text=" ".join(line.split()))
    to, _, interface = _SIDES.sub("", match["to"]).partition(" on ")
    if interface:
        rule = rule.through([interface.strip()], outside)
    for place, is_source in ((_SIDES.sub("", source), True), (to, False)):
        rule = _with_place(rule, place.split(), is_source=is_source)
    return rule if rule.family else replace(rule, family=4)


def _with_place(rule: Rule, words: list[str], *, is_source: bool) -> Rule:
    """A rule with one of its columns: an address, ports, a protocol. A port that is come from anybody can choose."""
    for word in words:
        place, protocol = _parted(word)
        rule = replace(rule, protocol=protocol or rule.protocol)
        if place == "Anywhere":
            continue
        if _PORTS.fullmatch(place) and not place.startswith(":") and "::" not in place:
            rule = rule if is_source else replace(rule, ports=spans(place))
            continue
        rule = replace(rule, family=6 if ":" in place else 4)
        rule = rule.asking(*from_address(place)) if is_source else rule.to(to_address(place))
    return rule


def _parted(word: str) -> tuple[str, str]:
    """What stands before a protocol, and it: `80,443/tcp`, `10.0.0.5/udp`; `10.0.0.0/8` has none."""
    place, _, protocol = word.rpartition("/")
    return (place, protocol) if place and protocol.isalpha() else (word, "")
