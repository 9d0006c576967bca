"""A cache (Redis, Valkey): who may log in and how, what it keeps and loses, and who copies it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Need, one_or_many
from roadworthy.target.blocks.stores import (
    Amount,
    Follows,
    Login,
    Memory,
    PublishedLogin,
    Replicas,
    Role,
    SettingValue,
    Version,
)
from roadworthy.target.values import PUBLIC, Duration, Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

SECRETS = frozenset(
    {"requirepass", "masterauth", "primaryauth", "masteruser", "tls-key-file-pass", "tls-client-key-file-pass", "user"}
)
"""Settings whose value is a secret: never asked for."""

_SETTING = re.compile(r"[a-z0-9][a-z0-9._-]*")


def _setting(name: str) -> str:
    plain = name.lower()
    if plain in SECRETS:
        raise ValueError(f"{plain} holds a secret, and is not asked for; promise a login instead")
    if not _SETTING.fullmatch(plain):
        raise ValueError(f"{name!r} is no setting's name; one name, without * and ?")
    return plain


Kept = Literal["rdb", "aof"]


class Cluster(Frozen):
    """A cluster as every one of its nodes must know it."""

    shards: int = Field(ge=1, description="Exactly so many primaries hold slots.")
    replicas: int = Field(0, ge=0, description="Each of them has so many replicas that copy it, at least.")


class Sentinel(Frozen):
    """What a sentinel at this address must say of the primary that it watches."""

    watches: str = Field(
        min_length=1, description="The primary's name among sentinels.", json_schema_extra={PUBLIC: True}
    )
    replicas: int | None = Field(None, ge=1, description="It knows so many replicas, at least.")
    sentinels: int | None = Field(None, ge=1, description="So many sentinels watch, this one among them, at least.")


class Cache(Expectation):
    """Promises about a Redis or Valkey server. It is only read: no key's name or value is ever looked at."""

    login: Login | None = Field(None, description="These credentials are accepted. All else is seen with their rights.")
    version: Version | None = Field(
        None,
        description="The version of Redis that answers, in Valkey the one that it is compatible with: "
        '"7" is any 7.x; ">= 6.2".',
        json_schema_extra={PUBLIC: True},
    )
    encrypted: Literal[True] | None = Field(
        None,
        description="It speaks TLS from the first byte, with a certificate that verifies; no password is sent "
        "otherwise. Without this promise it is spoken to in plain.",
    )
    refuses_plain: Literal[True] | None = Field(None, description="It says nothing to whoever comes without TLS.")
    refuses_anonymous: Literal[True] | None = Field(
        None, description="Without a password nobody is let in; needs network.allows: [logins]."
    )
    refuses_wrong_password: Literal[True] | None = Field(
        None, description="One wrong password is tried, and refused; needs network.allows: [logins]."
    )
    refuses_logins: tuple[PublishedLogin, ...] | None = Field(
        None, min_length=1, description="Default credentials that are refused; needs network.allows: [logins]."
    )
    answers_within: Duration | None = Field(
        None, description="The median of a few PINGs, the way there and back included."
    )
    role: Role | None = Field(None, description="`primary`: it takes writes. `replica`: it copies another one.")
    replicas: Replicas | None = Field(
        None, description="Who copies it, as it knows them itself. Replicas tell how far they are once a second."
    )
    follows: Follows | None = Field(
        None,
        description="Whom it copies, as it knows it itself. It knows for how long it has heard nothing; a silence as "
        "long as repl-ping-replica-period (10 s) is no lag.",
    )
    cluster: Cluster | None = Field(
        None, description="It is a cluster, reached here at one of its nodes; all of them are visited."
    )
    sentinel: Sentinel | None = Field(None, description="It is a sentinel, not a server.")
    settings: dict[Annotated[str, AfterValidator(_setting)], SettingValue] | None = Field(
        None,
        min_length=1,
        description="Settings by name, as they must be (`allkeys-lru`, `2gb`) or a bound (`>= 64mb`).",
    )
    memory_below: Memory | None = Field(
        None, description="So much memory is in use at most: `2GiB`, or a share of maxmemory such as `80%`."
    )
    evicts_nothing: Literal[True] | None = Field(
        None, description="No key was evicted for want of memory since the server was started."
    )
    clients_below: Amount | None = Field(
        None, description="So many clients are connected at most: `500`, or a share of maxclients such as `80%`."
    )
    persistence: (
        Annotated[
            tuple[Kept | Literal["none"], ...],
            BeforeValidator(one_or_many, json_schema_input_type=str | tuple[str, ...]),
        ]
        | None
    ) = Field(
        None,
        min_length=1,
        description="How data outlives a restart, and that the last time went well: `rdb`, `aof`, both, or `none`.",
    )

    def needs(self) -> Iterable[Need]:
        """Wrong and default passwords."""
        if self.refuses_anonymous:
            yield Need("refuses_anonymous", "logins", "a command without a password is tried")
        if self.refuses_wrong_password:
            yield Need("refuses_wrong_password", "logins", "one wrong password is sent")
        if self.refuses_logins:
            yield Need("refuses_logins", "logins", f"{len(self.refuses_logins)} default logins are tried")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.persistence is not None and "none" in self.persistence and len(self.persistence) > 1:
            raise ValueError("persistence: none goes with nothing else")
        if self.refuses_plain and not self.encrypted:
            raise ValueError("refuses_plain: without encrypted it is spoken to in plain")
        if self.follows is not None and self.follows.marker is not None:
            raise ValueError("follows.marker is for databases: nothing is written into a cache")
        if self.follows is not None and self.role == "primary":
            raise ValueError("a primary follows nobody")
        if self.replicas is not None and self.cluster is not None:
            raise ValueError("replicas: those of a cluster are promised by cluster.replicas")
        if self.sentinel is not None and (of_servers := [name for name in OF_SERVERS if getattr(self, name)]):
            raise ValueError(f"{of_servers[0]} is a promise of a server; a sentinel keeps no data")
        return self


OF_SERVERS = (
    "role",
    "replicas",
    "follows",
    "cluster",
    "settings",
    "memory_below",
    "evicts_nothing",
    "clients_below",
    "persistence",
)
"""What a sentinel has not."""
