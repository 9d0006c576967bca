"""Lists of tags as mail keeps them in DNS: `v=DKIM1; k=rsa; p=MIG...` (RFC 6376 section 3.2; DMARC has them too)."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class TagFault(ValueError):  # noqa: N818 - a state of a record, not an error of ours
    """The text is no list of tags."""


def parse_tags(text: str) -> dict[str, str]:
    """The tags in their order, names in lower case, white space around values taken away.

    Raises:
        TagFault: a part is no tag, or a tag stands twice.
    """
    tags: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals or not _NAME.fullmatch(name):
            raise TagFault(f"{part.strip()[:60]!r} is no tag")
        if name in tags:
            raise TagFault(f"{name}= stands twice")
        tags[name] = value.strip()
    return tags


def claims(text: str, version: str) -> bool:
    """Whether a TXT record says by its first tag that it is of a kind (`v=DMARC1`)."""
    return re.match(rf"\s*v\s*=\s*{re.escape(version)}\s*(;|$)", text) is not None
