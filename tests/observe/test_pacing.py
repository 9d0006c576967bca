"""A run asks more slowly than is promised to be refused."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from roadworthy.facts.base import Lane
from roadworthy.observe.engine import Observatory
from roadworthy.observe.pacing import AHEAD, SHARE, Pace, Pacer
from roadworthy.observe.redaction import Scrubber
from roadworthy.observe.store import EvidenceStore
from roadworthy.target.network import Network
from tests.observe.test_engine import CountingServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roadworthy.facts.http import HttpAsk

HOST = "api.shop.example"


def seconds_of(pacer: Pacer, host: str, *turns: int) -> float:
    async def take() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(pacer.turn(host, requests) for requests in turns))
        return time.perf_counter() - began

    return asyncio.run(take())


def test_a_host_without_a_limit_is_asked_at_once() -> None:
    assert seconds_of(Pacer({HOST: Pace(0.001, 1)}), "other.example", *[1] * 1000) < 1


def test_half_of_the_burst_goes_at_once_and_the_rest_below_the_rate() -> None:
    pace = Pace(100.0, 20)
    pacer = Pacer({HOST: pace})
    assert seconds_of(pacer, HOST, *[1] * int(20 * AHEAD)) < 0.1
    took_s = seconds_of(pacer, HOST, *[1] * 20)
    assert took_s >= 19 / (100 * SHARE) * 0.95


def test_an_ask_of_several_exchanges_takes_as_many_turns() -> None:
    pacer = Pacer({HOST: Pace(100.0, 1)})
    assert seconds_of(pacer, HOST, 20, 1) == pytest.approx(20 / (100 * SHARE), rel=0.5)


def test_those_who_take_many_turns_go_one_after_another_where_there_is_a_limit() -> None:
    async def most_at_once(host: str) -> int:
        pacer = Pacer({HOST: Pace(100.0, 1)})
        inside, most = 0, 0

        async def enter() -> None:
            nonlocal inside, most
            async with pacer.alone(host):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(enter() for _ in range(5)))
        return most

    assert asyncio.run(most_at_once(HOST)) == 1
    assert asyncio.run(most_at_once("other.example")) == 5


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer() as counting:
        thread = threading.Thread(target=counting.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield counting
        counting.shutdown()
        thread.join()


def observed(
    server: CountingServer, tmp_path: Path, asks: list[HttpAsk], paces: dict[str, Pace] | None = None
) -> float:
    store = EvidenceStore(tmp_path / "evidence", Scrubber({}))
    began = time.perf_counter()
    Observatory(Network(), store, paces).observe(asks)
    assert len(server.asked) == len(asks)
    return time.perf_counter() - began


def test_what_uses_a_limit_up_is_asked_last_and_alone(server: CountingServer, tmp_path: Path) -> None:
    plain = server.asks(6)
    limits = [ask.model_copy(update={"lane": Lane.LIMITS, "url": ask.url + "-limit"}) for ask in server.asks(4)]
    observed(server, tmp_path, limits)
    assert server.most == 1
    server.asked.clear()
    observed(server, tmp_path / "mixed", [*limits, *plain])
    assert {path.endswith("-limit") for path in server.asked[-4:]} == {True}
    assert server.most > 1


def test_a_limited_host_is_asked_at_its_pace(server: CountingServer, tmp_path: Path) -> None:
    took_s = observed(server, tmp_path, server.asks(10), {"127.0.0.1": Pace(20.0, 2)})
    assert took_s >= 8 / (20 * SHARE)
