from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.target.fields import is_public
from roadworthy.target.references import MAX_FILE_BYTES, Unresolvable, fill, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from roadworthy.target.loading import Loaded

HERE = Path()
ALLOWED = "allowed: ${env:NAME}, ${env:NAME:-default}, ${file:/path}, ${each:key} (in for_each), and $${ for a plain ${"


def reasons(text: str, folder: Path = HERE, **environ: str) -> tuple[str, ...]:
    with pytest.raises(Unresolvable) as caught:
        resolve(text, folder, environ)
    return caught.value.args


def test_a_variable_is_a_secret_and_its_default_is_none() -> None:
    found = resolve("${env:TOKEN}", HERE, {"TOKEN": "s3cret"})
    assert (found.text, found.secrets) == ("s3cret", (("s3cret", "${env:TOKEN}"),))
    found = resolve("${env:TOKEN:-open}", HERE, {})
    assert (found.text, found.secrets) == ("open", ())
    found = resolve("${env:TOKEN:-open}", HERE, {"TOKEN": "s3cret"})
    assert (found.text, found.secrets) == ("s3cret", (("s3cret", "${env:TOKEN:-open}"),))


def test_references_are_parts_of_a_text() -> None:
    found = resolve("https://${env:HOST}:${env:PORT:-8443}/${env:EMPTY:-}", HERE, {"HOST": "a.example"})
    assert found.text == "https://a.example:8443/"


def test_two_dollars_stand_for_one() -> None:
    assert resolve("$${env:X} costs 5$ {a} $$", HERE, {}).text == "${env:X} costs 5$ {a} $$"


def test_a_value_is_not_resolved_again() -> None:
    assert resolve("${env:A}", HERE, {"A": "${env:B}", "B": "no"}).text == "${env:B}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("${env:GONE}", "the environment variable GONE is not set; set it, or write ${env:GONE:-default}"),
        ("${env:EMPTY}", "the environment variable EMPTY is empty; set it, or write ${env:EMPTY:-default}"),
        ("${file:/missing}", "there is no such file"),
        ("${file:.}", "is no regular file"),
    ],
)
def test_what_stands_for_nothing_is_refused(text: str, reason: str) -> None:
    assert reasons(text, EMPTY="") == (f"{text}: {reason}",)


@pytest.mark.parametrize(
    "text", ["${ssm:/a}", "${secretsmanager:a}", "${X}", "${}", "${env:}", "${env:a b}", "${file:}"]
)
def test_an_unknown_scheme_names_what_is_allowed(text: str) -> None:
    assert reasons(text) == (f"{text} is no known reference; {ALLOWED}",)


def test_each_is_for_lists_only_and_a_brace_must_be_closed() -> None:
    assert reasons("${each:name}") == ("${each:name} is known inside for_each only",)
    assert reasons("a ${env:X") == (f"'${{' is not closed by '}}'; {ALLOWED}",)


def test_every_reason_is_told_at_once() -> None:
    assert len(reasons("${env:A} ${env:B} ${what:ever}")) == 3


def test_a_file_gives_its_content_less_the_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\r\n\n")
    found = resolve("Bearer ${file:token}", tmp_path, {})
    assert (found.text, found.secrets) == ("Bearer s3cret", (("s3cret", "${file:token}"),))
    assert resolve(f"${{file:{tmp_path}/token}}", HERE, {}).text == "s3cret"


def test_files_that_hold_no_secret_are_refused(tmp_path: Path) -> None:
    (tmp_path / "exact").write_bytes(b"x" * MAX_FILE_BYTES)
    (tmp_path / "large").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert len(resolve("${file:exact}", tmp_path, {}).text) == MAX_FILE_BYTES
    assert reasons("${file:large}", tmp_path) == ("${file:large}: is larger than 65,536 bytes",)
    assert reasons("${file:empty}", tmp_path) == ("${file:empty}: is empty",)
    assert reasons("${file:binary}", tmp_path) == ("${file:binary}: is not text in UTF-8",)


@given(st.text(alphabet="${}:-aenvfilc/ \n", max_size=60))
def test_any_text_is_resolved_or_refused(text: str) -> None:
    try:
        found = resolve(text, Path("/nonexistent"), {})
    except Unresolvable as error:
        assert all(error.args)  # noqa: PT017 - both ends are right, and only they
    else:
        assert "${" in text or found.text == text


@given(st.text(max_size=60))
def test_an_escaped_text_comes_out_as_it_was(text: str) -> None:
    assert resolve(text.replace("${", "$${"), HERE, {}).text == text or "$${" in text


@given(st.text(max_size=60))
def test_fill_leaves_alone_what_is_not_of_the_item(text: str) -> None:
    assert fill(text, {"x": "1"}) == text or "${each:x}" in text


# --- in a target ------------------------------------------------------------------------------------------------------


def target(health: str = "{path: /up}", **top: str) -> str:
    more = "".join(f"{key}: {value}\n" for key, value in top.items())
    return (
        f"schema: 1\nname: shop\nenvironment: staging\n{more}"
        f"components:\n  api:\n    url: https://api.shop.example\n    health: {health}\n"
    )


def test_what_came_from_outside_is_a_secret_of_the_target(load: Callable[..., Loaded]) -> None:
    loaded = load(target('{path: /up, contains: "<${env:MARK}>"}'), environ={"MARK": "s3cret"})
    assert loaded.target.components["api"].health[0].contains == "<s3cret>"
    assert loaded.secrets == {"s3cret": "${env:MARK}"}
    assert "s3cret" not in str(loaded.merged)


def test_a_public_field_makes_no_secret(load: Callable[..., Loaded]) -> None:
    text = target(release='{version: "${env:V}"}') + "    release: {path: /version}\n"
    loaded = load(text, environ={"V": "9"})
    assert loaded.target.release.version == "9"
    assert loaded.secrets == {}


def test_a_value_that_is_public_in_one_place_and_secret_in_another_is_secret(load: Callable[..., Loaded]) -> None:
    text = target('{path: /up, contains: "${env:V}"}', release='{version: "${env:V}"}')
    loaded = load(text + "    release: {path: /version}\n", environ={"V": "abcdef"})
    assert loaded.secrets == {"abcdef": "${env:V}"}


def test_which_fields_are_public() -> None:
    assert is_public(("release", "version"))
    assert is_public(("environment",))
    assert is_public(("components", "api", "url"))
    assert not is_public(("components", "api", "health", "0", "json", "any"))
    assert not is_public(("no", "such", "place"))


def test_a_secret_of_four_characters_will_do_and_one_of_three_will_not(
    load: Callable[..., Loaded], refused: Callable[..., list[str]]
) -> None:
    text = target('{path: /up, contains: "${env:MARK}"}')
    assert load(text, environ={"MARK": "abcd"}).secrets == {"abcd": "${env:MARK}"}
    assert refused(text, environ={"MARK": "abc"}) == [
        (
            "x.yaml:7:35: components.api.health.contains: ${env:MARK}: a secret of less than 4 characters can't be "
            "kept out of reports"
        )
    ]


def test_a_missing_variable_is_told_with_its_place_and_nothing_else(refused: Callable[..., list[str]]) -> None:
    text = target('{path: /up, status: "${env:STATUS}"}').replace("api.shop", "${env:HOST}.shop")
    assert refused(text) == [
        (
            "x.yaml:6:10: components.api.url: ${env:HOST}: the environment variable HOST is not set; set it, or write "
            "${env:HOST:-default}"
        ),
        (
            "x.yaml:7:33: components.api.health.status: ${env:STATUS}: the environment variable STATUS is not set; set "
            "it, or write ${env:STATUS:-default}"
        ),
    ]


def test_a_number_may_come_by_reference(load: Callable[..., Loaded]) -> None:
    text = target('{path: /up, status: "${env:STATUS:-204}"}')
    assert load(text).target.components["api"].health[0].status == 204
    assert load(text, environ={"STATUS": "0301"}).target.components["api"].health[0].status == 301


def test_text_by_reference_stays_text_where_text_is_wanted(load: Callable[..., Loaded]) -> None:
    loaded = load(target('{path: /up, contains: "${env:N}"}'), environ={"N": "12345"})
    assert loaded.target.components["api"].health[0].contains == "12345"


def test_a_refused_value_is_shown_as_its_reference(refused: Callable[..., list[str]]) -> None:
    text = target('{path: /up, status: "${env:STATUS}", within: "${env:WITHIN}"}')
    lines = refused(text, environ={"STATUS": "s3cret'\\", "WITHIN": "hunter22"})
    assert lines[0].startswith("x.yaml:7:33: components.api.health.status: found '${env:STATUS}' (text); allowed: ")
    assert "hunter22" not in str(lines)
    assert "s3cret" not in str(lines)


def test_a_rule_of_the_model_does_not_tell_a_secret(refused: Callable[..., list[str]]) -> None:
    text = target().replace("https://api.shop.example", '"ftp://${env:HOST}/x"')
    lines = refused(text, environ={"HOST": "it's-s3cret"})
    assert len(lines) == 1
    assert "s3cret" not in lines[0]
    assert "${env:HOST}" in lines[0]


def test_a_key_is_no_place_for_a_reference(refused: Callable[..., list[str]]) -> None:
    text = target('{path: /up, json: {"${env:KEY}": 1}}')
    assert refused(text, environ={"KEY": "s3cret"}) == [
        (
            "x.yaml:7:32: components.api.health.json.${env:KEY}: a key can't be a reference; only ${each:...} in "
            "for_each may be part of one"
        )
    ]


def test_an_override_spares_the_variable(load: Callable[..., Loaded]) -> None:
    text = target(release='{version: "${env:GONE}"}') + "    release: {path: /version}\n"
    loaded = load(text, overrides={"release.version": "abc"})
    assert loaded.target.release.version == "abc"
    assert loaded.where("release.version") == "release.version (given on the command line)"


def test_overrides_reach_into_components_whose_names_hold_dots(load: Callable[..., Loaded]) -> None:
    text = target().replace("  api:", "  eu.api:")
    key = "components.eu.api.health.status"
    assert load(text, overrides={key: 204}).target.components["eu.api"].health[0].status == 204


def test_an_override_that_is_wrong_says_where_it_came_from(refused: Callable[..., list[str]]) -> None:
    assert refused(target(), overrides={"network.resolver": "nonsense"})[0].startswith(
        "network.resolver (given on the command line): network.resolver: "
    )
