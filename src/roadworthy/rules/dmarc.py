"""DMARC by RFC 9989: which record holds for a domain (tree walk), what it asks for, who gets its reports (RFC 9990)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from roadworthy.rules.questions import Question, Steps, is_below, is_name
from roadworthy.rules.tags import TagFault, claims, parse_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "DMARC1"
POLICIES = ("none", "quarantine", "reject")
"""From lax to strict."""

GONE = ("pct", "rf", "ri")
"""Tags of RFC 7489 that RFC 9989 no longer knows."""

MOST_LABELS = 8
"""Of a name that is walked up label by label; a longer one is cut to one label less first (RFC 9989 section 4.10)."""

MOST_RECEIVERS = 10


@dataclass(frozen=True)
class Record:
    """A valid record, and the domain whose it is."""

    domain: str
    tags: dict[str, str]

    @property
    def tests(self) -> bool:
        """Whether the owner only tries it out: receivers do one step less (`t=y`)."""
        return self.tags.get("t", "n").lower() == "y"

    def _policy(self, *names: str) -> str | None:
        return next((self.tags[name].lower() for name in names if name in self.tags), None)

    @property
    def policy(self) -> str | None:
        """What is asked for mail of the domain itself, as it stands there."""
        return self._policy("p")

    @property
    def subdomain_policy(self) -> str | None:
        """What is asked for mail of names below it."""
        return self._policy("sp", "p")

    def effective(self, *, below: bool) -> str | None:
        """What receivers are to do, `t` heeded; None where the record's policy is none of the three."""
        told = self.subdomain_policy if below else self.policy
        if told not in POLICIES:
            return None
        at = POLICIES.index(told)
        return POLICIES[max(0, at - 1) if self.tests else at]

    def alignment(self, kind: str) -> str:
        """`relaxed` or `strict`, of `aspf` or `adkim`."""
        return "strict" if self.tags.get(kind, "r").lower() == "s" else "relaxed"

    @property
    def receivers(self) -> tuple[str, ...]:
        """The URIs that aggregate reports go to."""
        return tuple(uri for part in self.tags.get("rua", "").split(",") if (uri := part.strip()))


@dataclass(frozen=True)
class Found:
    """What holds for a domain."""

    record: Record | None
    inherited: bool = False
    """It is that of a domain above."""
    faults: tuple[str, ...] = ()
    """Records that receivers discard, and why."""


def discover(domain: str) -> Steps[Found]:
    """The record that holds for a domain: its own, or that of its organisation (RFC 9989 section 4.10.1)."""
    faults: list[str] = []
    own = yield from _record_at(domain, faults)
    if own is not None:
        return Found(own, inherited=False, faults=tuple(faults))
    walked = yield from _walk(domain, faults, known={domain: None})
    organisation = _organisation(domain, walked)
    records = {record.domain: record for record in walked}
    found = records.get(organisation) or next((record for record in walked if record.tags.get("psd") == "y"), None)
    return Found(found, inherited=found is not None, faults=tuple(faults))


def organisation_of(domain: str) -> Steps[str]:
    """The organisational domain of a name (RFC 9989 section 4.10.2)."""
    walked = yield from _walk(domain, [], known={})
    return _organisation(domain, walked)


def _organisation(domain: str, walked: list[Record]) -> str:
    for record in walked:
        if record.tags.get("psd") == "n":
            return record.domain
        if record.tags.get("psd") == "y" and record.domain != domain:
            return ".".join(domain.split(".")[-(record.domain.count(".") + 2) :])
    return min((record.domain for record in walked), key=lambda name: name.count("."), default=domain)


def _walk(domain: str, faults: list[str], known: dict[str, Record | None]) -> Steps[list[Record]]:
    found: list[Record] = []
    for name in _upwards(domain):
        record = known[name] if name in known else (yield from _record_at(name, faults))
        if record is not None:
            found.append(record)
            if record.tags.get("psd") in ("y", "n"):
                break
    return found


def _upwards(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    yield domain
    labels = labels[1:] if len(labels) < MOST_LABELS else labels[-(MOST_LABELS - 1) :]
    while labels:
        yield ".".join(labels)
        labels = labels[1:]


def _record_at(domain: str, faults: list[str]) -> Steps[Record | None]:
    name = f"_dmarc.{domain}"
    answer = yield Question(name, "TXT")
    texts = [text for text in answer.records if claims(text, VERSION)]
    if len(texts) > 1:
        faults.append(f"{name} has {len(texts)} DMARC records; with more than one, none counts")
        return None
    if not texts:
        near = [text for text in answer.records if "dmarc" in text.lower()]
        faults += [f"{name} holds {text[:60]!r}, which does not begin with v=DMARC1" for text in near[:3]]
        return None
    try:
        return Record(domain, parse_tags(texts[0]))
    except TagFault as fault:
        faults.append(f"{name}: {fault}")
        return None


_MAILTO = re.compile(r"[^@\s!]+@([^@\s!]+?)(![0-9]+[kmgt]?)?", re.IGNORECASE)


def receiver_of(uri: str) -> str | None:
    """The domain that reports to a URI go to; None where it is none that receivers can send to."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    match = _MAILTO.fullmatch(unquote(parts.path)) if parts.scheme.lower() == "mailto" else None
    domain = match[1].lower().rstrip(".") if match else ""
    return domain if is_name(domain) else None


def report_faults(record: Record) -> Steps[list[str]]:
    """What keeps aggregate reports from arriving; a receiver elsewhere must agree to them (RFC 9990 section 4)."""
    if not record.receivers:
        return [f"the record of {record.domain} asks for no reports (rua)"]
    faults: list[str] = []
    organisation: str | None = None
    for uri in record.receivers[:MOST_RECEIVERS]:
        receiver = receiver_of(uri)
        if receiver is None:
            faults.append(f"rua={uri[:100]} is no mailto: address")
            continue
        if is_below(receiver, record.domain) or is_below(record.domain, receiver):
            continue
        organisation = organisation or (yield from organisation_of(record.domain))
        if is_below(receiver, organisation):
            continue
        name = f"{record.domain}._report._dmarc.{receiver}"
        answer = yield Question(name, "TXT")
        if not any(claims(text, VERSION) for text in answer.records):
            faults.append(f"{receiver} does not agree to get reports on {record.domain}: no v=DMARC1 at {name}")
    return faults


def everything(domain: str) -> Steps[None]:
    """All that any judgement on DMARC may want to know."""
    found = yield from discover(domain)
    if found.record is not None:
        yield from report_faults(found.record)
