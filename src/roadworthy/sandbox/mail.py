"""The sandbox's mail servers: real SMTP with TLS and logins, that takes nothing from strangers and delivers nothing.

`serve_mail` is the whole life of one process: it never returns.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import State, Tls
from roadworthy.sandbox.programs import EXTRA, MissingError

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from pathlib import Path

    from roadworthy.sandbox.deployment import Front, Service

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_CURVES = {"P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1"}


@dataclass(frozen=True)
class MailServer:
    """An SMTP server of a component."""

    name: str
    host: str
    address: tuple[str, int]
    tls: Tls
    implicit_tls: bool = False
    starttls: bool = True
    login: tuple[str, str] | None = None
    """The only name and password that it knows."""
    login_before_tls: bool = False
    lets_anybody_in: bool = False
    relays: bool = False
    unwilling: bool = False
    """Greets with 554 (RFC 5321 section 3.1)."""
    state: State = State.RUNNING


@dataclass(frozen=True)
class PolicyHost:
    """What serves a domain's MTA-STS policy: nginx, with a service of one page behind it."""

    component: str
    front: Front
    service: Service


@dataclass(frozen=True)
class MailJob:
    """A mail server, and the files of its certificate."""

    server: MailServer
    chain: Path
    key: Path

    @property
    def name(self) -> str:
        """The component's name."""
        return self.server.name

    @property
    def state(self) -> State:
        """What becomes of it."""
        return self.server.state

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.server.address


def serve_mail(job: MailJob) -> None:
    """Serves until it is killed.

    Raises:
        MissingError: the package of the server is not installed.
    """
    asyncio.run(listen(job))


async def listen(job: MailJob) -> None:
    """The same, until it is cancelled."""
    try:
        from aiosmtpd import smtp  # noqa: PLC0415 - a sandbox without mail needs none
    except ImportError as error:
        raise MissingError("aiosmtpd", EXTRA) from error
    server, loop = job.server, asyncio.get_running_loop()
    context = _context(job)
    if server.unwilling:
        await (await asyncio.start_server(_refuse, *server.address)).serve_forever()
    secures_later = context if server.starttls and not server.implicit_tls else None

    def connected() -> Any:
        with warnings.catch_warnings(action="ignore"):  # it does not know that TLS may be there from the first byte
            return smtp.SMTP(
                _Desk(server),
                hostname=server.host,
                ident="ESMTP",
                tls_context=secures_later,
                require_starttls=secures_later is not None,
                auth_required=server.login is not None and not server.relays,
                auth_require_tls=not server.implicit_tls and not server.login_before_tls,
                authenticator=_authenticator(server, smtp) if server.login else None,
                auth_exclude_mechanism=() if server.login else ("PLAIN", "LOGIN"),
                loop=loop,
            )

    listening = await loop.create_server(connected, *server.address, ssl=context if server.implicit_tls else None)
    await listening.serve_forever()


def _context(job: MailJob) -> ssl.SSLContext:
    tls = job.server.tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(job.chain, job.key)
    context.minimum_version, context.maximum_version = _VERSIONS[min(tls.versions)], _VERSIONS[max(tls.versions)]
    if tls.suites:
        context.set_ciphers(":".join(tls.suites))
    if curve := next((_CURVES[group] for group in tls.groups if group in _CURVES), None):
        context.set_ecdh_curve(curve)  # one alone: `ssl` takes no list
    if not tls.server_order:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


async def _refuse(reader: StreamReader, writer: StreamWriter) -> None:
    writer.write(b"554 5.3.2 No SMTP service here\r\n")
    await reader.read(1000)
    writer.close()


def _authenticator(server: MailServer, smtp: Any) -> Any:
    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> Any:
        name, password = server.login or ("", "")
        right = (data.login, data.password) == (name.encode(), password.encode())
        return smtp.AuthResult(success=right or server.lets_anybody_in, handled=False)

    return check


class _Desk:
    """Whose mail is taken: that of who is logged in."""

    def __init__(self, server: MailServer) -> None:
        self.server = server

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds methods by these names
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Refuses whoever is not logged in."""
        del server, options
        if not session.authenticated and not self.server.relays:
            return "554 5.7.1 Relay access denied"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        """Takes nothing: whoever verifies a deployment sends no mail."""
        del server, session, envelope
        return "554 5.6.0 This server is for verification alone"
