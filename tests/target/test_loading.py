from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadworthy.target.loading import Loaded, TargetError, TargetNotFound, find_target, load_target, read_tree
from roadworthy.target.models import Target

HEALTHY = """\
schema: 1
name: shop
environment: staging
components:
  api:
    url: https://api.shop.example
    health: {path: /up}
    tls: {min_days_left: 14}
"""

Refused = Callable[..., list[str]]
Load = Callable[..., Loaded]


def test_the_healthy_target_loads(load: Load) -> None:
    loaded = load()
    assert isinstance(loaded.target, Target)
    assert loaded.target.components["api"].tls.min_days_left == 14
    assert loaded.sources == (Path("x.yaml"),)
    assert loaded.secrets == {}


# --- where ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("components.api.tls.min_days_left", "x.yaml:8:11"),
        ("components.api.tls", "x.yaml:8:5"),
        ("components.api.tls.resumes", "x.yaml:8:5"),
        ("components.api.health.0.path", "x.yaml:7:14"),
        ("components.api.health.path", "x.yaml:7:14"),
        ("components.nothing", "x.yaml:4:1"),
        ("schema_version", "x.yaml:1:1"),
        ("network.timeout", None),
        ("", None),
    ],
)
def test_where_a_key_stands_or_its_nearest_parent(load: Load, key: str, place: str | None) -> None:
    assert load().where(key) == place


def test_where_a_field_s_name_stands_for_its_alias(load: Load) -> None:
    text = HEALTHY + "    headers: {x-frame-options: DENY, strict-transport-security: {max_age: 5}}\n"
    loaded = load(text)
    assert loaded.where("components.api.headers.x_frame_options") == "x.yaml:9:15"
    assert loaded.where("components.api.headers.strict-transport-security.max_age") == "x.yaml:9:66"


# --- extends ----------------------------------------------------------------------------------------------------------


def test_a_file_extends_another(write: Callable[..., Path]) -> None:
    write(HEALTHY, "base/production.yaml")
    write("extends: production.yaml\nenvironment: middle\ncomponents: {api: {tls: {resumes: true}}}\n", "base/m.yaml")
    path = write("extends: base/m.yaml\nenvironment: staging\n", "staging.yaml")
    loaded = load_target(path)
    assert loaded.target.environment == "staging"
    assert loaded.target.components["api"].tls.resumes is True
    assert [str(source) for source in loaded.sources] == ["base/production.yaml", "base/m.yaml", "staging.yaml"]
    assert loaded.where("components.api.tls.resumes") == "base/m.yaml:3:26"
    assert "extends" not in loaded.merged


def test_a_circle_of_files_is_refused(write: Callable[..., Path]) -> None:
    write("extends: b.yaml\n", "a.yaml")
    write("extends: a.yaml\n", "b.yaml")
    with pytest.raises(TargetError) as caught:
        load_target(Path("a.yaml"))
    assert str(caught.value) == (
        "b.yaml:1:10: extends: files extend each other in a circle: a.yaml -> b.yaml -> a.yaml"
    )


def test_what_can_not_be_extended_is_refused(refused: Refused) -> None:
    assert refused("extends: [a]\n" + HEALTHY)[0] == "x.yaml:1:10: extends: found a list; allowed: a file's name"
    assert refused("extends: gone.yaml\n" + HEALTHY) == ["gone.yaml: there is no such file"]


def test_each_file_s_lists_are_expanded_before_files_are_merged(write: Callable[..., Path]) -> None:
    item = "{{items: [{{n: {0}}}], components: {{'${{each:n}}': {{address: '{0}:1', tcp: {{open: true}}}}}}}}"
    part = f"for_each: [{item}]\n"
    write(HEALTHY + part.format("one"), "base.yaml")
    path = write("extends: base.yaml\n" + part.format("two") + "components: {one: {address: 'x:2'}}\n", "x.yaml")
    components = load_target(path).target.components
    assert {name: component.address for name, component in components.items()} == {
        "api": None,
        "one": "x:2",
        "two": "two:1",
    }


# --- finding ----------------------------------------------------------------------------------------------------------


def test_a_target_is_found_by_its_name_or_its_path(write: Callable[..., Path]) -> None:
    path = write(HEALTHY, "targets/shop.yaml")
    assert find_target("shop", Path("targets")) == path
    assert find_target("targets/shop.yaml", Path("elsewhere")) == path


@pytest.mark.parametrize("name", ["shpo", "targets/shpo.yaml", "../shpo"])
def test_a_target_that_is_not_there_names_those_that_are(write: Callable[..., Path], name: str) -> None:
    write(HEALTHY, "targets/shop.yaml")
    write(HEALTHY, "targets/other.yaml")
    with pytest.raises(TargetNotFound) as caught:
        find_target(name, Path("targets"))
    assert str(caught.value) == (f"there is no target {name!r} in targets/; did you mean shop? allowed: other, shop")


def test_no_target_at_all(write: Callable[..., Path]) -> None:
    write()
    with pytest.raises(TargetNotFound, match="there is no target 'shop' in targets/; allowed: none"):
        find_target("shop", Path("targets"))


# --- whatever is written ----------------------------------------------------------------------------------------------

TOP = ["schema", "name", "environment", "components", "defaults", "for_each", "items", "extends", "release", "network"]
BELOW = [
    "api",
    "url",
    "health",
    "tls",
    "http",
    "headers",
    "path",
    "json",
    "policy",
    "versions",
    "depends_on",
    "promises",
]
keys = st.sampled_from([*TOP, *BELOW, "version", "null", "${each:name}", "0", "''"])
leaves = st.sampled_from(
    ["1", "x", "null", "true", "[]", "{}", "/up", "a:1", "https://a", '"${env:X}"', '"${each:n}"', "-"]
)
texts = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(keys, inner, max_size=4).map(
            lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(keys, texts, min_size=1, max_size=6), st.dictionaries(keys, texts, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_target_is_loaded_or_refused_with_places(
    tmp_path: Path, base: dict[str, str], over: dict[str, str]
) -> None:
    files = []
    for name, entries in (("x.yaml", base), ("over.yaml", over or {"name": "y"})):
        path = tmp_path / name
        path.write_text("".join(f"{key}: {value}\n" for key, value in entries.items()))
        files.append(path)
    try:
        load_target(files[0], files[1:], environ={})
    except TargetError as error:
        places = [problem.mark.file for problem in error.problems if problem.text]
        assert places
        assert all(places)


def test_the_tree_can_be_read_without_the_values_of_its_references(write: Callable[..., Any]) -> None:
    tree = read_tree(write(HEALTHY.replace("https://api", "https://${env:GONE}")))
    assert tree.merged["components"]["api"]["url"] == "https://${env:GONE}.shop.example"
