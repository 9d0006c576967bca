"""Response headers, and who may read answers."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from roadworthy.target.blocks.block import Expectation, OneOrMany, Path
from roadworthy.target.values import AllowList, Frozen


class Hsts(Frozen):
    """Strict-Transport-Security (RFC 6797)."""

    max_age: int = Field(ge=0, description="Seconds, at least.")
    include_subdomains: bool = Field(False, description="true: `includeSubDomains` is there.")
    preload: bool = Field(False, description="true: `preload` is there.")


class Cors(Frozen):
    """Which origins may read answers (Fetch standard)."""

    allows: tuple[str, ...] = Field(min_length=1, description="The only origins that are allowed.")
    credentials: bool = Field(False, description="Whether they may send cookies along.")
    path: Path = Field("/", description="The page that is asked in the name of each origin.")


class Headers(Expectation):
    """Promises about response headers; `policy` fills in what is not given here."""

    WHERE: ClassVar[frozenset[str]] = frozenset({"policy", "on", "on_errors"})

    policy: str | None = Field(None, description="A dated policy, adopted by name; see `roadworthy target show`.")
    strict_transport_security: Hsts | None = Field(
        None, alias="strict-transport-security", description="Browsers use https:// alone (RFC 6797)."
    )
    x_frame_options: Literal["DENY", "SAMEORIGIN"] | None = Field(
        None, alias="x-frame-options", description="Who may frame the page."
    )
    x_content_type_options: Literal["nosniff"] | None = Field(
        None, alias="x-content-type-options", description="Browsers do not guess the media type."
    )
    x_xss_protection: str | None = Field(
        None, alias="x-xss-protection", description="Compared by meaning: `1;mode=block` is `1; mode=block`."
    )
    content_security_policy: dict[str, OneOrMany] | None = Field(
        None,
        alias="content-security-policy",
        min_length=1,
        description="Directives, each with exactly its sources; `'nonce-*'` stands for any nonce.",
    )
    referrer_policy: OneOrMany | None = Field(
        None, alias="referrer-policy", min_length=1, description="The policies of which one is in force."
    )
    permissions_policy: dict[str, AllowList] | None = Field(
        None, alias="permissions-policy", min_length=1, description="Features, each with exactly who may use it."
    )
    cross_origin_opener_policy: str | None = Field(
        None, alias="cross-origin-opener-policy", description="The whole value; parameters are set aside."
    )
    cross_origin_embedder_policy: str | None = Field(
        None, alias="cross-origin-embedder-policy", description="The whole value; parameters are set aside."
    )
    cross_origin_resource_policy: str | None = Field(
        None, alias="cross-origin-resource-policy", description="The whole value, sent once."
    )
    other: dict[str, str] | None = Field(None, min_length=1, description="Any other header and its whole value.")
    absent: tuple[str, ...] | None = Field(None, min_length=1, description="Headers that must not be sent.")
    hides_versions: bool | None = Field(None, description="No header tells a software's version.")
    cors: Cors | None = Field(None, description="Which other sites may read the answers.")
    on: tuple[Path, ...] = Field(("/",), min_length=1, description="The pages whose headers are judged.")
    on_errors: bool = Field(False, description="The promises hold on an error page (404) too.")
