"""Asks one check of one component: every page, every address, and puts the answers into one result."""

from __future__ import annotations

import inspect
import json
import shlex
import typing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from roadworthy.cases.base import Case
from roadworthy.check import Check, Severity, check_of
from roadworthy.facts.base import Ask, NotObserved, NotSeen, Reason, Record
from roadworthy.facts.host import HostAsk
from roadworthy.facts.http import HttpAsk
from roadworthy.facts.websocket import WebsocketAsk
from roadworthy.verdict.models import Look, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.target.models import Component, Target

SSH_PORT = 22

AnyCase = Case[Any, Any, Any]


@dataclass(frozen=True)
class Subject:
    """What a parametrised check is about: one component of a target. It prints as a name: a target holds secrets."""

    target: Target
    name: str

    def __repr__(self) -> str:
        return self.name

    @property
    def component(self) -> Component:
        """The component's promises."""
        return self.target.components[self.name]


@cache
def kind_of(function: Callable[..., None]) -> tuple[str, type[AnyCase]]:
    """The name and the case type of a check's one parameter.

    Raises:
        TypeError: the check takes something else than one annotated case.
    """
    hints = typing.get_type_hints(function)
    parameters = list(inspect.signature(function).parameters)
    if len(parameters) != 1 or not issubclass(hints.get(parameters[0], object), Case):
        raise TypeError(f"{function.__name__}: a check takes one parameter, annotated with the kind of case it judges")
    return parameters[0], hints[parameters[0]]


def looks_of(function: Callable[..., None], subject: Subject) -> tuple[tuple[Any, Ask], ...]:
    """What must be asked so that the check can judge the component; empty where it does not apply."""
    check = check_of(function)
    kind = kind_of(function)[1]
    if check is None:
        raise TypeError(f"{function.__name__} is not a check")
    return tuple(
        (expected, ask)
        for expected, ask in kind.looks(subject.target, subject.component)
        if _is_promised(expected, check.expects)
    )


def _is_promised(expected: object, expects: str | None) -> bool:
    """Whether an expectation holds what the check judges; a case with its own kind of expectation knows by itself."""
    if expects is None:
        return True
    promised = getattr(expected, _field(expected, expects), True)
    return promised is not None and promised is not False  # 0 is a promise


def _field(expected: object, expects: str) -> str:
    """The attribute that a key's last part stands for (`json` is held as `json_subset`)."""
    leaf = expects.rpartition(".")[2]
    fields = getattr(type(expected), "model_fields", {})
    return next((name for name, field in fields.items() if field.alias == leaf), leaf)


@dataclass(frozen=True)
class Place:
    """Where a check and its promise stand."""

    sealed: Subject
    node_id: str
    family: str
    promised_at: str | None
    evidence: Callable[[Ask, str | None], str]
    blocks_from: Severity


def judge(
    function: Callable[..., None],
    subject: Subject,
    records_of: Callable[[Ask], Iterable[Record]],
    place: Place,
) -> Result:
    """Judges all that was observed for the check, and never answers passed without having seen something.

    What was asked comes from the subject as it is; what is expected comes from it without secrets (`place.sealed`), as
    what was seen was redacted too.
    """
    check = check_of(function)
    if check is None:
        raise TypeError(f"{function.__name__} is not a check")
    asks = [ask for _, ask in looks_of(function, subject)]
    pairs = looks_of(function, place.sealed)
    looks = tuple(
        _look(function, place.sealed, expected, record, place.evidence(ask, record.address))
        for (expected, _), ask in zip(pairs, asks, strict=True)
        for record in records_of(ask)
    )
    outcome = _worst(looks)
    return Result(
        node_id=place.node_id,
        check=check.id,
        title=check.title,
        family=place.family,
        component=subject.name,
        severity=check.severity,
        outcome=outcome,
        blocking=check.severity >= place.blocks_from,
        promised=_promised(check, pairs),
        promised_at=place.promised_at,
        seen=_seen(looks, outcome),
        why=check.why,
        source=check.source,
        repair=check.repair,
        promises=_ledger(check, subject.component),
        looks=looks,
        availability=check.availability,
        following=check.following,
        after=check.after,
    )


def _look(function: Callable[..., None], subject: Subject, expected: object, record: Record, evidence: str) -> Look:
    outcome, seen = _ask_check(function, subject, expected, record)
    observed = None if isinstance(record.result, NotSeen) else record.result.observation.observed_at
    check = check_of(function)
    return Look(
        what=_what(record.ask),
        address=record.address,
        outcome=outcome,
        seen=seen,
        by_hand=_from_there(
            _by_hand(check.by_hand_for(getattr(record.ask, "engine", None)) if check else "", record),
            record.ask.via,
            subject.target,
        ),
        evidence=evidence,
        attempts=len(record.earlier_attempts) + 1,
        elapsed_s=record.elapsed_s,
        observed_at=observed,
    )


def _ask_check(
    function: Callable[..., None], subject: Subject, expected: object, record: Record
) -> tuple[Outcome, str]:
    """One call of a check's body, and which of the three outcomes it had."""
    if isinstance(record.result, NotSeen):
        return Outcome.NOT_OBSERVED, str(record.result.error())
    case = kind_of(function)[1](
        target=subject.target,
        name=subject.name,
        component=subject.component,
        expected=expected,
        ask=record.ask,
        address=record.address,
        seen=record.result.observation,
    )
    try:
        function(case)
    except AssertionError as error:
        return Outcome.FAILED, _message(error)
    except NotObserved as error:
        return Outcome.NOT_OBSERVED, str(error)
    except Exception as error:  # noqa: BLE001 - a broken check is told, and never green
        return Outcome.NOT_OBSERVED, f"{Reason.BROKEN.value}: {type(error).__name__}: {error}"
    return Outcome.PASSED, ""


def _message(error: AssertionError) -> str:
    """The check's own words; pytest adds its reading of the expression below them."""
    text = str(error)
    words, _, reading = text.partition("\nassert ")
    return words.strip() or reading.strip() or "not as promised"


def _worst(looks: tuple[Look, ...]) -> Outcome:
    outcomes = {look.outcome for look in looks}
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED
    if Outcome.NOT_OBSERVED in outcomes or not looks:
        return Outcome.NOT_OBSERVED
    return Outcome.PASSED


def _seen(looks: tuple[Look, ...], outcome: Outcome) -> str:
    """What was seen, told once where several addresses saw the same."""
    if not looks:
        return f"{Reason.NOT_APPLICABLE.value}: nothing was looked at"
    if outcome is Outcome.PASSED:
        return ""
    told: dict[str, list[Look]] = {look.seen: [] for look in looks if look.outcome is not Outcome.PASSED}
    for look in looks:
        if look.seen in told:
            told[look.seen].append(look)
    if len(told) == 1 and len(next(iter(told.values()))) == len(looks):
        return next(iter(told))
    several_pages = len({look.what for look in looks}) > 1
    return "; ".join(
        ": ".join(filter(None, (_at(same, several_pages=several_pages), seen))) for seen, same in told.items()
    )


def _at(looks: list[Look], *, several_pages: bool) -> str:
    pages = ", ".join(dict.fromkeys(look.what for look in looks)) if several_pages else ""
    addresses = ", ".join(dict.fromkeys(look.address for look in looks if look.address))
    return " ".join(filter(None, (pages, addresses and f"at {addresses}")))


def _what(ask: Ask) -> str:
    if isinstance(ask, HttpAsk):
        return ask.url if ask.method == "GET" else f"{ask.method} {ask.url}"
    if (url := getattr(ask, "url", None)) is not None:
        return str(url)
    if isinstance(ask, HostAsk):
        return f"{ask.kind} on {ask.place}"
    return ask.place + (f" from {ask.via}" if ask.via else "")


def _from_there(command: str, via: str | None, target: Target) -> str:
    """The command as it is given where it was looked at from."""
    vantage = target.network.vantages.get(via or "")
    if vantage is None or not command:
        return command
    if vantage.exec is not None:
        command = shlex.join([*vantage.exec, "sh", "-c", command])
    if vantage.ssh is None:
        return command
    user, host, port = vantage.login
    place = ([] if port == SSH_PORT else ["-p", str(port)]) + [f"{user}@{host}" if user else host]
    return shlex.join(["ssh", "-t", *place, command])


class _Blank(dict[str, str]):
    """Leaves what a template names and the record has not as it stands."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def _by_hand(template: str, record: Record) -> str:
    ask = record.ask
    url = getattr(ask, "url", None) or f"https://{ask.host}:{ask.port}/"
    address = record.address or _first_visited(record) or f"{ask.host}:{ask.port}"
    ip, _, address_port = address.rpartition(":")
    parts = urlsplit(url)
    fields = {
        "host": ask.host,
        "port": str(ask.port),
        "address": address,
        "ip": ip,
        "address_port": address_port,
        "url": url,
        "path": parts.path or "/",
        "headers": _as_options(ask),
        "user": getattr(ask, "username", ""),
        "name": getattr(ask, "name", None) or "",
        "starttls": f"-starttls {protocol} " if (protocol := getattr(ask, "starttls", None)) else "",
    }
    return template.format_map(_Blank(fields))


def _first_visited(record: Record) -> str | None:
    """The first of the addresses that one observation is about."""
    visits = () if isinstance(record.result, NotSeen) else getattr(record.result.observation, "visits", ())
    return visits[0].address if visits else None


def _as_options(ask: Ask) -> str:
    """What curl must be told to send the same: the method, the headers, the body."""
    if isinstance(ask, WebsocketAsk):
        given = {"Origin": ask.origin, "Sec-WebSocket-Protocol": ask.subprotocol}
        return shlex.join(part for name, value in given.items() if value for part in ("-H", f"{name}: {value}"))
    if not isinstance(ask, HttpAsk):
        return ""
    method = {"GET": [], "HEAD": ["--head"]}.get(ask.method, ["-X", ask.method])
    headers = [part for name, value in ask.headers for part in ("-H", f"{name}: {value}")]
    return shlex.join([*method, *headers, *(["--data-raw", ask.content] if ask.content else [])])


def _promised(check: Check, pairs: tuple[tuple[Any, Ask], ...]) -> str:
    """The key and the value that the target promises."""
    if check.expects is None or not pairs:
        return check.title
    values = dict.fromkeys(_value(expected, check.expects) for expected, _ in pairs)
    return f"{check.expects}: {'; '.join(values)}"


def _value(expected: object, expects: str) -> str:
    dump = getattr(expected, "model_dump", None)
    if dump is None:
        return str(expected)
    held = dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=False)
    leaf = expects.rpartition(".")[2]
    value = held.get(leaf, held.get(_field(expected, expects), held))  # the whole block, where that is what is judged
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _ledger(check: Check, component: Component) -> tuple[str, ...]:
    """The promises of the ledger that this check judges for the component."""
    return tuple(promise for promise, keys in component.promises.items() if any(judges(check, key) for key in keys))


def judges(check: Check, key: str) -> bool:
    """Whether a check judges what stands below a component's key; `depends_on` shows in what is there at all."""
    if key == "depends_on":
        return check.availability
    if check.expects is None:
        return False
    return check.expects == key or check.expects.startswith(key + ".")
