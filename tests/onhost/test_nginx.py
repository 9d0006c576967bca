"""The collector of nginx's configuration: real nginx where it is about running, texts where it is about reading."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.facts.nginx import Configuration, Handled, Master, NginxObservation, ServerSeen
from roadworthy.facts.store import Unseen
from roadworthy.onhost import ground, nginx
from roadworthy.sandbox import programs
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATHS = ("/", "/.env", "/files/.env", "/.well-known/x")

MAIN = """\
user root;
pid {root}/run/nginx.pid;
events {{ worker_connections 2048; }}
http {{
  client_max_body_size 2m;
  ssl_protocols TLSv1.2 TLSv1.3;
  server_tokens off;
  include conf.d/*.conf;
}}
"""
SITE = """\
server {{
  listen unix:{root}/run/a.sock;
  server_name shop.test "www.shop.test"; # a comment; with } and "
  client_max_body_size 100M;
  location ~ /\\.(?!well-known).* {{ deny all; }}
}}
"""


class Host:
    """nginx's files on a machine whose root is a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.process: subprocess.Popen[bytes] | None = None
        for folder in ("run", "etc/nginx/conf.d", "var/lib/nginx"):
            (root / folder).mkdir(parents=True)
        self.write("nginx.conf", MAIN)
        self.write("conf.d/a.conf", SITE.replace("with } and", "with }} and"))

    def write(self, name: str, text: str, age_s: float = 3600) -> None:
        path = self.root / "etc/nginx" / name
        path.write_text(text.format(root=self.root))
        os.utime(path, (time.time() - age_s,) * 2)

    @property
    def words(self) -> list[str]:
        prefix, file = f"{self.root}/var/lib/nginx/", f"{self.root}/etc/nginx/nginx.conf"
        return [str(programs.nginx()), "-p", prefix, "-e", f"{self.root}/run/error.log", "-c", file]

    @contextmanager
    def running(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen([*self.words, "-g", "daemon off;", *options], stderr=subprocess.DEVNULL)
        try:
            until(lambda: (self.root / "run/nginx.pid").exists() and self.workers(process.pid))
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)

    @staticmethod
    def workers(master: int) -> set[str]:
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(master)], capture_output=True, text=True, check=False)
        return set(found.stdout.split())

    def look(self, *servers: str, settings: tuple[str, ...] = ()) -> NginxObservation:
        wanted = {"pid_file": "/run/nginx.pid", "servers": list(servers), "paths": PATHS, "settings": list(settings)}
        return NginxObservation(observed_at=NOW, now=time.time(), **nginx.look(wanted))


def until(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    return Host(tmp_path)


def configuration(seen: NginxObservation) -> Configuration:
    assert isinstance(seen.configuration, Configuration), seen
    return seen.configuration


@pytest.mark.real
def test_what_runs_is_read_as_it_was_started(host: Host) -> None:
    with host.running():
        seen = host.look("shop.test", "www.shop.test", "other.test", settings=("worker_connections", "gzip"))
    found = configuration(seen)
    assert seen.refused is None
    assert found.settings == {"worker_connections": "2048", "gzip": None}
    assert found.servers["other.test"] == ()
    (server,) = found.servers["shop.test"]
    assert found.servers["www.shop.test"] == (server,)
    assert server.place.endswith("conf.d/a.conf")
    assert (server.returns, server.tls) == (None, None)
    assert server.handled["/"] == Handled(max_body=100 * 2**20)
    env = server.handled["/.env"]
    assert isinstance(env, Handled)
    assert env.denies
    assert "well-known" in env.location
    assert server.handled["/.well-known/x"] == Handled(max_body=100 * 2**20)


@pytest.mark.real
def test_a_reload_makes_it_fresh_again_and_a_worker_that_died_does_not(host: Host) -> None:
    host.write("nginx.conf", "worker_processes 2;\n" + MAIN)
    with host.running() as master:
        until(lambda: len(host.workers(master.pid)) == 2)
        first = host.look()
        assert isinstance(first.running, Master)
        assert isinstance(configuration(first).changed, type(first.running.loaded))
        time.sleep(0.05)  # starts are told in hundredths of a second
        host.write("conf.d/a.conf", SITE.replace("with } and", "").replace("100M", "50M"), age_s=0)
        old = host.workers(master.pid)
        os.kill(int(min(old)), signal.SIGKILL)
        until(lambda: len(host.workers(master.pid) - old) == 1)
        died = host.look()
        assert isinstance(died.running, Master)
        assert died.running.loaded < configuration(died).changed  # type: ignore[operator]
        assert configuration(died).changed_file.endswith("a.conf")
        master.send_signal(signal.SIGHUP)
        until(lambda: not host.workers(master.pid) & old)
        fresh = host.look()
        assert isinstance(fresh.running, Master)
        assert fresh.running.loaded > configuration(fresh).changed  # type: ignore[operator]
        assert abs((fresh.running.started - first.running.started).total_seconds()) < 0.1


@pytest.mark.real
def test_what_nginx_refuses(host: Host) -> None:
    with host.running():
        host.write("conf.d/b.conf", "client_max_body_sise 100M;\n")
        seen = host.look("shop.test")
    assert seen.refused is not None
    assert seen.refused.startswith('unknown directive "client_max_body_sise" in ')
    assert seen.configuration is None
    assert isinstance(seen.running, Master)


@pytest.mark.real
def test_nothing_runs(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    programs_of = host.root / "bin"
    programs_of.mkdir()
    (programs_of / "nginx").write_text(f'#!/bin/sh\nexec {" ".join(host.words)} "$@"\n')
    (programs_of / "nginx").chmod(0o755)
    monkeypatch.setattr(ground, "search_path", lambda: str(programs_of))
    for text in (None, "", "999999999", str(os.getpid())):
        if text is not None:
            (host.root / "run/nginx.pid").write_text(text)
        seen = host.look("shop.test")
        assert seen.running is None
        assert len(configuration(seen).servers["shop.test"]) == 1


@pytest.mark.parametrize("given", ["-c /etc/a.conf -g daemon off; user x;", "-c/etc/a.conf -g daemon off; user x;"])
def test_options_of_a_master_are_its_own(host: Host, given: str) -> None:
    (host.root / "proc/7").mkdir(parents=True)
    (host.root / "proc/7/exe").symlink_to("/bin/sh")
    found = nginx._started_as("7", f"nginx: master process nginx {given}")
    assert found == ["/bin/sh", "-c", "/etc/a.conf", "-g", "daemon off; user x;"]


def test_no_nginx(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "search_path", lambda: str(host.root))
    with pytest.raises(ground.Unseen) as caught:
        host.look("shop.test")
    assert caught.value.why == ground.NOT_THERE


def server(text: str, *, name: str = "a", paths: tuple[str, ...] = PATHS) -> ServerSeen:
    """The one server of a configuration that is given as text."""
    out = f"# configuration file /etc/nginx/nginx.conf:\nhttp {{ {text} }}\n\n"
    http = nginx.tree_of(nginx.files_of(out))[0].inside or []
    (one,) = [found for found in http if found.name == "server" and name in nginx._names(found)]
    return ServerSeen.model_validate(nginx._server(one, http, list(paths), ["nginx"]))


def handled(text: str, path: str) -> Handled | Unseen:
    return server(f"server {{ server_name a; {text} }}", paths=(path,)).handled[path]


@pytest.mark.parametrize(
    ("text", "path", "location", "refuses"),
    [
        ("", "/.env", "", False),
        ("deny all;", "/.env", "", True),
        ("location / { } location ~ /\\. { deny all; }", "/.env", "~ /\\.", True),
        ("location ~ /\\. { deny all; }", "/a/.env", "~ /\\.", True),
        ("location ~ ^/\\. { deny all; }", "/a/.env", "", False),
        ("location ~/\\.ht { deny all; }", "/.env", "", False),
        ("location ~/\\.ht { deny all; }", "/.htpasswd", "~/\\.ht", True),
        ("location ~* \\.ENV$ { return 404; }", "/.env", "~* \\.ENV$", True),
        ("location ~ \\.ENV$ { return 404; }", "/.env", "", False),
        ('location ~ "\\.(env|git){1}" { return 403; }', "/.env", "~ \\.(env|git){1}", True),
        ("location ^~ / { } location ~ /\\. { deny all; }", "/.env", "^~ /", False),
        ("location = /.env { return 404; } location ~ /\\. { allow all; }", "/.env", "= /.env", True),
        ("location =/.env { internal; }", "/.env", "=/.env", True),
        ("location ~ ^/files/ { } location ~ /\\. { deny all; }", "/files/.env", "~ ^/files/", False),
        ("location ~ /\\. { allow 10.0.0.0/8; deny all; }", "/.env", "~ /\\.", False),
        ("satisfy any; location ~ /\\. { auth_basic x; deny all; }", "/.env", "~ /\\.", False),
        ("satisfy any; location ~ /\\. { satisfy all; deny all; }", "/.env", "~ /\\.", True),
        ("deny all; location / { }", "/.env", "/", True),
        ("deny all; location / { allow all; }", "/.env", "/", False),
        ("location / { location ~ /\\. { deny all; } }", "/.env", "~ /\\.", True),
        ("location / { location ~ /\\. { deny all; } } location ~ env { }", "/.env", "~ /\\.", True),
        ("location /f { } location /files/ { deny all; }", "/files/.env", "/files/", True),
        ("location ~ (?<dot>/\\.) { deny all; }", "/.env", "~ (?<dot>/\\.)", True),
        ("location @named { deny all; }", "/.env", "", False),
        ("location ~ /\\. { return 301 /; deny all; }", "/.env", "~ /\\.", False),
        ("location ~ /\\. { return https://shop.test/; }", "/.env", "~ /\\.", False),
        ("if ($x) { return 404; }", "/.env", "", False),
    ],
)
def test_which_location_takes_a_request(text: str, path: str, location: str, *, refuses: bool) -> None:
    found = handled(text, path)
    assert isinstance(found, Handled)
    assert found.location == location
    assert (found.returns in (403, 404) if found.returns is not None else found.denies) is refuses


@pytest.mark.parametrize("pattern", ["(?|/\\.(a)|/\\.(b))", "/\\.[[:alpha:]]"])
def test_a_regular_expression_of_another_kind_is_not_guessed(pattern: str) -> None:
    found = handled(f"location ~ {pattern} {{ deny all; }}", "/.env")
    assert isinstance(found, Unseen)
    assert "can't be read here" in found.detail


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("", 2**20),
        ("client_max_body_size 0;", 0),
        ("client_max_body_size 1g;", 2**30),
        ("client_max_body_size 512k;", 512 * 2**10),
        ("client_max_body_size 1000;", 1000),
        ("client_max_body_size 100M; location / { client_max_body_size 1m; }", 2**20),
        ("client_max_body_size 100M; location /up { client_max_body_size 1m; }", 100 * 2**20),
    ],
)
def test_how_large_a_body_may_be(text: str, taken: int) -> None:
    found = handled(text, "/")
    assert isinstance(found, Handled)
    assert found.max_body == taken


def test_it_is_inherited() -> None:
    text = "client_max_body_size 3m; ssl_protocols TLSv1 TLSv1.1; server { listen 443 ssl http2; server_name b a; }"
    found = server(text)
    assert found.tls == ("1.0", "1.1")
    assert found.handled["/"] == Handled(max_body=3 * 2**20)
    assert server("ssl_protocols TLSv1.2; server { server_name a; ssl on; }").tls == ("1.2",)
    assert server("server { server_name a; return 301 https://$host$request_uri; }").returns == 301
    assert server("server { listen 80 default_server; }", name="").returns is None


FIRST = "server { listen 443 ssl; listen [::]:443 ssl; ssl_protocols TLSv1.1 TLSv1.2; }"
OWN = "server { server_name a; ssl_protocols TLSv1.2 TLSv1.3; listen %s; }"


@pytest.mark.parametrize(
    ("others", "listen", "spoken"),
    [
        ("", "443 ssl", ("1.2", "1.3")),
        (FIRST, "443 ssl", ("1.1", "1.2", "1.3")),
        (FIRST, "0.0.0.0:443", ("1.1", "1.2", "1.3")),  # its address speaks TLS
        (FIRST, "[::]:443 ssl", ("1.1", "1.2", "1.3")),
        (FIRST, "10.0.0.1:443 ssl", ("1.2", "1.3")),
        (FIRST, "8443 ssl", ("1.2", "1.3")),
        (FIRST, "443 ssl default_server", ("1.2", "1.3")),
        (FIRST, "localhost", None),
        (FIRST, "80", None),
    ],
)
def test_the_first_server_of_an_address_speaks_for_all(
    others: str, listen: str, spoken: tuple[str, ...] | None
) -> None:
    found = server(others + OWN % listen).tls
    assert not isinstance(found, Unseen)
    assert (spoken and sorted(spoken)) == (found and sorted(found))


def test_a_file_that_was_not_given() -> None:
    with pytest.raises(ground.Unseen, match=r"gave no /etc/nginx/sites/a\.conf"):
        nginx.tree_of({"/etc/nginx/nginx.conf": "include sites/*; include sites/a.conf;"})


@pytest.mark.parametrize(
    ("version", "spoken"),
    [
        ("1.18.0 (Ubuntu)", ("1.0", "1.1", "1.2")),
        ("1.24.0", ("1.0", "1.1", "1.2", "1.3")),
        ("1.28.1", ("1.2", "1.3")),
        ("1.8.0", None),
        ("of another kind", None),
    ],
)
def test_what_nginx_speaks_by_itself(
    version: str, spoken: tuple[str, ...] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nginx").write_text(f'#!/bin/sh\necho "nginx version: nginx/{version}" >&2\n')
    (tmp_path / "nginx").chmod(0o755)
    monkeypatch.setattr(ground, "search_path", lambda: str(tmp_path))
    found = server("server { server_name a; listen 443 ssl; }").tls
    assert isinstance(found, Unseen) if spoken is None else found == spoken


def test_words_as_nginx_takes_them() -> None:
    text = r"""a "b c;{}#" 'd "e"' f\;g \"h\" ${i}j #k
    l#m n"o ; p{q r}s;}"""
    said = list(nginx.tokens_of(text, "x"))
    words = [word for is_mark, word in said if not is_mark]
    assert words == ["a", "b c;{}#", 'd "e"', "f\\;g", '"h"', "${i}j", "l#m", 'n"o', "p", "q", "r}s"]
    assert [word for is_mark, word in said if is_mark] == [";", "{", ";", "}"]


def test_lua_stays_outside() -> None:
    lua = 'content_by_lua_block { local t = {a = "}"} -- }\n local s = [[ } ]] }'
    found = handled(f"location / {{ {lua} }} location ~ /\\. {{ deny all; }}", "/.env")
    assert isinstance(found, Handled)
    assert found.denies


def test_files_that_are_included() -> None:
    out = (
        "# configuration file /etc/nginx/nginx.conf:\na 1; include sites/*; include /etc/x.conf;\n\n"
        "# configuration file /etc/nginx/sites/b:\n# configuration file /etc/nginx/nginx.conf:\nb 1;\n\n"
        "# configuration file /etc/nginx/sites/a:\na 2;\n\n"
        "# configuration file /etc/nginx/sites/deeper/c:\nc 1;\n\n"
        "# configuration file /etc/x.conf:\nx 1;\n\n"
    )
    tree = nginx.tree_of(nginx.files_of(out))
    assert [(one.name, one.words[1]) for one in tree] == [("a", "1"), ("a", "2"), ("b", "1"), ("x", "1")]


@pytest.mark.parametrize(
    "text",
    ["a", "a {", "}", "a; }", "a }", ";", "{", "a \\", 'a "b;', "include nginx.conf;", "a {" * 40 + "}" * 40],
)
def test_what_nginx_would_not_have_taken(text: str) -> None:
    with pytest.raises(ground.Unseen):
        nginx.tree_of({"/etc/nginx/nginx.conf": text})


def test_what_includes_itself_twice_ends() -> None:
    texts = {f"/{n}.conf": f"include /{n + 1}.conf;" * 9 for n in range(20)} | {"/20.conf": "a;" * 9}
    with pytest.raises(ground.Unseen, match="more than is looked at"):
        nginx.tree_of(texts)


SNIPPETS = st.sampled_from(
    ["server", "location", "~", " ", ";", "{", "}", '"', "'", "\\", "#", "\n", "$", "${", "deny all", "/"]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(SNIPPETS | st.text(max_size=3), max_size=40).map("".join))
def test_no_text_breaks_the_reading(text: str) -> None:
    try:
        tree = nginx.tree_of(nginx.files_of(f"# configuration file /a:\n{text}\n"))
        for one in tree:
            nginx._handled("/.env", one.inside or [], tree)
            nginx._names(one)
    except ground.Unseen:
        pass
