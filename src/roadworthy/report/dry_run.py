"""`--dry-run`: what would be sent, for a person or as JSON. Whoever operates the host can read it before it happens."""

from __future__ import annotations

import json
from textwrap import wrap
from typing import TYPE_CHECKING

from roadworthy.report.findings import plural
from roadworthy.report.text import harmless
from roadworthy.verdict.plan import AT_IT, EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.observe.redaction import Scrubber
    from roadworthy.target.models import Target
    from roadworthy.verdict.plan import Plan, Planned

INDENT = " " * 8

TITLES = {
    "quiet": "First, few at a time, as their time is judged",
    "normal": "Then",
    "rough": "Then what may make a server defend itself",
    "limits": "Then what uses a limit up, one after another",
    "end": "At the very end",
}


def as_text(plan: Plan, target: Target, scrub: Scrubber, *, waits: str | None = None) -> str:
    """The list for people, secrets replaced."""
    lines = [*_head(plan, target, waits)]
    for when, title in TITLES.items():
        members = [planned for planned in plan.asks if planned.when == when and planned.ask.kind != "name"]
        if members:
            marked = waits is not None
            lines += ["", f"{title}:", *(line for one in members for line in _ask(plan, one, marked=marked))]
    lines += ["", *_hosts(plan)]
    return "\n".join(_wrapped(harmless(scrub(line)).replace("\n", " ")) for line in lines) + "\n"


def _wrapped(line: str) -> str:
    """Broken between words alone: a URL stays whole."""
    parts = wrap(line, 118, subsequent_indent=f"{INDENT}    ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(parts)


def _head(plan: Plan, target: Target, waits: str | None) -> Iterable[str]:
    yield f"{target.name} ({target.environment}): this would be sent. Nothing was, not even a look-up of a name."
    yield ""
    yield f"User-Agent: {plan.network.user_agent}"
    together = f"{plan.network.concurrency} at once, {plan.network.per_host} to one name and port"
    yield "Each line is sent to every address of its name, unless it says where; the number is that of exchanges."
    yield f"At most {together}; what fails is asked {plural(plan.network.retries, 'time')} more."
    if plan.looked_up:
        yield f"Looked up at {plan.network.resolver or 'the resolver of this machine'}: {', '.join(plan.looked_up)}"
    if waits is not None:
        yield (
            f"Before that, for {waits} at most, a round a second of what is marked w: "
            f"{plural(plan.of_a_round, 'exchange')} a round."
        )


def _ask(plan: Plan, planned: Planned, *, marked: bool) -> Iterable[str]:
    mark = "w" if marked and planned.is_waited_for else " "
    where = plan.where(planned.ask)
    yield f"{planned.ask.exchanges:5} {mark} {planned.what}" + ("" if where in (EVERYWHERE, AT_IT) else f", {where}")
    yield f"{INDENT}for {', '.join(planned.checks)}"


def _hosts(plan: Plan) -> Iterable[str]:
    yield f"Exchanges at each address; the budget is {plan.network.budget} a name:"
    for host, count in plan.of_hosts.items():
        yield f"{count:5}   {host}{'  OVER THE BUDGET' if count > plan.network.budget else ''}"


def as_json(plan: Plan, target: Target, scrub: Scrubber, *, waits: str | None = None) -> str:
    """The list for programs, secrets replaced."""
    told = {
        "schema_version": 1,
        "target": target.name,
        "environment": target.environment,
        "user_agent": plan.network.user_agent,
        "budget": plan.network.budget,
        "waits": waits,
        "looked_up": list(plan.looked_up),
        "asks": [
            {
                "when": planned.when,
                "what": planned.what,
                "where": plan.where(planned.ask),
                "exchanges": planned.ask.exchanges,
                "waited_for": planned.is_waited_for,
                "checks": list(planned.checks),
                "ask": planned.ask.model_dump(mode="json"),
            }
            for planned in plan.asks
        ],
        "hosts": dict(plan.of_hosts),
    }
    return json.dumps(scrub.tree(told), indent=1) + "\n"
