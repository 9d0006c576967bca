from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.target.document import Entry, MapNode, node_of, parse_document, plain
from roadworthy.target.loading import Tree, load_target, read_tree
from roadworthy.target.problems import Mark
from roadworthy.target.showing import as_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

TARGETS = Path(__file__).parents[2] / "targets"


@pytest.mark.parametrize("file", sorted(TARGETS.glob("*.yaml")), ids=lambda file: file.stem)
def test_what_is_shown_is_a_target_of_its_own_that_says_the_same(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text(as_yaml(read_tree(file)))
    environ = dict.fromkeys(read_tree(file).environment, "2026.11.4")
    assert load_target(copy, environ=environ).target == load_target(file, environ=environ).target


def test_comments_say_where_a_value_comes_from(write: Callable[..., Path]) -> None:
    text = """\
schema: 1
name: shop
environment: staging
defaults: {tls: {min_days_left: 14}}
components:
  api:
    url: https://api.shop.example
    health: {path: /up}
    tls: {policy: mozilla-modern-6.0, versions: ["1.2", "1.3"]}
"""
    shown = as_yaml(read_tree(write(text))).splitlines()
    assert "      status: 200  # default" in shown
    assert "      min_days_left: 14  # defaults" in shown
    assert "      max_lifetime_days: 90  # policy mozilla-modern-6.0" in shown
    assert '      versions: ["1.2", "1.3"]' in shown
    assert "      suites:  # policy mozilla-modern-6.0" in shown or any("suites: [TLS_" in line for line in shown)
    assert "  timeout: 10s  # default" in shown


def test_a_secret_shows_as_its_reference(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARK", "s3cret")
    path = write(
        "schema: 1\nname: shop\nenvironment: staging\n"
        "components: {api: {url: 'https://a.example', health: {path: /up, contains: '${env:MARK}'}}}\n"
    )
    shown = as_yaml(read_tree(path))
    assert "contains: ${env:MARK}" in shown
    assert "s3cret" not in shown


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=10) | st.sampled_from(
    [
        "no",
        "on",
        "010",
        "1e3",
        "0o7",
        "1:30",
        "2026-11-01",
        "'self'",
        "a, b",
        "[x]",
        "{x}",
        "# x",
        "- x",
        "a: b",
        "",
        "~",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(words.filter(lambda word: word != "<<"), values, min_size=1, max_size=3))
def test_whatever_is_shown_is_read_as_it_was_by_yaml_1_1_and_1_2(value: dict[str, Any]) -> None:
    mark = Mark("x.yaml", 1, 1)
    inside = MapNode(mark, {"x": Entry(mark, node_of(value, mark))})
    shown = as_yaml(Tree(inside, ()))
    root = parse_document(shown, "shown").root
    if "<<" in str(value):
        return
    assert root is not None
    assert plain(root)["x"] == value
    assert yaml.safe_load(shown)["x"] == value
