"""Logging into a host by SSH, as `ssh` does it.

The host's key must be a known one, by its name, whatever address it is reached at. The name is looked up as those of
components are; the one behind a jump host is looked up there. A private key that others can read is refused; its
certificate (`KEY-cert.pub`) is shown with it. Without a key file, the agent's keys are shown; the agent is never lent
to the host, and no password is asked for.

Unlike `ssh`, ~/.ssh/config is not read: all that leads to a host stands in the target, so that a run means the same on
every machine.
"""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.name import NameState
from roadworthy.probes.bench import Address
from roadworthy.probes.command import told
from roadworthy.probes.name import addresses_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncssh import ChannelOpenError, SSHClientConnection, SSHKey, SSHKnownHosts

    from roadworthy.probes.bench import Bench
    from roadworthy.probes.streams import Ended
    from roadworthy.target.network import Vantage

PROHIBITED = 1  # RFC 4254 section 5.1
KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
SSH_PORT = 22


class PassingError(NotObserved):
    """May be over a moment later."""


class DeadError(PassingError):
    """Nobody answers there: what the host itself is like, and not how it is led to."""


@dataclass
class Host:
    """An SSH connection."""

    label: str
    """user@host, as the target has it."""
    connection: SSHClientConnection
    depth: int = 0
    """How many hosts it is behind."""

    def check(self) -> None:
        """Raises NotObserved where the connection is gone."""
        if self.connection.is_closed():
            raise NotObserved(Reason.VANTAGE, f"{self.label}: the SSH connection broke off")

    def unopened(self, whom: str, error: ChannelOpenError) -> Ended | NotObserved:
        """What it means that the host opens no connection to somebody."""
        self.check()
        if error.code == PROHIBITED:
            why = "forwards no such connections: AllowTcpForwarding, PermitOpen or the key's options prohibit it"
            return NotObserved(Reason.VANTAGE, f"{self.label} {why}")
        known = told(error.reason, "connecting", self.label, whom)
        return known or NotObserved(Reason.VANTAGE, f"{self.label} opens no connection: {error.reason or error.code}")


@dataclass(frozen=True)
class Login:
    """One login, at the host's addresses in turn, until one answers."""

    vantage: Vantage
    through: Host | None
    bench: Bench

    async def made(self) -> Host:
        """The connection.

        Raises:
            NotObserved: there is none; `PassingError` where the next login may come about.
        """
        trusted, label = self._trusted(), self.vantage.ssh or ""
        depth = self.through.depth + 1 if self.through is not None else 0
        failure: NotObserved | None = None
        async with self._keys() as keys:
            for address in await self._places():
                try:
                    async with asyncio.timeout(self.bench.patience_s):
                        return Host(label, await self._connected(address, keys, trusted), depth)
                except TimeoutError:
                    failure = DeadError(*self._said(f"no SSH server answers within {self.bench.patience_s:g} s"))
                except Exception as error:
                    failure = self._why(error)
                    if not isinstance(failure, PassingError):
                        raise failure from error
        assert failure is not None  # noqa: S101 - there is an address, or a reason why not
        raise failure

    def _said(self, what: str) -> tuple[Reason, str]:
        return Reason.VANTAGE, f"{self.vantage.ssh}: {what}"[:400]

    async def _connected(self, address: Address, keys: list[Any], trusted: Any) -> SSHClientConnection:
        import asyncssh  # noqa: PLC0415 - 0.3 s, and few targets have vantage points

        user, host, _ = self.vantage.login
        return await asyncssh.connect(
            address.ip,
            address.port,
            tunnel=self.through.connection if self.through is not None else (),
            config=None,
            username=user or (),
            client_keys=keys,
            agent_path=None,
            agent_forwarding=False,
            known_hosts=trusted,
            host_key_alias=host,
            preferred_auth="publickey",
            password_auth=False,
            kbdint_auth=False,
            host_based_auth=False,
            gss_auth=False,
            gss_kex=False,
            x11_forwarding=False,
            login_timeout=self.bench.patience_s,
            keepalive_interval=self.bench.patience_s / 4,  # a host that has died is told from a store that is silent
            keepalive_count_max=2,
        )

    async def _places(self) -> list[Address]:
        _, host, port = self.vantage.login
        if self.through is not None:
            return [Address(host, port)]  # the jump host looks it up
        try:
            found, _ = await addresses_of(host, port, self.bench)
        except NotObserved as error:
            raise PassingError(*self._said(error.detail)) from error
        if isinstance(found, NameState):
            raise NotObserved(*self._said(f"the name leads to no address: {found.value}"))
        return found

    def _why(self, error: Exception) -> NotObserved:
        """Why there is no login.

        Raises:
            Exception: it is an error of ours.
        """
        import asyncssh  # noqa: PLC0415 - as above

        if isinstance(error, NotObserved):
            return error
        if isinstance(error, asyncssh.ChannelOpenError) and self.through is not None:
            return self._unreached(self.through, error)
        for kind, what in (
            (asyncssh.HostKeyNotVerifiable, self._other_key()),
            (asyncssh.KeyExchangeFailed, self._no_key()),
            (asyncssh.PermissionDenied, f"the host does not let us in with {self._shown()}"),
        ):
            if isinstance(error, kind):
                return NotObserved(*self._said(what))
        if isinstance(error, asyncssh.ConnectionLost | OSError):
            return DeadError(*self._said(in_words(error)))
        if isinstance(error, asyncssh.Error | ValueError):
            return NotObserved(*self._said(in_words(error)))
        raise error

    def _unreached(self, through: Host, error: ChannelOpenError) -> NotObserved:
        unopened = through.unopened(self.vantage.login[1], error)
        if isinstance(unopened, NotObserved):
            return unopened
        return PassingError(*self._said(f"{unopened.broke.told} from {through.label}"))

    def _other_key(self) -> str:
        why = "it was changed, or somebody is in between"
        return f"the host's key is another one than in {self._known_from}: {why}. {self._hint()}"

    def _no_key(self) -> str:
        return f"the host has no key of a kind that {self._known_from} knows, or no cipher of ours. {self._hint()}"

    def _shown(self) -> str:
        return f"the key {self.vantage.key_file}" if self.vantage.key_file else "the agent's keys"

    def _hint(self) -> str:
        _, host, port = self.vantage.login
        asked = f"ssh-keyscan {host}" if port == SSH_PORT else f"ssh-keyscan -p {port} {host}"
        return f"Compare what `{asked} | ssh-keygen -lf -` shows with the host's own fingerprints before it is added"

    @property
    def _known_from(self) -> str:
        return self.vantage.known_hosts or KNOWN_HOSTS[0]

    def _trusted(self) -> Any:
        """The keys that the host may show; never none at all."""
        import asyncssh  # noqa: PLC0415 - as above

        _, host, port = self.vantage.login
        known: SSHKnownHosts = asyncssh.SSHKnownHosts()
        for file in _known_hosts(self.vantage):
            try:
                known.load(file.read_text("utf-8", "replace"))
            except OSError as error:
                why = f"{self._known_from} can't be read: {error.strerror}"
                raise NotObserved(*self._said(f"{why}. {self._hint()}")) from error
            except ValueError as error:
                raise NotObserved(*self._said(f"{self._known_from}: {error}")) from error
        found = known.match(host, "", None if port == SSH_PORT else port)
        if not (found[0] or found[1]):
            raise NotObserved(*self._said(f"{self._known_from} has no key of this host. {self._hint()}"))
        return found

    @asynccontextmanager
    async def _keys(self) -> AsyncIterator[list[Any]]:
        """What is shown to the host."""
        import asyncssh  # noqa: PLC0415 - as above

        if self.vantage.key_file is not None:
            yield [await asyncio.to_thread(self._key, self.vantage.key_file)]
            return
        place = os.environ.get("SSH_AUTH_SOCK")
        if not place:
            raise NotObserved(*self._said("there is neither a key_file nor an SSH agent (SSH_AUTH_SOCK)"))
        try:
            agent = await asyncssh.connect_agent(place)
        except OSError as error:
            raise NotObserved(*self._said(f"the SSH agent does not answer: {in_words(error)}")) from error
        async with agent:
            try:
                keys = list(await agent.get_keys())
            except ValueError as error:
                raise NotObserved(*self._said(f"the SSH agent does not answer: {error}")) from error
            if not keys:
                raise NotObserved(*self._said("the SSH agent holds no key (ssh-add)"))
            yield keys

    def _key(self, named: str) -> Any:
        """The private key, with its certificate where there is one."""
        import asyncssh  # noqa: PLC0415 - as above

        file = Path(named).expanduser()
        try:
            held = file.stat()
            text = file.read_bytes()
        except OSError as error:
            raise NotObserved(*self._said(f"the key {named} can't be read: {error.strerror}")) from error
        mode = stat.S_IMODE(held.st_mode)
        if held.st_uid == os.getuid() and mode & 0o077:
            why = f"is open to others (mode {mode:o}), and ssh takes no such key: chmod 600"
            raise NotObserved(*self._said(f"the key {named} {why}"))
        certificate = file.with_name(f"{file.name}-cert.pub")
        try:
            key: SSHKey = asyncssh.import_private_key(text, self.vantage.passphrase)
            return (key, asyncssh.read_certificate(certificate)) if certificate.exists() else key
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise NotObserved(*self._said(f"the key {named} can't be used: {error}")) from error


def _known_hosts(vantage: Vantage) -> list[Path]:
    if vantage.known_hosts is not None:
        return [Path(vantage.known_hosts).expanduser()]
    return [file for name in KNOWN_HOSTS if (file := Path(name).expanduser()).exists()]


def in_words(error: Exception) -> str:
    """An error, without addresses: several asks that met the same say the same."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) else str(error) or type(error).__name__
