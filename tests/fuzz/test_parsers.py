"""A short pass over every parser, the same each time; `python -m tests.fuzz` goes on for as long as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import main
from tests.fuzz.known import KNOWN
from tests.fuzz.registry import PARSERS

if TYPE_CHECKING:
    from tests.fuzz.parser import Parser

SHORT = settings(
    max_examples=80,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # to shrink what takes long takes longer
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("parser", PARSERS.values(), ids=str)
def test_whatever_is_sent_is_read_or_refused_in_time(parser: Parser) -> None:
    fed = 0

    @SHORT
    @given(parser.inputs)
    def feed(sent: Any) -> None:
        nonlocal fed
        fed += 1
        parser.feed(sent)

    feed()
    assert fed >= 20


ONCE_BROKEN = [(name, sent) for name, known in KNOWN.items() for sent in known]


@pytest.mark.parametrize(("name", "sent"), ONCE_BROKEN, ids=[f"{name}-{sent[:12]!r}" for name, sent in ONCE_BROKEN])
def test_what_once_broke_is_read_or_refused_in_time(name: str, sent: str) -> None:
    PARSERS[name].feed(sent)


def test_the_runner_ends_in_its_time_and_tells_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["duration", "size", "--seconds", "1"]) == 0
    assert "duration" in capsys.readouterr().out


def test_the_runner_tells_what_broke(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fuzz.parser import Parser as Broken  # noqa: PLC0415 - only here

    monkeypatch.setitem(PARSERS, "broken", Broken("broken", lambda text: text.index("x"), st.text()))
    assert main(["broken", "--seconds", "1"]) == 1
    assert "ValueError" in capsys.readouterr().out


def test_the_runner_knows_its_parsers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["no-such-parser"])
    assert "invalid choice" in capsys.readouterr().err
