"""Each file format, parsed back from every built verdict."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from roadworthy.report import html, junit, markdown, schema
from roadworthy.report import json as verdict_json
from roadworthy.report.text import tellable
from roadworthy.verdict.models import Verdict
from tests.report import verdicts

SCHEMA = Path(__file__).parents[2] / "docs" / "verdict.schema.json"
VOID = {"meta", "br", "link", "input", "img", "hr"}


def built(name: str) -> Verdict:
    return tellable(verdicts.BUILT[name]())


# --- JUnit ---------------------------------------------------------------------------------------------------------


def parsed(verdict: Verdict) -> ET.Element:
    return ET.fromstring(junit.render(verdict))  # noqa: S314 - our own document


def cases(verdict: Verdict) -> list[ET.Element]:
    return list(parsed(verdict).iter("testcase"))


@pytest.mark.parametrize("name", verdicts.BUILT)
def test_junit_has_a_case_for_each_result(name: str) -> None:
    assert len(cases(built(name))) == len(built(name).results)


def test_junit_keeps_failure_and_error_apart() -> None:
    verdict = verdicts.verdict(verdicts.failed(), verdicts.unseen(component="www"), verdicts.result(component="shop"))
    root = parsed(verdict)
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "1")
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [[child.tag for child in case] for case in cases(verdict)] == [
        ["failure", "system-out"],
        ["error", "system-out"],
        ["system-out"],
    ]


def test_junit_leaves_what_does_not_block_green_and_says_why() -> None:
    verdict = built("waived")
    root = parsed(verdict)
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("6", "0", "0", "2")
    accepted, advice = (element.get("message", "") for element in root.iter("skipped"))
    assert accepted.startswith("waived by ops@shop.example until 31 Dec 2026 23:59:59 UTC: framed by the intranet")
    assert accepted.endswith("(SHOP-1412) (waivers.yaml:3:5)")
    assert advice == "advice: TLS 1.2 is still offered (RFC 9325)"


def test_junit_names_stay_whatever_was_seen() -> None:
    names = [(case.get("classname"), case.get("name")) for case in cases(verdicts.verdict(verdicts.failed()))]
    assert names == [("tls.TLS-EXPIRY", "api")]
    assert names == [(case.get("classname"), case.get("name")) for case in cases(verdicts.verdict(verdicts.result()))]


def test_junit_says_what_was_judged_and_how_to_see_it() -> None:
    root = parsed(verdicts.replayed())
    properties = {entry.get("name"): entry.get("value") for entry in root.iter("property")}
    assert properties["target"] == "demo"
    assert properties["environment"] == "production"
    assert properties["release"] == "2026.11.3"
    assert properties["decision"] == "go"
    assert properties["replay_of"] == "2026-11-02T09-00-00-demo"
    out = root.findtext(".//system-out", "")
    assert verdicts.look().by_hand in out
    assert "evidence/tls-api.shop.example" in out


# --- JSON ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", verdicts.BUILT)
def test_json_follows_the_schema_and_reads_back(name: str) -> None:
    text = verdict_json.render(built(name))
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(json.loads(text))
    assert Verdict.model_validate_json(text) == built(name)


def test_the_committed_schema_is_the_models() -> None:
    assert SCHEMA.read_text() == schema.render(), "run: python -m roadworthy.report.schema > docs/verdict.schema.json"


def test_the_schema_refuses_another_shape() -> None:
    data = json.loads(verdict_json.render(verdicts.go()))
    for change in ({"schema_version": 2}, {"unknown": 1}, {"decision": "maybe"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(data | change, json.loads(schema.render()))


# --- HTML ----------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Refuses tags that are not closed in order, and collects what the page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def attributes(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(name))]


@pytest.mark.parametrize("name", verdicts.BUILT)
def test_html_is_well_formed_and_needs_nothing_else(name: str) -> None:
    page = Page(html.render(built(name)))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("script") == tags.count("style") == tags.count("h1") == 1
    assert not {"img", "link", "iframe", "form"} & set(tags)
    assert not page.attributes("src")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("name", verdicts.BUILT)
def test_html_links_lead_somewhere(name: str) -> None:
    page = Page(html.render(built(name)))
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    for href in page.attributes("href"):
        assert href.startswith(("https://", "evidence/", "#")), href
        assert not href.startswith("#") or href[1:] in ids
    assert set(page.attributes("aria-labelledby")) <= set(ids)


def test_html_says_the_verdict_first_and_then_everything() -> None:
    text = " ".join(Page(html.render(verdicts.no_go())).text.split())
    order = ["NO-GO", "Causes", "+ 20 behind it", "Findings", "promised", "seen", "why", "by hand", "what to do"]
    rest = text
    for words in order:
        _, found, rest = rest.partition(words)
        assert found, words
    assert verdicts.look().by_hand in text
    assert "service-08, service-09 HEALTH-STATUS, HEALTH-JSON" in text
    assert text.count("HEALTH-STATUS") == 1 + 10 + 2  # behind the cause, then each result with those that passed


def test_html_says_a_replay_and_the_waiting() -> None:
    assert "REPLAY of 2026-11-02" in Page(html.render(verdicts.replayed())).text
    assert "api: no answer: refused" in Page(html.render(verdicts.flaky())).text
    assert "3 attempts" in Page(html.render(verdicts.flaky())).text


def test_html_tells_waived_findings_and_advice_apart_from_causes() -> None:
    page = Page(html.render(built("waived")))
    text = " ".join(page.text.split())
    assert "GO (1 waived)" in text
    assert "but for those that are waived" in text
    assert "4 passed, 1 waived, 1 advice" in text
    assert "Causes" not in text
    assert "Findings" not in text
    assert "failed" not in text
    assert "Advice Best practice that nobody promised. It does not block. TLS-ADVICE api: TLS 1.2 is still" in text
    assert "ops@shop.example 31 Dec 2026 23:59:59 UTC framed by the intranet (SHOP-1412) (waivers.yaml:3:5)" in text
    assert "waiver of TLS-NAME [api] by ops@shop.example (waivers.yaml:8:5) expired" in text


def test_html_shows_hostile_text_as_text() -> None:
    page = Page(html.render(tellable(verdicts.verdict(verdicts.failed(seen=verdicts.HOSTILE)))))
    assert "<script>alert(1)</script>" in page.text
    assert r"\x1b[2J" in page.text


# --- Markdown ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", verdicts.BUILT)
def test_markdown_says_the_verdict_in_its_first_line(name: str) -> None:
    first = markdown.render(built(name)).splitlines()[0]
    assert first.startswith("## ")
    assert built(name).decision.value.upper() in first


def test_markdown_has_a_row_for_each_cause_and_all_that_a_person_needs() -> None:
    text = markdown.render(verdicts.no_go())
    assert "| ✗ critical | database: connection refused | REACH-TCP | 20 | yes |" in text
    assert "| ✗ low | api, www: server: nginx/1.31.3 | HDR-VERSIONS |  | no |" in text
    assert "- **promised:** tcp.open: true (targets/demo.yaml:12:3)" in text
    assert f"```sh\n{verdicts.look().by_hand}\n```" in text


def test_markdown_leaves_hostile_text_without_effect() -> None:
    text = markdown.render(tellable(verdicts.verdict(verdicts.failed(seen="a | b\n# c <b> `d` [e](f) @all **g**"))))
    row = next(line for line in text.splitlines() if line.startswith("| ✗"))
    assert row == (
        r"| ✗ high | api: a \| b<br>\# c &lt;b&gt; \`d\` \[e\](f) &#64;all \*\*g\*\* | TLS-EXPIRY |  | yes |"
    )  # fmt: skip


def test_markdown_tells_waived_findings_and_advice_apart_from_causes() -> None:
    text = markdown.render(built("waived"))
    assert text.startswith("## ✓ GO (1 waived): demo (production)")
    assert "4 passed, 1 waived, 1 advice" in text
    assert "| Severity | Cause |" not in text
    assert "- TLS-ADVICE: api: TLS 1.2 is still offered (RFC 9325)" in text
    assert "| HDR-XFO | www | not sent | ops&#64;shop.example | 31 Dec 2026 23:59:59 UTC | framed by the" in text


def test_markdown_fences_are_longer_than_any_in_a_command() -> None:
    talk = verdicts.look(outcome="failed", by_hand="echo ```` # <b>")
    text = markdown.render(verdicts.verdict(verdicts.failed(looks=(talk,))))
    assert "`````sh\necho ```` # <b>\n`````" in text


def test_markdown_stays_below_what_github_takes() -> None:
    many = [verdicts.failed(f"CHECK-{n}", seen=f"{n} " + "é&" * 5_000, promised="x" * 10_000) for n in range(100)]
    text = markdown.render(verdicts.verdict(*many, causes=tuple(verdicts.cause(one) for one in many)))
    assert len(text.encode()) < 1_000_000
    assert "more causes: see the full report" in text


def test_every_format_takes_what_pydantic_would_not() -> None:
    """A lone surrogate gets into a verdict only past validation, and still stops no report."""
    odd: Any = verdicts.go().model_copy(update={"notes": ("\ud800",)})
    odd = tellable(odd)
    assert r"\ud800" in html.render(odd)
    assert r"\\ud800" in verdict_json.render(odd)
