from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from roadworthy.target.loading import Loaded, TargetError, load_target

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
NAME_FORM = "small letters, digits, '.', '_' and '-', as in api or eu-west.api"

Refused = Callable[..., list[str]]
Load = Callable[..., Loaded]


WRONG = [
    (
        "tls: {min_days_left: 14}",
        "tls: {min_day_left: 14}",
        "8:11: components.api.tls.min_day_left: unknown key; did you mean min_days_left? allowed: policy, versions, ",
    ),
    (
        "min_days_left: 14",
        "min_days_left: abc",
        "8:26: components.api.tls.min_days_left: found 'abc' (text); allowed: a whole number >= 0",
    ),
    (
        "min_days_left: 14",
        "min_days_left: '14'",
        "8:26: components.api.tls.min_days_left: found '14' (text); allowed: a whole number >= 0",
    ),
    (
        "min_days_left: 14",
        "min_days_left: -1",
        "8:26: components.api.tls.min_days_left: found -1 (a whole number); allowed: a whole number >= 0",
    ),
    (
        "min_days_left: 14",
        "min_days_left: 1.5",
        "8:26: components.api.tls.min_days_left: found 1.5 (a number); allowed: a whole number >= 0",
    ),
    (
        "min_days_left: 14",
        "min_days_left: true",
        "8:26: components.api.tls.min_days_left: found true (true or false); allowed: a whole number >= 0",
    ),
    (
        "min_days_left: 14",
        "min_days_left: [14]",
        "8:11: components.api.tls.min_days_left: found a list; allowed: a whole number >= 0",
    ),
    ("min_days_left: 14", "trusted: no", "8:20: components.api.tls.trusted: found 'no' (text); allowed: true or false"),
    (
        "min_days_left: 14",
        "versions: ['1.4']",
        "8:22: components.api.tls.versions.0: found '1.4' (text); allowed: 1.0, 1.1, 1.2, 1.3",
    ),
    (
        "min_days_left: 14",
        "versions: '1.2'",
        "8:21: components.api.tls.versions: found '1.2' (text); allowed: a list of at least one: 1.0, 1.1, 1.2, 1.3",
    ),
    (
        "min_days_left: 14",
        "versions: []",
        "8:11: components.api.tls.versions: found an empty list; allowed: a list of at least one: ",
    ),
    (
        "min_days_left: 14",
        "min_key_bits: {dsa: 1}",
        "8:26: components.api.tls.min_key_bits.dsa: this name is not possible; allowed: rsa, ec",
    ),
    (
        "tls: {min_days_left: 14}",
        "tls: {}",
        "8:5: components.api.tls: this block promises nothing; give at least one of: versions, ",
    ),
    (
        "tls: {min_days_left: 14}",
        "tls: 3",
        "8:10: components.api.tls: found 3 (a whole number); allowed: a mapping with the keys policy, versions, ",
    ),
    ("{path: /up}", "{path: up}", "7:20: components.api.health.path: found 'up' (text); a path starts with '/'"),
    ("{path: /up}", "{status: 200}", "7:5: components.api.health.path: is missing; allowed: text"),
    (
        "{path: /up}",
        "{path: /up, status: 600}",
        "7:33: components.api.health.status: found 600 (a whole number); allowed: a whole number from 100 to 599",
    ),
    (
        "{path: /up}",
        "{path: /up, within: 5}",
        "7:33: components.api.health.within: a duration needs a unit: write 5s or 5ms",
    ),
    (
        "{path: /up}",
        "{path: /up, within: soon}",
        "7:33: components.api.health.within: found 'soon' (text); a duration is written as 500ms, 2s, 5m, 1h30m or 7d",
    ),
    ("{path: /up}", "{path: /up, within: 0s}", "7:33: components.api.health.within: found '0s' (text); allowed: "),
    (
        "{path: /up}",
        "{path: /up, contains: ''}",
        "7:35: components.api.health.contains: found '' (text); allowed: text, not empty",
    ),
    (
        "{path: /up}",
        "[{path: /up}, {path: /b, jsn: {}}]",
        "7:38: components.api.health.1.jsn: unknown key; did you mean json? allowed: path, status, json, ",
    ),
    ("{path: /up}", "[]", "7:5: components.api.health: found an empty list; allowed: "),
    ("{path: /up}", "null", None),
    (
        "url: https://api.shop.example",
        "url: ftp://x",
        "5:3: components.api: url 'ftp://x' is not of the form https://name[:port][/path]",
    ),
    ("url: https://api.shop.example", "url: https://u:p4ss@x", "5:3: components.api: url holds credentials"),
    (
        "url: https://api.shop.example",
        "addres: a:1",
        "6:5: components.api.addres: unknown key; did you mean address? allowed: description, url, address, ",
    ),
    ("  api:", "  API:", f"5:3: components.API: this name is not possible; allowed: text: {NAME_FORM}"),
    ("schema: 1", "schema: 2", "1:9: schema: found 2 (a whole number); allowed: 1"),
    ("schema: 1\n", "", "1:1: schema: is missing; allowed: 1"),
    ("name: shop", "name: Shop", f"2:7: name: found 'Shop' (text); allowed: text: {NAME_FORM}"),
    ("name: shop", "name: 2026-11-01x", None),
    ("name: shop", "name: 12", f"2:7: name: found 12 (a whole number); allowed: text: {NAME_FORM}"),
    (
        "environment: staging",
        "environment: staging\nrelease: {version: 1.10}",
        "4:20: release.version: found 1.10 (a number); allowed: text, not empty",
    ),
    (
        "environment: staging",
        "environment: staging\nrelease: {version: '1'}",
        "4:1: release: no component has a release block that tells the version it runs",
    ),
    (
        "environment: staging",
        "environment: staging\nnetwork: {connect_to: [x]}",
        "4:24: network.connect_to.0: connect_to 'x' is not of the form HOST:PORT:ADDR:PORT",
    ),
    (
        "environment: staging",
        "environment: staging\nnetwork: {retries: 6}",
        "4:20: network.retries: found 6 (a whole number); allowed: a whole number from 0 to 5",
    ),
    (
        "    tls:",
        "    depends_on: [db]\n    tls:",
        "8:18: components.api.depends_on: unknown component 'db'; allowed: api",
    ),
    ("    tls:", "    depends_on: [api]\n    tls:", "8:5: components.api.depends_on: depends on itself in a circle"),
    (
        "    tls:",
        "    promises: {SHO-TLS-1: [tls.versions]}\n    tls:",
        "8:28: components.api.promises.SHO-TLS-1: 'tls.versions' is no key of this component, so",
    ),
    (
        "    tls:",
        "    promises: {tls: [tls]}\n    tls:",
        "8:16: components.api.promises.tls: this name is not possible; allowed: text: the id of a promise",
    ),
    (
        "    tls:",
        "    headers: {x_frame_options: DENY}\n    tls:",
        "8:15: components.api.headers.x_frame_options: unknown key; did you mean x-frame-options? allowed: policy, ",
    ),
    (
        "    tls:",
        "    headers: {X-Frame-Options: DENY}\n    tls:",
        "8:15: components.api.headers.X-Frame-Options: unknown key; did you mean x-frame-options? allowed: policy, ",
    ),
    (
        "    tls:",
        "    headers: {x-frame-options: deny}\n    tls:",
        "8:32: components.api.headers.x-frame-options: found 'deny' (text); allowed: DENY, SAMEORIGIN",
    ),
    (
        "    tls:",
        "    http: {compresses: [text/html, 3]}\n    tls:",
        "8:12: components.api.http.compresses.3: this name is not possible; allowed: text",
    ),
]


@pytest.mark.parametrize(("old", "new", "line"), WRONG, ids=[new[:40] for _, new, _ in WRONG])
def test_what_is_wrong_is_told_in_one_line(refused: Refused, load: Load, old: str, new: str, line: str | None) -> None:
    text = HEALTHY.replace(old, new)
    assert text != HEALTHY
    if line is None:
        load(text)
        return
    lines = refused(text)
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"x.yaml:{line}")
    assert "Input should" not in lines[0]


@pytest.mark.parametrize(
    ("promise", "told"),
    [
        ("exposure: {closed_ports: [8080]}", "8080 is the component's own port, which is open"),
        ("exposure: {security_txt: true}", "security_txt needs an https:// url"),
        ("headers: {strict-transport-security: {max_age: 31536000, preload: true}}", "preload needs an https:// url"),
    ],
)
def test_what_nothing_could_judge_is_refused(refused: Refused, promise: str, told: str) -> None:
    head = "schema: 1\nname: shop\nenvironment: staging\nnetwork: {allows: [ports]}\n"
    (line,) = refused(f"{head}components: {{api: {{url: 'http://api.shop.example:8080', {promise}}}}}\n")
    assert told in line


def test_a_block_of_a_policy_that_is_unknown_is_not_called_empty_too(refused: Refused) -> None:
    head = "schema: 1\nname: shop\nenvironment: staging\n"
    (line,) = refused(f"{head}components: {{api: {{url: 'https://api.shop.example', tls: {{policy: mozilla}}}}}}\n")
    assert "components.api.tls.policy: unknown policy 'mozilla'" in line


def test_a_password_in_the_file_is_refused(refused: Refused) -> None:
    head = "schema: 1\nname: shop\nenvironment: staging\n"
    login = "smtp: {login: {username: shop, password: only-here}}"
    (line,) = refused(f"{head}components: {{relay: {{address: 'smtp.shop.example:587', {login}}}}}\n")
    assert "components.relay.smtp.login.password: give it by reference" in line
    assert "only-here" not in line


def test_a_component_that_nothing_verifies_is_refused(refused: Refused) -> None:
    text = HEALTHY.split("    health", maxsplit=1)[0]
    assert refused(text) == [
        (
            "x.yaml:5:3: components.api: nothing verifies this component; give at least one of: health, release, tcp, "
            "tls, http, headers, websocket, exposure, limits, dns"
        )
    ]


def test_a_misspelt_key_is_told_beside_the_one_that_is_missing(refused: Refused) -> None:
    assert [line.split("; ")[0] for line in refused(HEALTHY.replace("name: shop", "nam: shop"))] == [
        "x.yaml:1:1: name: is missing",
        "x.yaml:2:1: nam: unknown key",
    ]


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file(refused: Refused) -> None:
    text = """\
schema: 1
name: Shop
environment: staging
environment: production
components:
  api:
    url: https://api.shop.example
    depends_on: [databse]
    health: {path: up, status: ok}
    tls: {min_day_left: 14, policy: mozilla-modern}
  database:
    address: db.shop.example:5432
    tcp: {open: yes}
"""
    assert [line.split("; ")[0] for line in refused(text)] == [
        "x.yaml:2:7: name: found 'Shop' (text)",
        "x.yaml:4:1: environment: the key is repeated",
        "x.yaml:8:18: components.api.depends_on: unknown component 'databse'",
        "x.yaml:9:20: components.api.health.path: found 'up' (text)",
        "x.yaml:9:32: components.api.health.status: found 'ok' (text)",
        "x.yaml:10:11: components.api.tls.min_day_left: unknown key",
        "x.yaml:10:37: components.api.tls.policy: unknown policy 'mozilla-modern'",
        "x.yaml:13:17: components.database.tcp.open: found 'yes' (text)",
    ]


def test_all_files_that_can_not_be_read_are_told(write: Callable[..., Path]) -> None:
    with pytest.raises(TargetError) as caught:
        load_target(write("a: ["), [Path("gone.yaml"), write(b"\0", "bin.yaml")])
    assert str(caught.value).splitlines() == [
        "bin.yaml: is a binary file, not YAML",
        "gone.yaml: there is no such file",
        "x.yaml:2:1: is not valid YAML: did not find expected node content",
    ]


def test_an_error_in_an_overlay_is_told_there(refused: Refused) -> None:
    over = "components:\n  api: {tls: {min_days_left: soon}}\n"
    assert refused(HEALTHY, over) == [
        "over0.yaml:2:30: components.api.tls.min_days_left: found 'soon' (text); allowed: a whole number >= 0"
    ]


def test_a_path_outside_the_working_directory_is_told_whole(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write(HEALTHY, "deep/x.yaml").resolve()
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    where = load_target(path).where("name")
    assert where == f"{path}:2:1"
