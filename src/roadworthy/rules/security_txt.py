"""security.txt: whom to tell of a hole (RFC 9116)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from roadworthy.facts.paths import Glimpse

SECURITY_TXT = "/.well-known/security.txt"
_FIELD = re.compile(r"(?m)^([A-Za-z-]+):[ \t]*(\S.*?)[ \t]*\r?$")


def security_txt_faults(glimpse: Glimpse, observed_at: datetime, url: str) -> list[str]:
    """What keeps a finder of a hole from reporting it.

    Args:
        glimpse: what stood at the place.
        observed_at: when.
        url: where it was asked for.
    """
    if not glimpse.is_there:
        return [f"answered {glimpse.status}"]
    if glimpse.media_type != "text/plain":
        return [f"came as {glimpse.media_type or 'no media type'}, which is not text/plain"]
    fields: dict[str, list[str]] = {}
    for name, value in _FIELD.findall(glimpse.start):
        fields.setdefault(name.lower(), []).append(value)
    return [
        *_contact_faults(fields.get("contact", [])),
        *_expiry_faults(fields.get("expires", []), observed_at),
        *_canonical_faults(fields.get("canonical", []), url),
    ]


def _contact_faults(contacts: list[str]) -> list[str]:
    """Section 2.5.3: at least one, each a URI; web addresses by https."""
    if not contacts:
        return ["no Contact"]
    return [
        f"Contact {contact!r} is no https:, mailto: or tel: address"
        for contact in contacts
        if _scheme(contact) not in ("https", "mailto", "tel")
    ]


def _scheme(uri: str) -> str:
    try:
        return urlsplit(uri).scheme.lower()
    except ValueError:  # a bracket that never closes
        return ""


def _expiry_faults(expiries: list[str], observed_at: datetime) -> list[str]:
    """Section 2.5.5: exactly one, by RFC 3339, and not over."""
    if len(expiries) != 1:
        return [f"{len(expiries) or 'no'} Expires; one is required"]
    try:
        ends = datetime.fromisoformat(expiries[0].upper())
    except ValueError:
        ends = None
    if ends is None or ends.tzinfo is None:
        return [f"Expires {expiries[0]!r} is no time of RFC 3339"]
    return [] if ends > observed_at else [f"expired {ends:%d %b %Y}"]


def _canonical_faults(canonicals: list[str], url: str) -> list[str]:
    """Section 2.5.2: where it says at which addresses it stands, this is one of them."""
    if not canonicals or url in canonicals:
        return []
    return [f"says that it belongs to {', '.join(canonicals)}, and stands at {url}"]
