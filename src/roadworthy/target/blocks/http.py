"""HTTP's behaviour: redirects, versions, compression, caching, methods, hosts, and what stands in front."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Path
from roadworthy.target.values import PUBLIC

Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"]


def _origin(value: str) -> str:
    """An origin as browsers write it (RFC 6454 section 6.2).

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(value)
    bare = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or value.rstrip("/") != bare:
        raise ValueError(f"{value!r} is no origin of the form https://name[:port]")
    _ = parts.port
    return bare.lower()


Origin = Annotated[str, AfterValidator(_origin)]


def _endpoint(value: str) -> str:
    parts = urlsplit(value if "://" in value else f"//{value}")
    ok = parts.scheme in ("", "http", "https") and parts.hostname and not (parts.path or parts.query or parts.username)
    if not ok or (parts.port is None and not parts.scheme):
        raise ValueError(f"{value!r} is not of the form name:port, address:port or https://name[:port]")
    return value


class Http(Expectation):
    """Promises about HTTP's behaviour."""

    WHERE: ClassVar[frozenset[str]] = frozenset()

    redirects_from_http: Literal[301, 302, 307, 308] | None = Field(
        None, description="http:// answers with this status and the same place on https://."
    )
    redirects_to: Origin | None = Field(
        None,
        description="Every page redirects to the same path and query at this origin (`www` to the apex, say).",
        json_schema_extra={PUBLIC: True},
    )
    max_redirects: int | None = Field(
        None, ge=1, le=10, description="From http:// no more than so many redirects lead to a page."
    )
    versions: tuple[Literal["http/1.1", "h2"], ...] | None = Field(
        None, min_length=1, description="Each is spoken with a client that offers no other."
    )
    announces: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")], ...] | None = Field(
        None, min_length=1, description="Protocols that Alt-Svc offers for later requests: `h3`."
    )
    compresses: Annotated[
        dict[str, Path] | None,
        BeforeValidator(
            lambda v: dict.fromkeys(v, "/") if isinstance(v, list | tuple) else v,
            json_schema_input_type=dict[str, Path] | tuple[str, ...] | None,
        ),
    ] = Field(None, min_length=1, description="Media types that are compressed, each with a page of that type.")
    caches: dict[Path, str] | None = Field(
        None, min_length=1, description="Pages with the Cache-Control directives that they carry."
    )
    never_cached: tuple[Path, ...] | None = Field(
        None, min_length=1, description="Pages that no shared cache may keep, and that none does when asked twice."
    )
    revalidates: tuple[Path, ...] | None = Field(
        None,
        min_length=1,
        description="Pages whose ETag or Last-Modified is sound: the same at each address, and answered by 304.",
    )
    static: dict[Path, str] | None = Field(
        None, min_length=1, description="Files that are there, each with its media type."
    )
    static_from: Literal["nginx"] | None = Field(
        None, description="The `static` files come from nginx's own disk, not from the application behind it."
    )
    methods: dict[Path, tuple[Method, ...]] | None = Field(
        None,
        min_length=1,
        description="Pages with the methods that they take. Others are refused: TRACE and one that nobody knows are "
        "tried, nothing that could change anything.",
    )
    unknown_hosts: Literal["refused"] | None = Field(
        None, description="A request for another host's name gets an error, or is sent to a name of our own."
    )
    served_by: Literal["cloudflare", "cloudfront"] | None = Field(
        None, description="The content delivery network whose headers every answer carries."
    )
    hides_origin: tuple[Annotated[str, AfterValidator(_endpoint)], ...] | None = Field(
        None,
        min_length=1,
        description="Where the servers behind the content delivery network are (name:port, address:port or "
        "http(s)://name[:port]). Each is silent or refuses who comes past it.",
        json_schema_extra={PUBLIC: True},
    )
    reaches: dict[str, Path] | None = Field(
        None,
        min_length=1,
        description="Components whose URL the page or one of its scripts names, each with a path there that answers "
        "and that this page's origin may read.",
    )

    @property
    def origins_behind(self) -> tuple[tuple[str, str, int], ...]:
        """`hides_origin` as scheme, host and port; without a scheme, ports 443 and 8443 are taken for https."""
        return tuple(map(_parts_of, self.hides_origin or ()))

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.static_from and not self.static:
            raise ValueError("static_from: name the files in static")
        for media_type in self.static.values() if self.static else ():
            if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", media_type):
                raise ValueError(f"static: {media_type!r} is no media type")
        return self


def _parts_of(endpoint: str) -> tuple[str, str, int]:
    parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    port = parts.port or {"https": 443}.get(parts.scheme, 80)
    return parts.scheme or ("https" if port in (443, 8443) else "http"), parts.hostname or "", port
