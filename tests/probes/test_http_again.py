"""The same page again, at every address."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import Answer, HttpAgainAsk, HttpAgainObservation, Silence
from roadworthy.probes.bench import Bench
from roadworthy.probes.http_again import MOST_ADDRESSES, observe
from roadworthy.target.network import Network
from tests.probes.http_servers import closes, request_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.probes.conftest import Serve
    from tests.probes.http_servers import Talk

    Again = Callable[..., HttpAgainObservation]

URL = "http://shop.example/app.css"


def answers(*headers: str, asked: list[list[str]], status: int = 200) -> Talk:
    """Answers each request with the headers, and one that has a condition with 304."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = await request_of(reader)
        asked.append(lines)
        conditional = any(line.startswith("if-") for line in lines)
        body = b"" if conditional else b"a{}"
        first = "HTTP/1.1 304 Not Modified" if conditional else f"HTTP/1.1 {status} x"
        writer.write("\r\n".join((first, *headers, f"Content-Length: {len(body)}", "", "")).encode() + body)
        await writer.drain()

    return talk


@pytest.fixture
def again(serve: Serve) -> Again:
    """Serves each talk at an address of one name, and asks again and again."""

    def look(*talks: Talk, revalidates: bool = False) -> HttpAgainObservation:
        async def meet(left: tuple[Talk, ...], routes: tuple[str, ...]) -> HttpAgainObservation:
            if left:
                async with serve(left[0]) as address:
                    return await meet(left[1:], (*routes, f"shop.example:80:{address}"))
            bench = Bench(network=Network(connect_to=routes), user_agent="roadworthy-tests", patience_s=1.0)
            async with bench.exits:
                return await observe(HttpAgainAsk.of(URL, revalidates=revalidates), None, bench)

        return asyncio.run(meet(talks, ()))

    return look


def test_each_address_is_asked_twice(again: Again) -> None:
    one: list[list[str]] = []
    other: list[list[str]] = []
    seen = again(answers(asked=one), answers(asked=other))
    assert (len(one), len(other), len(seen.visits), seen.more) == (2, 2, 2, 0)
    assert len({visit.address for visit in seen.visits}) == 2
    assert all(isinstance(visit.second, Answer) and visit.conditional is None for visit in seen.visits)
    assert not seen.transient


@pytest.mark.parametrize(
    ("headers", "condition"),
    [
        (('ETag: "a1"', "Last-Modified: Sun, 01 Nov 2026 08:00:00 GMT"), 'if-none-match: "a1"'),
        (("Last-Modified: Sun, 01 Nov 2026 08:00:00 GMT",), "if-modified-since: Sun, 01 Nov 2026 08:00:00 GMT"),
    ],
)
def test_the_third_time_it_is_asked_with_what_was_told(headers: tuple[str, ...], condition: str, again: Again) -> None:
    asked: list[list[str]] = []
    seen = again(answers(*headers, asked=asked), revalidates=True)
    assert [condition in lines for lines in asked] == [False, False, True]
    assert isinstance(seen.visits[0].conditional, Answer)
    assert seen.visits[0].conditional.status == 304


def test_without_a_validator_there_is_nothing_to_ask_with(again: Again) -> None:
    asked: list[list[str]] = []
    assert again(answers(asked=asked), revalidates=True).visits[0].conditional is None
    assert len(asked) == 2


def test_a_server_that_is_silent_is_asked_once(again: Again) -> None:
    seen = again(closes)
    assert isinstance(seen.visits[0].silence, Silence)
    assert seen.transient


def test_only_so_many_addresses_are_asked(again: Again) -> None:
    asked: list[list[str]] = []
    seen = again(*(answers(asked=asked) for _ in range(MOST_ADDRESSES + 1)))
    assert (len(seen.visits), seen.more) == (MOST_ADDRESSES, 1)


def test_a_name_without_an_address_is_not_observed() -> None:
    async def meet() -> HttpAgainObservation:
        bench = Bench(network=Network(resolver="127.0.0.1:9"), user_agent="x", patience_s=0.5)
        async with bench.exits:
            return await observe(HttpAgainAsk.of("http://shop.invalid/"), None, bench)

    with pytest.raises(NotObserved) as caught:
        asyncio.run(meet())
    assert caught.value.reason in (Reason.NO_ADDRESS, Reason.RESOLVER)


def test_observations_survive_a_round_trip(again: Again) -> None:
    seen = again(answers('ETag: "a1"', asked=[]), closes, revalidates=True)
    assert HttpAgainObservation.model_validate_json(seen.model_dump_json()) == seen
