"""Our reader of HTML: what browsers find, in time that grows with the text alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.rules.html import tags_of
from roadworthy.rules.page import page_of

NOISE = st.sampled_from(
    [
        *"<>/=!-?'\" ab",
        "<!--",
        "-->",
        "--!>",
        "<script>",
        "</script",
        "<meta ",
        "<template>",
        "</template>",
        "<p>",
        "<title>",
    ]
)


def names(text: str) -> list[str]:
    return [tag.name for tag in tags_of(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<p><b/><IMG\nsrc=x></p>", ["p", "b", "img"]),
        ("< p><1><é><>", []),
        ("<!doctype html><?xml <a?><b>", ["b"]),
        ("<!--><a><!---><b><!-- <c> --!><d><!--<e>", ["a", "b", "d"]),
        ("</><a></ b><c></b <d>><e>", ["a", "c", "e"]),
        ("<script>if (a<b) '<i>'</scripts><u></SCRIPT ><p>", ["script", "p"]),
        ("<title><b></title><textarea><i></textarea><style><u></style><p>", ["title", "textarea", "style", "p"]),
        ("<template><a><template><b></template><c></template><d></template><e>", ["d", "e"]),
        ("<noscript><a></noscript><plaintext><b>", ["noscript", "plaintext"]),
        ("<a x='><b>'><c y=\"> <d>", ["a"]),
        ("<a", []),
        ("<a b", []),
    ],
)
def test_tags_are_those_that_browsers_find(text: str, found: list[str]) -> None:
    assert names(text) == found


def test_attributes_are_read_as_browsers_read_them() -> None:
    tag = next(tags_of("<A HREF = /x/ b=1 B=2 c d='&lt;\"' e=\"&amp;amp;\" f=a'b/=g\n>"))
    assert tag.attributes == {"href": "/x/", "b": "1", "c": "", "d": '<"', "e": "&amp;", "f": "a'b/=g"}


@pytest.mark.parametrize(
    ("text", "in_head"),
    [
        ("<meta>", True),
        ("<!doctype html>\n<html><head><title>x</title> <script>y</script><meta>", True),
        ("<head></head> <meta>", True),
        ("<noscript>x</noscript><link><base><style></style><meta>", True),
        ("\ufeff<meta>", True),
        ("<body><meta>", False),
        ("text<meta>", False),
        ("</body><meta>", False),
        ("<div></div><meta>", False),
        ("<head>< <meta>", False),
    ],
)
def test_a_meta_is_in_the_head_or_not(text: str, *, in_head: bool) -> None:
    assert [tag.in_head for tag in tags_of(text) if tag.name == "meta"] == [in_head]


@given(st.lists(NOISE, max_size=40).map("".join))
def test_nothing_breaks_the_reader(text: str) -> None:
    assert all(tag.name == tag.name.lower() for tag in tags_of(text))
    assert page_of(text, "https://shop.example/").resources is not None


@pytest.mark.parametrize(
    "part",
    [
        "<!--",
        "<a",
        "<a/",
        "<a \n",
        "<a b='",
        '<a foo="',
        "</",
        "</a ",
        "<?",
        "<!",
        "<script></",
        "<title>",
        "<a b=c ",
        "<a =",
        "<",
        "<template>",
    ],
)
def test_reading_takes_time_in_proportion_to_the_text(part: str) -> None:
    text = part * (262_144 // len(part))
    clock = time.process_time()
    list(tags_of(text))
    assert time.process_time() - clock < 3
