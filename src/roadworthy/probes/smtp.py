"""SMTP: one conversation with one address, bounded in lines and bytes, never as far as DATA.

A login is sent only inside TLS whose certificate was verified for the host's own name. Where it was not, a second
connection without verification tells what else there is to see, and sends no secret. Replies to a login are kept as
their codes alone: a server may well repeat what it was told.

    Ended         the conversation broke off: becomes `broke` in the observation
    NotObserved   there is no route from here, or the CA file can't be read
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from roadworthy.facts.smtp import (
    Broke,
    Purpose,
    Reply,
    Secured,
    SmtpAsk,
    SmtpEnd,
    SmtpObservation,
    mechanisms,
    offers_starttls,
)
from roadworthy.probes.name import ascii_name
from roadworthy.probes.tcp import close, connect
from roadworthy.probes.trust import contexts

if TYPE_CHECKING:
    from roadworthy.probes.bench import Address, Bench

LONGEST_LINE = 4096
MOST_LINES = 100
FAREWELL_S = 1.0
AFTER_LOGIN = "the answer to AUTH"
"""Comes late where it is a refusal: servers make those who guess wait."""
MOST_BYTES = 64 * 1024
"""Of one conversation; RFC 5321 section 4.5.3.1 has 512 bytes for a line."""

STRANGER = "relay-check@example.com"
"""A name that is nobody's, and takes no mail (RFC 2606)."""

WRONG_PASSWORD = "not-the-password-of-anybody"  # noqa: S105 - it is wrong on purpose
_REPLY = re.compile(r"([2-5][0-9]{2})(?:([ -])(.*))?")
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s|$)")
READY, CONTINUE = 220, 334


class Ended(Exception):  # noqa: N818 - a state of the server, not an error of ours
    """The conversation broke off."""

    def __init__(self, end: SmtpEnd, at: str, detail: str = "") -> None:
        super().__init__(end.value)
        self.broke = Broke(end=end, at=at, detail=detail[:300])


class Distrusted(Ended):
    """TLS came up as far as a certificate that does not verify."""


async def observe(ask: SmtpAsk, address: Address, bench: Bench) -> SmtpObservation:
    """One conversation, as far as it goes.

    Raises:
        NotObserved: there is no route from here, or the CA file can't be read.
    """
    until = asyncio.get_running_loop().time() + _longest_s(bench)
    trust = await bench.shared(contexts)
    try:
        return await _converse(ask, address, bench, trust.verifying, until=until)
    except Distrusted as distrusted:
        return await _converse(ask, address, bench, trust.blind, until=until, distrust=distrusted.broke.detail)


def _longest_s(bench: Bench) -> float:
    """Many short silences are no reason to wait for ever, nor until somebody else ends it who knows of none."""
    return min(bench.patience_s * 2, bench.network.timeout * 0.9)


async def _converse(
    ask: SmtpAsk, address: Address, bench: Bench, context: ssl.SSLContext, *, until: float, distrust: str = ""
) -> SmtpObservation:
    talk = _Talk(ask, address, bench.patience_s, context, distrust)
    broke = None
    try:
        async with asyncio.timeout_at(until):
            await talk.hold()
    except Distrusted:
        raise
    except Ended as ended:
        broke = ended.broke
    except TimeoutError:
        broke = Broke(end=SmtpEnd.SILENT, at=talk.doing, detail=f"not done within {_longest_s(bench):g} s")
    finally:
        talk.leave()
    return SmtpObservation(observed_at=talk.observed_at, broke=broke, **talk.seen)


@dataclass
class _Talk:
    """A conversation under way; `seen` is what it has come to."""

    ask: SmtpAsk
    address: Address
    patience_s: float
    context: ssl.SSLContext
    distrust: str
    seen: dict[str, Any] = field(default_factory=dict)
    doing: str = "connecting"
    observed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _received: int = 0
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def hold(self) -> None:
        """From the first byte to the last."""
        await self._connect()
        if self.ask.implicit_tls:
            await self._secure()
        greeting = await self._reply("the greeting")
        self.seen["greeting"] = greeting
        if greeting.code != READY:
            return
        if not self.ask.implicit_tls:
            self.seen["offers"] = await self._hello()
            if offers_starttls(self.seen["offers"]):
                await self._starttls()
        if "secured" in self.seen:
            self.seen["offers_secured"] = await self._hello()
        match self.ask.purpose:
            case Purpose.LOGIN:
                await self._log_in(self.ask.password)
            case Purpose.WRONG_LOGIN:
                await self._log_in(WRONG_PASSWORD)
            case Purpose.RELAY:
                await self._relay()
            case Purpose.HELLO:
                pass
        await self._quit()

    def leave(self) -> None:
        """Ends the connection, waiting for nobody."""
        if self._writer is not None:
            close(self._writer)

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self.patience_s):
                self._reader, self._writer = await connect(self.address)
        except TimeoutError as error:
            raise Ended(SmtpEnd.SILENT, "connecting") from error
        except ConnectionError as error:
            raise Ended(SmtpEnd.REFUSED, "connecting") from error

    async def _secure(self, early: int = 0) -> None:
        """TLS over the connection that there is."""
        self.doing = "the TLS handshake"
        assert self._writer is not None  # noqa: S101 - connected
        try:
            async with asyncio.timeout(self.patience_s):
                await self._writer.start_tls(self.context, server_hostname=ascii_name(self.ask.host))
        except TimeoutError as error:
            raise Ended(SmtpEnd.NO_TLS, self.doing, f"no answer within {self.patience_s:g} s") from error
        except ssl.SSLCertVerificationError as error:
            raise Distrusted(SmtpEnd.NO_TLS, self.doing, error.verify_message or str(error)) from error
        except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError) as error:
            words = getattr(error, "reason", None) or str(error) or type(error).__name__
            raise Ended(SmtpEnd.NO_TLS, self.doing, words.lower().replace("_", " ")) from error
        shaken = self._writer.get_extra_info("ssl_object")
        version = (shaken.version() or "?").removeprefix("TLSv")
        self.seen["secured"] = Secured(version=version, distrust=self.distrust, early=early)

    async def _hello(self) -> tuple[str, ...]:
        reply = await self._command(f"EHLO {self._own_name()}", "the answer to EHLO")
        if not reply.is_success:
            raise Ended(SmtpEnd.GARBLED, "the answer to EHLO", reply.told)
        return reply.lines[1:]

    def _own_name(self) -> str:
        """Our own address as a literal (RFC 5321 section 4.1.3): our name means nothing elsewhere."""
        assert self._writer is not None  # noqa: S101 - connected
        ip = self._writer.get_extra_info("sockname")[0]
        return f"[IPv6:{ip}]" if ":" in ip else f"[{ip}]"

    async def _starttls(self) -> None:
        reply = await self._command("STARTTLS", "the answer to STARTTLS")
        self.seen["starttls"] = reply
        if reply.code == READY:
            assert self._reader is not None  # noqa: S101 - connected
            early: bytearray = self._reader._buffer  # type: ignore[attr-defined]  # noqa: SLF001 - what came unasked
            size = len(early)
            early.clear()  # in plain, and not to be taken for what comes inside TLS (RFC 3207 section 4.2)
            await self._secure(size)

    async def _log_in(self, password: str) -> None:
        """AUTH by PLAIN or LOGIN, once."""
        secured: Secured | None = self.seen.get("secured")
        if secured is None:
            self.seen["withheld"] = "no login was sent: the server offers no TLS"
            return
        if secured.distrust:
            self.seen["withheld"] = f"no login was sent: the certificate does not verify ({secured.distrust})"
            return
        offered = mechanisms(self.seen["offers_secured"])
        if not {"PLAIN", "LOGIN"} & set(offered):
            self.seen["withheld"] = (
                f"no login was sent: the server offers {' '.join(offered) or 'none'}, not PLAIN or LOGIN"
            )
            return
        self.seen["tried"] = True
        if "PLAIN" in offered:
            words = _encoded(f"\0{self.ask.username}\0{password}")
            reply = await self._command(f"AUTH PLAIN {words}", AFTER_LOGIN, keeps_text=False)
        else:
            reply = await self._command("AUTH LOGIN", AFTER_LOGIN, keeps_text=False)
            for words in (_encoded(self.ask.username), _encoded(password)):
                if reply.code == CONTINUE:
                    reply = await self._command(words, AFTER_LOGIN, keeps_text=False)
        self.seen["outcome"] = reply

    async def _relay(self) -> None:
        """A recipient elsewhere, taken back at once; the empty sender is one that every server knows."""
        reply = await self._command("MAIL FROM:<>", "the answer to MAIL")
        if reply.is_success:
            self.seen["accepted_sender"] = True
            reply = await self._command(f"RCPT TO:<{STRANGER}>", "the answer to RCPT")
        self.seen["outcome"] = reply
        with suppress(Ended):
            await self._command("RSET", "the answer to RSET")

    async def _quit(self) -> None:
        """A server that is left politely writes no complaint into its log; what it answers does not matter."""
        with suppress(Ended, TimeoutError):
            async with asyncio.timeout(min(self.patience_s, FAREWELL_S)):
                await self._command("QUIT", "the answer to QUIT")

    async def _command(self, line: str, waits_for: str, *, keeps_text: bool = True) -> Reply:
        assert self._writer is not None  # noqa: S101 - connected
        try:
            self._writer.write(line.encode() + b"\r\n")
            await self._writer.drain()
        except ConnectionError as error:
            raise Ended(SmtpEnd.CLOSED, waits_for) from error
        return await self._reply(waits_for, keeps_text=keeps_text)

    async def _reply(self, waits_for: str, *, keeps_text: bool = True) -> Reply:
        """One reply, all its lines (RFC 5321 section 4.2.1)."""
        self.doing = waits_for
        texts: list[str] = []
        while True:
            line = await self._line(waits_for)
            match = _REPLY.fullmatch(line)
            if match is None:
                said = repr(line[:60]) if keeps_text else "something"
                raise Ended(SmtpEnd.GARBLED, waits_for, f"the server said {said}")
            texts.append(match[3] or "")
            if match[2] != "-":
                break
            if len(texts) >= MOST_LINES:
                raise Ended(SmtpEnd.GARBLED, waits_for, f"a reply of more than {MOST_LINES} lines")
        enhanced = _ENHANCED.match(texts[-1])
        return Reply(
            code=int(match[1]), enhanced=enhanced[1] if enhanced else None, lines=tuple(texts) if keeps_text else ()
        )

    async def _line(self, waits_for: str) -> str:
        assert self._reader is not None  # noqa: S101 - connected
        patience_s = self.patience_s * (2 if waits_for == AFTER_LOGIN else 1)
        try:
            async with asyncio.timeout(patience_s):
                raw = await self._reader.readuntil(b"\n")
        except TimeoutError as error:
            raise Ended(SmtpEnd.SILENT, waits_for) from error
        except asyncio.IncompleteReadError as error:
            raise Ended(SmtpEnd.CLOSED, waits_for) from error
        except asyncio.LimitOverrunError as error:
            raise Ended(SmtpEnd.GARBLED, waits_for, "a line without an end") from error
        except (ConnectionError, ssl.SSLError) as error:
            raise Ended(SmtpEnd.CLOSED, waits_for, str(error)) from error
        self._received += len(raw)
        if len(raw) > LONGEST_LINE or self._received > MOST_BYTES:
            raise Ended(SmtpEnd.GARBLED, waits_for, f"more than {LONGEST_LINE} bytes in a line, or {MOST_BYTES} in all")
        return raw.rstrip(b"\r\n").decode(errors="backslashreplace")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
