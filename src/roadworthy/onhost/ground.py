"""On the host: how its modules read files and run programs, and how all of them are run.

at(path)            the path, below the root that was given
read(path)          a file's text, bounded
run(command)        a program's output, bounded in time
Unseen(why, what)   raised for what can't be told; `part` turns it into a value where only a part can't be
"""

from __future__ import annotations

import base64
import grp
import json
import os
import pwd
import shutil
import subprocess
import sys
import threading
import time
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Dict

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = "/"
BEGAN = time.monotonic()
"""When the order had been read."""
LONGEST_S = 10.0
ENDING_S = 1.0
"""How long what a program started may still hold its output, once it was ended."""
LARGEST = 4 * 2**20
NOT_PERMITTED, NOT_THERE, FAILED, TOO_LONG = "not permitted", "not supported", "failed", "took too long"


class Unseen(Exception):  # noqa: N818 - the third outcome is no error
    """What can't be told: `why` is one of the above."""

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(detail)
        self.why = why
        self.detail = detail

    def value(self) -> dict[str, Any]:
        """As `facts.store.Unseen` holds it."""
        return {"unseen": self.why, "detail": self.detail[:300]}


class Done:
    """A program that ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def last_words(self) -> str:
        """The last line of what it complained of, or else of what it said."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1].strip()[:200] if lines else "it said nothing"


def part(look: Callable[..., Any], *given: Any) -> Any:
    """What `look(*given)` gives, or an `Unseen` as a value."""
    try:
        return look(*given)
    except Unseen as unseen:
        return unseen.value()


def at(path: str) -> str:
    """A path of the host as this process sees it."""
    return path if ROOT == "/" else os.path.join(ROOT, path.lstrip("/"))


def proc(path: str) -> str:
    """`/proc/PATH`; the host's own where its root has one."""
    own = at(os.path.join("/proc", path))
    return own if os.path.exists(own) else os.path.join("/proc", path)


def net(table: str) -> str:
    """Below `/proc`, a table of the host's own network: where its root is mounted elsewhere, `net` is our own."""
    first = "1/net/" + table
    return first if ROOT != "/" and os.path.exists(at("/proc/" + first)) else "net/" + table


def told(error: OSError, path: str) -> Unseen:
    """An error of the operating system, told of a path of the host."""
    why = NOT_PERMITTED if isinstance(error, PermissionError) else FAILED
    return Unseen(why, f"{path}: {error.strerror or error}")


def read(path: str, most: int = LARGEST) -> str:
    """A file's text, at most so many bytes of it.

    Raises:
        Unseen: it can't be read.
    """
    try:
        with opened(at(path)) as file:
            return _text(file.read(most))
    except OSError as error:
        raise told(error, path) from error


def opened(place: str) -> Any:
    """A file, open for reading bytes; a pipe that nobody writes to is empty, and not waited for."""
    return open(place, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK))


def _text(data: bytes | None) -> str:
    """None: a pipe that somebody may yet write to."""
    return (data or b"").decode("utf-8", "replace")


def read_proc(path: str, most: int = LARGEST) -> str:
    """The text of `/proc/PATH`, at most so many bytes of it; raises as `read`."""
    try:
        with opened(proc(path)) as file:
            return _text(file.read(most))
    except OSError as error:
        raise told(error, "/proc/" + path) from error


def exists(path: str) -> bool:
    """Whether there is such a path; False too where nobody may look."""
    return os.path.lexists(at(path))


def has(program: str) -> bool:
    """Whether a program can be run here."""
    return shutil.which(program, path=search_path()) is not None


def search_path() -> str:
    """Where programs are looked for: root's folders too, which a login's own path may lack."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def run(command: list[str], within_s: float = LONGEST_S, env: dict[str, str] | None = None, given: str = "") -> Done:
    """A program, in the C locale and in UTC.

    Raises:
        Unseen: there is none, it may not be run, it did not end in time, or it said more than is read.
    """
    own = {**os.environ, "LC_ALL": "C", "TZ": "UTC", "PATH": search_path(), **(env or {})}
    program = shutil.which(command[0], path=own["PATH"])
    if program is None:
        raise Unseen(NOT_THERE, f"there is no {command[0]} here")
    try:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=own,
            start_new_session=True,
        )
    except OSError as error:
        raise told(error, command[0]) from error
    out, err = bytearray(), bytearray()
    talks = [
        threading.Thread(target=_hear, args=(process.stdout, out), daemon=True),
        threading.Thread(target=_hear, args=(process.stderr, err), daemon=True),
        threading.Thread(target=_tell, args=(process.stdin, given.encode()), daemon=True),
    ]
    for talk in talks:
        talk.start()
    until = time.monotonic() + within_s
    try:
        process.wait(within_s)
        for talk in talks:
            talk.join(max(0.0, until - time.monotonic()))
        ended = not any(talk.is_alive() for talk in talks)
    except subprocess.TimeoutExpired:
        ended = False
    _end(process)
    for talk in talks:
        talk.join(ENDING_S)
    if len(out) > LARGEST:
        raise Unseen(FAILED, f"{command[0]} says more than {LARGEST // 2**20} MiB")
    if not ended:
        raise Unseen(TOO_LONG, f"{command[0]} did not end within {within_s:g} s")
    return Done(process.returncode, _text(bytes(out)), _text(bytes(err[:LARGEST])))


def _hear(pipe: Any, kept: bytearray) -> None:
    """All that is said; what is too much is heard and forgotten, so that nobody waits to be heard."""
    with suppress(OSError, ValueError), pipe:
        while True:
            data = pipe.read1(65536)
            if not data:
                return
            if len(kept) <= LARGEST:
                kept += data


def _tell(pipe: Any, given: bytes) -> None:
    with suppress(OSError, ValueError), pipe:
        pipe.write(given)


def _end(process: Any) -> None:
    """A program and what it started."""
    with suppress(OSError):
        os.killpg(process.pid, 9)
    process.wait()


class Names(Dict[int, str]):
    """Names by number, as the host's own file has them, and as it has them from elsewhere (LDAP)."""

    def __init__(self, path: str, ask: Callable[[int], str]) -> None:
        super().__init__()
        self.ask = ask
        for line in read(path).splitlines():
            name, _, number = (line + "::").split(":")[:3]
            if number.isdigit():
                self.setdefault(int(number), name)

    def __missing__(self, number: int) -> str:
        name = str(number)
        if ROOT == "/":
            with suppress(KeyError):
                name = self.ask(number)
        self[number] = name
        return name


def users() -> Names:
    """The names of users, by number."""
    return Names("/etc/passwd", lambda number: pwd.getpwuid(number).pw_name)


def groups() -> Names:
    """The names of groups, by number."""
    return Names("/etc/group", lambda number: grp.getgrgid(number).gr_name)


def name_of(number: int, names: dict[int, str]) -> str:
    """A user's or group's name; its number where it has none."""
    return names[number]


def main(order: dict[str, Any], modules: dict[str, Any]) -> None:
    """Answers every ask of an order, each on a line of its own as soon as it is known.

    Args:
        order: `{"root": ..., "sudo": ..., "boot": ..., "asks": [{"number": 0, "kind": "cron", "wanted": {...}}, ...]}`
        modules: those that may be asked, by kind; one with `NEEDS_ROOT` is asked as root, where sudo may be used.
    """
    global ROOT  # noqa: PLW0603 - said once, before anything is looked at
    ROOT = order["root"]
    speaking = threading.Lock()

    def speak(said: dict[str, Any]) -> None:
        with speaking:
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()

    theirs = [ask for ask in order["asks"] if order["sudo"] and getattr(modules[ask["kind"]], "NEEDS_ROOT", False)]
    workers = [
        threading.Thread(target=lambda ask: speak(_answer(ask, modules)), args=(ask,))
        for ask in order["asks"]
        if ask not in theirs
    ]
    if theirs:
        workers.append(threading.Thread(target=_ask_as_root, args=(dict(order, asks=theirs, sudo=False), speak)))
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _answer(ask: dict[str, Any], modules: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"number": ask["number"]}
    try:
        said["seen"] = modules[ask["kind"]].look(ask["wanted"])
        said["took"] = time.monotonic() - BEGAN
        said["now"] = time.time()
    except Unseen as unseen:
        said.update(unseen.value())
    except Exception as error:  # noqa: BLE001 - told, and never green
        said.update({"unseen": "broken", "detail": "{}: {}".format(type(error).__name__, error)[:300]})
    return said


def _ask_as_root(order: dict[str, Any], speak: Callable[[dict[str, Any]], None]) -> None:
    """The same program again, by `sudo -n`; what it does not answer is told to be not permitted."""
    left = {ask["number"] for ask in order["asks"]}
    given = base64.b64encode(zlib.compress(json.dumps(order).encode())) + b"\n"
    try:
        process: Any = subprocess.Popen(
            ["sudo", "-n", sys.executable, "-c", order["boot"]],  # noqa: S607 - the host's own
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        refusal = Unseen(NOT_PERMITTED, "sudo: {}".format(error.strerror))
    else:
        complaints = bytearray()
        talks = [
            threading.Thread(target=_hear, args=(process.stderr, complaints)),
            threading.Thread(target=_tell, args=(process.stdin, given)),
        ]
        for talk in talks:
            talk.start()
        with process.stdout as answers:
            for line in answers:
                with suppress(ValueError, KeyError, TypeError):  # what sudo or a profile says is none of our answers
                    said = json.loads(line.decode("utf-8", "replace"))
                    left.remove(said["number"])
                    speak(said)
        process.wait()
        for talk in talks:
            talk.join()
        answered = len(left) < len(order["asks"])
        words = Done(process.returncode, "", _text(bytes(complaints[-4096:]))).last_words
        refusal = Unseen(FAILED if answered else NOT_PERMITTED, words)
    for number in left:
        speak(dict(refusal.value(), number=number))
