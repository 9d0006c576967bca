"""`report.html`: one page that needs nothing else; readable without JavaScript, on paper, in the dark, on a phone.

Its content security policy allows the page's own style and script by their hashes and nothing besides, so that a text
that slipped through escaping could still neither run nor fetch.
"""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

from roadworthy.report import findings
from roadworthy.report.text import clipped
from roadworthy.verdict.models import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.verdict.models import Look, Result, Verdict

SEEN_LIMIT = 4_000
CELL_LIMIT = 400
COMMANDS_LIMIT = 12
CLASSES = {
    "failed": "failed",
    "not observed": "unseen",
    findings.WAIVED: "waived",
    findings.ADVICE: "advice",
    "passed": "passed",
}
"""The CSS class of each word for a result, the gravest first."""

NOTHING = '<span class="muted">none</span>'


def render(verdict: Verdict) -> str:
    """The whole page."""
    grouped = findings.groups(verdict)
    style, script = _resource("page.css"), _resource("page.js")
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'"
    title = f"{findings.decided(verdict)}: {findings.subject(verdict)}"
    parts = [
        _head(verdict),
        _causes(grouped),
        _findings(grouped),
        _advice(findings.advice(verdict)),
        _waived(findings.waived(verdict)),
        _overview(verdict),
        _results(verdict, grouped),
        _facts(verdict),
    ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{"".join(parts)}</main>
<script>{script}</script>
</body>
</html>
"""


def _resource(name: str) -> str:
    return (files("roadworthy.report") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _head(verdict: Verdict) -> str:
    decision = verdict.decision
    replayed = findings.replay(verdict)
    started = f'<time datetime="{verdict.started.isoformat()}">{findings.moment(verdict.started)}</time>'
    return f"""<header class="verdict {decision.value}">
<p class="subject">{escape(findings.subject(verdict))}</p>
<h1><span aria-hidden="true">{findings.DECISION_MARKS[decision]}</span> {escape(findings.decided(verdict))}</h1>
<p class="headline">{escape(findings.meaning(verdict))}</p>
<p class="counts">{escape(findings.counts(verdict))} · {findings.plural(verdict.observations, "observation")}
 · {findings.duration(verdict.elapsed_s)} · {started}</p>
</header>
{f'<p class="replay" role="note">{escape(replayed)}</p>' if replayed else ""}
"""


def _causes(grouped: tuple[findings.Group, ...]) -> str:
    if not grouped:
        return ""
    rows = "".join(
        f"""<li><a href="#cause-{number}">{_outcome(group.cause.outcome, group.cause.severity.label)}
<span>{escape(clipped(group.cause.headline, CELL_LIMIT))}
{f'<b class="behind">{findings.behind(group)}</b>' if group.behind else ""}
<code class="muted">{escape(group.cause.check)}</code>
{"" if group.cause.blocking else '<span class="muted">(does not block)</span>'}</span></a></li>
"""
        for number, group in enumerate(grouped, 1)
    )
    return f'<section aria-labelledby="causes"><h2 id="causes">Causes</h2>\n<ol class="causes">{rows}</ol></section>\n'


def _findings(grouped: tuple[findings.Group, ...]) -> str:
    if not grouped:
        return ""
    articles = "".join(_group(number, group) for number, group in enumerate(grouped, 1))
    return f'<section aria-labelledby="findings"><h2 id="findings">Findings</h2>\n{articles}</section>\n'


def _group(number: int, group: findings.Group) -> str:
    cause, first = group.cause, group.first
    told = "".join(_finding(finding, alone=len(group.findings) == 1) for finding in group.findings)
    title = f"{findings.named(cause.components)}: {first.title if first else cause.headline}"
    kind = CLASSES[cause.outcome.value]
    return f"""<article class="finding {kind}" id="cause-{number}" aria-labelledby="title-{number}">
<h3 id="title-{number}">{escape(title)}</h3>
<p class="line">{_outcome(cause.outcome, f"{cause.outcome.value}, {cause.severity.label}")}
<code>{escape(cause.check)}</code>{"" if cause.blocking else " does not block"}</p>
{told}{_words(group, first) if first else ""}{_behind(group)}</article>
"""


def _advice(grouped: tuple[findings.Group, ...]) -> str:
    if not grouped:
        return ""
    rows = "".join(
        f"<dt><code>{escape(findings.adviser(group))}</code></dt>\n"
        f"<dd>{escape(clipped(group.cause.headline, SEEN_LIMIT))}"
        f" {_muted(_source(group.first.source)) if group.first else ''}</dd>\n"
        for group in grouped
    )
    return f"""<section aria-labelledby="advice"><h2 id="advice">Advice</h2>
<p class="muted">Best practice that nobody promised. It does not block.</p>
<dl class="aside">{rows}</dl></section>
"""


def _muted(markup: str) -> str:
    return f'<span class="muted">{markup}</span>'


def _waived(found: tuple[findings.Finding, ...]) -> str:
    if not found:
        return ""
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(finding.first.check)}</code></th>'
        f"<td>{escape(findings.named(finding.components, 99))}</td>\n"
        f"<td>{escape(clipped(finding.first.seen, CELL_LIMIT))}</td>\n"
        f"<td>{escape(waiver.owner)}</td>\n<td>{findings.moment(waiver.expires)}</td>\n"
        f'<td>{escape(waiver.reason)} <span class="muted">({escape(waiver.at)})</span></td></tr>\n'
        for finding in found
        for waiver in finding.first.waived_by
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("check", "at", "seen", "owner", "until", "reason"))
    return f"""<section aria-labelledby="waived"><h2 id="waived">Waived</h2>
<p class="muted">Not as promised; somebody answers for it. It does not block.</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="waived"><table>
<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>
"""


def _finding(finding: findings.Finding, *, alone: bool) -> str:
    places = f' <span class="muted">({escape(", ".join(finding.promised_at))})</span>' if finding.promised_at else ""
    at = "" if alone else f"<dt>component</dt><dd>{escape(', '.join(finding.components))}</dd>\n"
    return f"""<dl>
{at}<dt>promised</dt><dd>{escape(finding.first.promised)}{places}</dd>
<dt>seen</dt><dd class="seen">{escape(clipped(finding.first.seen, SEEN_LIMIT))}</dd>
{f"<dt>looked at</dt><dd>{_looks(finding.looks)}</dd>" if finding.looks else ""}
</dl>
"""


def _words(group: findings.Group, first: Result) -> str:
    commands = "".join(
        f'<pre class="command"><code>{escape(command)}</code></pre>' for command in group.by_hand[:COMMANDS_LIMIT]
    )
    return f"""<dl>
<dt>why</dt><dd>{_prose(first.why)} <span class="muted">{_source(first.source)}</span></dd>
{f"<dt>by hand</dt><dd>{commands}</dd>" if commands else ""}
<dt>what to do</dt><dd>{_prose(first.repair)}</dd>
</dl>
"""


def _behind(group: findings.Group) -> str:
    if not group.behind:
        return ""
    rows = "".join(
        f"<dd>{escape(components)} <code>{escape(checks)}</code></dd>\n" for checks, components in group.explained
    )
    return f"<dl><dt>behind it ({len(group.behind)})</dt>\n{rows}</dl>\n"


def _overview(verdict: Verdict) -> str:
    components = list(dict.fromkeys(result.component for result in verdict.results))
    families = list(dict.fromkeys(result.family for result in verdict.results))
    if len(components) < 2:  # noqa: PLR2004 - one row says nothing that the verdict did not
        return ""
    head = "".join(f'<th scope="col">{escape(family)}</th>' for family in families)
    rows = "".join(
        f'<tr><th scope="row">{escape(component)}</th>'
        + "".join(_tally(verdict, component, family) for family in families)
        + "</tr>\n"
        for component in components
    )
    return f"""<section aria-labelledby="overview"><h2 id="overview">Components</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="overview"><table class="overview">
<thead><tr><th scope="col">component</th>{head}</tr></thead>
<tbody>{rows}</tbody></table></div></section>
"""


def _tally(verdict: Verdict, component: str, family: str) -> str:
    members = (result for result in verdict.results if (result.component, result.family) == (component, family))
    counted = sorted(findings.tally(members), key=lambda entry: list(CLASSES).index(entry[0]))
    told = (_tag(word, f"{count} {word}") for word, count in counted)
    return f"<td>{' '.join(told) or NOTHING}</td>"


def _results(verdict: Verdict, grouped: tuple[findings.Group, ...]) -> str:
    anchors = {group.cause.id: f"cause-{number}" for number, group in enumerate(grouped, 1)}
    bodies = "".join(
        f'<tbody><tr class="component"><th colspan="5" scope="rowgroup">{escape(component)}</th></tr>\n'
        + "".join(_row(result, anchors) for result in verdict.results if result.component == component)
        + "</tbody>\n"
        for component in dict.fromkeys(result.component for result in verdict.results)
    )
    return f"""<section aria-labelledby="results"><h2 id="results">All results</h2>
<div id="filter"></div>
<table class="results">
<thead><tr><th scope="col">outcome</th><th scope="col">check</th><th scope="col">promised</th>
<th scope="col">seen</th><th scope="col">looked at (evidence)</th></tr></thead>
{bodies}</table></section>
"""


def _row(result: Result, anchors: dict[str, str]) -> str:
    seen = escape(clipped(result.seen, CELL_LIMIT))
    if result.blocked_by:
        link = f'<a href="#{anchors[result.blocked_by]}">' if result.blocked_by in anchors else "<a>"
        seen += f' <span class="muted">(behind {link}{escape(result.blocked_by)}</a>)</span>'
    word = findings.word(result)
    return f"""<tr class="{CLASSES[word]}"><td>{_tag(word, word)}</td>
<th scope="row"><code>{escape(result.check)}</code> <span class="muted">{result.severity.label}</span>
<span class="title">{escape(result.title)}</span></th>
<td>{escape(clipped(result.promised, CELL_LIMIT))}</td><td>{seen}</td><td>{_looks(result.looks)}</td></tr>
"""


def _looks(looks: Iterable[Look]) -> str:
    told = []
    for look in looks:
        name = look.what if look.address is None or look.address in look.what else f"{look.what} at {look.address}"
        linked = f'<a href="{escape(quote(look.evidence))}">{escape(name)}</a>' if look.evidence else escape(name)
        tries = f", {look.attempts} attempts" if look.attempts > 1 else ""
        told.append(f'<li>{linked} <span class="muted">{findings.duration(look.elapsed_s)}{tries}</span></li>')
    return f'<ul class="looks">{"".join(dict.fromkeys(told))}</ul>'


def _facts(verdict: Verdict) -> str:
    facts = [
        ("target", verdict.target),
        ("environment", verdict.environment),
        ("release", verdict.release or "not promised"),
        ("started", findings.moment(verdict.started)),
        ("took", findings.duration(verdict.elapsed_s)),
        ("observations", str(verdict.observations)),
        ("blocks from", f"{verdict.fail_on.label} up"),
        ("exit code", f"{int(verdict.exit_code)} ({verdict.exit_code.name.lower().replace('_', ' ')})"),
        ("run", verdict.run),
        *([("replay of", verdict.replay_of)] if verdict.replay_of else []),
        ("roadworthy", verdict.roadworthy),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>\n" for name, value in facts)
    notes = "".join(f"<li>{escape(clipped(note, SEEN_LIMIT))}</li>\n" for note in findings.notes(verdict))
    return f"""<section aria-labelledby="run"><h2 id="run">The run</h2>
<dl class="facts">{rows}</dl>
{f'<h3>Notes</h3><ul class="notes">{notes}</ul>' if notes else ""}{_rounds(verdict)}</section>
"""


def _rounds(verdict: Verdict) -> str:
    if not verdict.rounds:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{number}</th><td>{findings.moment(entry.at)}</td>'
        f"<td>{_outcome(Outcome.PASSED, 'good') if entry.good else _outcome(Outcome.FAILED, 'not good')}</td>"
        f"<td>{escape(clipped('; '.join(entry.waiting_for), CELL_LIMIT))}</td></tr>\n"
        for number, entry in enumerate(verdict.rounds, 1)
    )
    return f"""<h3>Rounds of waiting</h3><table class="rounds"><thead><tr><th scope="col">round</th>
<th scope="col">ended</th><th scope="col">blockers</th><th scope="col">waited for</th></tr></thead>
<tbody>{rows}</tbody></table>
"""


def _outcome(outcome: Outcome, words: str) -> str:
    return _tag(outcome.value, words)


def _tag(word: str, words: str) -> str:
    """A mark and words: colour is never the only sign."""
    mark = f'<span aria-hidden="true">{findings.WORD_MARKS[word]}</span>'
    return f'<span class="tag {CLASSES[word]}">{mark} {escape(words)}</span>'


def _prose(text: str) -> str:
    """A check's own words; what stands in backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _source(source: str) -> str:
    told = source
    pieces: list[str] = []
    for text, url in findings.links(source):
        before, _, told = told.partition(text)
        pieces += [escape(before), f'<a href="{escape(url)}" rel="noreferrer">{escape(text)}</a>']
    return "".join([*pieces, escape(told)])
