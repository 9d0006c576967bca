from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.tcp import TcpAsk, TcpState
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.tcp import close, meets_itself, observe

if TYPE_CHECKING:
    from roadworthy.facts.tcp import TcpObservation


def look(address: Address, bench: Bench) -> TcpObservation:
    return asyncio.run(observe(TcpAsk(host="shop.example", port=address.port), address, bench))


@pytest.mark.parametrize(("family", "ip"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_listener_is_open_and_is_left_again(family: socket.AddressFamily, ip: str, bench: Bench) -> None:
    with socket.create_server((ip, 0), family=family) as listener:
        seen = look(Address(ip, listener.getsockname()[1]), bench)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            assert connection.recv(1) == b""
    assert seen.state is TcpState.OPEN
    assert 0 < seen.connect_s < bench.patience_s
    assert not seen.transient


def test_a_port_without_listener_is_refused(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    seen = look(Address("127.0.0.1", port), bench)
    assert seen.state is TcpState.REFUSED
    assert seen.transient


def test_a_full_backlog_is_silent(bench: Bench) -> None:
    bench.patience_s = 0.2
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = Address(*listener.getsockname())
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        seen = look(address, bench)
        for one in waiting:
            one.close()
    assert seen.state is TcpState.SILENT
    assert seen.connect_s >= 0.2
    assert seen.transient


def test_no_way_there_is_not_observed(bench: Bench) -> None:
    """The kernel refuses TCP to a multicast address at once, as it does where there is no route."""
    with pytest.raises(NotObserved) as told:
        look(Address("224.0.0.1", 80), bench)
    assert told.value.reason is Reason.UNREACHABLE
    assert "224.0.0.1:80: " in told.value.detail


def test_a_connection_to_oneself_is_recognized() -> None:
    """The kernel may choose the port that is asked as the asker's own; nobody listens there."""

    async def meet() -> tuple[bool, bool]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            _, other = await asyncio.open_connection(*listener.getsockname())
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        _, own = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.1", port))
        met = meets_itself(other), meets_itself(own)
        close(other)
        close(own)
        return met

    assert asyncio.run(meet()) == (False, True)
