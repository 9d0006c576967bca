"""On the host: nginx's configuration, as `nginx -T` gives it with what the running master was started with.

    tokens_of      the text of a file, as nginx takes it apart (ngx_conf_file.c)
    tree_of        all directives, with what is included in its place
    locations_of   which location takes a request, as nginx looks for it (ngx_http_core_module, `location`)

What a running master has read is told by nothing; when it last did, is: a reload starts all workers anew. Where every
worker has died and been replaced since, that looks newer than it is.
"""

from __future__ import annotations

import fnmatch
import os
import re
import time
from typing import TYPE_CHECKING, Any

from roadworthy.onhost import ground
from roadworthy.onhost.ground import FAILED, NOT_PERMITTED, Unseen, at, part, proc, read, run, told

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDS_ROOT = True
"""The test reads private keys and opens log files."""

WITHIN_S = 20.0
DEEPEST = 32
END = "}"
MOST = 200000
"""Directives, what is included many times counted as often."""
FILE = re.compile(r"^# configuration file (/[^\n]*):$", re.MULTILINE)
MASTER, WORKER = "nginx: master process ", "nginx: worker process"
DEFAULT_BODY = 2**20
UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}
STARTED = 19
"""The place of a process's start among its fields from the state on (proc(5), starttime)."""
SPACE, COMMENT = r"[ \t\r\n]+", r"#[^\n]*"
TOKEN = re.compile(
    SPACE
    + "|"
    + COMMENT
    + r"""|"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<mark>[;{}])"""
    + r"|(?![\"'])(?P<word>(?:\\.|\$\{|[^ \t\r\n;{\\])+)",
    re.DOTALL,
)
LUA = re.compile(
    r"""--\[(=*)\[.*?\]\1\]|--[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\[(=*)\[.*?\]\2\]|(?P<brace>[{}])""",
    re.DOTALL,
)
ESCAPED = re.compile(r"""\\(["'\\trn])""")
CONTROLS = {"t": "\t", "r": "\r", "n": "\n"}
DEFAULT_TLS = (
    ((1, 27, 3), "TLSv1.2 TLSv1.3"),
    ((1, 23, 4), "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"),
    ((1, 9, 1), "TLSv1 TLSv1.1 TLSv1.2"),
)
"""What nginx speaks where its configuration says nothing, from which version on (ngx_http_ssl_module)."""


class Directive:
    """One directive: its words, where it stands, and what is inside it."""

    def __init__(self, words: list[str], place: str, inside: list[Directive] | None = None) -> None:
        self.words = words
        self.place = place
        self.inside = inside

    @property
    def name(self) -> str:
        """The first word."""
        return self.words[0]


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/nginx.py` holds."""
    running = part(_running, wanted["pid_file"])
    started_as = ["nginx"]
    if isinstance(running, dict) and "started_as" in running:
        started_as = running.pop("started_as")
    seen: dict[str, Any] = {"running": running, "refused": None, "configuration": None}
    done = run([*started_as, "-T"], WITHIN_S)
    if done.code:
        if "(13: Permission denied)" in done.err and os.geteuid():
            raise Unseen(NOT_PERMITTED, done.last_words)
        complaint = next((line for line in done.err.splitlines() if "[emerg]" in line), done.last_words)
        seen["refused"] = re.sub(r"^.*?\[emerg\] (?:[0-9]+#[0-9]+: )?", "", complaint)[:300]
    else:
        seen["configuration"] = part(_configuration, done.out, started_as, wanted)
    return seen


def _running(pid_file: str) -> dict[str, Any] | None:
    """The master, and what it was started as; None: there is none."""
    if not ground.exists(pid_file):
        return None
    number = read(pid_file, 64).strip()
    if not number.isdigit() or not os.path.isdir(proc(number)):
        return None
    title = _title(number)
    if not title.startswith(MASTER):
        if title.split(" ")[0].endswith("nginx"):
            raise Unseen(FAILED, "process {} is nginx, and no master: {}".format(number, title[:100]))
        return None  # the number is another program's by now
    children = [other for other, parent in _parents() if parent == number]
    workers = [child for child in children if _title(child).startswith(WORKER)]
    current = [began for worker in workers if "shutting down" not in _title(worker) for began in _began(worker)]
    started = _began(number)
    if not started:
        return None
    return {
        "started": started[0],
        "loaded": min(current, default=started[0]),
        "started_as": _started_as(number, title),
    }


def _title(number: str) -> str:
    try:
        with open(proc(number + "/cmdline"), "rb") as file:
            return file.read(4096).rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _started_as(number: str, title: str) -> list[str]:
    """The master's program and the options that say which configuration it reads."""
    program, *options = re.split(r" (?=-[cegp])", title[len(MASTER) :])
    try:
        program = os.readlink(proc(number + "/exe")).replace(" (deleted)", "")
    except OSError:
        program = program.split(" ")[0]
    return [program, *(word for option in options for word in (option[:2], option[2:].strip()))]


def _parents() -> list[tuple[str, str]]:
    """Every process, and who started it."""
    found = []
    for number in filter(str.isdigit, os.listdir(proc(""))):
        fields = _stat(number)
        if fields:
            found.append((number, fields[1]))
    return found


def _stat(number: str) -> list[str]:
    """A process's fields, from its state on; none where it is gone."""
    try:
        with open(proc(number + "/stat"), "rb") as file:
            return file.read(4096).decode("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _began(number: str) -> list[float]:
    """When a process was started, in seconds since 1970; nothing where it is gone."""
    fields = _stat(number)
    ticks = fields[STARTED : STARTED + 1]
    since_boot = [int(field) / os.sysconf("SC_CLK_TCK") for field in ticks]
    return [time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + began for began in since_boot]


def _configuration(out: str, started_as: list[str], wanted: dict[str, Any]) -> dict[str, Any]:
    texts = files_of(out)
    top = tree_of(texts)
    changed = part(_changed, list(texts))
    newest = changed.pop("file", "")
    http = [one for block in top if block.name == "http" for one in block.inside or []]
    events = [one for block in top if block.name == "events" for one in block.inside or []]
    outside = [one for one in [*top, *http, *events] if one.inside is None]
    servers = [one for one in http if one.name == "server" and one.inside is not None]
    return {
        "changed": changed.get("at", changed),
        "changed_file": _theirs(newest),
        "settings": {name: _theirs(_value(name, outside)) for name in wanted["settings"]},
        "servers": {
            name: [
                _server(server, http, wanted["paths"], started_as)
                for server in servers
                if name.lower() in map(str.lower, _names(server))
            ]
            for name in wanted["servers"]
        },
    }


def _changed(paths: list[str]) -> dict[str, Any]:
    """The newest of the files: a link that was put in another one's place is a change as well."""
    newest, of = 0.0, ""
    for path in paths:
        here = at(_theirs(path))
        try:
            then = max(os.stat(here).st_mtime, os.lstat(here).st_mtime)
        except OSError as error:
            raise told(error, path) from error
        if then > newest:
            newest, of = then, path
    return {"at": newest, "file": of}


def _theirs(path: Any) -> Any:
    """A path as the host has it: nginx may have been started with one that leads through its root."""
    root = ground.ROOT.rstrip("/")
    return path[len(root) :] if root and path and path.startswith(root + "/") else path


def _value(name: str, directives: list[Directive]) -> str | None:
    return next((" ".join(one.words[1:]) for one in directives if one.name == name), None)


def _names(server: Directive) -> list[str]:
    given = [one.words[1:] for one in server.inside or [] if one.name == "server_name"]
    return [name for words in given for name in words] if given else [""]


def _server(server: Directive, http: list[Directive], paths: list[str], started_as: list[str]) -> dict[str, Any]:
    inside = server.inside or []
    first = _first_asked(server, http)
    return {
        "place": _theirs(server.place),
        "returns": _returns(inside),
        "tls": part(_spoken, [server, *first], http, started_as) if first else None,
        "handled": {path: part(_handled, path, inside, http) for path in paths},
    }


def _first_asked(server: Directive, http: list[Directive]) -> list[Directive]:
    """By each address at which it speaks TLS: the server that is asked there before a name is known; none: no TLS.

    That one's versions are spoken for all others; where nginx tells names first (1.29.2), for clients that send none.
    """
    found = []
    for address, _ in _listens(server):
        there = [(one, words) for one in http if one.name == "server" for at, words in _listens(one) if at == address]
        if any({"ssl", "quic"} & {*words} for _, words in there) or _value("ssl", server.inside or []) == "on":
            marked = [one for one, words in there if {"default_server", "default"} & {*words}]
            found.append([*marked, there[0][0]][0])
    return found


def _listens(server: Directive) -> list[tuple[str, list[str]]]:
    """The addresses that a server listens on, each written in one way, and what else is said of it."""
    given = [one.words[1:] for one in server.inside or [] if one.name == "listen" and one.words[1:]] or [["80"]]
    return [(_address(words[0].lower()), words[1:]) for words in given]


def _address(text: str) -> str:
    if text.isdigit():
        return "*:" + text
    if not text.startswith("unix:") and not re.search(r":[0-9]+$", text.rpartition("]")[2]):
        text += ":80"
    return re.sub(r"^0\.0\.0\.0:", "*:", text)


def _spoken(servers: list[Directive], http: list[Directive], started_as: list[str]) -> list[str]:
    """The versions of TLS that any of them speaks; raises as `_versions`."""
    return list(dict.fromkeys(word for one in servers for word in _versions(one.inside or [], http, started_as)))


def _versions(inside: list[Directive], http: list[Directive], started_as: list[str]) -> list[str]:
    """The versions of TLS, as numbers: `1.0`, `1.2`.

    Raises:
        Unseen: nothing is said of them, and nginx does not tell its own version.
    """
    said = _value("ssl_protocols", inside) or _value("ssl_protocols", http)
    if said is None:
        match = re.search(r"nginx/([0-9]+)\.([0-9]+)\.([0-9]+)", run([*started_as[:1], "-v"]).err)
        own = tuple(int(number) for number in match.groups()) if match else ()
        said = next((protocols for since, protocols in DEFAULT_TLS if own >= since), None)
        if said is None:
            raise Unseen(FAILED, "nothing is said of ssl_protocols, and nginx's version is not known")
    return ["1.0" if word == "TLSv1" else word.replace("TLSv", "") for word in said.split()]


def _returns(inside: list[Directive]) -> int | None:
    """The code of a `return`; one with an address alone is 302."""
    words = next((one.words[1:] for one in inside if one.name == "return"), None)
    if not words:
        return None
    return int(words[0]) if re.fullmatch("[0-9]{3}", words[0]) else 302


def _handled(path: str, inside: list[Directive], http: list[Directive]) -> dict[str, Any]:
    locations = locations_of(path, inside)[0]
    chain = [http, inside, *(location.inside or [] for location in locations)]
    last = chain[-1]
    internal = bool(locations) and any(one.name == "internal" for one in last)
    rules = next((found for level in reversed(chain) for found in [_access(level)] if found), [["allow", "all"]])
    return {
        "location": " ".join(locations[-1].words[1:])[:200] if locations else "",
        "returns": _returns(inside) or (404 if internal else _returns(last)),
        "denies": rules[0] == ["deny", "all"] and _inherited("satisfy", chain) != "any",  # else a password does
        "max_body": _max_body(chain),
    }


def _access(level: list[Directive]) -> list[list[str]]:
    """Who is let in: the rules of one level count alone, in their order."""
    return [one.words for one in level if one.name in ("allow", "deny")]


def _inherited(name: str, chain: list[list[Directive]]) -> str:
    """What the innermost level that says anything says; empty: none does."""
    return next((value for level in reversed(chain) for value in [_value(name, level)] if value), "")


def _max_body(chain: list[list[Directive]]) -> int:
    said = _inherited("client_max_body_size", chain)
    if not said:
        return DEFAULT_BODY
    match = re.fullmatch("([0-9]{1,18})([kmg]?)", said.lower())
    if match is None:
        raise Unseen(FAILED, "client_max_body_size {}".format(said[:40]))
    return int(match.group(1)) * UNITS.get(match.group(2), 1)


def locations_of(path: str, level: list[Directive]) -> tuple[list[Directive], bool]:
    """The location that takes a request and those around it, and whether no other can take it from them.

    Raises:
        Unseen: a regular expression can't be read here.
    """
    prefixes, regexes = [], []
    for one in level:
        if one.name == "location" and one.inside is not None:
            how, what = _modifier(one)
            if how == "=" and what == path:
                return [one], True
            if how in ("", "^~") and path.startswith(what):
                prefixes.append((len(what), how, one))
            if how in ("~", "~*"):
                regexes.append((how, what, one))
    _, how, best = max(prefixes, key=lambda found: found[0], default=(0, "", None))
    found: list[Directive] = []
    if best is not None:
        deeper, done = locations_of(path, best.inside or [])
        found = [best, *deeper]
        if done:
            return found, True
    for case, what, one in regexes if how != "^~" else []:
        if _matches(case, what, path):
            return [one, *locations_of(path, one.inside or [])[0]], True
    return found, False


def _modifier(location: Directive) -> tuple[str, str]:
    """How a location's words are meant, and what they say: `= /x`, `=/x`."""
    words = location.words[1:3]
    if words[1:]:
        return words[0], words[1]
    match = re.fullmatch(r"(=|\^~|~\*|~|@|)(.*)", words[0] if words else "", re.DOTALL)
    return (match.group(1), match.group(2)) if match else ("@", "")


def _matches(how: str, pattern: str, path: str) -> bool:
    if "[[:" in pattern:
        raise Unseen(FAILED, "location {} {} can't be read here".format(how, pattern[:100]))
    try:
        here = re.sub(r"\(\?<([A-Za-z_])", r"(?P<\1", pattern)
        return re.search(here, path, re.IGNORECASE if how == "~*" else 0) is not None
    except (re.error, RecursionError, OverflowError) as error:
        raise Unseen(FAILED, "location {} {} can't be read here: {}".format(how, pattern[:100], error)) from error


def files_of(out: str) -> dict[str, str]:
    """The texts that `nginx -T` gave, by path, the first one first.

    Raises:
        Unseen: there is none.
    """
    found: dict[str, str] = {}
    marks = []
    for mark in FILE.finditer(out):
        if mark.group(1) not in found:  # a file may hold what an earlier `nginx -T` said
            found[mark.group(1)] = ""
            marks.append(mark)
    for mark, after in zip(marks, [*marks[1:], None]):
        found[mark.group(1)] = out[mark.end() : after.start() if after is not None else len(out)]
    if not found:
        raise Unseen(FAILED, "nginx -T gave no configuration: it must be 1.9.2 or newer")
    return found


def tree_of(texts: dict[str, str]) -> list[Directive]:
    """All directives, what is included in the place of its `include`.

    Raises:
        Unseen: it can't be taken apart.
    """
    main = next(iter(texts))
    return _Reader(texts, os.path.dirname(main)).file(main, 0)


class _Reader:
    """Takes files apart, and counts what it has read."""

    def __init__(self, texts: dict[str, str], folder: str) -> None:
        self.texts = texts
        self.folder = folder
        self.left = MOST

    def file(self, path: str, depth: int) -> list[Directive]:
        """The directives of one file."""
        levels: list[list[Directive]] = [[]]
        for words, mark in _statements(self.texts[path], path):
            self.left -= 1
            if self.left < 0 or len(levels) + depth > DEEPEST:
                raise Unseen(FAILED, path + ": more than is looked at")
            if mark == END and len(levels) > 1:
                levels.pop()
            elif mark == ";" and words[0] == "include":
                levels[-1] += [one for other in self.included(words) for one in self.file(other, depth + 1)]
            elif mark != END:
                inside: list[Directive] = []
                levels[-1].append(Directive(words, path, inside if mark == "{" else None))
                levels += [inside] if mark == "{" else []
            else:
                raise Unseen(FAILED, path + ": a } too many")
        if len(levels) > 1:
            raise Unseen(FAILED, path + ": it ends within a block")
        return levels[0]

    def included(self, words: list[str]) -> list[str]:
        """The files that an `include` means, as glob(3) sorts them.

        Raises:
            Unseen: it means one that was not given.
        """
        whole = os.path.join(self.folder, words[1] if len(words) > 1 else "")
        pattern = whole.split("/")
        found = sorted(
            path
            for path in self.texts
            if len(path.split("/")) == len(pattern) and all(map(fnmatch.fnmatchcase, path.split("/"), pattern))
        )
        if not found and not set("*?[") & set(whole):
            raise Unseen(FAILED, "nginx -T gave no {}".format(whole[:200]))
        return found


def _statements(text: str, path: str) -> Iterator[tuple[list[str], str]]:
    """The words before each mark: a directive's before `;` and `{`, none before `}`."""
    words: list[str] = []
    for is_mark, said in tokens_of(text, path):
        if not is_mark:
            words.append(said)
            continue
        if bool(words) is (said == END):
            raise Unseen(FAILED, "{}: a {} out of place".format(path, said))
        yield words, said
        words = []
    if words:
        raise Unseen(FAILED, path + ": it ends within a directive")


def tokens_of(text: str, path: str) -> Iterator[tuple[bool, str]]:
    """Words and marks, each with whether it is a mark; the code of a Lua block is left out.

    Raises:
        Unseen: it can't be taken apart.
    """
    place, first = 0, ""
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise Unseen(FAILED, "{}: it can't be taken apart at {!r}".format(path, text[place : place + 20]))
        place = match.end()
        if match.lastgroup is None:
            continue
        word = match.group(match.lastgroup)
        if match.lastgroup == "mark":
            yield True, word
            if word == "{" and first.endswith("_by_lua_block"):
                place = _after_lua(text, place)
                yield True, "}"
            first = ""
        else:
            word = ESCAPED.sub(lambda found: CONTROLS.get(found.group(1), found.group(1)), word)
            first = first or word
            yield False, word


def _after_lua(text: str, place: int) -> int:
    """Where a Lua block has ended."""
    depth = 1
    for found in LUA.finditer(text, place):
        if found.group("brace"):
            depth += 1 if found.group("brace") == "{" else -1
            if not depth:
                return found.end()
    return len(text)
