"""The collector of PHP's settings against what php-fpm 8.2.36 of Debian said, shortened."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.php import PhpObservation, PoolSeen
from roadworthy.facts.store import Unseen
from roadworthy.onhost import ground, php
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOTICE = "[28-Nov-2026 07:39:40] NOTICE: "
TESTED = "".join(
    f"{NOTICE}{line}\n"
    for line in (
        "[global]",
        "\tpid = /run/php/php8.2-fpm.pid",
        "\tprocess.max = 0",
        " ",
        "[www]",
        "\tuser = www-data",
        "\tlisten = /run/php-fpm/www.sock",
        "\tlisten.acl_users = undefined",
        "\tpm = dynamic",
        "\tpm.max_children = 50",
        "\tsecurity.limit_extensions = .php .phar",
        "\tenv[DB_PASSWORD] = let-me-in",
        "\tphp_value[display_errors] = 0",
        "\tphp_admin_value[memory_limit] = 256M",
        " ",
        "[jobs]",
        "\tpm = static",
        " ",
        "configuration file /etc/php/8.2/fpm/php-fpm.conf test is successful",
    )
)
REFUSED = """\
[28-Nov-2026 07:39:40] ERROR: [/etc/php/8.2/fpm/pool.d/www.conf:17] unknown entry 'pm.max_childrens'
[28-Nov-2026 07:39:40] ERROR: Unable to include /etc/php/8.2/fpm/pool.d/www.conf from /etc/php-fpm.conf at line 17
[28-Nov-2026 07:39:40] ERROR: FPM initialization failed
"""
INFO = """\
phpinfo()
PHP Version => 8.2.36

Server API => FPM/FastCGI
Directive => Local Value => Master Value
memory_limit => 128M => 128M
error_log => no value => no value
opcache.enable => On => On
arg_separator.output => & => &
odd => a => b => a => b

$_SERVER['DB_PASSWORD'] => let-me-in
"""


@pytest.fixture
def fpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A stand-in of php-fpm, by its name and what it says."""

    def made(name: str = "php-fpm8.2", tested: str = TESTED, code: int = 0, info: str = INFO) -> None:
        (tmp_path / "tested").write_text(tested)
        (tmp_path / "info").write_text(info)
        program = tmp_path / name
        program.write_text(
            f"#!/bin/sh\n[ $1 = -i ] && exec cat {tmp_path}/info\ncat {tmp_path}/tested >&2\nexit {code}\n"
        )
        program.chmod(0o755)

    monkeypatch.setattr(ground, "search_path", lambda: f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(php, "search_path", lambda: f"/nowhere:{tmp_path}")
    return made


def look(pools: dict[str, list[str]] | None = None, *settings: str, program: str | None = None) -> PhpObservation:
    asked = [{"name": name, "directives": directives} for name, directives in (pools or {}).items()]
    wanted: dict[str, Any] = {"program": program, "pools": asked, "settings": list(settings)}
    return PhpObservation(observed_at=NOW, now=NOW, **php.look(wanted))


def test_pools_and_settings(fpm: Callable[..., None]) -> None:
    fpm()
    seen = look({"www": ["pm", "pm.max_children", "listen.acl_users", "pm.x"]}, "memory_limit", "error_log", "odd", "x")
    assert seen.refused is None
    assert seen.pools == {
        "www": PoolSeen(
            directives={"pm": "dynamic", "pm.max_children": "50", "listen.acl_users": "", "pm.x": None},
            overrides={"memory_limit": "256M"},
        ),
        "jobs": PoolSeen(directives={}),
    }
    assert seen.settings == {"memory_limit": "128M", "error_log": "", "odd": "a => b", "x": None}
    assert "let-me-in" not in seen.model_dump_json()
    assert look().settings is None


def test_what_fpm_refuses(fpm: Callable[..., None]) -> None:
    fpm(tested=REFUSED, code=78)
    seen = look({"www": ["pm"]}, "memory_limit")
    assert seen.refused == "[/etc/php/8.2/fpm/pool.d/www.conf:17] unknown entry 'pm.max_childrens'"
    assert seen.pools is None
    assert seen.settings == {"memory_limit": "128M"}


def test_what_only_root_may_see(fpm: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    closed = (
        "[28-Nov-2026 07:39:40] ERROR: failed to open error_log (/var/log/php8.2-fpm.log): Permission denied (13)\n"
    )
    fpm(tested=closed, code=78)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ground.Unseen) as caught:
        look()
    assert caught.value.why == ground.NOT_PERMITTED


def test_several_are_not_guessed_between(fpm: Callable[..., None], tmp_path: Path) -> None:
    fpm("php-fpm8.2")
    (tmp_path / "php-fpm").symlink_to("php-fpm8.2")
    assert look().refused is None  # one by two names
    fpm("php-fpm8.3")
    with pytest.raises(ground.Unseen, match=r"several: php-fpm, php-fpm8\.2, php-fpm8\.3; promise"):
        look()
    assert look(program="php-fpm8.3").refused is None


@pytest.mark.usefixtures("fpm")
def test_there_is_none() -> None:
    with pytest.raises(ground.Unseen, match="there is no php-fpm here"):
        look()
    with pytest.raises(ground.Unseen, match="there is no php-fpm9 here"):
        look(program="php-fpm9")


@pytest.mark.parametrize(("tested", "info"), [("", ""), ("nonsense", "nonsense"), (f"{NOTICE}[global]\n", "\0")])
def test_words_that_nobody_knows(fpm: Callable[..., None], tested: str, info: str) -> None:
    fpm(tested=tested, info=info)
    seen = look({"www": ["pm"]}, "memory_limit")
    assert isinstance(seen.pools, Unseen)
    assert isinstance(seen.settings, Unseen)


@given(
    st.lists(
        st.tuples(st.sampled_from(["NOTICE", "ERROR"]), st.text() | st.sampled_from(["[global]", "[www]", "\ta = b"]))
    )
)
def test_no_words_break_the_reading(lines: list[tuple[str, str]]) -> None:
    with suppress(ground.Unseen):
        php._pools(lines, {"pools": [{"name": "www", "directives": ["a"]}], "settings": ["memory_limit"]})
