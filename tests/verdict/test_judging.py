"""How a look is told: what was asked, and the command that asks it by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from roadworthy.facts.base import NotSeen, Reason, Record
from roadworthy.facts.http import HttpAgainAsk, HttpAsk
from roadworthy.facts.tcp import TcpAsk
from roadworthy.facts.websocket import WebsocketAsk
from roadworthy.verdict.judging import _by_hand, _what

URL = "https://api.shop.example/login"
JSON = (("content-type", "application/json"),)


@pytest.mark.parametrize(
    ("ask", "what"),
    [
        (HttpAsk.of(URL), URL),
        (HttpAsk.of(URL, method="POST", content="{}"), f"POST {URL}"),
        (HttpAgainAsk.of(URL), URL),
        (WebsocketAsk.of(URL), URL),
        (TcpAsk(host="db.shop.example", port=5432), "db.shop.example:5432"),
    ],
)
def test_what_was_asked_is_told(ask: HttpAsk, what: str) -> None:
    assert _what(ask) == what


@pytest.mark.parametrize(
    ("ask", "options"),
    [
        (HttpAsk.of(URL), ""),
        (HttpAsk.of(URL, headers=JSON), "-H 'content-type: application/json'"),
        (HttpAsk.of(URL, method="HEAD"), "--head"),
        (WebsocketAsk.of(URL, origin="https://a.example"), "-H 'Origin: https://a.example'"),
        (HttpAsk.of(URL, method="TRACE"), "-X TRACE"),
        (
            HttpAsk.of(URL, method="POST", headers=JSON, content='{"name": "O\'Neill"}'),
            "-X POST -H 'content-type: application/json' --data-raw '{\"name\": \"O'\"'\"'Neill\"}'",
        ),
    ],
)
def test_the_command_by_hand_sends_the_same(ask: HttpAsk, options: str) -> None:
    record = Record(
        ask=ask,
        address="192.0.2.7:443",
        result=NotSeen(reason=Reason.DEADLINE, detail=""),
        started=datetime.now(UTC),
        elapsed_s=0,
    )
    assert _by_hand("curl {headers} --connect-to {host}:{port}:{address} '{url}'", record) == (
        f"curl {options} --connect-to api.shop.example:443:192.0.2.7:443 '{URL}'"
    )
