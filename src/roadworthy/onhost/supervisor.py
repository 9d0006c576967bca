"""On the host: programs that Supervisor keeps running, as supervisord tells over its own socket (XML-RPC)."""

from __future__ import annotations

import base64
import configparser
import glob
import http.client
import os
import platform
import re
import shlex
import signal
import socket
import time
import xmlrpc.client
from contextlib import closing
from typing import Any
from xml.parsers.expat import ExpatError

from roadworthy.onhost import ground
from roadworthy.onhost.ground import (
    FAILED,
    NOT_PERMITTED,
    NOT_THERE,
    Unseen,
    at,
    name_of,
    part,
    proc,
    read,
    told,
    users,
)
from roadworthy.onhost.sockets import connect_to

NEEDS_ROOT = True
"""Its socket is root's, and so are the passwords in its configuration, which stay here."""

PLACES = ("/etc/supervisor/supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor.conf")
SECTIONS = ("program:", "fcgi-program:", "eventlistener:")
WANTED = (
    *("command", "directory", "user", "autostart", "autorestart", "startsecs", "startretries", "exitcodes"),
    *("stopwaitsecs", "stopsignal", "stopasgroup", "killasgroup", "redirect_stderr"),
)
FILES, PROCESSES, ENDS = 500, 5000, 2000
"""So many files, configured processes and ends of processes are looked at."""
LOG_BYTES = 2**18
ALL_ENDS = ("info", "debug", "trace", "blather")
"""Levels at which it logs each end of a process: one that was expected is no warning."""
ANSWERS_S = 5.0
LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d{3} \w+ (.*)")
EXITED = re.compile(r"exited: (.+?) \((.*)\)")
SPAWNED = re.compile(r"spawned: '(.+)' with pid (\d+)")
ZONE_S, ZONES_S = 900, 26 * 3600
"""Clocks of the world differ by multiples of this, and by no more than that."""


class Dead(Exception):  # noqa: N818 - it is an outcome
    """Nobody answers there."""

    def __init__(self, place: str, how: str) -> None:
        super().__init__("{}: {}".format(place, how))


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/supervisor.py` holds."""
    config = _config(wanted["config"])
    try:
        return dict(_told(Files(config), wanted), config=config)
    except Dead as dead:
        return {"config": config, "dead": str(dead)}


def _told(files: Files, wanted: dict[str, Any]) -> dict[str, Any]:
    with closing(Door(files)) as door:
        infos, configs = door.call("supervisor.getAllProcessInfo"), door.call("supervisor.getAllConfigInfo")
        disk = part(files.programs, lambda: door.call("supervisor.getPID"))
        log = None if wanted["back_s"] is None else part(_log, door, infos, wanted["back_s"], files.level)
    names = part(users)
    live = {(one["group"], one["name"]): one for one in configs[:PROCESSES]}
    return {
        "processes": [_process(info, live, disk, names, wanted["programs"]) for info in infos[:PROCESSES]],
        "log": log,
        "drift": disk if "unseen" in disk else _drift(infos, live, disk),
    }


def _config(given: str | None) -> str:
    places = (given,) if given else PLACES
    for place in places:
        if os.path.exists(at(place)):
            return place
    raise Unseen(NOT_THERE, "there is no {}; supervisor.config says where it is".format(" and no ".join(places)))


class Files:
    """Its configuration as it is on disk now."""

    def __init__(self, config: str) -> None:
        self.config = config
        self.broken: dict[str, str] = {}
        try:
            self.sections = self._parsed(config)
        except configparser.Error as error:
            raise Unseen(FAILED, "{}: {}".format(config, type(error).__name__)) from error
        pattern = self.sections.get("include", {}).get("files", "")
        found = [self._included(one, config) for one in pattern.split()]
        for file in [file for files in found for file in files][:FILES]:
            self._add(file)

    @property
    def level(self) -> str:
        """At which level it logs."""
        return self.sections.get("supervisord", {}).get("loglevel", "info").strip().lower()

    def _included(self, pattern: str, config: str) -> list[str]:
        if "%(" in pattern:
            pattern = pattern.replace("%(host_node_name)s", platform.node())
        pattern = os.path.join(os.path.dirname(config), pattern)
        cut = len(at("/")) - 1
        return [one[cut:] for one in sorted(glob.glob(at(pattern)))]

    def _add(self, file: str) -> None:
        if not os.path.exists(at(file)):  # a link that leads nowhere; supervisord passes over it
            return
        try:
            for name, options in self._parsed(file).items():
                self.sections.setdefault(name, {}).update(options)
        except configparser.Error as error:
            self.broken[file] = "can't be parsed: {}".format(type(error).__name__)

    @staticmethod
    def _parsed(file: str) -> dict[str, dict[str, str]]:
        """Its sections, as supervisord's own parser reads them."""
        parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
        parser.read_string(read(file))
        here = os.path.dirname(os.path.normpath(file))
        return {
            name: {key: value.replace("%(here)s", here) for key, value in parser.items(name)}
            for name in parser.sections()
        }

    def programs(self, pid: Any) -> dict[str, dict[str, Any]]:
        """Every configured process as `group:name`, with its settings; what can't be parsed has the key `broken`."""
        groups = {
            program.strip(): name.split(":", 1)[1].strip()
            for name, options in self.sections.items()
            if name.startswith("group:")
            for program in options.get("programs", "").split(",")
        }
        found: dict[str, dict[str, Any]] = {file: {"broken": why} for file, why in self.broken.items()}
        environ: dict[str, str] | None = None
        for section, options in self.sections.items():
            if not section.startswith(SECTIONS):
                continue
            program = section.split(":", 1)[1].strip()
            if environ is None and any("%(ENV_" in value for value in options.values()):
                environ = self._environ(pid())
            try:
                found.update(_programs(program, groups.get(program, program), options, environ or {}))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                found["[{}]".format(section)] = {"broken": "can't be parsed: {}".format(type(error).__name__)}
        return found

    def _environ(self, pid: int) -> dict[str, str]:
        """The environment that its configuration may speak of, its own part of it among it."""
        found = _environ(pid)
        try:
            own = _pairs(self.sections.get("supervisord", {}).get("environment", "") % found)
        except (ValueError, KeyError, TypeError) as error:
            raise Unseen(FAILED, "environment of supervisord: {}".format(type(error).__name__)) from error
        return dict(found, **{"ENV_" + name: value for name, value in own.items()})


def _environ(pid: int) -> dict[str, str]:
    """The environment of supervisord itself, as its configuration may speak of it."""
    try:
        with open(proc("{}/environ".format(pid)), "rb") as file:
            pairs = file.read(ground.LARGEST).decode("utf-8", "replace").split("\0")
    except OSError as error:
        raise told(error, "/proc/{}/environ".format(pid)) from error
    return {"ENV_" + name: value for name, _, value in (pair.partition("=") for pair in pairs) if name}


def _programs(program: str, group: str, options: dict[str, str], environ: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The processes of a section, as supervisord would make them (`supervisor/options.py`)."""
    known: dict[str, Any] = {"program_name": program, "group_name": group, "host_node_name": platform.node()}
    known.update(environ)
    count, first = int(options.get("numprocs", "1")), int(options.get("numprocs_start", "0"))
    found: dict[str, dict[str, Any]] = {}
    for number in range(first, first + min(count, PROCESSES)):
        own = dict(known, process_num=number, numprocs=count)
        for name, value in _pairs(options.get("environment", "") % own).items():
            own["ENV_" + name] = value
        said = {key: value % own for key, value in options.items() if key in WANTED}
        together = _flag(said.get("stopasgroup", "false"))
        settings: dict[str, Any] = {
            "command": said["command"],
            "directory": said.get("directory"),
            "uid": _uid(said["user"]) if "user" in said else None,
            "autostart": _flag(said.get("autostart", "true")),
            "autorestart": _autorestart(said.get("autorestart", "unexpected")),
            "startsecs": int(said.get("startsecs", "1")),
            "startretries": int(said.get("startretries", "3")),
            "stopwaitsecs": int(said.get("stopwaitsecs", "10")),
            "stopsignal": _signal(said.get("stopsignal", "TERM")),
            "killasgroup": _flag(said["killasgroup"]) if "killasgroup" in said else together,
            "redirect_stderr": _flag(said.get("redirect_stderr", "false")),
        }
        if "exitcodes" in said:  # the default is not the same in every version
            settings["exitcodes"] = [int(code) for code in said["exitcodes"].split(",")]
        found["{}:{}".format(group, options.get("process_name", "%(program_name)s") % own)] = settings
    return found


def _pairs(text: str) -> dict[str, str]:
    """The variables of `KEY="value",KEY2=value2`."""
    lexer = shlex.shlex(text, posix=True)
    lexer.wordchars += "/.+-():@%"
    lexer.whitespace += ","
    words = list(lexer)
    return dict(zip(words[::3], words[2::3]))


def _flag(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in ("true", "yes", "on", "1"):
        return True
    if lowered in ("false", "no", "off", "0"):
        return False
    raise ValueError(text)


def _autorestart(text: str) -> str:
    return "unexpected" if text.strip().lower() == "unexpected" else str(_flag(text)).lower()


def _signal(text: str) -> int:
    name = text.strip().upper()
    return int(name) if name.isdigit() else int(getattr(signal, name if name.startswith("SIG") else "SIG" + name))


def _uid(user: str) -> int:
    if user.strip().isdigit():
        return int(user)
    for number, name in users().items():
        if name == user.strip():
            return number
    raise ValueError(user)


class Door:
    """One connection to supervisord, where its configuration says."""

    def __init__(self, files: Files) -> None:
        own, port = files.sections.get("unix_http_server"), files.sections.get("inet_http_server")
        client = files.sections.get("supervisorctl", {})
        if own is not None and "file" in own:
            self.place = own["file"]
            self.connection: http.client.HTTPConnection = _Unix(self.place)
        elif port is not None and "port" in port:
            own, self.place = port, port["port"]
            host, _, number = self.place.rpartition(":")
            host = "127.0.0.1" if host in ("", "*") else host.strip("[]")
            self.connection = http.client.HTTPConnection(host, int(number), timeout=ANSWERS_S)
        else:
            raise Unseen(NOT_THERE, "{} has neither a socket nor a port to speak to".format(files.config))
        if "%(" in self.place:
            raise Unseen(FAILED, "{}: its place is told by variables: {}".format(files.config, self.place))
        password = client.get("password", own.get("password"))
        self.headers = {"Content-Type": "text/xml"}
        if password is not None:
            pair = "{}:{}".format(client.get("username", own.get("username", "")), password)
            self.headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()

    def call(self, method: str, *given: Any) -> Any:
        """What a method gives.

        Raises:
            Dead: nobody answers.
            Unseen: nobody may ask, or it is not understood.
        """
        try:
            self.connection.request("POST", "/RPC2", xmlrpc.client.dumps(given, method), self.headers)
            response = self.connection.getresponse()
            body = response.read(ground.LARGEST)
        except PermissionError as error:
            raise Unseen(NOT_PERMITTED, "{}: {}".format(self.place, error.strerror)) from error
        except socket.timeout as error:
            raise Dead(self.place, "no answer within {:g} s".format(ANSWERS_S)) from error
        except (OSError, http.client.HTTPException) as error:
            raise Dead(self.place, getattr(error, "strerror", None) or type(error).__name__) from error
        if response.status in (401, 403):
            raise Unseen(NOT_PERMITTED, "{}: it refuses the user and password of its files".format(self.place))
        if response.status != 200:  # noqa: PLR2004 - HTTP
            raise Unseen(FAILED, "{}: it answers {}".format(self.place, response.status))
        try:
            return xmlrpc.client.loads(body)[0][0]
        except xmlrpc.client.Fault as fault:
            raise Unseen(FAILED, "{}: {}".format(method, fault.faultString)) from fault
        except (ExpatError, xmlrpc.client.Error, ValueError, LookupError, TypeError) as error:
            raise Unseen(FAILED, "{}: its answer is not understood".format(method)) from error

    def close(self) -> None:
        """Ends the connection."""
        self.connection.close()


class _Unix(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWERS_S)
        self.path = path

    def connect(self) -> None:
        """Opens it."""
        self.sock = connect_to(self.path, ANSWERS_S)


def _process(info: dict[str, Any], live: Any, disk: Any, names: Any, asked: list[str]) -> dict[str, Any]:
    group, name = info["group"], info["name"]
    known, full = live.get((group, name)), "{}:{}".format(group, name)
    said = {
        "group": group,
        "name": name,
        "state": info["statename"],
        "said": (info["spawnerr"] or info["description"])[:200],
        "started": info["start"] or None,
        "user": part(_user_of, info["pid"], names) if info["pid"] else None,
    }
    if known is not None and (group in asked or full in asked):
        written = disk.get(full, {})
        command, uid = known.get("command", written.get("command", "")), known.get("uid", written.get("uid"))
        said["configured"] = {
            "command": command[:4000],
            "user": None if uid in (None, "none") else _named(uid, names),
            "autostart": known["autostart"],
            "runs": not _runs_another(info["pid"], command),
            "autorestart": disk if "unseen" in disk else written.get("autorestart", _unwritten(full)),
        }
    return said


def _unwritten(name: str) -> dict[str, Any]:
    return Unseen(FAILED, "{} is not in the files".format(name)).value()


def _named(uid: int, names: Any) -> str:
    return str(uid) if "unseen" in names else name_of(uid, names)


def _user_of(pid: int, names: Any) -> str:
    """Who a process really runs as."""
    path = "{}/status".format(pid)
    try:
        with open(proc(path)) as file:
            text = file.read(ground.LARGEST)
    except OSError as error:
        raise told(error, "/proc/" + path) from error
    found = re.search(r"^Uid:\s+(\d+)", text, re.MULTILINE)
    if found is None:
        raise Unseen(FAILED, "/proc/{} has no Uid".format(path))
    return _named(int(found.group(1)), names)


def _log(door: Door, infos: list[dict[str, Any]], back_s: float, level: str) -> dict[str, Any]:
    """The end of supervisord's own log, as it gives it. Its times are local to wherever it believes to be."""
    if level not in ALL_ENDS:
        raise Unseen(FAILED, "supervisord's log is one of {} alone (loglevel)".format(level))
    text = door.call("supervisor.readLog", -LOG_BYTES, 0)
    lines = [match.groups() for match in map(LINE.match, text.splitlines()) if match]
    shift = _shift(lines, {(one["name"], one["pid"]): one["start"] for one in infos})
    since = time.time() - back_s
    exits: list[dict[str, Any]] = [
        {"name": ended.group(1), "at": _at(when) + shift, "how": ended.group(2)[:100]}
        for when, ended in ((when, EXITED.match(what)) for when, what in lines)
        if ended
    ]
    return {
        "begins": _at(lines[0][0]) + shift if lines else None,
        "started": any(what.startswith("supervisord started") for _, what in lines),
        "exits": [one for one in exits if one["at"] >= since][-ENDS:],
    }


def _shift(lines: list[Any], started: dict[tuple[str, int], int]) -> float:
    """How far its zone is from ours, as told by a process whose start both the log and supervisord know."""
    for when, what in reversed(lines):
        spawned = SPAWNED.match(what)
        start = started.get((spawned.group(1), int(spawned.group(2)))) if spawned else None
        if start and abs(start - _at(when)) <= ZONES_S:
            return round((start - _at(when)) / ZONE_S) * ZONE_S
    return 0


def _at(local: str) -> float:
    return time.mktime(time.strptime(local, "%Y-%m-%d %H:%M:%S"))


def _drift(infos: list[dict[str, Any]], live: Any, disk: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Where the files say other than supervisord; what it does not tell is not compared."""
    found = {name: [settings["broken"]] for name, settings in disk.items() if "broken" in settings}
    written = {name: settings for name, settings in disk.items() if "broken" not in settings}
    held = {"{}:{}".format(*key): one for key, one in live.items()}
    pids = {"{}:{}".format(one["group"], one["name"]): one["pid"] for one in infos}
    for name in sorted(set(held) | set(written) | set(pids)):
        if name not in written:
            what = ["removed"]
        elif name not in held:
            what = ["added"]
        elif name not in pids:
            what = ["not in use"]
        else:
            what = [
                key
                for key, value in written[name].items()
                if key in held[name] and held[name][key] != ("none" if value is None else value)
            ]
            if not what and _runs_another(pids[name], held[name].get("command", "")):
                what = ["command of what runs"]
        if what:
            found[name] = what
    return [{"name": name, "what": what} for name, what in found.items()]


def _runs_another(pid: int, command: str) -> bool:
    """Whether a process was started by another command, as after `reread` without `update`.

    Told only where the process still shows its own program and its words: many give themselves another title.
    """
    try:
        with open(proc("{}/cmdline".format(pid)), "rb") as file:
            words = file.read(65536).decode("utf-8", "replace").rstrip("\0").split("\0")
        program, *rest = shlex.split(command)
    except (OSError, ValueError):
        return False
    for place, word in enumerate(words[:3] if pid else ()):
        if os.path.basename(word) == os.path.basename(program):
            return words[place + 1 :] != rest
    return False
