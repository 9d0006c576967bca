"""Judgements on secrets, of which nothing is known but how strong they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.files import Entry
from roadworthy.facts.store import seen
from roadworthy.rules.configuration import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roadworthy.facts.env import EnvText, KeySeen
    from roadworthy.facts.keys import Held, PublicKey
    from roadworthy.target.blocks.env import Secret
    from roadworthy.target.blocks.keys import PrivateKey


def weak(promised: Mapping[str, Secret], text: EnvText) -> list[str]:
    """Secrets that are missing or not as strong as promised."""
    return [
        f"{key} {fault}"
        for key, secret in promised.items()
        for fault in _faults_of(secret, text.keys.get(key))
        if fault
    ]


def _faults_of(secret: Secret, found: KeySeen | None) -> Iterator[str]:
    if found is None or not found.length:
        yield "is missing" if found is None else "is empty"
        return
    if secret.min_length is not None and found.length < secret.min_length:
        yield f"has {found.length} characters, promised {secret.min_length}"
    if secret.min_bits is not None and (found.bits or 0) < secret.min_bits:
        yield f"has {int(found.bits or 0)} bits of entropy at most, promised {secret.min_bits}"
    if secret.base64_bytes is not None and found.base64_bytes != secret.base64_bytes:
        is_now = "is no base64:..." if found.base64_bytes is None else f"is {found.base64_bytes} bytes in base64"
        yield f"{is_now}, promised {secret.base64_bytes} bytes"


def known(promised: Mapping[str, Secret], text: EnvText) -> list[str]:
    """Secrets that are none, with who knows them."""
    return [f"{key}: {found.known}" for key in promised if (found := text.keys.get(key)) and found.known]


def others(promised: Mapping[str, Secret], text: EnvText) -> list[str]:
    """Secrets that are not the ones that they must be.

    Raises:
        NotObserved: one of them is missing, and so is no other one either.
    """
    wanted = {key: text.keys.get(key) for key, secret in promised.items() if secret.equals}
    wrong = [f"{key} is another one" for key, found in wanted.items() if found and found.equals is False]
    missing = [key for key, found in wanted.items() if found is None or found.equals is None]
    if missing and not wrong:
        raise NotObserved(Reason.NOT_APPLICABLE, f"{missing[0]} is missing")
    return wrong


def short(promised: PrivateKey, key: PublicKey) -> str:
    """Why a key has too few bits; empty: it has enough.

    Raises:
        NotObserved: nobody says how many it has.
    """
    if key.bits is None:
        raise NotObserved(Reason.NO_ANSWER, f"openssl does not say how many bits {promised.path} has")
    enough = promised.min_bits is not None and key.bits >= promised.min_bits
    return "" if enough else f"{promised.path} has {key.bits} bits, promised {promised.min_bits}"


def of_another(private: PublicKey, held: Held | None, path: str) -> str:
    """Why a file does not hold what is public of a key; empty: it does.

    Raises:
        NotObserved: that can't be told.
    """
    if held is None:
        raise NotObserved(Reason.NO_ANSWER, f"{path} was not looked at")
    public = seen(held.key, path) if isinstance(held.entry, Entry) else None
    return unreadable(path, held.entry, public) or (
        "" if public is not None and public.sha256 == private.sha256 else f"{path} is of another key"
    )
