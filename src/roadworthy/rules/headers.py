"""Headers that tell a browser what it may do with a page; each parsed as its own specification says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, cast

import http_sf
import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

REFERRER_POLICIES = frozenset({
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
})  # fmt: skip
"""W3C Referrer Policy, section 3."""


def _members(values: tuple[str, ...]) -> list[str]:
    return [member.strip(" \t") for value in values for member in value.split(",")]


def nosniff_faults(values: tuple[str, ...]) -> list[str]:
    """X-Content-Type-Options: Fetch Standard, "determine nosniff": the first value counts."""
    if not values:
        return ["not sent"]
    first = _members(values)[0]
    return [] if first.lower() == "nosniff" else [f"{first!r}, promised nosniff"]


@dataclass(frozen=True)
class XssProtection:
    """What the old filters of browsers were told."""

    on: bool
    blocks: bool


def parse_xss_protection(value: str) -> XssProtection:
    """X-XSS-Protection, as WebKit and Chromium read it; `report` changes no behaviour.

    Raises:
        ValueError: browsers would ignore the header.
    """
    switch, *parameters = (part.strip() for part in value.split(";"))
    if switch not in ("0", "1"):
        raise ValueError(f"{value[:60]!r} starts with neither 0 nor 1")
    named = [tuple(word.strip() for word in parameter.partition("=")[::2]) for parameter in parameters if parameter]
    names = [name.lower() for name, _ in named]
    if len(set(names)) < len(names) or not set(names) <= {"mode", "report"}:
        raise ValueError(f"{value[:60]!r} has a directive that is unknown or given twice")
    modes = [given.lower() for name, given in named if name.lower() == "mode"]
    if modes not in ([], ["block"]):
        raise ValueError(f"{value[:60]!r} has a mode that is not block")
    return XssProtection(on=switch == "1", blocks=switch == "1" and bool(modes))


def xss_protection_faults(values: tuple[str, ...], promised: str) -> list[str]:
    """X-XSS-Protection compared by meaning: `1;mode=block` is `1; mode=block`."""
    if not values:
        return ["not sent"]
    if len(values) > 1:
        return [f"sent {len(values)} times: {', '.join(values)}"]
    try:
        as_promised = parse_xss_protection(values[0]) == parse_xss_protection(promised)
    except ValueError as error:
        return [str(error)]
    return [] if as_promised else [f"{values[0]}, promised {promised}"]


def referrer_policy(values: tuple[str, ...]) -> str | None:
    """The policy in force: the last token that is one (W3C Referrer Policy, section 8.1); None: the browser's own."""
    known = [token.lower() for token in _members(values) if token.lower() in REFERRER_POLICIES]
    return known[-1] if known else None


META_REFERRERS = {"never": "no-referrer", "default": "strict-origin-when-cross-origin", "always": "unsafe-url",
                  "origin-when-crossorigin": "origin-when-cross-origin"}  # fmt: skip
"""Older words that `<meta name="referrer">` may say (HTML Standard, section Standard metadata names)."""


def referrer_policy_faults(values: tuple[str, ...], promised: tuple[str, ...], meta: str | None = None) -> list[str]:
    """Referrer-Policy: one of the promised policies is in force, and the page does not set another one.

    Args:
        values: each value that the header was sent with.
        promised: the policies of which one is in force.
        meta: what the page's `<meta name="referrer">` says, which wins over the header.
    """
    wanted = {policy.lower() for policy in promised}
    own = meta_referrer(meta)
    overridden = [f"the page's <meta name=referrer> sets {own}"] if own and own not in wanted else []
    if not values:
        return ["not sent", *overridden]
    seen = referrer_policy(values)
    if seen in wanted:
        return overridden
    return [f"{seen or 'no known policy'} is in force ({', '.join(values)}), promised {' or '.join(promised)}"]


def meta_referrer(said: str | None) -> str | None:
    """The policy that a `<meta name="referrer">` sets; None where it sets none."""
    policy = META_REFERRERS.get(said or "", said)
    return policy if policy in REFERRER_POLICIES else None


def permissions(values: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Permissions-Policy (W3C, section 5.2): each feature with who may use it: `*`, `self`, or origins.

    Raises:
        ValueError: no structured-field dictionary (RFC 9651); browsers ignore all of it.
    """
    dictionary = http_sf.parse(", ".join(values).encode(), tltype="dictionary")
    return {name: _allowed(member) for name, member in cast("dict[str, object]", dictionary).items()}


def _allowed(member: object) -> frozenset[str]:
    value = member[0] if isinstance(member, tuple) else member
    items = value if isinstance(value, list) else [value]
    bare = [item[0] if isinstance(item, tuple) else item for item in items]
    allowed = {str(item) for item in bare if isinstance(item, http_sf.Token) and str(item) in ("*", "self")}
    allowed |= {item.lower().rstrip("/") for item in bare if isinstance(item, str)}
    return frozenset("*" if "*" in allowed else allowed)


def permissions_faults(values: tuple[str, ...], promised: Mapping[str, str]) -> list[str]:
    """Permissions-Policy: each promised feature is allowed to exactly those who are promised."""
    if not values:
        return ["not sent"]
    try:
        seen = permissions(values)
    except ValueError as error:
        return [f"invalid, browsers ignore all of it: {error}"]
    wanted = permissions(tuple(f"{feature}={allowed}" for feature, allowed in promised.items()))
    return [
        f"{feature} is missing"
        if feature not in seen
        else f"{feature}=({' '.join(sorted(seen[feature]))}), promised {promised[feature]}"
        for feature in promised
        if seen.get(feature) != wanted[feature]
    ]


def opener_or_embedder_faults(values: tuple[str, ...], promised: str) -> list[str]:
    """COOP and COEP (HTML Standard): a structured-field token; its parameters (`report-to`) change no behaviour."""
    if not values:
        return ["not sent"]
    try:
        parsed = http_sf.parse(", ".join(values).encode(), tltype="item")
    except ValueError as error:
        return [f"invalid, browsers ignore it: {error} ({', '.join(values)[:100]})"]
    bare = parsed[0] if isinstance(parsed, tuple) else parsed
    seen = str(bare) if isinstance(bare, http_sf.Token) else None
    return [] if seen == promised else [f"{', '.join(values)}, promised {promised}"]


def resource_policy_faults(values: tuple[str, ...], promised: str) -> list[str]:
    """CORP (Fetch Standard): exactly one value, upper and lower case apart; anything else is as if it were not sent."""
    if not values:
        return ["not sent"]
    return [] if _members(values) == [promised] else [f"{', '.join(values)}, promised {promised}"]


@cache
def _known(what: str) -> dict[str, str]:
    """Headers that are listed as dated data, in lower case, each with what is to be said of it."""
    text = files("roadworthy.known").joinpath(f"{what}-headers.yaml").read_text(encoding="utf-8")
    return {name.lower(): str(about or "") for name, about in yaml.safe_load(text)["headers"].items()}


_VERSION = re.compile(r"(?:^|[/\s(])v?\d+(?:\.\d+)*[A-Za-z]{0,2}(?!\w)")


def disclosed_versions(headers: tuple[tuple[str, str], ...]) -> list[str]:
    """The headers that tell a version, as sent. A product without a number (`Server: nginx`) tells none."""
    return [
        f"{name}: {value}" for name, value in headers if name.lower() in _known("disclosing") and _VERSION.search(value)
    ]


def retired(headers: tuple[tuple[str, str], ...]) -> list[str]:
    """Headers that browsers no longer heed, each with what took its place."""
    return list(dict.fromkeys(f"{name} {_known('retired')[name]}" for name, _ in headers if name in _known("retired")))
