"""How an HTTP answer, or its absence, is told in a few words."""

from __future__ import annotations

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import TRANSIENT_STATUSES, Answer, HttpObservation, Phases, Silence, SilenceKind

_GATEWAY = {
    502: "a gateway that got no valid answer from what is behind it",
    503: "which says that it can't serve now",
    504: "a gateway that waited too long for what is behind it",
}
"""RFC 9110 sections 15.6.3 to 15.6.5."""


def told(result: Answer | Silence) -> str:
    """An answer by its status and who gave it; a silence by its kind."""
    if isinstance(result, Silence):
        return f"{result.silence.value} ({result.detail})" if result.detail else result.silence.value
    by = f" from {server}" if (server := result.one("server")) else ""
    start = " ".join(result.body[:100].split())
    if result.status in _GATEWAY:
        own_words = f"; it says {start}" if start and result.media_type.endswith("json") else ""
        return f"{result.status}{by}, {_GATEWAY[result.status]}{own_words}"
    if location := result.one("location"):
        return f"{result.status}{by} to {location}"
    return f"{result.status}{by}" + (f": {start}" if start and "html" not in result.media_type else "")


def answered(result: Answer | Silence) -> Answer:
    """An answer of which more can be said than that there was one.

    Raises:
        NotObserved: there was none, or that of a service that is starting or overloaded.
    """
    if isinstance(result, Silence):
        raise NotObserved(Reason.NO_ANSWER, told(result))
    if result.status in TRANSIENT_STATUSES:
        raise NotObserved(Reason.NO_ANSWER, f"answered {told(result)}")
    return result


def version_faults(seen: HttpObservation, version: str) -> list[str]:
    """Whether an HTTP version was spoken that was offered alone.

    A server that does not speak it answers in another or ends the handshake (RFC 7301 section 3.2).

    Raises:
        NotObserved: there was no answer for another reason.
    """
    if isinstance(seen.result, Silence) and seen.result.silence is SilenceKind.TLS_FAILED:
        return [f"offered {version} alone: {told(seen.result)}"]
    spoken = seen.answer.version
    return [] if spoken == version else [f"offered {version} alone, and {spoken} was spoken"]


def timed(phases: Phases) -> str:
    """Where the time went: `0.612 s (connected 0.011 s, TLS 0.034 s, first byte 0.601 s)`."""
    steps = {"connected": phases.connected_s, "TLS": phases.tls_s, "first byte": phases.first_byte_s}
    told_steps = ", ".join(f"{name} {at_s:.3f} s" for name, at_s in steps.items() if at_s is not None)
    return f"{phases.total_s:.3f} s" + (f" ({told_steps})" if told_steps else "")
