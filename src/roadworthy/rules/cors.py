"""Cross-origin reading (Fetch Standard, section "CORS protocol"): whom a server lets read its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.rules.caching import varies_on

if TYPE_CHECKING:
    from roadworthy.facts.http import Answer
    from roadworthy.target.blocks.headers import Cors

STRANGER = "https://roadworthy.invalid"
"""An origin that nobody can have (RFC 2606)."""


def hostile_origins(cors: Cors) -> tuple[str, ...]:
    """Origins that a careless comparison lets in: a stranger, `null`, and look-alikes of each allowed one.

    Nobody is hostile where everybody is allowed.
    """
    if "*" in cors.allows:
        return ()
    look_alikes = (twin for origin in cors.allows for twin in _look_alikes(origin))
    return tuple(dict.fromkeys(other for other in (STRANGER, "null", *look_alikes) if other not in cors.allows))


def _look_alikes(origin: str) -> list[str]:
    """The usual slips: compared by prefix, by suffix, with a dot that stands for any character, without the scheme."""
    parts = urlsplit(origin)
    host, port = parts.hostname, f":{parts.port}" if parts.port else ""
    if not host:
        return []
    twins = [
        f"{parts.scheme}://{host}.roadworthy.invalid{port}",
        f"{parts.scheme}://roadworthy{host}{port}",
        f"{'http' if parts.scheme == 'https' else 'https'}://{host}{port}",
    ]
    return [*twins, f"{parts.scheme}://{host.replace('.', 'x', 1)}{port}"] if "." in host else twins


def cors_faults(answer: Answer, origin: str, promised: Cors) -> list[str]:
    """All that is wrong with the answer to one origin."""
    allowed = answer.one("access-control-allow-origin")
    credentials = answer.one("access-control-allow-credentials") == "true"
    wanted = "*" if "*" in promised.allows else origin
    if allowed == "*" != wanted:
        return ["any origin may read it (Access-Control-Allow-Origin: *)"]
    if origin not in promised.allows and wanted != "*":
        return (
            [f"origin {origin} may read it{', with credentials' if credentials else ''}"] if allowed == origin else []
        )
    faults = []
    if allowed != wanted:
        faults.append(f"origin {origin} gets Access-Control-Allow-Origin {allowed or 'not at all'}, promised {wanted}")
    if credentials is not promised.credentials:
        faults.append(f"credentials are {'' if credentials else 'not '}allowed to {origin}")
    if allowed == origin and not varies_on(answer.all("vary"), "origin"):
        faults.append("Vary: Origin is missing, so that a cache may give one origin's answer to another")
    return faults
