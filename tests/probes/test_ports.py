from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

import pytest

from roadworthy.facts.ports import PortsAsk, PortsObservation, PortState
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.ports import observe
from roadworthy.target.network import Network


def look(ask: PortsAsk, address: Address, bench: Bench) -> PortsObservation:
    return asyncio.run(observe(ask, address, bench))


@pytest.fixture
def free() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_open_and_refused_ports_are_told_apart(bench: Bench, free: int) -> None:
    with ExitStack() as stack:
        own, other = (stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2))
        ports = [listener.getsockname()[1] for listener in (own, other)]
        ask = PortsAsk(host="shop.example", port=ports[0], ports=(ports[1], free))
        seen = look(ask, Address("127.0.0.1", ports[0]), bench)
    assert seen.states == {ports[1]: PortState.OPEN, free: PortState.REFUSED}
    assert (seen.own, seen.seen_from, seen.is_alive) == (PortState.OPEN, "127.0.0.1", True)


def test_a_port_that_never_answers_is_silent(bench: Bench) -> None:
    bench.patience_s = 0.2
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):  # the queue of a listener that accepts nobody is full
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        seen = look(PortsAsk(host="shop.example", port=port, ports=(port,)), Address("127.0.0.1", port), bench)
    assert seen.states == {port: PortState.SILENT}
    assert not seen.is_alive
    assert seen.transient


def test_a_port_is_looked_for_where_the_routes_lead(bench: Bench, free: int) -> None:
    with socket.create_server(("127.0.0.2", 0)) as listener:
        port = listener.getsockname()[1]
        bench.network = Network(connect_to=("shop.example:443:127.0.0.1:443", f"shop.example:3306:127.0.0.2:{port}"))
        ask = PortsAsk(host="shop.example", port=free, ports=(3306,))
        seen = look(ask, Address("127.0.0.1", free), bench)
    assert seen.states == {3306: PortState.OPEN}
    assert seen.own is PortState.REFUSED
