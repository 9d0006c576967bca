"""What reads the words of databases: versions, settings, types of columns."""

from __future__ import annotations

from typing import get_args

from roadworthy.facts.base import NotObserved
from roadworthy.facts.database import Setting
from roadworthy.rules.database_schema import type_of
from roadworthy.rules.settings import differs, quantity
from roadworthy.rules.versions import is_version
from roadworthy.target.blocks.database import Engine
from tests.fuzz.inputs import texts
from tests.fuzz.parser import Parser


def read_version(text: str) -> None:
    is_version(text, "16.14")
    assert is_version(">= 0", text)


def read_setting(text: str) -> None:
    assert differs("sql_mode", text.strip(), Setting(value=text)) == "" or text.strip().startswith(("<", ">"))
    for unit in (None, "bytes", "seconds"):
        value = quantity(text, unit)
        assert value is None or value.is_finite()
        differs("x", text, Setting(value="8388608", unit=unit))  # type: ignore[arg-type]  # one of its three
        differs("x", f">= {text}", Setting(value=text, unit=unit))  # type: ignore[arg-type]  # as above


def read_type(text: str) -> None:
    for engine in get_args(Engine):
        assert type_of(text, engine) == type_of(f" {text} ", engine)


PARSERS = (
    Parser("version", read_version, texts("16", ".", ">=", "< ", "-log", "0", "9" * 400, "٣"), (NotObserved,)),
    Parser("setting", read_setting, texts("12", "G", "kB", "ms", "on", ",", ">=", "e9", "-", "9" * 40, "٣", "/")),
    Parser("column-type", read_type, texts("int", "(", ")", "11", " unsigned", "[]", "timestamp", " with time zone")),
)
