"""Who may frame a page: frame-ancestors says it, and X-Frame-Options only where that is not there.

HTML Standard, section The X-Frame-Options header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.rules.csp import parse_csp, shown
from roadworthy.rules.csp_effect import wide

if TYPE_CHECKING:
    from roadworthy.target.blocks.headers import Headers

NOBODY, SAME_ORIGIN, LISTED, EVERYBODY = range(4)
WORDS = {"nobody": NOBODY, "same-origin": SAME_ORIGIN, "listed": LISTED}
_OPTIONS = {"DENY": NOBODY, "SAMEORIGIN": SAME_ORIGIN}


def frame_ancestors(policies: tuple[str, ...]) -> frozenset[str] | None:
    """The strictest frame-ancestors of all headers; None where none has any."""
    given = [policy["frame-ancestors"] for policy in parse_csp(policies) if "frame-ancestors" in policy]
    return min(given, key=lambda sources: (_width(sources), len(sources)), default=None)


def _width(sources: frozenset[str]) -> int:
    if not sources:
        return NOBODY
    if sources == {"'self'"}:
        return SAME_ORIGIN
    return EVERYBODY if wide(sources) else LISTED


def options(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values of X-Frame-Options, each once, in upper case."""
    return tuple(dict.fromkeys(member.strip(" \t").upper() for value in values for member in value.split(",")))


def _width_of_options(values: tuple[str, ...]) -> int:
    """Values that contradict each other let nobody in, if one of them is known; unknown ones alone are ignored."""
    seen = options(values)
    if len(seen) > 1 and set(seen) & {*_OPTIONS, "ALLOWALL"}:
        return NOBODY
    return _OPTIONS.get(seen[0], EVERYBODY) if seen else EVERYBODY


def framing_faults(frame_options: tuple[str, ...], policies: tuple[str, ...], promised: str) -> list[str]:
    """All by which others than promised may frame the page.

    Args:
        frame_options: each X-Frame-Options header.
        policies: each Content-Security-Policy header.
        promised: `nobody`, `same-origin` or `listed`.
    """
    ancestors = frame_ancestors(policies)
    if ancestors is not None:
        wider = _width(ancestors) > WORDS[promised]
        return [f"frame-ancestors {shown(ancestors)}, promised {promised}"] if wider else []
    if _width_of_options(frame_options) <= WORDS[promised]:
        return []
    if not frame_options:
        return ["neither frame-ancestors nor X-Frame-Options is sent"]
    return [f"X-Frame-Options: {', '.join(frame_options)[:100]}{_obsolete(frame_options)}, promised {promised}"]


def _obsolete(values: tuple[str, ...]) -> str:
    known = any(one.startswith("ALLOW-FROM") for one in options(values))
    return " (browsers ignore ALLOW-FROM; frame-ancestors says it)" if known else ""


def frame_options_faults(values: tuple[str, ...], promised: str, ancestors: frozenset[str] | None = None) -> list[str]:
    """X-Frame-Options as promised: a set, in which case has no meaning; and no frame-ancestors that undoes it."""
    seen = options(values)
    if not values:
        return ["not sent"]
    faults = []
    if len(seen) > 1:
        faults.append(f"{len(seen)} values that contradict each other: {', '.join(seen)}; {promised} promised")
    elif promised.upper() not in seen:
        faults.append(f"{', '.join(seen)}{_obsolete(values)}, promised {promised}")
    if ancestors is not None and _width(ancestors) > _OPTIONS.get(promised.upper(), EVERYBODY):
        faults.append(f"frame-ancestors {shown(ancestors)} is wider, and browsers then ignore X-Frame-Options")
    return faults


def framing_advice(frame_options: tuple[str, ...], policies: tuple[str, ...], promised: Headers) -> list[str]:
    """What experts would change; what is promised is judged elsewhere."""
    ancestors = frame_ancestors(policies)
    told = []
    csp = promised.content_security_policy or {}
    decided = promised.framing or promised.x_frame_options or "frame-ancestors" in csp
    if not decided and framing_faults(frame_options, policies, "listed"):
        told.append("any site may frame the page: no frame-ancestors, no X-Frame-Options (MDN HTTP Observatory)")
    width = _OPTIONS.get(next(iter(options(frame_options)), ""))
    if ancestors is not None and width is not None and width != _width(ancestors):
        told.append(
            f"X-Frame-Options: {', '.join(frame_options)[:60]} and frame-ancestors {shown(ancestors)} say different "
            "things; browsers heed the latter (HTML Standard)"
        )
    if not promised.x_frame_options and _obsolete(frame_options):
        told.append("X-Frame-Options: ALLOW-FROM is ignored by browsers; frame-ancestors says it (RFC 7034; MDN)")
    return told
