from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from roadworthy.commands import target

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
HEALTHY = """\
schema: 1
name: shop
environment: staging
description: Sells things
components:
  api:
    url: https://${env:HOST:-api}.shop.example
    health: {path: /up, contains: "${env:MARK:-well}"}
"""


@pytest.fixture
def roadworthy(write: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    write(HEALTHY, "targets/shop.yaml")
    Path("suites").mkdir()

    def run(*arguments: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        target.add_parser(parser.add_subparsers())
        args = parser.parse_args(["target", *arguments])
        code = args.run(args)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_validate_says_what_is_valid(roadworthy: Callable[..., tuple[int, str, str]]) -> None:
    assert roadworthy("validate", "shop") == (0, "shop: valid; shop, staging, 1 component\n", "")
    assert roadworthy("validate", "targets/shop.yaml")[0] == 0


def test_validate_tells_every_error_of_every_target(
    roadworthy: Callable[..., tuple[int, str, str]], write: Callable[..., Path]
) -> None:
    write(HEALTHY.replace("path", "pth").replace("staging", "[]"), "targets/broken.yaml")
    code, out, err = roadworthy("validate", "broken", "shop", "gone")
    assert code == 4
    assert out == "shop: valid; shop, staging, 1 component\n"
    assert [line.split(" ")[0] for line in err.splitlines()] == [
        "targets/broken.yaml:3:1:",
        "targets/broken.yaml:8:5:",
        "targets/broken.yaml:8:14:",
        "there",
    ]


def test_validate_lays_overlays_over_the_target(
    roadworthy: Callable[..., tuple[int, str, str]], write: Callable[..., Path]
) -> None:
    write("components: {api: {health: {status: 1}}}\n", "over.yaml")
    code, _, err = roadworthy("validate", "shop", "--overlay", "over.yaml")
    assert (code, err.split(": ")[0]) == (4, "over.yaml:1:37")


def test_show_prints_what_is_in_force_and_no_secret(
    roadworthy: Callable[..., tuple[int, str, str]], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARK", "s3cret")
    write("environment: sandbox\n", "over.yaml")
    code, out, err = roadworthy("show", "shop", "--overlay", "over.yaml")
    assert (code, err) == (0, "")
    shown = yaml.safe_load(out)
    assert shown["environment"] == "sandbox"
    assert shown["components"]["api"]["health"] == {"path": "/up", "contains": "${env:MARK:-well}", "status": 200}
    assert "s3cret" not in out


def test_show_of_what_is_not_there(roadworthy: Callable[..., tuple[int, str, str]]) -> None:
    assert roadworthy("show", "shp") == (
        4,
        "",
        "there is no target 'shp' in targets/; did you mean shop? allowed: shop\n",
    )


def test_list_needs_no_variable_and_goes_on_after_a_broken_file(
    roadworthy: Callable[..., tuple[int, str, str]], write: Callable[..., Path]
) -> None:
    write(HEALTHY.replace(":-api", ""), "targets/needs.yaml")
    write("a: [", "targets/broken.yaml")
    code, out, err = roadworthy("list")
    assert code == 4
    assert out.splitlines() == [
        "needs  staging  1 component  Sells things",
        "shop   staging  1 component  Sells things",
    ]
    assert err.startswith("targets/broken.yaml:2:1: is not valid YAML: ")


def test_schema_prints_what_is_committed(roadworthy: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = roadworthy("schema")
    assert (code, out) == (0, (ROOT / "targets" / "schema.json").read_text())


def test_no_network_library_is_imported_to_load_a_target() -> None:
    program = (
        "import sys; from pathlib import Path; from roadworthy.commands import target;"
        "from roadworthy.target.loading import load_target; load_target(Path(sys.argv[1]));"
        "print(sorted({'httpx', 'sslyze', 'pytest', 'dns', 'OpenSSL', 'rich', 'jsonschema'} & sys.modules.keys()))"
    )
    demo = ROOT / "targets" / "demo.yaml"
    done = subprocess.run([sys.executable, "-c", program, str(demo)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
