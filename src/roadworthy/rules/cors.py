"""Cross-origin reading (Fetch Standard, section "CORS protocol"): whom a server lets read its answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.rules.caching import varies_on

if TYPE_CHECKING:
    from roadworthy.facts.http import Answer
    from roadworthy.target.blocks.headers import Cors

STRANGER = "https://roadworthy.invalid"
"""An origin that nobody can have (RFC 2606)."""
_OTHER_PORT = 8765
SAFE_METHODS = frozenset({"GET", "HEAD", "POST"})
"""Those that need no leave (Fetch Standard, CORS-safelisted method)."""
_FIRST_NOT_OK, _FIRST_OK = 300, 200
_NO_VARY = "Vary: Origin is missing, so that a cache may give one origin's answer"


def is_allowed(origin: str, promised: Cors) -> bool:
    """Whether an origin is one of those that are allowed."""
    return any(matches(origin, allowed) for allowed in promised.allows)


def matches(origin: str, allowed: str) -> bool:
    """Whether an origin is an allowed one, `*`, or below the name of `https://*.name`."""
    if "://*." not in allowed:
        return allowed in ("*", origin)
    scheme, _, rest = allowed.partition("://*")
    return origin.startswith(f"{scheme}://") and origin.endswith(rest) and len(origin) > len(scheme) + 3 + len(rest)


def allowed_origins(promised: Cors) -> tuple[str, ...]:
    """Origins to be let in: each that is allowed; one below a name where any is; a stranger where all are."""
    return tuple(
        STRANGER if origin == "*" else origin.replace("://*.", "://roadworthy.", 1) for origin in promised.allows
    )


def hostile_origins(cors: Cors, own: str | None = None) -> tuple[str, ...]:
    """Origins that a careless comparison lets in: a stranger, `null`, and look-alikes of each allowed one.

    Nobody is hostile where everybody is allowed.

    Args:
        cors: who is allowed.
        own: the origin that is asked; its own name on http:// is whoever is on the way.
    """
    if "*" in cors.allows:
        return ()
    look_alikes = (twin for origin in cors.allows for twin in _look_alikes(origin))
    downgraded = (f"http://{urlsplit(own).hostname}",) if own and own.startswith("https://") else ()
    everybody = (STRANGER, "null", *downgraded, *look_alikes)
    return tuple(dict.fromkeys(other for other in everybody if not is_allowed(other, cors)))


def _look_alikes(origin: str) -> list[str]:
    """The usual slips: compared by prefix, by suffix, with a dot that stands for any character, without scheme or port.

    A name below an allowed one is let in by who compares by suffix from the dot on.
    """
    parts = urlsplit(origin.replace("://*.", "://", 1))
    host, port = parts.hostname, f":{parts.port}" if parts.port else ""
    if not host:
        return []
    twins = [
        f"{parts.scheme}://{host}.roadworthy.invalid{port}",
        f"{parts.scheme}://roadworthy{host}{port}",
        f"{parts.scheme}://roadworthy.{host}{port}",
        f"{'http' if parts.scheme == 'https' else 'https'}://{host}{port}",
        f"{parts.scheme}://{host}:{_OTHER_PORT}",
    ]
    return [*twins, f"{parts.scheme}://{host.replace('.', 'x', 1)}{port}"] if "." in host else twins


def cors_faults(answer: Answer, origin: str, promised: Cors) -> list[str]:
    """All that is wrong with the answer to one origin."""
    allowed = answer.one("access-control-allow-origin")
    credentials = answer.one("access-control-allow-credentials") == "true"
    wanted = "*" if "*" in promised.allows else origin
    if allowed == "*" != wanted:
        return ["any origin may read it (Access-Control-Allow-Origin: *)"]
    varies = varies_on(answer.all("vary"), "origin")
    if not is_allowed(origin, promised):
        if allowed == origin:
            return [f"origin {origin} may read it{', with credentials' if credentials else ''}"]
        differs = _is_for_one(promised) and allowed is None and _FIRST_OK <= answer.status < _FIRST_NOT_OK
        return [f"{_NO_VARY}, who may not read it, to one who may"] if differs and not varies else []
    faults = []
    if allowed != wanted:
        faults.append(f"origin {origin} gets Access-Control-Allow-Origin {allowed or 'not at all'}, promised {wanted}")
    if credentials is not promised.credentials:
        refused = ", which browsers refuse beside *" if allowed == "*" else ""
        faults.append(f"credentials are {'' if credentials else 'not '}allowed to {origin}{refused}")
    if allowed == origin and not varies and not _is_for_one(promised):
        faults.append(f"{_NO_VARY} to another")
    return faults


def _is_for_one(promised: Cors) -> bool:
    """One origin alone is let in: its name may stand in every answer, whoever asks, and then none has to vary."""
    return len(promised.allows) == 1 and "*" not in promised.allows[0]


def preflight_faults(answer: Answer, origin: str, method: str, promised: Cors) -> list[str]:
    """All that is wrong with the answer to one origin that asks for leave to send a request."""
    allowed = answer.one("access-control-allow-origin")
    is_let_in = allowed in ("*", origin) and _FIRST_OK <= answer.status < _FIRST_NOT_OK
    if not is_allowed(origin, promised):
        return [f"origin {origin} may send {method} requests ({allowed})"] if is_let_in else []
    if not is_let_in:
        return [f"origin {origin} is refused: {answer.status}, Access-Control-Allow-Origin {allowed or 'not sent'}"]
    faults = []
    if allowed == "*" and "*" not in promised.allows:
        faults.append("any origin may send requests (Access-Control-Allow-Origin: *)")
    if promised.credentials and answer.one("access-control-allow-credentials") != "true":
        faults.append(f"credentials are not allowed to {origin}")
    methods, headers = _listed(answer, "methods"), _listed(answer, "headers")
    wild = not promised.credentials
    if method not in SAFE_METHODS and method not in methods and not (wild and "*" in methods):
        faults.append(f"{method} is not allowed (Access-Control-Allow-Methods: {', '.join(sorted(methods)) or 'none'})")
    harmless = {*(promised.methods or ()), *SAFE_METHODS, "OPTIONS"}
    unasked = {one for one in methods if re.fullmatch("[A-Z]+", one)} - harmless
    if promised.methods and unasked:
        faults.append(f"{', '.join(sorted(unasked))} allowed beyond what is promised")
    if promised.methods and wild and "*" in methods:
        faults.append("every method is allowed (Access-Control-Allow-Methods: *)")
    missing = [name for name in promised.headers or () if not _lets(headers, name, wild=wild)]
    faults += [f"the request header {name} is not allowed" for name in missing]
    return faults


def _listed(answer: Answer, what: str) -> frozenset[str]:
    members = (one.strip(" \t") for value in answer.all(f"access-control-allow-{what}") for one in value.split(","))
    return frozenset(one.lower() if what == "headers" else one for one in members if one)


def _lets(headers: frozenset[str], name: str, *, wild: bool) -> bool:
    """`*` is no name where credentials go along, and never stands for Authorization."""
    return name.lower() in headers or (wild and "*" in headers and name.lower() != "authorization")
