"""What parsers are fed with: noise, words of their own language in the wrong order, parts repeated without measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

SIZES = (300, 5_000, 60_000)
"""Characters of repeated input: work that grows with the square of it shows at the last one."""

NOISE = (
    "",
    " ",
    "\t",
    "\r\n",
    "\0",
    '"',
    "'",
    "\\",
    ",",
    ";",
    "=",
    "-",
    "%",
    "\x1b",
    "é",
    "\u202e",
    "a-",
    "9",
)


def texts(*words: str) -> SearchStrategy[str]:
    """Texts that are made of words and noise."""
    parts = st.sampled_from(words + NOISE) | st.text(max_size=4)
    sentences = st.lists(parts, max_size=12).map("".join)
    return st.one_of(sentences, st.text(max_size=80), st.builds(_repeated, sentences, _few(parts), _sizes, sentences))


def blobs(*seeds: bytes) -> SearchStrategy[bytes]:
    """Bytes: noise, and seeds that are cut, changed, doubled and repeated."""
    seed = st.sampled_from(seeds or (b"",))
    place = st.integers(0, max([len(one) for one in seeds] or [0]))
    changed = st.builds(_changed, seed, place, st.binary(max_size=6), st.integers(0, 6))
    return st.one_of(
        seed,
        changed,
        st.builds(_changed, changed, place, st.binary(max_size=6), st.integers(0, 6)),
        st.builds(lambda one, end: one[:end], seed, place),
        st.builds(lambda head, part, size, tail: head + part * (size // max(len(part), 1)) + tail,
                  seed, st.binary(min_size=1, max_size=9), _sizes, seed),
        st.binary(max_size=200),
    )  # fmt: skip


_sizes = st.sampled_from(SIZES)


def _few(parts: SearchStrategy[str]) -> SearchStrategy[str]:
    return st.lists(parts, min_size=1, max_size=3).map("".join)


def _repeated(head: str, part: str, size: int, tail: str) -> str:
    return head + part * (size // max(len(part), 1)) + tail


def _changed(seed: bytes, place: int, new: bytes, removed: int) -> bytes:
    return seed[:place] + new + seed[place + removed :]
