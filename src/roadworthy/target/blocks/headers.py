"""Response headers, and who may read answers."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, OneOrMany, Path
from roadworthy.target.values import AllowList, Frozen

Prefix = Literal["__Host-", "__Secure-"]
SameSite = Literal["None", "Lax", "Strict"]


class Hsts(Frozen):
    """Strict-Transport-Security (RFC 6797)."""

    max_age: int = Field(ge=0, description="Seconds, at least.")
    include_subdomains: bool = Field(False, description="true: `includeSubDomains` is there.")
    preload: bool = Field(
        False, description="true: `preload` is there, and what else the preload list of browsers asks for."
    )


class Csp(Frozen):
    """What all policies of a page together, `<meta>` ones included, let through (CSP Level 3)."""

    forbids: tuple[
        Literal[
            "inline-scripts",
            "inline-styles",
            "eval",
            "any-source",
            "data-scripts",
            "insecure-sources",
            "bypass-hosts",
        ],
        ...,
    ] = Field(
        (),
        description="What must not get through: inline scripts or styles, `eval`, scripts from any host "
        "(`any-source`), from `data:`, or from hosts known to serve whatever they are asked for (`bypass-hosts`), and "
        "sources on http://.",
    )
    restricts: tuple[
        Literal["default-src", "script-src", "style-src", "object-src", "base-uri", "form-action", "frame-ancestors"],
        ...,
    ] = Field((), description="Directives that are in effect, by themselves or by their fallback, and not wide open.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.forbids and not self.restricts:
            raise ValueError("give forbids, restricts or both")
        return self


def _as_patterns(value: Any) -> Any:
    return {"*": value} if isinstance(value, str) else value


class Cookies(Frozen):
    """Promises about the cookies that a page sets (RFC 6265bis); none of them is one that browsers refuse."""

    path: Path | None = Field(
        None, description="The page that sets them; without one, those whose headers are judged (`on`)."
    )
    secure: bool = Field(False, description="true: each has Secure.")
    httponly: OneOrMany | None = Field(
        None,
        min_length=1,
        description="Names of cookies that scripts can't read; `*` stands for any text. One that is named in full is "
        "there.",
    )
    samesite: Annotated[
        dict[str, SameSite] | None,
        BeforeValidator(_as_patterns, json_schema_input_type=SameSite | dict[str, SameSite] | None),
    ] = Field(
        None, min_length=1, description="Each says SameSite, at least so strict; or those of a name, as in `httponly`."
    )
    prefixes: dict[str, Prefix] | None = Field(
        None, min_length=1, description="Names, as in `httponly`, that are sent with a prefix: `{session: __Host-}`."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.secure or self.httponly or self.samesite or self.prefixes):
            raise ValueError("give at least one of: secure, httponly, samesite, prefixes")
        return self


def _reader(value: str) -> str:
    """An origin as browsers send it, `*`, `null`, or an origin whose host begins with `*.`.

    Raises:
        ValueError: it is none of these.
    """
    if value in ("*", "null"):
        return value
    parts = urlsplit(value)
    host = (parts.hostname or "").removeprefix("*.")
    bare = f"{parts.scheme}://{parts.netloc}"
    if not parts.scheme or not host or "*" in host or "@" in parts.netloc or value.rstrip("/") != bare:
        raise ValueError(f"{value!r} is no origin of the form https://name[:port], https://*.name, * or null")
    _ = parts.port
    return bare.lower()


Reader = Annotated[str, AfterValidator(_reader)]


class Cors(Frozen):
    """Which origins may read answers (Fetch standard)."""

    allows: tuple[Reader, ...] = Field(
        min_length=1, description="The only origins that are allowed; `https://*.shop.example` is any below that name."
    )
    credentials: bool = Field(False, description="Whether they may send cookies along.")
    path: Path = Field("/", description="The page that is asked in the name of each origin.")
    methods: tuple[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], ...] | None = Field(
        None,
        min_length=1,
        description="What a preflight (OPTIONS) lets the origins do; no other method that needs one is let in.",
    )
    headers: tuple[str, ...] | None = Field(
        None, min_length=1, description="Request headers that a preflight lets the origins send."
    )

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if "*" in self.allows and (self.credentials or len(self.allows) > 1):
            what = "credentials go to named origins only" if self.credentials else "name origins, or `*` alone"
            raise ValueError(f"allows: `*` lets everybody in: {what} (Fetch standard, CORS protocol)")
        if self.headers and not self.methods:
            raise ValueError("headers: name the methods of the requests that send them")
        return self


class Headers(Expectation):
    """Promises about response headers; `policy` fills in what is not given here."""

    WHERE: ClassVar[frozenset[str]] = frozenset({"policy", "on", "on_errors", "trusts"})

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
    csp: Csp | None = Field(None, description="What the policies of a page let through in effect, however they say it.")
    framing: Literal["nobody", "same-origin", "listed"] | None = Field(
        None,
        description="Who may frame the page in effect, by `frame-ancestors` or else X-Frame-Options; `listed`: not "
        "everybody.",
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
    cookies: Cookies | None = Field(None, description="How cookies are set.")
    sri: bool | None = Field(
        None, description="Scripts and styles from other origins are loaded with a digest (Subresource Integrity)."
    )
    trusts: tuple[Reader, ...] = Field((), description="Other origins whose scripts and styles need no digest.")
    no_mixed_content: bool | None = Field(None, description="The page loads nothing over http://.")
    cors: Cors | None = Field(None, description="Which other sites may read the answers.")
    on: tuple[Path, ...] = Field(("/",), min_length=1, description="The pages whose headers are judged.")
    on_errors: bool = Field(False, description="The promises hold on an error page (404) too.")
