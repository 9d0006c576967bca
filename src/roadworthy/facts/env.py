"""What a host shows of configuration files of keys and values: plain values, and of secrets how strong they are."""

from __future__ import annotations

import hashlib
import secrets
import shlex
from typing import Any, Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.files import Absent, Entry
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen
from roadworthy.target.blocks.env import Reader

ROUNDS = 50_000
"""Of the hash that a secret is compared by: who sees it does not find a weak one at once."""


class EnvFileWanted(Fact):
    """One file, and the keys to look at."""

    path: str
    reader: Reader
    plain: tuple[str, ...] = Field((), description="Keys whose values are to be shown.")
    others: tuple[str, ...] = Field((), description="Keys of which no value is to be shown.")
    published: tuple[tuple[str, tuple[str, ...]], ...] = Field((), description="Of keys: values to look for.")
    secret: tuple[tuple[str, str], ...] = Field((), exclude=True, repr=False, description="Never written down.")


class EnvAsk(HostAsk):
    """Which files, and what everybody knows and is no secret."""

    kind: Literal["env"] = "env"
    files: tuple[EnvFileWanted, ...]
    known: tuple[str, ...] = Field(description="Values that everybody knows.")

    @property
    def name(self) -> str:
        """The files, as a shell takes them."""
        return shlex.join(file.path for file in self.files)

    @property
    def wanted(self) -> dict[str, Any]:
        """The same, with secrets as hashes, salted anew."""
        salt = secrets.token_hex(16)
        files = [
            {**file.model_dump(mode="json"), "hashes": {key: _hash(value, salt) for key, value in file.secret}}
            for file in self.files
        ]
        return {"files": files, "known": self.known, "salt": salt, "rounds": ROUNDS}


def _hash(value: str, salt: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", value.encode(), salt.encode(), ROUNDS).hex()


class KeySeen(Fact):
    """What is told of a key's value."""

    length: int = Field(description="In characters; 0: it is empty.")
    value: str | None = Field(None, description="As it is; None: it was not asked for, or holds a secret.")
    bits: float | None = Field(None, description="The most bits of entropy that its characters let it have.")
    base64_bytes: int | None = Field(None, description="How many bytes `base64:...` stands for; None: it is none.")
    known: str = Field(
        "", description="Who knows it: everybody, or whoever knows another key; empty: nobody, it seems."
    )
    equals: bool | None = Field(None, description="Whether it is the one that was asked for.")


class ToFill(Fact):
    """A value that is still to be filled in."""

    key: str
    line: int
    what: str = Field(description="What says so; never the value.")


class Repeated(Fact):
    """A key that is there more than once, with different values."""

    key: str
    lines: tuple[int, ...]


class EnvText(Fact):
    """What a reader makes of a file."""

    problem: str = Field("", description="Why it can't be read as promised; empty: it can.")
    keys: dict[str, KeySeen] = Field({}, description="Those of the keys asked for that are there.")
    to_fill: tuple[ToFill, ...] = ()
    repeated: tuple[Repeated, ...] = ()


class EnvFileSeen(Fact):
    """One file."""

    path: str
    entry: Entry | Absent | Unseen
    folder_mode: int | None = Field(None, description="Of the folder that it is in, links followed.")
    text: EnvText | Unseen | None = None


class EnvObservation(HostObservation):
    """Files as they were found."""

    kind: Literal["env"] = "env"
    files: tuple[EnvFileSeen, ...] = ()
