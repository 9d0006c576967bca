"""What reads configuration files on a host."""

from __future__ import annotations

from hypothesis import strategies as st

from roadworthy.onhost import dotenv, env
from tests.fuzz.parser import Parser

WORDS = st.sampled_from(
    [
        *(
            "A",
            "B_C",
            "export ",
            "=",
            ": ",
            '"',
            "'",
            "`",
            "\\",
            "\\n",
            "$",
            "${A}",
            "${B_C:-x}",
            "${SSM:/a}",
            "#",
            " # ",
        ),
        *("\n", "\r\n", "\0", "\ufeff", "<a>", "{{a}}", "changeme", "xxxx", "://u:<a>@", "x" * 300, "base64:"),
    ]
)
FILES = st.lists(WORDS | st.text(max_size=4), max_size=40).map("".join)


def read_env(text: str) -> None:
    for reader in ("laravel", "node", "compose"):
        found, problem = dotenv.parsed(text, reader)
        assert len(problem) < 80
        for entry in found:
            assert "\0" not in entry.value
            assert len(env.to_fill(entry.value, {})) < 60
            assert 0 <= env.bits(entry.value) <= 8 * (len(entry.value) + 1)


PARSERS = (Parser("env", read_env, FILES | st.text(max_size=200)),)
