"""The collector of containers, against what docker 28 says; see recorded/README.md."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import socketserver
import tempfile
import threading
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.compose import ComposeObservation
from roadworthy.facts.store import Unseen
from roadworthy.onhost import compose, ground
from roadworthy.sandbox.machines.compose import REFUSED, STOPPED
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = Path(__file__).parent / "recorded"
CONTAINERS: list[dict[str, Any]] = json.loads((RECORDED / "docker-inspect.json").read_text())
IMAGES: list[dict[str, Any]] = json.loads((RECORDED / "docker-image-inspect.json").read_text())
LABEL = "com.docker.compose.project=shop"
NOTHING_OLDER = "Error response from daemon: No such image: registry.shop.test/web:2026.11.2\n"

DOCKER = """#!/bin/sh
echo "$@" >> {here}/asked
case "$1" in
ps) cat {here}/ps; cat {here}/ps.err >&2; exit {ends} ;;
inspect) cat {here}/inspect; cat {here}/inspect.err >&2; [ ! -s {here}/inspect.err ] ;;
image) cat {here}/image; cat {here}/image.err >&2; [ ! -s {here}/image.err ] ;;
esac
"""


class Docker:
    """A stand-in for the client, and what it was asked."""

    def __init__(self, here: Path) -> None:
        self.here = here

    def says(
        self,
        *,
        containers: Any = CONTAINERS,
        images: Any = IMAGES,
        listing: str | None = None,
        complains: str = "",
        missing: str = "",
        no_image: str = NOTHING_OLDER,
    ) -> None:
        ids = "".join(f"{one['Id']}\n" for one in CONTAINERS) if listing is None else listing
        texts = {"ps": ids, "ps.err": complains, "inspect.err": missing, "image.err": no_image}
        texts["inspect"] = containers if isinstance(containers, str) else json.dumps(containers)
        texts["image"] = images if isinstance(images, str) else json.dumps(images)
        for name, text in texts.items():
            (self.here / name).write_text(text)
        (self.here / "docker").write_text(DOCKER.format(here=self.here, ends=int(bool(complains))))
        (self.here / "docker").chmod(0o755)

    @property
    def asked(self) -> list[str]:
        return (self.here / "asked").read_text().splitlines()


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    made = Docker(tmp_path)
    made.says()
    return made


def looked(label: str = LABEL) -> ComposeObservation:
    return ComposeObservation(observed_at=NOW, now=NOW, **compose.look({"label": label}))


def test_containers_are_seen_by_three_calls(docker: Docker) -> None:
    seen = looked()
    assert [one.name for one in seen.containers] == [
        "shop-web-1",
        "shop-mysql-1",
        "shop-proxy-1",
        "shop-migrate-1",
        "shop-web-run-3f9c2d1e0b7a",
    ]
    listing, inspect, images = docker.asked
    assert listing == f"ps --all --no-trunc --quiet --filter label={LABEL}"
    assert inspect == f"inspect --type container {' '.join(one['Id'] for one in CONTAINERS)}"
    assert images.startswith("image inspect ")


def test_what_runs(docker: Docker) -> None:
    docker.says()
    web, mysql, proxy, migrate, once = looked().containers
    assert (web.status, web.health, web.restarts, web.restart) == ("running", "healthy", 0, "unless-stopped")
    assert web.started is not None
    assert web.started.isoformat() == "2026-11-21T09:58:12.405871+00:00"
    assert (web.memory, web.cpus, web.pids, web.user, web.read_only) == (2**29, 1.5, 256, "1000:1000", True)
    assert web.networks == ("shop_back", "shop_front")
    assert (web.log_driver, web.log_max_size) == ("json-file", "10m")
    assert (mysql.health, mysql.cpus, mysql.memory, mysql.pids) == (None, 0.5, None, None)
    assert [mount.model_dump() for mount in mysql.mounts] == [
        {"type": "volume", "source": "shop_mysql-data", "to": "/var/lib/mysql", "writable": True},
        {"type": "bind", "source": "/srv/shop/mysql.cnf", "to": "/etc/mysql/conf.d/shop.cnf", "writable": False},
    ]
    assert (proxy.privileged, proxy.shares, proxy.unconfined) == (True, ("pid",), ("apparmor", "label"))
    assert (proxy.devices, proxy.capabilities, proxy.log_max_size) == (("/dev/kmsg",), ("NET_ADMIN",), "")
    assert (migrate.status, migrate.exit_code, migrate.restart) == ("exited", 0, "no")
    assert (once.oneoff, once.exit_code, once.out_of_memory, once.restart) == (True, 137, True, "no")


def test_ports(docker: Docker) -> None:
    docker.says()
    web, mysql, proxy, _, once = looked().containers
    assert web.ports == ()
    assert [(port.address, port.port, port.to) for port in mysql.ports] == [("127.0.0.1", 3306, 3306)]
    assert {(port.address, port.port, port.protocol) for port in proxy.ports} == {
        (address, port, protocol)
        for address in ("0.0.0.0", "::")  # noqa: S104 - as it is told
        for port, protocol in ((80, "tcp"), (443, "tcp"), (443, "udp"))
    }
    (would_be,) = once.ports
    assert (would_be.address, would_be.port) == ("0.0.0.0", 8080)  # noqa: S104 - as it is told


def test_images(docker: Docker) -> None:
    docker.says()
    web, mysql, proxy, _, once = looked().containers
    assert web.image_now == web.image_id
    assert web.digests == (IMAGES[0]["RepoDigests"][0],)
    assert mysql.image == "mysql:8.0"
    assert mysql.image_now == IMAGES[1]["Id"] != mysql.image_id, "the tag was moved"
    assert mysql.digests == (IMAGES[2]["RepoDigests"][0],)
    assert proxy.image == "nginx"
    assert proxy.image_now == proxy.image_id, "no tag means latest"
    assert once.image_now is None
    assert isinstance(once.digests, Unseen)


def test_secrets_stay_on_the_host(docker: Docker) -> None:
    docker.says()
    assert (RECORDED / "docker-inspect.json").read_text().count("-secret") > 5
    assert "-secret" not in looked().model_dump_json()


def test_a_project_without_containers(docker: Docker) -> None:
    docker.says(listing="")
    assert looked().containers == ()
    assert len(docker.asked) == 1


def test_a_container_that_is_gone_meanwhile(docker: Docker) -> None:
    docker.says(
        containers=CONTAINERS[1:], missing=f"Error response from daemon: No such container: {CONTAINERS[0]['Id']}\n"
    )
    assert len(looked().containers) == len(CONTAINERS) - 1


@pytest.mark.parametrize(
    "complains",
    [
        STOPPED,
        "failed to connect to the docker API at unix:///var/run/docker.sock; check if it is running: dial unix: x\n",
    ],
)
def test_no_engine(docker: Docker, complains: str) -> None:
    docker.says(listing="", complains=complains)
    assert looked().gone == complains.strip()[:200]


@pytest.mark.parametrize(
    ("said", "why", "told"),
    [
        ({"listing": "", "complains": REFUSED}, ground.NOT_PERMITTED, "permission denied"),
        ({"listing": "", "complains": "unknown flag: --no-trunc\n"}, ground.FAILED, "docker ps ended with 1"),
        ({"listing": "", "complains": "\n"}, ground.FAILED, "it said nothing"),
        ({"containers": "<html>"}, ground.FAILED, "no JSON"),
        ({"containers": {"Id": "x"}}, ground.FAILED, "no list of objects"),
        ({"containers": ["x"]}, ground.FAILED, "no list of objects"),
        ({"containers": "[" * 100_000}, ground.FAILED, "no JSON"),
        ({"missing": "Error response from daemon: layer does not exist\n"}, ground.FAILED, "layer does not exist"),
        ({"listing": "ab\n" * (compose.MOST + 1)}, ground.FAILED, "at most 400"),
    ],
)
def test_what_can_not_be_told(docker: Docker, said: dict[str, Any], why: str, told: str) -> None:
    docker.says(**said)
    with pytest.raises(ground.Unseen) as caught:
        compose.look({"label": LABEL})
    assert caught.value.why == why
    assert told in caught.value.detail


def test_images_that_can_not_be_told(docker: Docker) -> None:
    docker.says(no_image="Error response from daemon: i/o error\n")
    for one in looked().containers:
        assert isinstance(one.image_now, Unseen)
        assert isinstance(one.digests, Unseen)


def test_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "search_path", lambda: "/nowhere")
    with pytest.raises(ground.Unseen, match="there is no docker here"):
        compose.look({"label": LABEL})


def test_a_client_that_hangs(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    (docker.here / "docker").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(compose, "WITHIN_S", 0.2)
    with pytest.raises(ground.Unseen) as caught:
        compose.look({"label": LABEL})
    assert caught.value.why == ground.TOO_LONG


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("nginx", "nginx:latest"),
        ("docker.io/library/nginx", "nginx:latest"),
        ("index.docker.io/library/nginx:1", "nginx:1"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("localhost:5000/app:1", "localhost:5000/app:1"),
        ("app:1@sha256:ab", "app@sha256:ab"),
        ("sha256:ab", "sha256:ab"),
    ],
)
def test_names_of_images(name: str, whole: str) -> None:
    assert compose._whole(name) == whole


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("0001-99-99T99:99:99Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a document."""
    yield at
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from places(inner, (*at, key))


PLACES = [at for at in places(CONTAINERS[2]) if at]


@given(st.sampled_from(PLACES), JSON)
def test_whatever_an_engine_says_of_a_container_is_read(at: tuple[Any, ...], value: Any) -> None:
    given_ = deepcopy(CONTAINERS[2])
    place: Any = given_
    for key in at[:-1]:
        place = place[key]
    place[at[-1]] = value
    told = compose.described_as(given_)
    ComposeObservation.model_validate({"observed_at": NOW, "now": NOW, "containers": [told]})


class Engine(http.server.BaseHTTPRequestHandler):
    """The parts of the engine's API that are asked."""

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Api-Version", "1.50")
        self.end_headers()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        words = unquote(parts.path).split("/")[2:]
        found: Any = None
        if words == ["containers", "json"]:
            assert json.loads(parse_qs(parts.query)["filters"][0]) == {"label": {LABEL: True}}
            found = [{"Id": one["Id"], "Names": [one["Name"]], "Ports": [], "Labels": {}} for one in CONTAINERS]
        elif words[0] == "containers":
            found = next((one for one in CONTAINERS if one["Id"] == words[1]), None)
        elif words[0] == "images":
            name = "/".join(words[1:-1])
            names = (name, f"{name}:latest")
            found = next((one for one in IMAGES if one["Id"] == name or {*names} & {*one["RepoTags"]}), None)
        body = json.dumps(found or {"message": f"No such {words[0][:-1]}: {'/'.join(words[1:-1])}"}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Socket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
        with Socket(f"{folder}/docker.sock", Engine) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            yield
            server.shutdown()
            thread.join()


@pytest.mark.real
@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker client here")
@pytest.mark.usefixtures("engine")
def test_the_real_client_at_a_stand_in_for_the_engine() -> None:
    seen = looked()
    assert [one.name for one in seen.containers][:2] == ["shop-web-1", "shop-mysql-1"]
    assert seen.containers[1].image_now == IMAGES[1]["Id"]
    assert isinstance(seen.containers[4].digests, Unseen)


@pytest.mark.real
@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker client here")
def test_the_real_client_without_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert looked().gone.startswith("Cannot connect to the Docker daemon at unix://")
