"""Redis' protocol: one connection, one command after another, no second try.

redis-py's connection is used for its encoding alone: it greets nobody, sends nothing of its own, and is never connected
twice. RESP2 is spoken, which every version understands.

    Ended     the conversation broke off
    Refused   the server's own no to one command
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis import exceptions
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from roadworthy.facts.cache import DEFAULT_USER
from roadworthy.facts.store import Refusal, StoreEnd
from roadworthy.probes.way import Ended, link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roadworthy.facts.cache import CacheAsk, CacheClusterAsk
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.way import Way

_WORD = re.compile(r"[A-Z][A-Z0-9]{1,19}")
_NOT_READY = ("LOADING", "BUSY")
_FULL = "max number of clients"
NO_PRIMARY = "MASTERDOWN"
NO_PASSWORD = "it asks for no password"  # noqa: S105 - what a server says
_NO_PASSWORD = ("without any password configured", "no password is set")


class Refused(Exception):  # noqa: N818 - the server's answer, not an error of ours
    """The server's own no."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.told)
        self.refusal = refusal


@dataclass
class Talk:
    """A conversation under way."""

    way: Way
    patience_s: float
    _connection: Connection
    _understood: bool = False

    async def say(self, *words: str, after: str = "") -> Any:
        """One command, and its answer: text, a number, a list, None.

        Raises:
            Ended: it broke off.
            Refused: the server said no.
        """
        doing = after or " ".join(words[:2])
        try:
            async with asyncio.timeout(self.patience_s):
                await self._connection.send_command(*words)
                answer = await self._connection.read_response()
        except TimeoutError as error:
            raise self._stranger(doing) or Ended(StoreEnd.SILENT, doing) from error
        except (exceptions.InvalidResponse, ValueError, RecursionError) as error:
            raise Ended(StoreEnd.GARBLED, doing, _short(error)) from error
        except exceptions.RedisError as error:
            if getattr(error, "status_code", None) is None and not isinstance(error, exceptions.ResponseError):
                raise self._closed(doing) from error
            self._understood = True
            raise Refused(_refusal(error)) from error
        self._understood = True
        return answer

    def _stranger(self, doing: str) -> Ended | None:
        """Said of those who spoke, and not as Redis does."""
        if self._understood or not self.way.received:
            return None
        return Ended(StoreEnd.GARBLED, doing, f"{self.way.received} bytes came that are no answer of Redis")

    def _closed(self, doing: str) -> Ended:
        if (stranger := self._stranger(doing)) is not None:
            return stranger
        broke = self.way.ended
        return Ended(broke.end, doing, broke.detail) if broke is not None else Ended(StoreEnd.CLOSED, doing)


def _short(error: Exception) -> str:
    return str(error).removeprefix("Protocol Error: ")[:80] or type(error).__name__


def _refusal(error: exceptions.RedisError) -> Refusal:
    """The error's word and its text, as they came."""
    text, code = str(error), getattr(error, "status_code", None)
    if code is None:
        word, _, rest = text.partition(" ")
        code, text = (word, rest) if _WORD.fullmatch(word) else ("", text)
    return Refusal(code=code[:20], message=text[:200])


@asynccontextmanager
async def talking(ask: CacheAsk | CacheClusterAsk, address: Address, bench: Bench) -> AsyncIterator[Talk]:
    """A conversation, as long as the context; nothing has been said yet.

    Raises:
        Ended: the connection did not come up.
        NotObserved: there is no route, or the vantage point failed.
    """
    async with link(ask, address, bench, tls=ask.tls) as way:
        connection = Connection(
            host=way.ip,
            port=way.port,
            protocol=2,
            decode_responses=True,
            encoding_errors="replace",
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            driver_info=None,
        )
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            yield Talk(way, bench.patience_s, connection)
        except exceptions.ConnectionError as error:
            raise Ended(StoreEnd.CLOSED, "connecting", str(error)) from error
        finally:
            await connection.disconnect(nowait=True)


async def greet(talk: Talk, seen: dict[str, Any]) -> bool:
    """PING, before anything secret is said. Whether it makes sense to go on.

    Raises:
        Ended: the conversation broke off, or the server is not ready.
    """
    seen["secured"] = talk.way.secured
    no = await _ping(talk)
    seen["answered"] = True
    if no is None:
        seen["asks_password"] = False
        return True
    seen["asks_password"] = no.code == "NOAUTH" or "operation not permitted" in no.message  # before Redis 2.8
    if no.code == "NOPERM" or seen["asks_password"]:
        return True
    seen["refused"] = no
    return no.code == NO_PRIMARY  # it serves no keys, and tells of itself all the same


async def greet_inside(talk: Talk, seen: dict[str, Any]) -> None:
    """The same after a login: before it, who asks for a password says nothing else.

    Raises:
        Ended: the conversation broke off, or the server is not ready.
    """
    no = await _ping(talk)
    if no is not None and no.code == NO_PRIMARY:
        seen["refused"] = no


async def _ping(talk: Talk) -> Refusal | None:
    """The server's own no; None: it answered."""
    try:
        answer = await talk.say("PING")
    except Refused as refused:
        no = refused.refusal
        if no.code in _NOT_READY or _FULL in no.message:
            raise Ended(StoreEnd.NOT_READY, "PING", no.told) from refused
        return no
    if answer != "PONG":
        raise Ended(StoreEnd.GARBLED, "PING", f"answered with {str(answer)[:40]!r}")
    return None


async def log_in(talk: Talk, username: str, password: str | None, seen: dict[str, Any]) -> bool:
    """AUTH, once; without anything to log in with, whether it takes no login. Whether commands are done now.

    Raises:
        Ended: the conversation broke off.
    """
    if password is None and username == DEFAULT_USER:
        seen["let_in"] = not seen["asks_password"]
        if seen["asks_password"]:
            seen["refused"] = Refusal(code="NOAUTH", message="Authentication required.")
        return bool(seen["let_in"])
    secret = password or ""
    seen["tried"] = True
    try:
        await talk.say("AUTH", *([] if username == DEFAULT_USER else [username]), secret, after="AUTH")
    except Refused as refused:
        seen["refused"] = _told_of_login(refused.refusal)
        return False
    seen["let_in"] = True
    return True


def may_log_in(ask: CacheAsk | CacheClusterAsk, talk: Talk, seen: dict[str, Any]) -> bool:
    """Whether the promised password may be sent; if not, why is noted."""
    secured = talk.way.secured
    if ask.password is not None and secured is not None and secured.distrust:
        seen["withheld"] = f"no password was sent: the certificate does not verify ({secured.distrust})"
        return False
    return True


def _told_of_login(refusal: Refusal) -> Refusal:
    """Without the server's own words, which may well repeat what they answer."""
    if any(words in refusal.message for words in _NO_PASSWORD):
        return Refusal(code="ERR", message=NO_PASSWORD)
    if "wrong number of arguments" in refusal.message:
        return Refusal(code="ERR", message="it knows passwords, and no users")
    if "invalid password" in refusal.message:  # before Redis 6
        return Refusal(code="ERR", message="invalid password")
    return Refusal(code=refusal.code if _WORD.fullmatch(refusal.code) else "ERR")
