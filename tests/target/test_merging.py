from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.target.document import MapNode, node_of, plain
from roadworthy.target.merging import assign, follow, merge, prune, split_key
from roadworthy.target.problems import Mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from roadworthy.target.loading import Loaded

HERE = Mark("x.yaml", 1, 1)
keys = st.sampled_from(["a", "b", "c.d"])
leaves = st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
trees = st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=8)
mappings = st.dictionaries(keys, trees, max_size=3)
patches = st.dictionaries(
    keys, st.recursive(leaves | st.none(), lambda inner: st.dictionaries(keys, inner, max_size=3)), max_size=3
)


def merged(*layers: Any) -> Any:
    node = node_of(layers[0], HERE)
    for layer in layers[1:]:
        node = merge(node, node_of(layer, HERE))
    return plain(prune(node))


@given(mappings)
def test_nothing_laid_over_a_tree_leaves_it_as_it_is(tree: dict[str, Any]) -> None:
    assert merged(tree, {}) == tree
    assert merged({}, tree) == tree


@given(mappings)
def test_a_tree_laid_over_itself_is_the_same_tree(tree: dict[str, Any]) -> None:
    assert merged(tree, tree) == tree


shaped = st.recursive(
    st.fixed_dictionaries({}, optional={"leaf": leaves, "other": leaves}),
    lambda inner: st.fixed_dictionaries({}, optional={"leaf": leaves, "part": inner, "more": inner}),
    max_leaves=6,
)


@given(shaped, shaped, shaped)
def test_it_does_not_matter_which_layers_are_merged_first(one: Any, two: Any, three: Any) -> None:
    assert merged(one, two, three) == merged(one, merged(two, three))


@given(mappings, mappings)
def test_the_upper_layer_wins_wherever_it_says_something(lower: Any, upper: Any) -> None:
    result = merged(lower, upper)
    for key, value in upper.items():
        if not isinstance(value, dict):
            assert result[key] == value
    assert result.keys() == lower.keys() | upper.keys()


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, as it stands there; but a null for a key that was not there stays (JSON may promise it)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None and key in result:
            del result[key]
        elif value is not None and key in result and isinstance(result[key], dict):
            result[key] = merge_patch(result[key], value)
        else:
            result[key] = value
    return result


@given(mappings, patches)
def test_merging_follows_json_merge_patch(tree: Any, patch: Any) -> None:
    assert merged(tree, patch) == merge_patch(tree, patch)


@given(mappings, patches, mappings)
def test_a_key_that_was_taken_away_can_come_back(tree: Any, patch: Any, again: Any) -> None:
    assert merged(tree, patch, again).keys() >= again.keys()


@given(mappings)
def test_every_key_is_found_by_its_dotted_name(tree: Any) -> None:
    root = node_of(tree, HERE)

    def walk(value: Any, path: tuple[str, ...]) -> None:
        if path and "c" not in tree:
            assert follow(root, split_key(root, ".".join(path))).path == path
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, (*path, key))

    walk(tree, ())


@given(mappings, st.lists(keys.filter(lambda key: "." not in key), min_size=1, max_size=4), st.integers())
def test_what_is_assigned_is_there(tree: Any, path: list[str], value: int) -> None:
    root = node_of(tree, HERE)
    assert isinstance(root, MapNode)
    changed = assign(root, ".".join(path), node_of(value, HERE))
    assert plain(follow(changed, tuple(path)).node) == value


# --- overlays, as they are written ------------------------------------------------------------------------------------


def test_an_overlay_changes_what_it_names_and_nothing_else(load: Callable[..., Loaded]) -> None:
    over = "environment: sandbox\ncomponents: {api: {tls: {min_days_left: 1}}}\n"
    target, base = load(BASE, over).target, load(BASE).target
    assert (target.environment, target.components["api"].tls.min_days_left) == ("sandbox", 1)
    assert target.components["api"].health == base.components["api"].health


def test_lists_are_replaced_and_null_takes_a_key_away(load: Callable[..., Loaded]) -> None:
    over = "components: {api: {tls: {versions: ['1.3'], min_days_left: null}, http: null}, db: null}\n"
    components = load(BASE, over).target.components
    assert list(components) == ["api"]
    assert components["api"].tls.versions == ("1.3",)
    assert components["api"].tls.min_days_left is None
    assert components["api"].http is None


def test_overlays_are_laid_in_order(load: Callable[..., Loaded]) -> None:
    loaded = load(BASE, "environment: one\n", "environment: two\n")
    assert loaded.target.environment == "two"
    assert [str(path) for path in loaded.sources] == ["x.yaml", "over0.yaml", "over1.yaml"]
    assert loaded.where("environment") == "over1.yaml:1:1"
    assert loaded.where("name") == "x.yaml:2:1"


def test_an_overlay_takes_a_default_away_for_one_component(load: Callable[..., Loaded]) -> None:
    base = BASE + "defaults: {tls: {resumes: true, max_lifetime_days: 90}}\n"
    tls = load(base, "components: {api: {tls: {resumes: null}}}\n").target.components["api"].tls
    assert (tls.resumes, tls.max_lifetime_days) == (None, 90)


def test_null_is_a_value_where_json_is_promised(load: Callable[..., Loaded]) -> None:
    base = BASE.replace("{path: /up}", "{path: /up, json: {error: null, status: ok}}")
    health = load(base).target.components["api"].health
    assert health[0].json_subset == {"error": None, "status": "ok"}


BASE = """\
schema: 1
name: shop
environment: staging
components:
  db: {address: "db.shop.example:5432", tcp: {open: true}}
  api:
    url: https://api.shop.example
    health: {path: /up}
    tls: {min_days_left: 14, versions: ["1.2", "1.3"]}
    http: {versions: [h2]}
"""
