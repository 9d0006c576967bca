"""The documents: generated ones are in step, and what the others name exists and can be typed as it stands."""

from __future__ import annotations

import argparse
import ast
import itertools
import re
import shlex
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

from roadworthy.catalogue import as_markdown, entries, judges_by_key
from roadworthy.cli import COMMANDS
from roadworthy.proofs import Proofs
from roadworthy.sandbox.faults import FAULTS, parse_fault
from roadworthy.target import reference
from roadworthy.target.loading import load_target
from roadworthy.target.models import Target
from roadworthy.verdict.models import ExitCode
from roadworthy.verdict.waivers import load_waivers

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
ENVIRON = {
    "EXPECTED_VERSION": "2026.11.3",
    "PROBE_KEY": "probe-key",
    "DEPLOYED_AT": "2026-11-28T06:00:00Z",
    "SHOP_DB_PASSWORD": "shop-db-password",
    "SHOP_REDIS_PASSWORD": "shop-redis-password",
    "SHOP_PROBE_JOB": '{"id":"{id}"}',
    "SMTP_USER": "shop-app",
    "SMTP_PASSWORD": "probe-pass",
}
OWN = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "reports/README.md", ROOT / "loadtests/README.md"]
DOCUMENTS = [*OWN, *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
FAMILIES = "NAME|REACH|HEALTH|RELEASE|HTTP|TLS|HDR|WS|DNS|MAIL|EXP|LIM|HOST|CRON|BACKUP|ENV"
CHECK_ID = re.compile(rf"(?<![\w-])(?:{FAMILIES})(?:-[A-Z]+)+(?![\w-])")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


class Block(NamedTuple):
    """A fenced block of a document."""

    language: str
    text: str


def blocks(document: Path) -> list[Block]:
    found = FENCED.findall(document.read_text(encoding="utf-8"))
    return [Block(language, text.replace(f"\n{indent}", "\n")) for indent, language, text in found]


def commands(document: Path) -> Iterator[list[str]]:
    """Every command line of ours, in shell blocks and in the running text, as a shell would take it apart."""
    text = document.read_text(encoding="utf-8")
    shell = [line for block in blocks(document) if block.language == "sh" for line in joined(block.text)]
    steps = re.findall(r"^ *(?:- )?(?:run: |- )(\./run .*)$", text, re.MULTILINE)  # of a pipeline
    inline = re.findall(r"`((?:\./run )?(?:roadworthy|pytest|demo) [^`]+)`", FENCED.sub("", text))
    for line in (*shell, *steps, *map(completed, inline)):
        yield from simple_commands(line)


def completed(name: str) -> str:
    """The running text may name a command without what it is to do, or do it to."""
    rest = {"roadworthy sandbox": "status", "roadworthy target show": "NAME", "roadworthy target validate": "NAME"}
    return f"{name} {rest.get(name, '')}"


def joined(text: str) -> list[str]:
    return text.replace("\\\n", " ").splitlines()


def simple_commands(line: str) -> Iterator[list[str]]:
    """The words of each of our commands in a line; `./run demo` is `roadworthy demo`."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    words: list[str] = []
    for token in [*lexer, ";"]:
        if not re.fullmatch(r"[|&;<>()]+", token):
            words.append(token)
            continue
        if words[:1] == ["./run"]:
            words = ["roadworthy", "demo", *words[2:]] if words[1:2] == ["demo"] else words[1:]
        if words[:1] in (["roadworthy"], ["pytest"]):
            yield words
        words = []


def roadworthy() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="roadworthy")
    parser.add_argument("--version", action="store_true")
    subparsers = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def unknown_options(words: list[str], config: pytest.Config) -> list[str]:
    """What neither our commands nor pytest know."""
    if words[0] == "roadworthy":
        args, rest = roadworthy().parse_known_args(words[1:])
        if not getattr(args, "takes_rest", False):
            return rest
        words = ["pytest", *rest]
    _, unknown = config._parser.parse_known_and_unknown_args(words[1:])
    return unknown


def test_the_check_catalogue_is_in_step() -> None:
    written = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
    assert written == as_markdown(entries(), Proofs.recorded()), "./run roadworthy checks --markdown > docs/checks.md"


def test_the_families_in_the_readme_are_in_step() -> None:
    told = re.findall(r"^\| `(\w+)` \| (\d+) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {family: int(count) for family, count in told} == Counter(entry.family for entry in entries())


def test_the_reference_of_target_files_is_in_step() -> None:
    written = (ROOT / "docs/target.md").read_text(encoding="utf-8")
    assert written == reference.as_markdown(judges_by_key()), "./run roadworthy target reference > docs/target.md"


def test_the_reference_tells_every_key_and_every_check() -> None:
    text = reference.as_markdown(judges_by_key())
    fields = {key for block in reference.blocks_of("", Target) for key in block.keys}
    assert {"schema", "within", "x-frame-options", "min_days_left", "connect_to"} <= fields
    assert [key for key in fields if f"| `{key}` |" not in text] == []
    assert [entry.check.id for entry in entries() if f"[{entry.check.id}]" not in text] == []
    assert not re.search(r"\| `[\w-]+` \| [^|]* \| [^|]* \|  \|", text), "a key without words"
    assert "<!--" not in text


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    text = FENCED.sub("", document.read_text(encoding="utf-8"))
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not leads(document, link)] == []


def leads(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    file = (document.parent / path) if path else document
    return file.exists() and (not anchor or anchor in anchors(file))


def anchors(file: Path) -> set[str]:
    """What GitHub makes of headings: lower case, spaces are hyphens, other punctuation is gone."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", file.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_commands_can_be_typed_as_they_stand(document: Path, pytestconfig: pytest.Config) -> None:
    wrong = {
        " ".join(words): unknown for words in commands(document) if (unknown := unknown_options(words, pytestconfig))
    }
    assert not wrong


def test_commands_are_found_wherever_they_stand() -> None:
    found = {document.name: list(commands(document)) for document in DOCUMENTS}
    assert [
        "roadworthy",
        "gate",
        "shop",
        "--overlay",
        "$sandbox/overlay.yaml",
        "--expect-version",
        "2026.11.3",
    ] in found["first-target.md"]
    assert ["roadworthy", "demo", "--break", "edge-certificate-expired"] in found["sandbox.md"]
    assert ["roadworthy", "coverage", "--family", "load"] in [words for each in found.values() for words in each]
    assert any("$CI_COMMIT_SHORT_SHA" in words for words in found["pipeline.md"])
    assert sum(map(len, found.values())) > 60


@each_document
def test_checks_and_faults_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    examples = "".join(block.text for block in blocks(document) if block.language == "python")
    checks = {entry.check.id for entry in entries()} | set(re.findall(r'@check\(\s*"([A-Z-]+)"', examples))
    faults = set(FAULTS) | set(re.findall(r'fault\(\s*"([a-z0-9.-]+)"', examples))
    assert set(CHECK_ID.findall(text)) - checks == set()
    assert set(faults_named(document)) - faults == set()


def faults_named(document: Path) -> Iterator[str]:
    for words in commands(document):
        for option, value in itertools.pairwise(words):
            if option in ("break", "mend", "--break") and value not in ("FAULT", "all"):
                yield value.partition(":")[0]
    told = re.findall(r"^Broken: ([a-z0-9.-]+):", document.read_text(encoding="utf-8"), re.MULTILINE)
    yield from (parse_fault(name)[0] if name in FAULTS else name for name in told)


@each_document
def test_targets_can_be_loaded(document: Path, tmp_path: Path) -> None:
    """Each shown as a whole, and each that extends one of them."""
    shown = [block.text for block in blocks(document) if block.language == "yaml" and "\nwaivers:" not in block.text]
    for text in shown:
        if re.search(r"^schema: 1$", text, re.MULTILINE):
            (tmp_path / "shop.yaml").write_text(text, encoding="utf-8")
            load_target(tmp_path / "shop.yaml", environ=ENVIRON)
    extending = [text for text in shown if re.search(r"^extends: shop.yaml$", text, re.MULTILINE)]
    for text in extending:
        base = next(whole(DOCUMENTS[0].parent / "docs/how-to/first-target.md"))
        (tmp_path / "shop.yaml").write_text(base, encoding="utf-8")
        (tmp_path / "over.yaml").write_text(text, encoding="utf-8")
        load_target(tmp_path / "over.yaml", environ={})


def test_waivers_can_be_loaded(tmp_path: Path) -> None:
    (text,) = (block.text for block in blocks(ROOT / "docs/how-to/waivers.md") if block.language == "yaml")
    (tmp_path / "waivers.yaml").write_text(text, encoding="utf-8")
    components = {
        name: {"address": f"{name}.shop.example:443", "tcp": {"open": True}} for name in ("api", "www", "relay")
    }
    target = Target.model_validate({"schema": 1, "name": "shop", "environment": "test", "components": components})
    begun = datetime(2026, 11, 21, tzinfo=UTC)
    standing = load_waivers(tmp_path / "waivers.yaml", target, {entry.check.id for entry in entries()}, begun)
    assert [one.waiver.check for one in standing] == ["HDR-XFO", "TLS-VERSIONS"]


def whole(document: Path) -> Iterator[str]:
    return (block.text for block in blocks(document) if "\nschema: 1\n" in f"\n{block.text}")


@each_document
def test_examples_are_what_they_seem(document: Path) -> None:
    """YAML is YAML, and Python is Python, also where a part of a file is shown."""
    for block in blocks(document):
        if block.language == "yaml":
            assert isinstance(yaml.safe_load(block.text), dict)
        if block.language == "python":
            ast.parse(block.text)


def test_every_exit_code_is_told() -> None:
    told = re.findall(
        r"^\| (\d+) \| ([\w -]+) \|", (ROOT / "docs/exit-codes.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {int(code) for code, _ in told} == {int(code) for code in ExitCode}
