"""What an nginx front keeps away, as an operator would write it: a value, and its lines of configuration.

Limits are counted for each of the front's addresses: in the sandbox, one nginx stands for a machine at each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roadworthy.sandbox.edge import FILES

if TYPE_CHECKING:
    from collections.abc import Iterable

ATTACKS = {
    "sql-injection": "union.+select|.27.*(or|and).*.27",
    "cross-site-scripting": "(<|.3c)script",
    "path-traversal": r"\\.\\.(/|.2f)",
}
"""Patterns in a query, percent-encoded or not; a real firewall has thousands."""


@dataclass(frozen=True)
class RequestLimit:
    """nginx's limit_req, on the whole server."""

    per_minute: int
    burst: int
    status: int = 429
    retry_after: bool = False


@dataclass(frozen=True)
class Wards:
    """What a front keeps away. Nothing, by itself."""

    dot_files: str | None = None
    """The pattern of what is denied: with `/.well-known` left out, or not."""
    denies: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    limit: RequestLimit | None = None
    body_bytes: int | None = None
    """0: any size. None: nginx's own limit, one MiB."""
    attacks: tuple[str, ...] = ()
    refuses_attacks_with: int = 403
    lists: tuple[str, ...] = ()
    """Folders whose files are listed."""


DOT_FILES = r"/\.(?!well-known)"
ALL_DOTS = r"/\."


def maps(wards: Wards, key: str) -> Iterable[str]:
    """The lines outside of a server block."""
    if wards.limit is not None:
        rate = f"{wards.limit.per_minute}r/m"
        yield f"  limit_req_zone $binary_remote_addr$server_addr zone=limit_{key}:1m rate={rate};"
    if wards.attacks:
        patterns = "".join(f' "~*{ATTACKS[attack]}" 1;' for attack in wards.attacks)
        yield f'  map $query_string $attack_{key} {{ default "";{patterns} }}'


def lines(wards: Wards, key: str, proxy: str) -> Iterable[str]:
    """The lines of a server block."""
    if wards.body_bytes is not None:
        yield f"    client_max_body_size {wards.body_bytes};"
    if wards.limit is not None:
        burst = f" burst={wards.limit.burst} nodelay" if wards.limit.burst else ""
        yield f"    limit_req zone=limit_{key}{burst};"
        yield f"    limit_req_status {wards.limit.status};"
        if wards.limit.retry_after:
            yield f"    error_page {wards.limit.status} = @slow;"
            yield f"    location @slow {{ add_header Retry-After 1 always; return {wards.limit.status}; }}"
    if wards.attacks:
        yield f"    if ($attack_{key}) {{ return {wards.refuses_attacks_with}; }}"
    if wards.dot_files is not None:
        yield f'    location ~ "{wards.dot_files}" {{ deny all; }}'
    for path in wards.denies:
        yield f"    location = {path} {{ deny all; }}"
    for path in wards.guards:
        yield f"    location ^~ {path} {{ allow 203.0.113.0/24; deny all; {proxy} }}"
    for path in wards.lists:
        yield f"    location ^~ {path} {{ root {FILES}/{key}; autoindex on; }}"
