"""MySQL's protocol as far as the login: the greeting, TLS in between, and which password goes where.

The driver's own ways are narrowed where they would give too much away: it never goes on in plain where TLS was wanted,
it hands a password over as it is to nobody whose certificate was not verified for the host's own name, and it reads no
file for a server that asks for one. What it says is told apart by what it is:

    Ended         the conversation broke off
    LoginRefused  the server said no, to the login or before it
    Withheld      no login was sent, or only one that the driver has no words for
    Enough        all that was to be seen before a login has been seen

A conversation that ends after the greeting and before a login is counted by the server as an interrupted one
(`max_connect_errors`); the next login that succeeds sets its count back. So whoever is to log in does so in the last
connection, and a second one is made only where the certificate does not verify.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import struct
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiomysql.connection import Connection
from pymysql.constants import CLIENT, CR
from pymysql.err import Error

from roadworthy.facts.database import Server
from roadworthy.facts.store import Refusal, Secured, StoreEnd
from roadworthy.probes.name import ascii_name
from roadworthy.probes.reader import LoginRefused, Withheld
from roadworthy.probes.trust import contexts
from roadworthy.probes.way import Ended, link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roadworthy.facts.database import DatabaseAsk
    from roadworthy.facts.reading import ReadingAsk
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.way import Way

SPOKEN = ("mysql_native_password", "caching_sha2_password", "sha256_password", "mysql_clear_password")
"""Ways to log in that the driver knows; `mysql_old_password` gives the password away."""
OFFERED_FIRST = ("mysql_native_password", "caching_sha2_password")
"""Ways that a login can begin with; the server names another one if the account has another one."""
NOT_READY = frozenset(
    {
        1040,  # too many connections
        1041,  # out of memory
        1047,  # a node that is not in sync with its cluster
        1053,  # shutting down
        1135,  # can't make a thread
        1203,  # the account has too many connections
        1226,  # the account has used up what it may in an hour
        3032,  # offline, for all but administrators
    }
)
FAREWELL_S = 1.0
CLIENTS_OWN = range(2000, 3000)
"""Error numbers of the driver; all others are the server's."""
_NUMBERS = re.compile(r"(?:5\.5\.5-(?=[0-9]))?([0-9]+(?:\.[0-9]+){1,3})")
_UNREADABLE = (struct.error, ValueError, IndexError, KeyError, RuntimeError, AssertionError)
"""What the driver raises where the other side speaks no MySQL."""


class Enough(Exception):  # noqa: N818 - a state, not an error
    """All that was to be seen before a login has been seen."""


class Distrusted(Ended):
    """TLS came up as far as a certificate that does not verify."""


@dataclass
class Visit:
    """Who comes, with what; `seen` is what it has come to."""

    ask: DatabaseAsk | ReadingAsk
    until: float
    """The loop's time at which all is over."""
    user: str = ""
    password: str = ""
    database: str | None = None
    is_secret: bool = True
    """The password is nobody's but the target's."""
    wants_tls: bool = True
    only_greets: bool = False
    guards: bool = False
    """As if the ask promised TLS."""
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def is_guarded(self) -> bool:
        """The password goes only over TLS that was verified."""
        return self.is_secret and (self.ask.secures or self.guards)


def server_of(version: str, comment: str = "") -> Server:
    """Who answers, by what it says of itself; Percona's is a MySQL that says so in its comment."""
    match = _NUMBERS.match(version)
    known = next(
        (name for name in ("MariaDB", "TiDB") if name.lower() in version.lower() or name.lower() in comment.lower()),
        "MySQL",
    )
    words = " ".join(dict.fromkeys(filter(None, (version[:80], comment[:120]))))
    return Server(product=known, version=match[1] if match else "", comment=words)


@asynccontextmanager
async def entered(visit: Visit, address: Address, bench: Bench) -> AsyncIterator[Driver]:
    """Somebody who is logged in, in as many connections as it takes to see what is there.

    Raises:
        Ended: the conversation broke off.
        LoginRefused: the server said no.
        Withheld: no login was sent.
        Enough: only the greeting was wanted.
        NotObserved: there is no route from here, the vantage point failed, or the CA file can't be read.
    """
    trust = await bench.shared(contexts)
    async with AsyncExitStack() as stack:
        try:
            driver = await _arrived(stack, visit, address, bench, _Tls(trust.verifying) if visit.wants_tls else None)
        except Distrusted as distrusted:
            blind = _Tls(trust.blind, distrusted.broke.detail)
            driver = await _arrived(stack, visit, address, bench, blind)
        except Ended as ended:
            if ended.broke.end is not StoreEnd.NO_TLS or visit.is_guarded or visit.only_greets:
                raise
            # as the product's own clients do where nobody promised TLS: the server offers one that is too old
            driver = await _arrived(stack, visit, address, bench, None)
        yield driver


async def _arrived(stack: AsyncExitStack, visit: Visit, address: Address, bench: Bench, tls: _Tls | None) -> Driver:
    """One connection, as far as its login."""
    async with AsyncExitStack() as trying:
        way = await trying.enter_async_context(link(visit.ask, address, bench))
        driver = Driver(way, visit, tls, bench.patience_s)
        trying.push_async_callback(driver.leave)
        await driver.arrive()
        stack.push_async_exit(trying.pop_all())
        return driver


@dataclass(frozen=True)
class _Tls:
    """One way of looking at the server's certificate."""

    context: ssl.SSLContext
    distrust: str = ""
    """What a verifying client had against it; empty: this one verifies."""


class Driver(Connection):  # type: ignore[misc]  # it has no types
    """One connection of aiomysql, narrowed."""

    def __init__(self, way: Way, visit: Visit, tls: _Tls | None, patience_s: float) -> None:
        super().__init__(
            host=way.ip,
            port=way.port,
            user=visit.user,
            password=visit.password.encode().decode("latin1"),  # it sends Latin-1, and servers compare UTF-8
            db=visit.database,
            charset="utf8mb4",
            autocommit=None,  # nothing is set that a pooler would keep
            program_name="roadworthy",
        )
        self._user = visit.user  # of an empty one it makes the name of whoever runs it
        self.client_flag &= ~(CLIENT.MULTI_STATEMENTS | CLIENT.LOCAL_FILES)
        self.way, self.visit, self.tls, self.patience_s = way, visit, tls, patience_s
        self.doing = "the greeting"

    @property
    def is_trusted(self) -> bool:
        """What is sent is read by nobody but the host."""
        return bool(self._secure) and self.tls is not None and not self.tls.distrust

    async def arrive(self) -> None:
        """From the greeting to the login's end.

        Raises:
            Ended, LoginRefused, Withheld, Enough: as the module says.
        """
        await self.bounded(self._connect())

    async def bounded(self, step: Any) -> None:
        """One step, in the time that there is for it.

        Raises:
            Ended, LoginRefused: as the module says.
        """
        until = min(asyncio.get_running_loop().time() + self.patience_s, self.visit.until)
        try:
            async with asyncio.timeout_at(until):
                await step
        except TimeoutError as error:
            raise Ended(StoreEnd.SILENT, self.doing) from error
        except Error as error:
            raise self._what_it_is(error) from error
        except _UNREADABLE as error:
            raise Ended(StoreEnd.GARBLED, self.doing, type(error).__name__) from error

    async def leave(self) -> None:
        """Says good-bye, and waits for nobody."""
        with suppress(Error, OSError, TimeoutError, *_UNREADABLE):
            async with asyncio.timeout(min(FAREWELL_S, self.patience_s)):
                await self.ensure_closed()
        self.close()

    def _what_it_is(self, error: Error) -> Exception:
        """The driver's error, told apart."""
        cause = error.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Distrusted(StoreEnd.NO_TLS, self.doing, cause.verify_message or str(cause))
        if isinstance(cause, OSError) and self.doing == "the TLS handshake":
            words = getattr(cause, "reason", None) or str(cause) or type(cause).__name__
            return Ended(StoreEnd.NO_TLS, self.doing, words.lower().replace("_", " "))
        code, words = number_of(error), words_of(error)
        if code == 0:
            return Ended(StoreEnd.GARBLED, self.doing, words)
        if code in CLIENTS_OWN:
            return self._lost(code, words)
        if code in NOT_READY:
            return Ended(StoreEnd.NOT_READY, self.doing, f"{code} {words}")
        if self.visit.password and self.visit.is_secret:
            words = words.replace(self.visit.password, "...")
        return LoginRefused(Refusal(code=str(code), message=words))

    def _lost(self, code: int, words: str) -> Ended:
        flood = self.way.ended
        if flood is not None and flood.end is not StoreEnd.CLOSED:
            return Ended(flood.end, self.doing, flood.detail)
        lost = code in (CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR, CR.CR_CONN_HOST_ERROR)
        return Ended(StoreEnd.CLOSED if lost else StoreEnd.GARBLED, self.doing, "" if lost else words)

    # what the driver itself calls, while it connects

    async def _get_server_information(self) -> None:
        await super()._get_server_information()
        self.visit.seen["server"] = server_of(self.server_version)
        self.visit.seen["offers_tls"] = bool(self.server_capabilities & CLIENT.SSL)

    async def _request_authentication(self) -> None:
        if self.tls is not None and self.visit.seen["offers_tls"]:
            await self._secure_it(self.tls)
        if self.visit.only_greets:
            raise Enough
        if self.visit.is_guarded and not self.is_trusted:
            distrust = self.tls.distrust if self.tls is not None else ""
            why = f"the certificate does not verify ({distrust})" if distrust else "the server offers no TLS"
            raise Withheld(f"no login was sent: {why}")
        self.doing = "the login"
        self.visit.seen["tried"] = True
        if self._server_auth_plugin not in OFFERED_FIRST:
            self._client_auth_plugin = OFFERED_FIRST[0]
        await super()._request_authentication()

    async def _secure_it(self, tls: _Tls) -> None:
        """TLS, in the middle of the connection; the login that follows repeats that it was wished for."""
        self.doing = "the TLS handshake"
        self.client_flag |= CLIENT.SSL
        self.write_packet(struct.pack("<iIB23s", self.client_flag, 2**24 - 1, 45, b""))
        await self._writer.drain()
        await self._writer.start_tls(tls.context, server_hostname=ascii_name(self.visit.ask.host))
        self._secure = True
        shaken = self._writer.get_extra_info("ssl_object")
        version = (shaken.version() or "?").removeprefix("TLSv")
        self.visit.seen["secured"] = Secured(version=version, distrust=tls.distrust)

    async def _process_auth(self, plugin_name: bytes, auth_packet: Any) -> Any:
        plugin = plugin_name.decode("ascii", "replace")
        if plugin not in SPOKEN:
            raise Withheld(f"the account logs in by {plugin[:60]}, which is not spoken here")
        if plugin == "mysql_clear_password" and self.visit.is_secret and not self.is_trusted:
            raise Withheld("the server asks for the password as it is, and its certificate was not verified")
        if auth_packet._data.endswith(b"\0"):  # noqa: SLF001 - the end of the salt, which the driver takes for a part
            auth_packet._data = auth_packet._data[:-1]  # noqa: SLF001 - as above
        return await super()._process_auth(plugin_name, auth_packet)


def number_of(error: Error) -> int:
    """The number of an error; 0: the driver gave none."""
    code = error.args[0] if error.args else 0
    return code if isinstance(code, int) else 0


def words_of(error: Error) -> str:
    """What an error says, on one line."""
    words = str(error.args[1] if len(error.args) > 1 else error.args[0] if error.args else "")
    return " ".join(words.split())[:300]
