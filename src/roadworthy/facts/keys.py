"""What a host shows of private keys: what is public of them, and that they are encrypted or not."""

from __future__ import annotations

import shlex
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.files import Absent, Entry
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class KeyWanted(Fact):
    """One private key, and files that may hold what is public of it."""

    path: str
    public: str | None = None
    certificate: str | None = None


class KeysAsk(HostAsk):
    """Which keys."""

    kind: Literal["keys"] = "keys"
    pairs: tuple[KeyWanted, ...]

    @property
    def name(self) -> str:
        """The private keys, as a shell takes them."""
        return shlex.join(pair.path for pair in self.pairs)


class PublicKey(Fact):
    """What everybody may know of a key; where it is none, why."""

    problem: str = Field("", description="Why there is none to be read; empty: there is.")
    algorithm: str = Field("", description="rsa, ec, ed25519, or openssl's own word.")
    bits: int | None = None
    sha256: str = Field("", description="Of its SubjectPublicKeyInfo in DER.")


class Held(Fact):
    """A file that holds a key."""

    entry: Entry | Absent | Unseen
    encrypted: bool | Unseen | None = Field(None, description="None: that was not told, as it is no private key.")
    key: PublicKey | Unseen | None = None


class KeySeen(Fact):
    """One private key."""

    path: str
    private: Held
    public: Held | None = None
    certificate: Held | None = None


class KeysObservation(HostObservation):
    """Keys as they were found."""

    kind: Literal["keys"] = "keys"
    pairs: tuple[KeySeen, ...] = ()
