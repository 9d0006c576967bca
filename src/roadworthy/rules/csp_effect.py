"""What all policies of a page let through together: something gets through only if each of them lets it.

CSP Level 3, sections 6.7 and 6.8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import yaml

from roadworthy.rules.csp import Policy, in_effect, is_proof, parse_csp, parse_meta, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.headers import Csp

_BROAD = re.compile(
    r"\*|(?:https?|wss?|ftp):|(?:(?:https?|wss?)://)?\*(?:\.[a-z0-9-]+)?(?::(?:\*|\d+))?/?", re.IGNORECASE
)
"""Sources that stand for the whole web, or for a whole top-level domain."""
_SOURCE = re.compile(
    r"(?:([a-z][a-z0-9+.-]*)://)?((?:\*\.)?[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(\d+|\*))?(/.*)?", re.IGNORECASE
)
_PASSIVE = frozenset({"img-src", "media-src"})
_NO_SOURCES = frozenset({"report-uri", "report-to", "sandbox", "upgrade-insecure-requests", "require-trusted-types-for",
                         "trusted-types", "block-all-mixed-content", "plugin-types", "navigate-to"})  # fmt: skip
_SHOWN = 5


@dataclass(frozen=True)
class BypassHost:
    """A host where an attacker can have a script made, known by one place on it."""

    host: str
    path: str
    serves: str
    needs_eval: bool


@cache
def bypass_hosts() -> tuple[BypassHost, ...]:
    """Those that are known."""
    text = files("roadworthy.known").joinpath("csp-bypass-hosts.yaml").read_text(encoding="utf-8")
    return tuple(
        BypassHost(host, path, group["serves"], group.get("needs_eval", False))
        for group in yaml.safe_load(text)["groups"]
        for host, path in group["hosts"].items()
    )


@dataclass(frozen=True)
class Effect:
    """The policies that are in force on a page, those of headers and those of `<meta>`."""

    policies: tuple[Policy, ...]
    only_reported: bool = False

    @classmethod
    def of(cls, headers: tuple[str, ...], meta: tuple[str, ...] = (), reported: tuple[str, ...] = ()) -> Effect:
        """The policies of a page, from what it was sent with and what it says of itself."""
        return cls((*parse_csp(headers), *parse_meta(meta)), bool(parse_csp(reported)))

    def weaknesses(self) -> dict[str, str]:
        """What gets through, by the names that `csp.forbids` has for it, each with what lets it."""
        found = {
            "inline-scripts": self._inline("script-src"),
            "inline-styles": self._inline("style-src"),
            "eval": self._eval(),
            "any-source": self._any_source(),
            "data-scripts": self._data(),
            "insecure-sources": self._insecure(),
            "bypass-hosts": self._bypasses(),
        }
        return {name: told for name, told in found.items() if told}

    def is_open(self, name: str) -> str | None:
        """What leaves a directive open in every policy; None where one keeps it."""
        lists = [in_effect(policy, name) for policy in self.policies]
        if any(sources is not None and not wide(sources) for sources in lists):
            return None
        broad = sorted({one for sources in lists if sources for one in wide(sources)})
        return f"{name} {' '.join(broad)}" if broad else f"no {name}"

    def is_dead_end(self) -> bool:
        """Whether no script can run: `'strict-dynamic'` trusts what a nonce or a hash vouches for, and has none."""
        lists = [sources or frozenset() for sources in self._lists("script-src-elem")]
        return any("'strict-dynamic'" in sources and not _trusts_by_proof(sources) for sources in lists)

    def upgrades(self) -> bool:
        """Whether what would go over http:// goes over https:// instead."""
        return any("upgrade-insecure-requests" in policy for policy in self.policies)

    def _lists(self, name: str) -> list[frozenset[str] | None]:
        return [in_effect(policy, name) for policy in self.policies]

    def _inline(self, name: str) -> str | None:
        is_script = name == "script-src"
        for kind in (f"{name}-elem", f"{name}-attr"):
            lists = self._lists(kind)
            if all(_lets_inline(sources, is_script=is_script) for sources in lists):
                given = any(sources is not None for sources in lists)
                return f"{kind if self._differ(kind, name) else name} 'unsafe-inline'" if given else f"no {name}"
        return None

    def _differ(self, kind: str, name: str) -> bool:
        return self._lists(kind) != self._lists(name)

    def _eval(self) -> str | None:
        lists = self._lists("script-src")
        if not all(sources is None or "'unsafe-eval'" in sources for sources in lists):
            return None
        return "script-src 'unsafe-eval'" if any(sources is not None for sources in lists) else "no script-src"

    def _scripts(self) -> list[frozenset[str] | None]:
        """Where scripts may come from, without what `'strict-dynamic'` makes void."""
        return [None if sources is None else _unvoided(sources) for sources in self._lists("script-src-elem")]

    def _any_source(self) -> str | None:
        lists = self._scripts()
        if not all(sources is None or wide(sources) for sources in lists):
            return None
        broad = sorted({one for sources in lists if sources for one in wide(sources)})
        return f"script-src {' '.join(broad)}" if broad else "no script-src"

    def _data(self) -> str | None:
        lists = self._scripts()
        named = any(sources is not None and "data:" in sources for sources in lists)
        return "script-src data:" if named and all(s is None or "data:" in s for s in lists) else None

    def _insecure(self) -> str | None:
        found = {
            f"{name} {one}"
            for policy in self.policies
            for name, sources in policy.items()
            if name not in _PASSIVE | _NO_SOURCES
            for one in sources
            if one.lower().startswith(("http:", "ftp:", "ws:"))
        }
        return None if self.upgrades() else _listed(sorted(found))

    def _bypasses(self) -> str | None:
        lists = self._scripts()
        if self._any_source() or all(sources is None for sources in lists):
            return None  # whoever may come from anywhere needs no bypass
        evals = bool(self._eval())
        parsed = [None if sources is None else _hosts(sources) for sources in lists]
        hosts = [
            known.host
            for known in bypass_hosts()
            if (evals or not known.needs_eval)
            and all(places is None or any(place.covers(known) for place in places) for places in parsed)
        ]
        return _listed(list(dict.fromkeys(hosts)))


def _lets_inline(sources: frozenset[str] | None, *, is_script: bool) -> bool:
    """CSP Level 3, section 6.7.3.2: whether a source list allows all inline behaviour."""
    if sources is None:
        return True
    if _trusts_by_proof(sources) or (is_script and "'strict-dynamic'" in sources):
        return False
    return "'unsafe-inline'" in sources


def _trusts_by_proof(sources: Iterable[str]) -> bool:
    return any(is_proof(source) for source in sources)


def _unvoided(sources: frozenset[str]) -> frozenset[str]:
    """Hosts, schemes and `'self'` count for nothing beside `'strict-dynamic'` (CSP Level 3, section 8.2)."""
    if "'strict-dynamic'" not in sources:
        return sources
    return frozenset(source for source in sources if source.startswith("'") and source != "'self'")


def wide(sources: Iterable[str]) -> list[str]:
    """Those sources that stand for the whole web, or for a whole top-level domain."""
    return [source for source in sources if _BROAD.fullmatch(source)]


@dataclass(frozen=True)
class _Host:
    """A host source that lets in what is on https:// (CSP Level 3, section 6.7.2.8)."""

    host: str
    path: str | None

    def covers(self, known: BypassHost) -> bool:
        """Whether it lets in a known place."""
        below = self.host.startswith("*.")
        if not (known.host.endswith(self.host[1:]) if below else known.host == self.host):
            return False
        if self.path in (None, "", "/"):
            return True
        return known.path.startswith(self.path or "") if (self.path or "").endswith("/") else known.path == self.path


def _hosts(sources: Iterable[str]) -> frozenset[_Host]:
    matches = (_SOURCE.fullmatch(source) for source in sources if not source.startswith("'"))
    found = (match.groups() for match in matches if match)
    return frozenset(
        _Host(host.lower(), path)
        for scheme, host, port, path in found
        if (scheme or "https").lower() in ("http", "https") and port in (None, "*", "443")
    )


def _listed(told: list[str]) -> str | None:
    if not told:
        return None
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return ", ".join(told[:_SHOWN]) + more


def effect_faults(effect: Effect, promised: Csp, frame_ancestors: frozenset[str] | None) -> list[str]:
    """All that gets through and must not.

    Args:
        effect: the policies in force.
        promised: the target's words.
        frame_ancestors: those of the headers together; None where none says so. A `<meta>` can't.
    """
    if not effect.policies:
        return [f"no policy is in force{', one is only reported' if effect.only_reported else ''}"]
    weak = effect.weaknesses()
    faults = [f"{name}: {weak[name]}" for name in promised.forbids if name in weak]
    for name in promised.restricts:
        if name == "frame-ancestors":
            told = f"no {name}" if frame_ancestors is None else None
            told = f"{name} {shown(frame_ancestors)}" if frame_ancestors and wide(frame_ancestors) else told
        else:
            told = effect.is_open(name)
        faults += [told] if told else []
    return faults
