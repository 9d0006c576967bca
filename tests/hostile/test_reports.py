"""What a hostile server says reaches people as text alone: no command, no script, no order."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.hostile import certificates, looking
from tests.hostile.http_1 import OK, leads, says

if TYPE_CHECKING:
    from tests.hostile.grounds import Grounds

pytestmark = pytest.mark.real

ODD = (
    "]]> <script>alert(1)</script> \x1b[2J\x1b]0;owned\x07\x1b]8;;http://evil.example\x07 \x00 \x85\x9b31m "
    "\u202egpj.exe\u2066 "
    "\r\n::error::gotcha\n::set-output name=x::y\n##[error]x\n`tick` ``` | pipe | **bold** [link](javascript:alert(1)) "
    "<img src=x onerror=alert(1)> \ufffe \ufdd0 %0A::add-mask::x &amp; \"quote\" 'single' <!-- --!> ${env:HOME} {0} "
    "%s \u2028x"
)
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)

BODY = json.dumps({"status": ODD, ODD: ODD}).encode() + ODD.encode()
STATUS_LINE = b"HTTP/1.1 299 <script>alert(1)</script> ]]> `|` ::error::x\r\n"
HEADERS = (
    b"Server: nginx/1.2 <img src=x onerror=alert(1)> ]]>\r\nX-Frame-Options: ::error::gotcha | ](javascript:x)\r\n"
    b"X-Content-Type-Options: \xe2\x80\xaegpj.exe \xc2\x9b31m <script>\r\nContent-Security-Policy: <script> ]]> ` |\r\n"
    b"Set-Cookie: <script>=\xff\xfe; \xc2\x85\r\nX-Powered-By: \xc2\x9b2J<!--\r\n"
)


@pytest.fixture(scope="module")
def reports(grounds: Grounds, well: int, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a run of the command against servers that say such things, and what it printed."""
    folder = tmp_path_factory.mktemp("odd")
    context = certificates.context(folder, [certificates.certificate(certificates.SAN, subject=ODD[:60])])
    ports = {
        "text": grounds.serve(says(OK + b"\r\n" + BODY)),
        "json": grounds.serve(says(OK + b"\r\n" + json.dumps({"status": ODD, ODD: ODD}, ensure_ascii=False).encode())),
        "headers": grounds.serve(says(STATUS_LINE + HEADERS + b"\r\n")),
        "banner": grounds.serve(says(ODD.encode() * 9)),
        "escapes": grounds.serve(says(OK + b"X-Esc: \x1b[2J\x07\r\n\r\n")),
        "moved": grounds.serve(leads(anywhere="javascript:alert(1)//<script>`|`]]>::error::x")),
        "secure": grounds.serve(says(OK + b"\r\n"), context),
    }
    blocks = {
        "text": "health: {path: /, contains: fine}",
        "json": "health: {path: /, json: {status: ok}}\n    release: {path: /, json: status}",
        "headers": "health: {path: /}\n    headers: {x-frame-options: DENY, x-content-type-options: nosniff, "
        "hides_versions: true, content-security-policy: {default-src: \"'self'\"}}",
        "banner": "health: {path: /}",
        "escapes": "health: {path: /}",
        "moved": "http: {redirects_from_http: 301}",
        "secure": "tls: {min_days_left: 5}",
    }
    times = ", ".join(f"{name}: {seconds:g}s" for name, seconds in looking.TIMES.items())
    components = "".join(
        f"  {name}:\n    url: http{'s' * (name == 'secure')}://127.0.0.1:{port}\n    {blocks[name]}\n"
        for name, port in ports.items()
    )
    target = folder / "target.yaml"
    target.write_text(
        f"schema: 1\nname: odd\nenvironment: test\nrelease: {{version: '1'}}\nnetwork: {{{times}, retries: 0}}\n"
        f"components:\n{components}  well:\n    url: http://127.0.0.1:{well}\n    health: {{path: /health}}\n"
    )
    page = folder / "step.md"
    done = subprocess.run(
        [Path(sys.executable).with_name("roadworthy"), "gate", target, "--reports", folder / "reports"],
        env={**os.environ, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    (run,) = (folder / "reports").iterdir()
    (run / "stdout").write_text(done.stdout + done.stderr, encoding="utf-8")
    return run, done.stdout + done.stderr


def test_the_terminal_shows_text_alone(reports: tuple[Path, str]) -> None:
    shown = reports[1]
    assert "alert(1)" in shown
    assert not UNSAFE.findall(shown)


def test_a_runner_of_github_obeys_nobody_but_us(reports: tuple[Path, str]) -> None:
    lines = reports[1].splitlines()
    (start,) = (line for line in lines if line.startswith("::stop-commands::"))
    token = start.removeprefix("::stop-commands::")
    stopped = lines[lines.index(start) + 1 : lines.index(f"::{token}::")]
    free = [line for line in lines if line not in stopped]
    orders = [line for line in free if line.lstrip().startswith(("::", "##["))]
    assert len(orders) > 2
    ours = re.compile(r"::(?:error|warning|notice) file=[^:]*,line=\d+,col=\d+,title=[^:]*::")
    assert [line for line in orders if token not in line and not ours.match(line)] == []


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_the_page_holds_our_script_alone(reports: tuple[Path, str]) -> None:
    text = (reports[0] / "report.html").read_text(encoding="utf-8")
    assert not UNSAFE.findall(text)
    page = Page()
    page.feed(text)
    assert page.tags.count("script") == 1
    assert not {"img", "iframe", "object", "base", "form"} & set(page.tags)
    assert [name for name, _ in page.attributes if name.startswith("on")] == []
    links = [value or "" for name, value in page.attributes if name in ("href", "src")]
    assert links
    assert [link for link in links if not link.startswith(("#", "https://", "evidence/"))] == []


def test_the_junit_file_is_xml(reports: tuple[Path, str]) -> None:
    root = ET.parse(reports[0] / "junit.xml").getroot()  # noqa: S314 - our own file
    assert root.findall(".//failure")
    assert not UNSAFE.findall("".join(root.itertext()))


def test_the_summary_is_no_html(reports: tuple[Path, str]) -> None:
    text = (reports[0] / "summary.md").read_text(encoding="utf-8")
    assert not UNSAFE.findall(text)
    assert set(re.findall(r"<(?!!--)/?([a-zA-Z]+)", outside_fences(text))) <= {"br", "sub", "details", "summary"}
    assert not re.findall(r"(?<!\\)\]\(", outside_fences(text))


def outside_fences(text: str) -> str:
    kept, fence = [], ""
    for line in text.splitlines():
        if fence:
            fence = "" if line == fence else fence
        elif match := re.match(r"`{3,}", line):
            fence = match[0]
        else:
            kept.append(line)
    assert not fence
    return "\n".join(kept)


def test_everything_else_is_json(reports: tuple[Path, str]) -> None:
    files = [*reports[0].rglob("*.json")]
    assert len(files) > 20
    for file in files:
        json.loads(file.read_text(encoding="utf-8"))


def test_the_healthy_one_is_judged_as_ever(reports: tuple[Path, str]) -> None:
    held = json.loads((reports[0] / "verdict.json").read_text(encoding="utf-8"))
    assert {one["outcome"] for one in held["results"] if one["component"] == "well"} == {"passed"}
    assert not [one for one in held["results"] if "broken check" in one["seen"]]
