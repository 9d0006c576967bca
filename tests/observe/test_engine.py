"""The engine with real sockets: once, together, bounded, and over when it says so."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts import HttpAsk, NameAsk, TcpAsk
from roadworthy.facts.base import Moment, NotSeen, Reason, Record, Seen
from roadworthy.facts.http import HttpObservation
from roadworthy.facts.renewal import RenewalAsk
from roadworthy.facts.tcp import TcpObservation, TcpState
from roadworthy.observe import engine
from roadworthy.observe.engine import Observatory
from roadworthy.observe.redaction import Scrubber
from roadworthy.observe.store import EvidenceStore
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roadworthy.facts.http import Method


class Counting(BaseHTTPRequestHandler):
    """Answers after a moment, and counts how many are asking at once."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, CountingServer)
        with server.lock:
            server.now += 1
            server.most = max(server.most, server.now)
            server.asked.append(self.path)
        server.gate.wait(0.05)
        with server.lock:
            server.now -= 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class CountingServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Counting)
        self.lock, self.gate = threading.Lock(), threading.Event()
        self.now = self.most = 0
        self.asked: list[str] = []

    def asks(self, count: int) -> list[HttpAsk]:
        return [HttpAsk.of(f"http://127.0.0.1:{self.server_address[1]}/{n}") for n in range(count)]


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer() as counting:
        thread = threading.Thread(target=counting.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield counting
        counting.shutdown()
        thread.join()


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "evidence", Scrubber({}))


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that accepts connections (into its queue) and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        yield listening.getsockname()[1]


def only(records: tuple[Record, ...] | None) -> Record:
    assert records is not None
    assert len(records) == 1
    return records[0]


def test_an_ask_is_observed_once_however_often_it_is_asked(server: CountingServer, store: EvidenceStore) -> None:
    observatory = Observatory(Network(), store)
    observatory.observe(server.asks(2) * 3)
    observatory.observe(server.asks(2))
    assert sorted(server.asked) == ["/0", "/1"]


def test_asks_run_together_but_not_more_than_allowed_to_one_host(server: CountingServer, store: EvidenceStore) -> None:
    Observatory(Network(per_host=3), store).observe(server.asks(12))
    assert server.most == 3
    assert len(server.asked) == 12


def test_overall_concurrency_is_bounded(server: CountingServer, store: EvidenceStore) -> None:
    Observatory(Network(per_host=64, concurrency=2), store).observe(server.asks(6))
    assert server.most <= 2


def test_what_is_recorded_is_read_back_by_another_store(server: CountingServer, store: EvidenceStore) -> None:
    ask = server.asks(1)[0]
    Observatory(Network(), store).observe([ask])
    again = EvidenceStore(store.folder, Scrubber({}))
    assert again.records(ask) == store.records(ask)


def test_a_forgotten_record_is_observed_anew(server: CountingServer, store: EvidenceStore) -> None:
    observatory, ask = Observatory(Network(), store), server.asks(1)[0]
    observatory.observe([ask])
    store.forget()
    assert store.records(ask) is None
    observatory.observe([ask])
    assert len(server.asked) == 2


def test_the_last_look_is_another_observation(server: CountingServer, store: EvidenceStore) -> None:
    ask = server.asks(1)[0]
    Observatory(Network(), store).observe([ask, ask.model_copy(update={"moment": Moment.END})])
    assert len(server.asked) == 2


def test_a_transient_failure_is_retried_and_the_retry_is_recorded(store: EvidenceStore) -> None:
    with socket.socket() as late:
        late.bind(("127.0.0.1", 0))
        opened = threading.Timer(0.1, late.listen)
        opened.start()
        ask = TcpAsk(host="127.0.0.1", port=late.getsockname()[1])
        Observatory(Network(retries=3), store).observe([ask])
        opened.join()
    record = only(store.records(ask))
    assert isinstance(record.result, Seen)
    assert isinstance(record.result.observation, TcpObservation)
    assert record.result.observation.state is TcpState.OPEN
    assert len(record.earlier_attempts) >= 1
    assert "refused" in record.earlier_attempts[0].problem


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("PUT", 2), ("POST", 1)])
def test_a_post_that_was_sent_is_not_sent_again(method: Method, times: int, store: EvidenceStore) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/order"
        heard: list[bytes] = []

        def busy() -> None:
            for _ in range(times):
                connection, _ = listening.accept()
                with connection:
                    heard.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

        answering = threading.Thread(target=busy)
        answering.start()
        ask = HttpAsk.of(url, method=method, content="" if method == "GET" else "one more")
        Observatory(Network(retries=1), store).observe([ask])
        answering.join()
    assert len(heard) == times
    assert len(only(store.records(ask)).earlier_attempts) == times - 1


def test_a_post_that_never_left_is_tried_again(store: EvidenceStore) -> None:
    ask = HttpAsk.of("http://127.0.0.1:9/order", method="POST", content="one more")
    Observatory(Network(retries=1), store).observe([ask])
    assert len(only(store.records(ask)).earlier_attempts) == 1


@pytest.mark.parametrize(("trial_s", "times"), [(None, 2), (30.0, 1)])
def test_what_does_something_on_a_host_is_asked_once(
    trial_s: float | None, times: int, tmp_path: Path, store: EvidenceStore
) -> None:
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\necho x >> {tmp_path / 'count'}\n")
    python.chmod(0o755)
    network = Network.model_validate({"retries": 1, "vantages": {"here": {"local": True, "python": str(python)}}})
    Observatory(network, store).observe([RenewalAsk(host="this machine", via="here", trial_s=trial_s)])
    assert (tmp_path / "count").read_text().split() == ["x"] * times


def test_asks_that_differ_in_method_or_body_have_records_of_their_own(
    server: CountingServer, store: EvidenceStore
) -> None:
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    asks = [HttpAsk.of(url), HttpAsk.of(url, method="POST"), HttpAsk.of(url, method="POST", content="a")]
    assert len({store.file_name(ask, "127.0.0.1:80") for ask in asks}) == 3


def test_no_retries_where_none_are_allowed(store: EvidenceStore) -> None:
    ask = TcpAsk(host="127.0.0.1", port=9)
    Observatory(Network(retries=0), store).observe([ask])
    assert only(store.records(ask)).earlier_attempts == ()


def test_a_silent_server_is_seen_silent_within_its_time(silent: int, store: EvidenceStore) -> None:
    ask = HttpAsk.of(f"http://127.0.0.1:{silent}/")
    Observatory(Network(timeout="1s", retries=0), store).observe([ask])
    record = only(store.records(ask))
    assert isinstance(record.result, Seen)
    assert isinstance(record.result.observation, HttpObservation)
    assert record.result.observation.result.outcome == "silence"
    assert record.elapsed_s < 1.0


def test_the_deadline_of_the_run_ends_everything(silent: int, store: EvidenceStore) -> None:
    asks = [HttpAsk.of(f"http://127.0.0.1:{silent}/{n}") for n in range(8)]
    clock = time.monotonic()
    Observatory(Network(timeout="5s", deadline="1s", per_host=1, retries=0), store).observe(asks)
    assert time.monotonic() - clock < 4.0  # eight patient looks, one after another, would take over thirty seconds
    results = [only(store.records(ask)).result for ask in asks]
    assert all(isinstance(result, NotSeen) and result.reason is Reason.DEADLINE for result in results)
    assert threading.active_count() == 1


def test_a_bug_in_a_probe_is_told_and_never_green(store: EvidenceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine.PROBES, "tcp", "tests.observe.broken_probe")
    ask = TcpAsk(host="127.0.0.1", port=9)
    Observatory(Network(), store).observe([ask])
    result = only(store.records(ask)).result
    assert isinstance(result, NotSeen)
    assert result.reason is Reason.BROKEN
    assert "RuntimeError: a bug" in result.detail


def test_every_address_behind_a_name_is_asked(server: CountingServer, store: EvidenceStore) -> None:
    port = server.server_address[1]
    routes = tuple(f"shop.example:80:127.0.0.{n}:{port}" for n in (1, 2))
    ask = HttpAsk.of("http://shop.example/")
    Observatory(Network(connect_to=routes, retries=0), store).observe([ask])
    records = store.records(ask)
    assert records is not None
    assert [record.address for record in records] == [f"127.0.0.1:{port}", f"127.0.0.2:{port}"]


def test_a_name_that_leads_nowhere_says_so_for_every_ask(store: EvidenceStore) -> None:
    ask = TcpAsk(host="shop.example", port=80)
    Observatory(Network(resolver="127.0.0.1:9", timeout="5s", retries=0), store).observe([ask])
    result = only(store.records(ask)).result
    assert isinstance(result, NotSeen)
    assert result.reason is Reason.RESOLVER
    assert store.records(NameAsk(host="shop.example", port=80)) is not None


def test_a_damaged_recording_is_not_green(server: CountingServer, store: EvidenceStore) -> None:
    ask = server.asks(1)[0]
    Observatory(Network(), store).observe([ask])
    for file in store.folder.glob("http-*.json"):
        file.write_text('{"schema_version": 1')
    result = only(EvidenceStore(store.folder, Scrubber({})).records(ask)).result
    assert isinstance(result, NotSeen)
    assert result.reason is Reason.NOT_RECORDED


def test_a_long_host_name_fits_into_a_file_name(store: EvidenceStore) -> None:
    ask = TcpAsk(host=".".join(["a" * 60] * 4), port=80)
    Observatory(Network(connect_to=(f"{ask.host}:80:127.0.0.1:9",), retries=0), store).observe([ask])
    assert only(store.records(ask)).address == "127.0.0.1:9"


def test_a_member_that_is_there_twice_is_no_json(server: CountingServer, store: EvidenceStore) -> None:
    ask = server.asks(1)[0]
    Observatory(Network(), store).observe([ask])
    result = only(store.records(ask)).result
    assert isinstance(result, Seen)
    assert isinstance(result.observation, HttpObservation)
    twice = result.observation.answer.model_copy(update={"body": '{"status": "down", "status": "ok"}'})
    with pytest.raises(ValueError, match="'status' is there twice"):
        twice.parsed()
