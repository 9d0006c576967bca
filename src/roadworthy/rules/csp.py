"""Content-Security-Policy, as CSP Level 3 defines it (W3C Working Draft, sections 2.2 and 2.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping

Policy = Mapping[str, frozenset[str]]
"""Directive names in lower case, each with its sources."""

_NO_SOURCE = frozenset({"'none'", "'report-sample'"})
_SHOWN = 300
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


FALLBACKS = {
    "script-src-elem": ("script-src-elem", "script-src", "default-src"),
    "script-src-attr": ("script-src-attr", "script-src", "default-src"),
    "style-src-elem": ("style-src-elem", "style-src", "default-src"),
    "style-src-attr": ("style-src-attr", "style-src", "default-src"),
    "worker-src": ("worker-src", "child-src", "script-src", "default-src"),
    "frame-src": ("frame-src", "child-src", "default-src"),
}
"""Which directive speaks for one that is not given (CSP Level 3, section 6.8.3); for any other, default-src."""

NOT_IN_META = frozenset({"frame-ancestors", "report-uri", "sandbox"})
"""What a `<meta>` can't say (HTML Standard, section Content security policy state)."""


def parse_csp(values: tuple[str, ...]) -> tuple[Policy, ...]:
    """Every policy of every header; a browser enforces them all. Of a repeated directive the first counts."""
    policies = (_policy(text) for value in values for text in value.split(","))
    return tuple(policy for policy in policies if policy)


def parse_meta(contents: tuple[str, ...]) -> tuple[Policy, ...]:
    """The policies of `<meta>` elements: one each, and without what only a header can say."""
    policies = (_policy(text) for text in contents)
    kept = ({name: sources for name, sources in policy.items() if name not in NOT_IN_META} for policy in policies)
    return tuple(policy for policy in kept if policy)


def in_effect(policy: Policy, name: str) -> frozenset[str] | None:
    """The sources that a policy sets for a directive, by itself or by its fallback; None: it leaves it open."""
    chain = FALLBACKS.get(name, (name, "default-src") if name in FETCH_DIRECTIVES else (name,))
    return next((policy[one] for one in chain if one in policy), None)


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
    return frozenset(source for word in words if (source := _source(word)) not in _NO_SOURCE)


def _source(word: str) -> str:
    if _NONCE.fullmatch(word) or word.lower() == "'nonce-*'":
        return "'nonce-*'"
    if match := _HASH.fullmatch(word):
        return f"'{match[1].lower()}{match[2]}"
    if word.startswith("'"):
        return word.lower()
    match = _HOST.fullmatch(word)
    return match[1].lower() + match[2] if match else word


def is_proof(source: str) -> bool:
    """Whether a source is a nonce or a hash; one that was left empty (`'nonce-'`) is nothing to a browser."""
    return source == "'nonce-*'" or _HASH.fullmatch(source) is not None


def csp_faults(
    values: tuple[str, ...],
    report_only: tuple[str, ...],
    promised: Mapping[str, tuple[str, ...]],
    meta: tuple[str, ...] = (),
) -> list[str]:
    """All directives that are not in force as promised.

    Several policies are all enforced. A directive is as promised if one policy has exactly the promised sources and no
    other policy's same directive leaves one of them out.

    Args:
        values: each Content-Security-Policy header.
        report_only: each Content-Security-Policy-Report-Only header; it only explains why nothing is in force.
        promised: directive names with their sources.
        meta: each policy in a `<meta>` of the page; like `report_only`, it only explains.
    """
    policies = parse_csp(values)
    if not policies:
        return [_nothing_in_force(report_only, meta)]
    faults = []
    for name, words in promised.items():
        wanted = sources_of(words)
        found = [policy[name.lower()] for policy in policies if name.lower() in policy]
        if not found:
            faults.append(f"{name} is missing")
        elif wanted not in found or not all(wanted <= sources for sources in found):
            seen = ", and ".join(shown(sources) for sources in dict.fromkeys(found))
            faults.append(f"{name} {seen}, promised {shown(wanted)}")
    return faults + _loosened(policies, promised)


def _nothing_in_force(report_only: tuple[str, ...], meta: tuple[str, ...]) -> str:
    if report_only:
        return "only reported, not enforced (Content-Security-Policy-Report-Only)"
    return "not sent as a header; the page has one in <meta>" if meta else "not sent"


def _loosened(policies: tuple[Policy, ...], promised: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Fetch directives that nobody promised, and that take in more than the promised one that else speaks for them.

    One policy that keeps to it is enough: browsers enforce all.
    """
    given = {name.lower(): sources_of(words) for name, words in promised.items()}
    sent = {name for policy in policies for name in policy if name in FETCH_DIRECTIVES} - given.keys()
    faults = []
    for name in sorted(sent):
        stands_in = next((one for one in FALLBACKS.get(name, (name, "default-src")) if one in given), None)
        if stands_in is None or any((in_effect(policy, name) or frozenset()) <= given[stands_in] for policy in policies
                                    if in_effect(policy, name) is not None):  # fmt: skip
            continue
        told = next(policy[name] for policy in policies if name in policy)
        faults.append(f"{name} {shown(told)} loosens the promised {stands_in} {shown(given[stands_in])}")
    return faults


def narrowing(values: tuple[str, ...], meta: tuple[str, ...]) -> list[str]:
    """Directives of a `<meta>` that leave out what the header's policies let through: both are enforced."""
    headers = parse_csp(values)
    narrower = dict.fromkeys(
        name
        for policy in parse_meta(meta)
        for name, sources in policy.items()
        if name in FETCH_DIRECTIVES | {"base-uri", "form-action"} and headers
        and not all((allowed := in_effect(other, name)) is not None and allowed <= sources for other in headers)
    )  # fmt: skip
    return list(narrower)


def shown(sources: frozenset[str]) -> str:
    """Sources as a policy writes them, cut where nobody reads on."""
    text = " ".join(sorted(sources)) or "'none'"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
