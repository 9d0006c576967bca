"""Content-Security-Policy, as CSP Level 3 defines it (W3C Working Draft, sections 2.2 and 2.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping

Policy = Mapping[str, frozenset[str]]
"""Directive names in lower case, each with its sources."""

_SPACE = re.compile(r"[\t\n\f\r ]+")
_NONCE = re.compile(r"'nonce-[A-Za-z0-9+/_-]+={0,2}'", re.IGNORECASE)
_HASH = re.compile(r"'(sha(?:256|384|512)-)([A-Za-z0-9+/_-]+={0,2}')", re.IGNORECASE)
_HOST = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]*://)?[^/]*)(.*)", re.DOTALL)


FETCH_DIRECTIVES = frozenset(
    {
        *("child-src", "connect-src", "font-src", "frame-src", "img-src", "manifest-src", "media-src", "object-src"),
        *("script-src", "script-src-attr", "script-src-elem", "style-src", "style-src-attr", "style-src-elem"),
        "worker-src",
    }
)
"""Those that fall back to default-src (CSP Level 3, section 6.1)."""


def parse_csp(values: tuple[str, ...]) -> tuple[Policy, ...]:
    """Every policy of every header; a browser enforces them all. Of a repeated directive the first counts."""
    policies = (_policy(text) for value in values for text in value.split(","))
    return tuple(policy for policy in policies if policy)


def _policy(text: str) -> Policy:
    directives: dict[str, frozenset[str]] = {}
    for token in text.split(";"):
        words = [word for word in _SPACE.split(token) if word]
        if words and token.isascii():
            directives.setdefault(words[0].lower(), sources_of(words[1:]))
    return directives


def sources_of(words: list[str] | tuple[str, ...]) -> frozenset[str]:
    """A directive's values as a set: upper and lower case set aside where it has no meaning; `'none'` is no source.

    A nonce is new in each answer, so that any of them stands for `'nonce-*'`.
    """
    return frozenset(source for word in words if (source := _source(word)) != "'none'")


def _source(word: str) -> str:
    if _NONCE.fullmatch(word) or word.lower() == "'nonce-*'":
        return "'nonce-*'"
    if match := _HASH.fullmatch(word):
        return f"'{match[1].lower()}{match[2]}"
    if word.startswith("'"):
        return word.lower()
    match = _HOST.fullmatch(word)
    return match[1].lower() + match[2] if match else word


def csp_faults(
    values: tuple[str, ...], report_only: tuple[str, ...], promised: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """All directives that are not in force as promised.

    Several policies are all enforced. A directive is as promised if one policy has exactly the promised sources and no
    other policy's same directive leaves one of them out.

    Args:
        values: each Content-Security-Policy header.
        report_only: each Content-Security-Policy-Report-Only header; it only explains why nothing is in force.
        promised: directive names with their sources.
    """
    policies = parse_csp(values)
    if not policies:
        return ["only reported, not enforced (Content-Security-Policy-Report-Only)" if report_only else "not sent"]
    faults = []
    for name, words in promised.items():
        wanted = sources_of(words)
        found = [policy[name.lower()] for policy in policies if name.lower() in policy]
        if not found:
            faults.append(f"{name} is missing")
        elif wanted not in found or not all(wanted <= sources for sources in found):
            seen = ", and ".join(_shown(sources) for sources in dict.fromkeys(found))
            faults.append(f"{name} {seen}, promised {_shown(wanted)}")
    return faults + _loosened(policies, promised)


def _loosened(policies: tuple[Policy, ...], promised: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Fetch directives that nobody promised and that take in more than the promised `default-src` that they stand for.

    One policy that keeps to it is enough: browsers enforce all.
    """
    given = {name.lower() for name in promised}
    if "default-src" not in given:
        return []
    wanted = next(sources_of(words) for name, words in promised.items() if name.lower() == "default-src")
    sent = {name for policy in policies for name in policy if name in FETCH_DIRECTIVES} - given
    return [
        f"{name} {_shown(policies[0].get(name, frozenset()))} loosens the promised default-src {_shown(wanted)}"
        for name in sorted(sent)
        if not any(_in_effect(policy, name) <= wanted for policy in policies if {name, "default-src"} & policy.keys())
    ]


def _in_effect(policy: Policy, name: str) -> frozenset[str]:
    return policy.get(name, policy.get("default-src", frozenset()))


def _shown(sources: frozenset[str]) -> str:
    return " ".join(sorted(sources)) or "'none'"
