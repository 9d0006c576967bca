"""Private keys: of which kind and how long, who may read them, and that what is public of them is theirs."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from roadworthy.target.blocks.block import Expectation, OneOrMany, Place
from roadworthy.target.blocks.files import Modes
from roadworthy.target.values import PUBLIC

Kind = Literal["rsa", "ec", "ed25519"]


class PrivateKey(Expectation):
    """What is promised of one private key; that it is one, in any case."""

    WHERE = frozenset({"path"})

    path: Place = Field(description="Where it is, in PEM. Links are followed.", json_schema_extra={PUBLIC: True})
    kind: Kind | None = Field(None, description="Which kind it is.")
    min_bits: int | None = Field(None, ge=1, le=65536, description="It has so many bits, at least: 4096 of RSA.")
    passphrase: Literal["needed", "none"] | None = Field(
        None,
        description="Whether it is encrypted. Then nothing else of what is in it can be told.",
    )
    mode: Modes | None = Field(None, min_length=1, description='Its mode: `"600"`, `"<= 640"` (no bit beyond these).')
    owner: OneOrMany | None = Field(None, min_length=1, description="Whose it is: one of these users.")
    public: Place | None = Field(None, description="This file holds its public key.")
    public_mode: Modes | None = Field(None, min_length=1, description="The mode of that file.")
    certificate: Place | None = Field(None, description="The (first) certificate in this file is for its public key.")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.public_mode is not None and self.public is None:
            raise ValueError("public_mode: public says of which file")
        inside = [key for key in ("kind", "min_bits", "public", "certificate") if getattr(self, key) is not None]
        if self.passphrase == "needed" and inside:  # noqa: S105 - no password
            raise ValueError(f"{inside[0]}: what needs a passphrase can't be looked into")
        return self


class Keys(Expectation):
    """Promises of private keys. Only what is public of them leaves the host; `openssl` looks at them there."""

    pairs: dict[str, PrivateKey] | None = Field(
        None, min_length=1, max_length=20, description="The keys, each by a name of your own."
    )

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        paths = [key.path for key in (self.pairs or {}).values()]
        if twice := next((path for path in paths if paths.count(path) > 1), None):
            raise ValueError(f"{twice} is there twice")
        return self
