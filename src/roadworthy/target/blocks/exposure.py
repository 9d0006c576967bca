"""Exposure: what a stranger must not find."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Need, Path, Status
from roadworthy.target.problems import suggest
from roadworthy.target.values import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

Hidden = Literal["dot-files", "backups", "debug-pages", "panels", "source-maps", "listings"]

SERVICES = {
    "ftp": 21,
    "ssh": 22,
    "telnet": 23,
    "smtp": 25,
    "rpcbind": 111,
    "smb": 445,
    "mssql": 1433,
    "oracle": 1521,
    "nfs": 2049,
    "zookeeper": 2181,
    "docker": 2375,
    "etcd": 2379,
    "mysql": 3306,
    "rdp": 3389,
    "postgres": 5432,
    "amqp": 5672,
    "vnc": 5900,
    "couchdb": 5984,
    "redis": 6379,
    "kubernetes": 6443,
    "php-fpm": 9000,
    "prometheus": 9090,
    "kafka": 9092,
    "elasticsearch": 9200,
    "node-inspector": 9229,
    "kubelet": 10250,
    "memcached": 11211,
    "rabbitmq": 15672,
    "mongodb": 27017,
}
"""Names for the ports that are most often open by mistake (IANA's, or the product's default)."""

MOST_PORTS = 64


def _port(value: int | str) -> int | str:
    if isinstance(value, str) and value not in SERVICES:
        raise ValueError(f"{value!r} is no port{suggest(value, SERVICES)}, or a number")
    if isinstance(value, int) and not 1 <= value <= 65535:  # noqa: PLR2004 - RFC 9293: 16 bits
        raise ValueError(f"{value} is no port")
    return value


Port = Annotated[int | str, AfterValidator(_port)]


class Submission(Frozen):
    """A POST of a form or of JSON."""

    path: Path = Field(description="Asked below the component's URL.")
    json_body: dict[str, Any] | None = Field(
        None, alias="json", min_length=1, description="What is sent, as JSON. `{invented}` in a text is a new word."
    )
    form: dict[str, str] | None = Field(None, min_length=1, description="What is sent, as an HTML form would.")

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        if (self.json_body is None) == (self.form is None):
            raise ValueError("say what is sent: either json or form")
        return self

    @property
    def content(self) -> str:
        """The body."""
        if self.form is not None:
            return urlencode(self.form, safe="{}")
        return json.dumps(self.json_body, ensure_ascii=False)

    @property
    def media_type(self) -> str:
        """The body's Content-Type."""
        return "application/x-www-form-urlencoded" if self.form is not None else "application/json"


class Login(Submission):
    """A login that must be refused."""

    status: tuple[Status, ...] = Field(
        (401, 403),
        min_length=1,
        description="The refusal. Laravel's is 422 and OAuth's 400: add them where they stand for wrong credentials, "
        "but know that a request which lacks a field is answered the same.",
    )
    back_to: Path | None = Field(None, description="For forms that always redirect: where a refused one leads.")


class Exposure(Expectation):
    """Promises about what is not to be had from outside."""

    WHERE: ClassVar[frozenset[str]] = frozenset({"errors_at", "scripts_on"})

    hides: tuple[Hidden, ...] | None = Field(
        None,
        min_length=1,
        description="Kinds of things that are not to be had, judged by content: a page that answers everything with "
        "200 gives nothing away.",
    )
    denies: tuple[Path, ...] | None = Field(
        None, min_length=1, description="Places that are answered with 401, 403, 404 or 410."
    )
    leaves_open: tuple[Path, ...] | None = Field(
        None, min_length=1, description="Places that are not denied along with others: not answered with 401 or 403."
    )
    debug_off: Literal[True] | None = Field(
        None, description="No page, an error page least of all, shows a stack trace, settings or a query."
    )
    errors_at: tuple[Path, ...] = Field(
        (), description="More pages that answer a GET with an error, for `debug_off` (a login that takes POST only)."
    )
    scripts_on: Path | None = Field(
        None, description="The page whose scripts are looked at, for `source-maps`; the component's own URL otherwise."
    )
    security_txt: bool | None = Field(
        None, description="/.well-known/security.txt says whom to tell of a hole, and has not expired (RFC 9116)."
    )
    closed_ports: tuple[Port, ...] | None = Field(
        None,
        min_length=1,
        max_length=MOST_PORTS,
        description="Ports, by number or service, that take no connection from where the verification runs.",
    )
    refuses_logins: tuple[Login, ...] | None = Field(
        None,
        min_length=1,
        max_length=5,
        description="Published default credentials, each with where they once logged in. Never a password in use: who "
        "stands at the other end is not verified before it is sent.",
    )

    @model_validator(mode="after")
    def _places_are_of_promises(self) -> Self:
        if self.errors_at and not self.debug_off:
            raise ValueError("errors_at: it is for debug_off, which is not promised")
        if self.scripts_on and "source-maps" not in (self.hides or ()):
            raise ValueError("scripts_on: it is for source-maps, which are not promised to be hidden")
        return self

    @property
    def port_numbers(self) -> tuple[int, ...]:
        """`closed_ports` as numbers, each once."""
        return tuple(dict.fromkeys(SERVICES.get(str(port)) or int(port) for port in self.closed_ports or ()))

    @property
    def needs_url(self) -> tuple[str, ...]:
        """The promises that only a part which speaks HTTP can make."""
        return tuple(name for name in type(self).model_fields if name != "closed_ports" and getattr(self, name))

    def needs(self) -> Iterable[Need]:
        """A list of ports looks like a scan, a wrong password like a break-in."""
        if self.closed_ports:
            count = len(self.port_numbers)
            yield Need(
                "closed_ports",
                "ports",
                f"{count} connection{'s' * (count > 1)} to ports that should be closed would be tried at each address, "
                "which intrusion detection takes for a scan",
            )
        if self.refuses_logins:
            yield Need(
                "refuses_logins",
                "logins",
                f"{len(self.refuses_logins)} POST with credentials that should be wrong would be sent to each address, "
                "which counts as failed logins and may lock the account or this address out",
            )
