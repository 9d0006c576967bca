"""`./run test`: all tests. `--full` first installs the Debian packages that some tests use (needs root and apt)."""

import os
import shutil
import subprocess
import sys

PACKAGES = {"curl": "curl", "openssl": "openssl", "mariadbd": "mariadb-server-core"}
"""Each program that is looked for, and its package; none of them starts a service."""


def main(arguments: list[str]) -> None:
    """Becomes pytest."""
    full = "--full" in arguments
    rest = [argument for argument in arguments if argument != "--full"]
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program, path=path)]
    if full and missing and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-q"], check=True)
        subprocess.run(["apt-get", "install", "-qy", "--no-install-recommends", *missing], check=True)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of gates start: each would compile everything anew
    parallel = [] if any(argument.startswith("-n") for argument in rest) else ["-n", str(min(os.cpu_count() or 1, 4))]
    parallel += ["--dist", "worksteal"]  # the matrix would stay with the worker that has its first test
    selected = [] if full or "-m" in rest else ["-m", "not full"]
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *parallel, *selected, *rest])  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main(sys.argv[1:])
