"""The TLS of an edge, from what its components promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from roadworthy.sandbox.deployment import Certificate, Terminator, Tls

if TYPE_CHECKING:
    from collections.abc import Callable

    from roadworthy.target.blocks.tls import Tls as Promised
    from roadworthy.target.models import Component

T = TypeVar("T")

SUITES = tuple(
    f"ECDHE-{kind}-{rest}"
    for rest in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for kind in ("ECDSA", "RSA")
)
SUITES_1_3 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


def tls_of(host: str, parts: list[Component]) -> Tls:
    """How an operator would configure an edge whose name is promised all this."""
    blocks = [part.tls for part in parts if part.tls]

    def first(read: Callable[[Promised], T | None], otherwise: T) -> T:
        return next((value for block in blocks if (value := read(block))), otherwise)

    promised = first(lambda block: block.suites, (*SUITES_1_3, *SUITES))
    newest = tuple(suite for suite in promised if suite in SUITES_1_3)
    ciphers = first(lambda block: block.ciphers, "")
    older = (ciphers,) if ciphers else tuple(suite for suite in promised if suite not in SUITES_1_3)
    least = next((block.min_key_bits for block in blocks if block.min_key_bits), {"ec": 256})
    bits: dict[str, int] = {str(kind): size for kind, size in least.items()}
    fits_ec = "ec" in bits and (bool(ciphers) or not older or any("ECDSA" in suite for suite in older))
    key = f"ec-{max(256, bits['ec'])}" if fits_ec else f"rsa-{max(2048, bits.get('rsa', 0))}"
    limited = next((block.groups for block in blocks if block.groups), ())
    included = next((block.includes_groups for block in blocks if block.includes_groups), ())
    certificate = Certificate(
        names=(host, *dict.fromkeys(name for block in blocks for name in block.names or () if name != host)),
        key=key,
        issuer_name=next((block.issuer[0] for block in blocks if block.issuer), Certificate.issuer_name),
        scts=first(lambda block: block.scts, 0),
    )
    return Tls(
        certificate,
        first(lambda block: block.versions, ("1.2", "1.3")),
        older,
        newest or SUITES_1_3,
        terminator=Terminator.MODERN if any(map(_is_post_quantum, blocks)) else Terminator.NGINX,
        session_s=round(first(lambda block: block.session_lifetime, 600.0)),
        groups=tuple(group for group in limited or included if "MLKEM" not in group),
        server_order=first(lambda block: block.preference, "client") == "server",
        staples=any(block.stapling for block in blocks),
    )


def _is_post_quantum(block: Promised) -> bool:
    """Whether it takes groups that nginx's own OpenSSL lacks."""
    return bool(block.post_quantum) or any("MLKEM" in group for group in block.includes_groups or ())
