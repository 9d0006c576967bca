from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.target.document import MAX_BYTES, MAX_DEPTH, MapNode, core_value, parse_document, plain, read_document

SHARE = "parts that are shared go into `defaults`, `for_each`, or a file that this one `extends`"


def problems(text: str) -> list[str]:
    return [str(problem) for problem in parse_document(text, "x.yaml").problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-3", -3),
        ("+3", 3),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("12:30:45", "12:30:45"),
        ("190:20:30", "190:20:30"),
        ("2026-11-01", "2026-11-01"),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("9" * 41, "9" * 41),
    ],
)
def test_unquoted_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    found = core_value(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("written", ['"14"', "'14'", "|-\n  14", ">-\n  14"])
def test_what_is_quoted_is_text(written: str) -> None:
    root = parse_document(f"a: {written}", "x.yaml").root
    assert root is not None
    assert plain(root) == {"a": "14"}


def test_keys_are_text() -> None:
    root = parse_document("404: a\nnull: b\ntrue: c\n", "x.yaml").root
    assert root is not None
    assert plain(root) == {"404": "a", "null": "b", "true": "c"}


def test_marks_count_lines_and_columns_from_one() -> None:
    root = parse_document("a: 1\nbé:\n  - x\n  -   y\n", "x.yaml").root
    assert root is not None
    assert str(root.entries["a"].mark) == "x.yaml:1:1"
    assert str(root.entries["a"].node.mark) == "x.yaml:1:4"
    assert str(root.entries["bé"].node.items[1].mark) == "x.yaml:4:7"


def test_every_repeated_key_is_named_with_its_first_place() -> None:
    assert problems("a: 1\nb: {c: 1, c: 2}\na: 2\nd:\n  - {e: 1}\n  - {f: 1, f: 2}\n") == [
        "x.yaml:2:11: b.c: the key is repeated; it stands in line 2 already",
        "x.yaml:3:1: a: the key is repeated; it stands in line 1 already",
        "x.yaml:6:12: d.1.f: the key is repeated; it stands in line 6 already",
    ]


def test_keys_that_only_look_different_are_repeated() -> None:
    assert problems("a: 1\n'a': 2\n") == ["x.yaml:2:1: a: the key is repeated; it stands in line 1 already"]


def test_anchors_aliases_merge_keys_and_tags_are_refused_at_once() -> None:
    assert problems("a: &shared {x: 1}\nb: *shared\nc:\n  <<: {x: 1}\nd: !!int 3\n") == [
        f"x.yaml:1:4: a: the anchor &shared is not allowed; {SHARE}",
        f"x.yaml:2:4: b: the alias *shared is not allowed; {SHARE}",
        f"x.yaml:4:3: c: the merge key << is not allowed; {SHARE}",
        "x.yaml:5:4: d: the tag tag:yaml.org,2002:int is not allowed; quote what shall be text",
    ]


def test_no_object_is_ever_made_from_a_tag() -> None:
    text = "a: !!python/object/apply:os.system ['true']"
    assert problems(text) == [
        (
            "x.yaml:1:4: a: the tag tag:yaml.org,2002:python/object/apply:os.system is not allowed; "
            "quote what shall be text"
        )
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1, 2\nb: 3\n", "x.yaml:2:2: is not valid YAML: "),
        ("a: 1\n\tb: 2\n", "x.yaml:2:1: is not valid YAML: "),
        ('a: "open\n', "x.yaml:2:1: is not valid YAML: "),
        ("a: b: c\n", "x.yaml:1:5: is not valid YAML: "),
        ("a: *missing\n", "x.yaml:1:4: a: the alias *missing is not allowed; "),
        ("a: \x07\n", "x.yaml:1:4: holds a control character; a target is plain text"),
        ("{a: 1}: 2\n", "x.yaml:1:1: a key is text, not a list or a mapping"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2:1: a second document starts here; a target is one document"),
        ("", "x.yaml: is empty; a target is a mapping: schema: 1, name: ..."),
        ("# only words\n", "x.yaml: is empty; "),
        ("null\n", "x.yaml: is empty; "),
        ("- a\n", "x.yaml:1:1: found a list; a target is a mapping: schema: 1, name: ..."),
        ("words\n", "x.yaml:1:1: found 'words' (text); a target is a mapping: "),
    ],
)
def test_what_is_no_target_is_refused_with_one_clear_line(text: str, line: str) -> None:
    assert len(problems(text)) == 1
    assert problems(text)[0].startswith(line)
    assert parse_document(text, "x.yaml").root is None


def test_hints_for_the_usual_slips() -> None:
    assert problems("a: 1\n\tb: 2\n")[0].endswith("; lines are indented by spaces, not tabs")
    assert problems("title: Shop: the best\n")[0].endswith("; text that holds ': ' needs quotes")


def test_depth_is_bounded_just_where_it_says() -> None:
    def nested(depth: int) -> str:
        return "a: " + "[" * (depth - 1) + "]" * (depth - 1)

    assert problems(nested(MAX_DEPTH)) == []
    assert problems(nested(MAX_DEPTH + 1)) == [f"x.yaml:1:33: is nested more than {MAX_DEPTH} levels deep"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "- " * 400_000,
        "{a: " * 200_000,
        "a: &a [x]\n" + "".join(f"b{i}: &b{i} [*a, *a, *a]\n" for i in range(5_000)),
        "? " * 400_000,
        "a: " + "9" * 900_000,
    ],
    ids=["flow", "block", "maps", "aliases", "keys", "digits"],
)
def test_hostile_yaml_ends_quickly(text: str) -> None:
    clock = time.monotonic()
    parse_document(text, "x.yaml")
    assert time.monotonic() - clock < 10


def test_files_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("large.yaml").write_bytes(b"# " + b"x" * MAX_BYTES)
    Path("binary.yaml").write_bytes(b"\x7fELF\0\0")
    Path("latin.yaml").write_bytes("a: 1\nb: Bücher\n".encode("latin-1"))
    Path("folder.yaml").mkdir()
    names = ["missing", "folder", "large", "binary", "latin"]
    found = [str(problem) for name in names for problem in read_document(Path(f"{name}.yaml")).problems]
    assert found == [
        "missing.yaml: there is no such file",
        "folder.yaml: is a directory; a target is a YAML file",
        "large.yaml: is larger than 200,000 bytes: no target is",
        "binary.yaml: is a binary file, not YAML",
        "latin.yaml: is not text in UTF-8 (line 2)",
    ]
    assert str(read_document(Path("/dev/zero")).problems[0]) == "/dev/zero: is no regular file"


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    root = read_document(path).root
    assert root is not None
    assert plain(root) == {"a": 1, "b": 2}


@given(st.text(max_size=300))
def test_no_text_is_too_strange(text: str) -> None:
    document = parse_document(text, "x.yaml")
    assert document.root is None or isinstance(document.root, MapNode)
    assert document.root is not None or document.problems


@given(st.text(alphabet=" \n\t:-[]{},&*!|>'\"%@`#?ab1${}<", max_size=80))
def test_no_yaml_is_too_strange(text: str) -> None:
    document = parse_document(text, "x.yaml")
    assert document.root is not None or document.problems


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(words, values, min_size=1, max_size=4))
def test_what_json_writes_is_read_as_it_was(value: dict[str, object]) -> None:
    root = parse_document(json.dumps(value, ensure_ascii=False), "x.yaml").root
    if root is None:
        assert "<<" in str(value)
    else:
        assert plain(root) == value


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers() | st.booleans(), min_size=1))
def test_block_style_is_read_as_pyyaml_writes_it(value: dict[str, object]) -> None:
    root = parse_document(yaml.safe_dump(value), "x.yaml").root
    assert root is not None
    assert {key: str(inner) for key, inner in plain(root).items()} == {key: str(inner) for key, inner in value.items()}
