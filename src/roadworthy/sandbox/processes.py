"""Jobs, and the processes that do them: started, watched, ended by their own pid.

A job is a value: two that are equal need no restart. All processes are forked from one that has everything imported, so
that one costs milliseconds.
"""

from __future__ import annotations

import os
import signal
import socket
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roadworthy.sandbox import modern_relay, names, programs, serving
from roadworthy.sandbox.deployment import Deployment, Product, Service, State, Store, Terminator, Tls
from roadworthy.sandbox.ending import die_with_parent
from roadworthy.sandbox.mail import MailJob, serve_mail
from roadworthy.sandbox.nginx import files_of, relayed, render
from roadworthy.sandbox.ssh import SshHost, serve_ssh
from roadworthy.sandbox.stores.serving import StoreJob, serve_store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from roadworthy.sandbox.certificates import Authorities
    from roadworthy.sandbox.zones import Naming

POLL_S = 0.005
READY_S = 20.0
STOP_S = 5.0
FILE_DATE = 1_790_000_000
"""Of all static files: what is copied to several servers keeps its date."""


@dataclass(frozen=True)
class Nginx:
    """All fronts, as one configuration."""

    config: str
    listens: tuple[tuple[str, int], ...]
    files: tuple[tuple[str, str], ...] = ()
    """Static files, each with its path below the sandbox's folder."""
    name: str = "@nginx"  # no component can be called so
    state: State = State.RUNNING


@dataclass(frozen=True)
class Relay:
    """A TLS terminator before nginx: an old one, or one that is newer than nginx's own OpenSSL."""

    name: str
    address: tuple[str, int]
    tls: Tls
    chain: Path
    key: Path
    state: State = State.RUNNING


@dataclass(frozen=True)
class Names:
    """The name servers."""

    naming: Naming
    name: str = "@dns"
    state: State = State.RUNNING


Job = Nginx | Relay | Names | Service | StoreJob | MailJob | SshHost


def jobs_of(deployment: Deployment, authorities: Authorities) -> tuple[Job, ...]:
    """What has to run for a deployment."""
    relays = [
        Relay(f"{front.host}@relay-{number}", address, front.tls, *authorities.issue(front.tls.certificate))
        for front in deployment.fronts
        if front.tls is not None and front.tls.is_relayed
        for number, address in enumerate(front.listens, 1)
    ]
    jobs: list[Job] = [Names(deployment.names), *deployment.services, *deployment.ssh]
    jobs += [_store_job(store, deployment, authorities) for store in deployment.stores]
    jobs += [MailJob(server, *authorities.issue(server.tls.certificate)) for server in deployment.mail]
    jobs += [policy.service for policy in deployment.policies]
    fronts = (*deployment.fronts, *(policy.front for policy in deployment.policies))
    if fronts:
        taken = {relay.address for relay in relays}
        listens = [address for front in fronts for address in front.listens]
        listens = [relayed(address) if address in taken else address for address in listens]
        jobs.append(Nginx(render(fronts, authorities.issue), tuple(listens), files_of(fronts)))
    return (*jobs, *relays)


def _store_job(store: Store, deployment: Deployment, authorities: Authorities) -> StoreJob:
    chain, key = authorities.issue(store.tls.certificate) if store.tls else (None, None)
    return StoreJob(store, chain, key, _primary_of(store, deployment))


def _primary_of(store: Store, deployment: Deployment) -> Store | None:
    """What a replica was copied from; that one's death alone makes no other copy of it."""
    address = getattr(store.contents, "upstream", None)
    found = next((other for other in deployment.stores if other.address == address), None)
    return replace(found, state=State.RUNNING) if found is not None else None


def addresses_of(job: Job) -> tuple[tuple[str, int], ...]:
    """Where a job's process accepts connections."""
    if isinstance(job, Nginx):
        return job.listens
    if isinstance(job, StoreJob):
        return (job.store.address, *job.store.beside)
    return names.listens(job.naming) if isinstance(job, Names) else (job.address,)


def _run(job: Job, directory: Path) -> None:
    """The whole life of a job's process."""
    if isinstance(job, Service):
        serving.serve_pages(job)
    elif isinstance(job, MailJob):
        serve_mail(job)
    elif isinstance(job, SshHost):
        serve_ssh(job, directory / "vantages")
    elif isinstance(job, Names):
        names.serve_names(job.naming)
    elif isinstance(job, Relay):
        relay = modern_relay.relay if job.tls.terminator is Terminator.MODERN else serving.relay
        relay(job.address, relayed(job.address), job.tls, job.chain, job.key)
    elif isinstance(job, Nginx):
        config = directory / "nginx" / "nginx.conf"
        config.write_text(job.config)
        for path, body in job.files:
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(body)
            os.utime(directory / path, (FILE_DATE, FILE_DATE))
        programs.exec_nginx(directory, config, config.with_name("openssl.cnf"))
    elif job.store.product is Product.LISTENER:
        serving.serve_nothing(job.store)
    else:
        serve_store(job, directory / "stores" / job.name)


@dataclass
class Process:
    """A job and the process that does it."""

    job: Job
    pid: int
    log: Path
    ended: str | None = None
    """How it ended, once it did."""
    ready: bool = False

    @classmethod
    def start(cls, job: Job, directory: Path) -> Process:
        """Forks a process for a job."""
        log = directory / "logs" / f"{job.name}.log"
        parent = os.getpid()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
        pid = os.fork()
        if pid == 0:
            _child(job, directory, log, parent)
        with suppress(PermissionError, ProcessLookupError):  # it did so itself, and went on
            os.setpgid(pid, pid)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return cls(job, pid, log)

    @property
    def alive(self) -> bool:
        """Whether the process is there; a dead one is reaped, and how it ended is kept."""
        if self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.ended = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return self.ended is None

    @property
    def last_words(self) -> str:
        """The end of its log, on one line."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1] if lines else ""

    def signal(self, which: signal.Signals) -> None:
        """Sends a signal, if the process is there."""
        if self.alive:
            os.kill(self.pid, which)

    def stop(self) -> None:
        """Ends it, and what it started; who has to clear up after itself may, the others have nothing to lose."""
        if not self.alive:
            return
        if isinstance(self.job, SshHost) and self.job.machine is not None and self.job.machine.daemons:
            os.kill(self.pid, signal.SIGTERM)
        else:
            gently = isinstance(self.job, StoreJob) and self.job.store.product is Product.POSTGRES
            os.killpg(self.pid, signal.SIGQUIT if gently else signal.SIGKILL)

    def answers(self) -> bool:
        """Whether it accepts connections at all its addresses."""
        return all(_accepts(address) for address in addresses_of(self.job))


def _child(job: Job, directory: Path, log: Path, parent: int) -> None:
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent(parent=parent)
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 4096)
        _run(job, directory)
    except programs.MissingError as missing:
        os.write(2, f"{missing}\n".encode())
    except BaseException:  # noqa: BLE001 - whatever it is, it must not unwind into the supervisor's own code
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(1)


def _accepts(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0


def await_ready(processes: Iterable[Process]) -> None:
    """Waits until each process accepts connections or has ended."""
    waiting = [process for process in processes if not process.ready]
    until = time.monotonic() + READY_S
    while waiting and time.monotonic() < until:
        for process in tuple(waiting):
            process.ready = process.alive and process.answers()
            if process.ready or not process.alive:
                waiting.remove(process)
        if waiting:
            time.sleep(POLL_S)  # another program's socket: there is nothing to be woken by


def await_end(processes: Iterable[Process]) -> None:
    """Waits until each process has ended; who takes too long is killed."""
    waiting = list(processes)
    patience = time.monotonic() + STOP_S
    while (waiting := [process for process in waiting if process.alive]) and time.monotonic() < patience + STOP_S:
        if time.monotonic() > patience:
            for process in waiting:
                process.signal(signal.SIGKILL)
        time.sleep(POLL_S)
