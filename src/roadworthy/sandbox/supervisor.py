"""The process that owns a sandbox: `python -m roadworthy.sandbox.supervisor DIRECTORY NAME N`.

It starts everything, answers orders on a socket, and takes everything down when it ends. It has one thread, so that it
may fork: its children are copies of it and start in milliseconds. `roadworthy.sandbox.control` starts it and gives it

    DIRECTORY/target.json   the target
    file descriptor 0       a pipe: closed, the sandbox ends; `stay` on it, it no longer matters
    file descriptor 1       a pipe: one JSON line when everything answers, or why it does not
    file descriptor N       the listening socket for orders, DIRECTORY/control

An order is a JSON line `{"do": "break", "fault": "hsts-gone"}`; its answer is one too.
"""

from __future__ import annotations

import gc
import json
import os
import random
import selectors
import signal
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from roadworthy.sandbox import nginx, programs
from roadworthy.sandbox.certificates import Authorities
from roadworthy.sandbox.deployment import Deployment, Product, State, local_port
from roadworthy.sandbox.deriving import derive
from roadworthy.sandbox.deriving_http import hosts_behind
from roadworthy.sandbox.deriving_ssh import logged_into
from roadworthy.sandbox.ending import remove
from roadworthy.sandbox.faults import FAULTS, FaultError, broken, parse_fault
from roadworthy.sandbox.names import anchor
from roadworthy.sandbox.pages import PromiseError
from roadworthy.sandbox.processes import Job, Process, addresses_of, await_end, await_ready, jobs_of
from roadworthy.sandbox.ssh import furnish, leading
from roadworthy.sandbox.stores.serving import StoreJob
from roadworthy.target.models import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

CLAIM_PORT = 5350
"""Bound at a network's first address for as long as the network is taken."""


class Ended(BaseException):
    """A signal or an order said to end."""


class StartError(RuntimeError):
    """A part of the deployment could not be started."""


def overlay(deployment: Deployment, ca_file: Path) -> str:
    """What leads a verification of the target here, and nothing else: YAML."""
    parts = deployment.target.reached.values()
    direct = (part.endpoint for part in parts if part.domain is None and part.via is None)
    endpoints = dict.fromkeys((*direct, *logged_into(deployment.target)))
    endpoints |= dict.fromkeys(hosts_behind(deployment.target))
    closed = {port for part in parts if part.exposure for port in part.exposure.port_numbers}
    privileged = (port for port in {port for _, port in endpoints} | closed if local_port(port) != port)
    mapped = sorted({80, 443, *privileged})
    names = deployment.names
    own = [  # no name to resolve, or one that promises to be elsewhere
        f"{host}:{port}:{ip}:{local_port(port)}"
        for host, port in endpoints
        if host in names.led or host not in names.hosts
        for ip in deployment.hosts[host]
    ]
    for host in sorted(names.led & deployment.hosts.keys()):
        here = [part for part in parts if part.endpoint[0] == host]
        asked = {80} if any(part.http or part.headers for part in here) else set()
        asked |= {port for part in here if part.exposure for port in part.exposure.port_numbers}
        ports = sorted(port for port in asked if (host, port) not in endpoints)
        own += [f"{host}:{port}:{ip}:{local_port(port)}" for port in ports for ip in deployment.hosts[host]]
        own += [f"{host}::{ip}:" for ip in deployment.hosts[host]]
    ip, port = names.resolver
    network: dict[str, Any] = {
        "resolver": f"{ip}:{port}",
        "ca_file": str(ca_file),
        "connect_to": [*own, *names.routes, *(f":{port}::{local_port(port)}" for port in mapped)],
    }
    if names.signed:
        network["trust_anchor"] = str(ca_file.with_name("anchor.txt"))
    if vantages := leading(deployment, ca_file.with_name("vantages")):
        network["vantages"] = vantages
    return yaml.safe_dump({"network": network}, sort_keys=False)


def claim_network() -> tuple[str, socket.socket]:
    """A free `127.A.B`, and the socket that keeps it.

    Raises:
        StartError: there is none.
    """
    for _ in range(200):
        network = f"127.{random.randint(64, 126)}.{random.randint(0, 255)}"  # noqa: S311 - no secret
        claim = socket.socket()
        try:
            claim.bind((f"{network}.1", CLAIM_PORT))
        except OSError:
            claim.close()
        else:
            return network, claim
    raise StartError("no loopback network 127.A.B could be bound")


class Sandbox:
    """One deployment, what is broken in it, and the processes that run."""

    def __init__(self, directory: Path, name: str, target: Target) -> None:
        self.directory = directory
        self.name = name
        self.network, self._claim = claim_network()
        self.healthy = derive(target, self.network)
        self.faults: list[str] = []
        self.started = datetime.now(UTC)
        self.processes: dict[str, Process] = {}
        self.missing: dict[str, str] = {}
        for folder in ("logs", "nginx", "stores"):
            (directory / folder).mkdir(exist_ok=True)
        self.authorities = Authorities(directory / "certificates")
        (directory / "ca.pem").write_bytes(self.authorities.root_pem)
        (directory / "nginx" / "openssl.cnf").write_text(nginx.OPENSSL)
        if self.healthy.names.signed:
            (directory / "anchor.txt").write_text(anchor(self.healthy.names))
        furnish(self.healthy, directory / "vantages")
        (directory / "overlay.yaml").write_text(overlay(self.healthy, directory / "ca.pem"))

    def reconcile(self) -> None:
        """Makes reality follow the deployment, with its faults.

        Raises:
            StartError: a process ended or does not answer. Missing databases are only noted.
        """
        deployment = broken(self.healthy, self.faults)
        wanted = {job.name: job for job in jobs_of(deployment, self.authorities)}
        leaving = [p for name, p in self.processes.items() if wanted.get(name) != p.job or not p.alive]
        for process in leaving:
            process.stop()
        await_end(leaving)
        for process in leaving:
            del self.processes[process.job.name]
        to_start = [job for name, job in wanted.items() if name not in self.processes and job.state is not State.KILLED]
        starting = [Process.start(job, self.directory) for job in to_start]
        self.processes.update({process.job.name: process for process in starting})
        await_ready(starting)
        for process in starting:
            if process.job.state is State.STOPPED:
                process.signal(signal.SIGSTOP)
        self._judge_start(starting)
        self._write_state()

    def _judge_start(self, starting: list[Process]) -> None:
        problems = []
        for process in starting:
            if process.ready:
                self.missing.pop(process.job.name, None)
                continue
            said = f"{process.ended or 'does not answer'}: {process.last_words}"
            if isinstance(process.job, StoreJob) and process.job.store.product is not Product.LISTENER:
                self.missing[process.job.name] = process.last_words or said
            else:
                problems.append(f"{process.job.name} {said}")
        if problems:
            raise StartError("; ".join(problems[:3]))

    def _write_state(self) -> None:
        (self.directory / "sandbox.json").write_text(json.dumps(self.summary(), indent=2) + "\n")

    def summary(self) -> dict[str, Any]:
        """What a person or a tool wants to know first."""
        return {
            "name": self.name,
            "target": self.healthy.target.name,
            "pid": os.getpid(),
            "network": self.network,
            "directory": str(self.directory),
            "overlay": str(self.directory / "overlay.yaml"),
            "started": self.started.isoformat(timespec="seconds"),
            "faults": self.faults,
        }

    def status(self) -> dict[str, Any]:
        """The summary, and every part with how it is."""
        deployment = broken(self.healthy, self.faults)
        jobs = {job.name: job for job in jobs_of(deployment, self.authorities)}
        return {**self.summary(), "parts": [self._part(job) for job in jobs.values()]}

    def _part(self, job: Job) -> dict[str, Any]:
        process = self.processes.get(job.name)
        if job.name in self.missing:
            state = f"not available: {self.missing[job.name]}"
        elif process is None:
            state = "down"
        elif not process.alive:
            state = process.ended or "down"
        else:
            state = str(job.state)
        return {
            "name": job.name,
            "is": _kind(job),
            "state": state,
            "pid": process.pid if process and process.alive else None,
            "addresses": [f"{ip}:{port}" for ip, port in addresses_of(job)],
        }

    def break_(self, fault: str) -> dict[str, Any]:
        """Adds a fault."""
        name, component = parse_fault(fault)
        given = FAULTS[name].component_for(broken(self.healthy, self.faults), component)
        full = f"{name}:{given}"
        if full not in self.faults:
            self._change([*self.faults, full])
        return {"fault": full, "summary": FAULTS[name].summary, "reds": sorted(FAULTS[name].reds)}

    def mend(self, fault: str) -> dict[str, Any]:
        """Takes a fault away, or all of that name; `all` takes every one."""
        gone = [given for given in self.faults if fault in ("all", given, given.partition(":")[0])]
        if not gone and fault != "all":
            raise FaultError(f"{fault} is not broken here; broken: {', '.join(self.faults) or 'nothing'}")
        self._change([given for given in self.faults if given not in gone])
        return {"mended": gone}

    def _change(self, faults: list[str]) -> None:
        before, self.faults = self.faults, faults
        try:
            self.reconcile()
        except StartError:
            self.faults = before
            with suppress(StartError):
                self.reconcile()
            raise

    def stop(self) -> None:
        """Ends every process."""
        for process in self.processes.values():
            process.stop()
        await_end(self.processes.values())


def _kind(job: Job) -> str:
    if isinstance(job, StoreJob):
        return getattr(job.store.contents, "described", "") or job.store.product.value
    kinds = {"Nginx": "nginx", "Relay": "TLS relay", "Names": "DNS", "MailJob": "SMTP", "SshHost": "SSH"}
    return kinds.get(type(job).__name__, "service")


class Control:
    """Takes orders from the socket, one after another, until the sandbox is to end."""

    def __init__(self, sandbox: Sandbox, orders: socket.socket, owner: int) -> None:
        self.sandbox = sandbox
        self.selector = selectors.DefaultSelector()
        self.selector.register(orders, selectors.EVENT_READ, self._accept)
        self.selector.register(owner, selectors.EVENT_READ, self._hear_owner)
        self.orders, self.owner = orders, owner

    def serve(self) -> NoReturn:
        """Serves until `Ended`."""
        while True:
            for key, _ in self.selector.select():
                key.data()

    def _hear_owner(self) -> None:
        if not os.read(self.owner, 64):
            raise Ended
        self.selector.unregister(self.owner)

    def _accept(self) -> None:
        connection, _ = self.orders.accept()
        with connection, suppress(OSError):
            connection.settimeout(5)
            answer = self._obey(connection.makefile("rb").readline())
            if answer is None:
                connection.detach()  # closed by the end of this process, which is what `down` waits for
                raise Ended
            connection.sendall(json.dumps(answer).encode() + b"\n")

    def _obey(self, line: bytes) -> Mapping[str, Any] | None:
        """The answer to an order; None to the last one."""
        try:
            match json.loads(line):
                case {"do": "status"}:
                    return self.sandbox.status()
                case {"do": "break", "fault": str(fault)}:
                    return self.sandbox.break_(fault)
                case {"do": "mend", "fault": str(fault)}:
                    return self.sandbox.mend(fault)
                case {"do": "down"}:
                    return None
        except (StartError, ValueError, OSError) as error:  # FaultError is a ValueError
            return {"error": str(error)}
        return {"error": f"unknown order {line[:100]!r}"}


def _end(*_: object) -> NoReturn:
    _end_once()
    raise Ended


def _end_once() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def main(directory: Path, name: str, listening: int) -> int:
    """Runs a sandbox until it is told to end; leaves nothing behind."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    orders = socket.socket(fileno=listening)
    sandbox = None
    try:
        programs.nginx()
        sandbox = Sandbox(directory, name, Target.model_validate_json((directory / "target.json").read_bytes()))
        gc.freeze()  # what is there by now stays shared with the children
        sandbox.reconcile()
        _tell(sandbox.summary())
        Control(sandbox, orders, owner=0).serve()
    except (StartError, PromiseError, programs.MissingError) as error:
        _tell({"error": str(error)})
        return 1
    except Ended:
        return 0
    finally:
        _end_once()
        if sandbox is not None:
            sandbox.stop()
        remove(directory)


def _tell(what: Mapping[str, Any]) -> None:
    with suppress(BrokenPipeError):
        os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
