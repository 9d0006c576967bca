"""On the host: applications that PM2 keeps running, as its daemon tells over its own socket.

Any command of `pm2` starts a daemon where none runs, and none is in the PATH of a login where Node comes from nvm; so
the daemon is asked as `pm2 jlist` asks it: `getMonitorData`, by axon's RPC (an AMP message: version, count, then each
part with its length before it; a part is `j:` and JSON, or `s:` and text). The answer holds every variable of the
applications' environments: nothing but what is named here leaves the host.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import socket
import struct
import time
from typing import Any

from roadworthy.onhost import ground
from roadworthy.onhost.ground import (
    FAILED,
    NOT_PERMITTED,
    NOT_THERE,
    TOO_LONG,
    Unseen,
    at,
    name_of,
    part,
    proc,
    read,
    told,
)
from roadworthy.onhost.ground import users as names_of_users
from roadworthy.onhost.sockets import connect_to

NEEDS_ROOT = True
"""The daemon's socket is its user's own."""

ANSWERS_S = 5.0
SILENT = "no answer within {:g} s".format(ANSWERS_S)
MOST = 32 * 2**20
"""Bytes of an answer: every instance comes with its whole environment."""
INSTANCES, UNITS = 2000, 2000
VERSION = 1
ASKED = json.dumps({"type": "call", "method": "getMonitorData", "args": [{}]})
UNITS_AT = "/etc/systemd/system"


class Dead(Exception):  # noqa: N818 - it is an outcome
    """No daemon answers there."""

    def __init__(self, place: str, how: str) -> None:
        super().__init__("{}: {}".format(place, how))


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/pm2.py` holds."""
    home = wanted["home"] or os.path.join(_folder_of(wanted["user"]), ".pm2")
    if not ground.exists(home) and not os.access(_nearest(at(home)), os.X_OK):
        raise Unseen(NOT_PERMITTED, "{}: nobody but its owner looks there".format(home))
    salt = os.urandom(16)
    said: dict[str, Any] = {"home": home, "units": part(_units)}
    try:
        told_by_it = _asked(os.path.join(home, "rpc.sock"))
    except Dead as dead:
        return dict(said, dead=str(dead))
    names = part(names_of_users)
    said["instances"] = [_instance(one, wanted["apps"], salt, names) for one in told_by_it[:INSTANCES]]
    said["saved"] = part(_saved, os.path.join(home, "dump.pm2"), wanted["apps"], salt)
    return said


def _folder_of(user: str) -> str:
    for line in read("/etc/passwd").splitlines():
        fields = line.split(":")
        if fields[0] == user and len(fields) > 5:  # noqa: PLR2004 - passwd(5)
            return fields[5]
    raise Unseen(NOT_THERE, "there is no user {} here; pm2.home says where its PM2 is".format(user))


def _nearest(path: str) -> str:
    """The last folder on the way there that can be seen."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _asked(path: str) -> list[dict[str, Any]]:
    """What the daemon knows of every instance."""
    try:
        connection = connect_to(path, ANSWERS_S)
    except PermissionError as error:
        raise told(error, path) from error
    except socket.timeout as error:
        raise Dead(path, SILENT) from error
    except OSError as error:
        raise Dead(path, error.strerror or "no connection") from error
    with connection:
        try:
            connection.sendall(_message("j:" + ASKED, "s:roadworthy:0"))
            parts = _parts(connection)
        except socket.timeout as error:
            raise Dead(path, SILENT) from error
        except OSError as error:
            raise Dead(path, error.strerror or "no connection") from error
    return _list_of(parts)


def _message(*parts: str) -> bytes:
    encoded = [one.encode() for one in parts]
    return bytes([VERSION << 4 | len(parts)]) + b"".join(struct.pack(">I", len(one)) + one for one in encoded)


def _parts(connection: socket.socket) -> list[bytes]:
    """The parts of one message.

    Raises:
        Dead: it ends before its end.
        Unseen: it is larger than anything that is read, or takes too long.
    """
    until = time.monotonic() + ANSWERS_S
    left = MOST

    def exactly(count: int) -> bytes:
        nonlocal left
        left -= count
        if left < 0:
            raise Unseen(FAILED, "PM2's daemon answers more than {} MiB".format(MOST // 2**20))
        held = bytearray()
        while len(held) < count:
            if time.monotonic() > until:
                raise Unseen(TOO_LONG, "PM2's daemon did not end its answer within {:g} s".format(ANSWERS_S))
            data = connection.recv(min(count - len(held), 65536))
            if not data:
                raise Dead("its daemon", "it closed the connection")
            held += data
        return bytes(held)

    meta = exactly(1)[0]
    if meta >> 4 != VERSION:
        raise Unseen(FAILED, "PM2's daemon speaks another protocol")
    return [exactly(struct.unpack(">I", exactly(4))[0]) for _ in range(meta & 15)]


def _list_of(parts: list[bytes]) -> list[dict[str, Any]]:
    try:
        said = json.loads(parts[0][2:].decode("utf-8", "replace"))
        found = said["args"][0] if "args" in said else said["error"]
    except (ValueError, LookupError, TypeError) as error:
        raise Unseen(FAILED, "the answer of PM2's daemon is not understood") from error
    if not isinstance(found, list) or not all(map(_is_instance, found)):
        raise Unseen(FAILED, "PM2's daemon: {}".format(str(found)[:200] if isinstance(found, str) else "no list"))
    return found


def _is_instance(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("pm2_env"), dict)


def _instance(one: dict[str, Any], asked: list[str], salt: bytes, names: Any) -> dict[str, Any]:
    env, name = one["pm2_env"], str(one.get("name"))
    since = env.get("pm_uptime")
    return {
        "name": name,
        "status": str(env.get("status")),
        "started": since / 1000 if isinstance(since, (int, float)) else None,
        "restarts": env.get("restart_time"),
        "unstable": env.get("unstable_restarts"),
        "user": part(_user_of, one["pid"], names) if one.get("pid") else None,
        "start": _start(env, salt) if name in asked else None,
    }


def _start(env: dict[str, Any], salt: bytes) -> dict[str, Any]:
    words = json.dumps([env.get("args"), env.get("node_args"), env.get("pm_cwd")])
    return {
        "script": str(env.get("pm_exec_path", "")),
        "mode": str(env.get("exec_mode", "")).replace("_mode", ""),
        "words": hashlib.sha256(salt + words.encode()).hexdigest()[:16],
    }


def _user_of(pid: int, names: Any) -> str:
    path = "{}/status".format(pid)
    try:
        with open(proc(path)) as file:
            text = file.read(ground.LARGEST)
    except OSError as error:
        raise told(error, "/proc/" + path) from error
    found = re.search(r"^Uid:\s+(\d+)", text, re.MULTILINE)
    if found is None:
        raise Unseen(FAILED, "/proc/{} has no Uid".format(path))
    return found.group(1) if "unseen" in names else name_of(int(found.group(1)), names)


def _saved(path: str, asked: list[str], salt: bytes) -> list[dict[str, Any]] | None:
    """What `pm2 save` wrote down; None: nothing."""
    if not ground.exists(path):
        return None
    try:
        found = json.loads(read(path, MOST))
        return [
            {"name": one["name"], "status": str(one.get("status")), "start": _start(one, salt)}
            for one in found[:INSTANCES]
            if one["name"] in asked
        ]
    except (ValueError, LookupError, TypeError) as error:
        raise Unseen(FAILED, "{} is not understood".format(path)) from error


def _units() -> list[dict[str, Any]]:
    """Units that systemd starts at boot and that speak of PM2."""
    if not ground.exists(UNITS_AT):
        raise Unseen(NOT_THERE, "there is no {}: something else starts services here".format(UNITS_AT))
    found = {}
    for link in sorted(glob.glob(at(UNITS_AT + "/*.wants/*.service")))[:UNITS]:
        name = os.path.basename(link)
        text = _unit(name, link)
        if "pm2" in text.lower():
            found[name] = {
                "name": name,
                "user": _setting(r"User=(\S+)", text),
                "home": _setting(r"Environment=.*?\bPM2_HOME=([^\s\"']+)", text),
                "resurrects": bool(re.search(r"^ExecStart=.*\bresurrect\b", text, re.MULTILINE)),
            }
    return list(found.values())


def _unit(name: str, link: str) -> str:
    """Its text; empty where the link leads nowhere."""
    target = os.readlink(link) if os.path.islink(link) else ""
    path = target if target.startswith("/") else os.path.join(UNITS_AT, name)
    return read(path, 65536) if ground.exists(path) else ""


def _setting(pattern: str, text: str) -> str:
    found = re.search("^" + pattern, text, re.MULTILINE)
    return found.group(1) if found else ""
