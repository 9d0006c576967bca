"""MTA-STS (RFC 8461): its record, its policy file, the exchangers in it. TLS-RPT (RFC 8460)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.mail import NoPolicyAnswer
from roadworthy.rules.tags import TagFault, parse_tags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.mail import MailObservation, PolicyAnswer

VERSION, REPORTS_VERSION = "STSv1", "TLSRPTv1"
MODES = ("none", "testing", "enforce")
LONGEST_MAX_AGE = 31557600
OK = 200
_ID = re.compile(r"[A-Za-z0-9]{1,32}")


@dataclass(frozen=True)
class Policy:
    """A policy file without fault."""

    mode: str
    max_age: int
    mx: tuple[str, ...]

    def covers(self, host: str) -> bool:
        """Whether a mail exchanger is in it; a wildcard stands for one label (section 4.1)."""
        host = host.lower().rstrip(".")
        return any(host == name or (name.startswith("*.") and host.partition(".")[2] == name[2:]) for name in self.mx)


class PolicyFault(ValueError):  # noqa: N818 - a state of the file, not an error of ours
    """The file is no policy."""


def parse_policy(text: str) -> Policy:
    """A policy file's content (section 3.2).

    Raises:
        PolicyFault: it is none.
    """
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon:
            raise PolicyFault(f"the policy holds {line.strip()[:60]!r}, which is no `name: value`")
        values.setdefault(name.strip().lower(), []).append(value.strip())
    if values.get("version", [""])[0] != VERSION:
        raise PolicyFault(f"the policy does not say version: {VERSION}")
    mode = values.get("mode", [""])[0]
    if mode not in MODES:
        raise PolicyFault(f"the policy has no mode of {', '.join(MODES)}")
    max_age = values.get("max_age", [""])[0]
    if not re.fullmatch(r"[0-9]{1,10}", max_age) or int(max_age) > LONGEST_MAX_AGE:
        raise PolicyFault(f"the policy has no max_age of up to {LONGEST_MAX_AGE} seconds")
    mx = tuple(name.lower().rstrip(".") for name in values.get("mx", ()))
    if mode != "none" and not mx:
        raise PolicyFault("the policy names no mail exchanger (mx)")
    return Policy(mode, int(max_age), mx)


def record_faults(texts: Iterable[str], version: str, name: str) -> list[str]:
    """What keeps senders from heeding the one TXT record of a kind."""
    found = [text for text in texts if re.match(rf"v={version}\s*(;|$)", text)]
    if len(found) != 1:
        return [f"{name} has {len(found) or 'no'} {version} record{'s' * (len(found) != 1)}, not one"]
    try:
        tags = parse_tags(found[0])
    except TagFault as fault:
        return [f"{name}: {fault}"]
    if version == VERSION and not _ID.fullmatch(tags.get("id", "")):
        return [f"{name} has no id of letters and digits"]
    return []


def mta_sts_faults(seen: MailObservation, domain: str, promised: str, exchangers: Iterable[str]) -> list[str]:
    """How a domain's policy falls short of a promised mode.

    Raises:
        NotObserved: nothing is wrong with what was seen, and an address of the policy's host could not be looked at.
    """
    name = f"_mta-sts.{domain}"
    faults = record_faults(seen.lookup(name, "TXT").records, VERSION, name)
    hosts = tuple(exchangers)
    unseen = [one for one in seen.policies if isinstance(one, NoPolicyAnswer) and one.unseen]
    met = [one for one in seen.policies if one not in unseen]
    told = [(policy.address, fault) for policy in met for fault in _policy_faults(policy, promised, hosts)]
    if not seen.policies:
        told = [(None, "the policy was not fetched")]
    by_fault: dict[str, list[str]] = {}
    for address, fault in told:
        by_fault.setdefault(fault, []).extend([address] if address else [])
    if unseen and not told and not faults:
        at = f"{unseen[0].address}: " if unseen[0].address else ""
        raise NotObserved(Reason.UNREACHABLE, f"the policy host, {at}{unseen[0].detail}")
    several = len(seen.policies) > 1
    return faults + [
        f"{fault} (at {', '.join(at)})" if several and len(at) < len(seen.policies) else fault
        for fault, at in by_fault.items()
    ]


def _policy_faults(answer: PolicyAnswer | NoPolicyAnswer, promised: str, exchangers: tuple[str, ...]) -> list[str]:
    if isinstance(answer, NoPolicyAnswer):
        return [f"no policy: {answer.detail}"]
    faults = [f"senders do not trust the policy host: {answer.distrust}"] if answer.distrust else []
    if answer.status != OK:
        return [*faults, f"the policy host answered {answer.status}, not 200"]
    try:
        policy = parse_policy(answer.text)
    except PolicyFault as fault:
        return [*faults, str(fault)]
    if MODES.index(policy.mode) < MODES.index(promised):
        faults.append(f"mode is {policy.mode}, {promised} promised")
    if left_out := [host for host in exchangers if not policy.covers(host)]:
        faults.append(f"the policy leaves out {', '.join(left_out)}: whoever heeds it delivers nothing there")
    return faults


def tls_rpt_faults(seen: MailObservation, domain: str) -> list[str]:
    """What keeps reports on failed TLS from being sent (RFC 8460 section 3)."""
    name = f"_smtp._tls.{domain}"
    texts = seen.lookup(name, "TXT").records
    if faults := record_faults(texts, REPORTS_VERSION, name):
        return faults
    tags = parse_tags(next(text for text in texts if text.startswith(f"v={REPORTS_VERSION}")))
    uris = [uri.strip() for uri in tags.get("rua", "").split(",")]
    wrong = [uri for uri in uris if not re.fullmatch(r"mailto:[^@\s]+@[^@\s]+|https://\S+", uri, re.IGNORECASE)]
    return [f"{name}: rua={uri[:100]!r} is no mailto: or https: address" for uri in wrong]
