"""DKIM keys in DNS (RFC 6376 section 3.6.1, RFC 8301, RFC 8463): whether one can be used, and how long it is."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roadworthy.rules.tags import TagFault, parse_tags

if TYPE_CHECKING:
    from roadworthy.facts.mail import MailObservation

ED25519_BYTES = 32
KINDS = ("rsa", "ed25519")


@dataclass(frozen=True)
class Key:
    """One selector's key."""

    selector: str
    kind: str
    bits: int
    is_test: bool
    """Receivers are told to treat what it signs as unsigned (`t=y`)."""


class NoKey(ValueError):  # noqa: N818 - a state of a record, not an error of ours
    """There is no key that a receiver could use, and why."""


def name_of(selector: str, domain: str) -> str:
    """Where a selector's key is."""
    return f"{selector}._domainkey.{domain}"


def key_of(seen: MailObservation, selector: str, domain: str) -> Key:
    """A selector's key.

    Raises:
        NoKey: there is none, or none that can be used.
        NotObserved: the look-up failed.
    """
    found = seen.lookup(name_of(selector, domain), "TXT")
    if not found.records:
        raise NoKey(f"{selector}: {found.name} TXT: {found.state.value}")
    if len(found.records) > 1:
        raise NoKey(f"{selector}: {len(found.records)} TXT records; which of them counts is left to chance")
    try:
        return _read(selector, found.records[0])
    except (TagFault, ValueError) as fault:
        raise NoKey(f"{selector}: {fault}") from fault


def _read(selector: str, text: str) -> Key:
    tags = parse_tags(text)
    if "v" in tags and (next(iter(tags)) != "v" or tags["v"] != "DKIM1"):
        raise NoKey(f"v={tags['v']} is not DKIM1 in the first place")
    if "p" not in tags:
        raise NoKey("the record holds no key (p=)")
    if not tags["p"]:
        raise NoKey("the key is revoked (p= is empty)")
    kind = tags.get("k", "rsa").lower()
    if kind not in KINDS:
        raise NoKey(f"k={kind} is no kind of key that receivers know ({', '.join(KINDS)})")
    if "h" in tags and not {"sha256", "*"} & {part.strip().lower() for part in tags["h"].split(":")}:
        raise NoKey(f"h={tags['h']} leaves out sha256")
    if "s" in tags and not {"email", "*"} & {part.strip().lower() for part in tags["s"].split(":")}:
        raise NoKey(f"s={tags['s']} is not for e-mail")
    flags = {part.strip().lower() for part in tags.get("t", "").split(":")}
    return Key(selector, kind, _bits(kind, tags["p"]), "y" in flags)


def _bits(kind: str, text: str) -> int:
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoKey("the key is no base64") from error
    if kind == "ed25519":
        if len(raw) != ED25519_BYTES:
            raise NoKey(f"the key has {len(raw)} bytes, an Ed25519 key has {ED25519_BYTES}")
        return len(raw) * 8
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - few targets promise keys
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415 - as above

    try:
        key = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NoKey("the key can't be read (it is no DER public key)") from error
    if not isinstance(key, RSAPublicKey):
        raise NoKey("k=rsa, but the key is no RSA key")
    return key.key_size


def unusable_keys(seen: MailObservation, domain: str, selectors: tuple[str, ...]) -> list[str]:
    """What keeps receivers from using the promised keys."""
    faults = []
    for selector in selectors:
        try:
            key_of(seen, selector, domain)
        except NoKey as fault:
            faults.append(str(fault))
    return faults


def usable_keys(seen: MailObservation, domain: str, selectors: tuple[str, ...]) -> list[Key]:
    """The keys that there are."""
    keys = []
    for selector in selectors:
        try:
            keys.append(key_of(seen, selector, domain))
        except NoKey:
            continue  # told by another check
    return keys
