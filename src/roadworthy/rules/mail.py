"""Judgements on a domain's mail that take several of its records: who takes mail, and that there is none at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.rules import dmarc, spf_judging
from roadworthy.rules.dkim import name_of as key_name
from roadworthy.rules.dmarc import POLICIES
from roadworthy.rules.questions import Question, Steps, run
from roadworthy.rules.spf_grammar import is_record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from roadworthy.facts.mail import MailAsk, MailObservation

MOST_EXCHANGERS = 20
NULL = "."


def exchangers(records: Iterable[str]) -> tuple[str, ...]:
    """The hosts of MX records, the preferred first, in lower case; `.` is the null MX (RFC 7505)."""
    pairs = []
    for record in records:
        preference, _, host = record.partition(" ")
        pairs.append((int(preference), host.lower().rstrip(".") or NULL))
    return tuple(dict.fromkeys(host for _, host in sorted(pairs)))


def hosts(seen: MailObservation, domain: str) -> tuple[str, ...]:
    """Who takes a domain's mail; nobody, where there is no MX or a null MX.

    Raises:
        NotObserved: the look-up failed.
    """
    return tuple(host for host in exchangers(seen.lookup(domain, "MX").records) if host != NULL)


def everything(ask: MailAsk) -> list[Steps[Any]]:
    """All that any judgement on a domain's mail may want to know."""
    names = [f"_mta-sts.{ask.host}", f"_smtp._tls.{ask.host}", *(key_name(one, ask.host) for one in ask.selectors)]
    return [
        _exchangers(ask.host),
        *spf_judging.everything(ask.host, ask.senders),
        dmarc.everything(ask.host),
        *(_text(name) for name in names),
    ]


def _text(name: str) -> Steps[None]:
    yield Question(name, "TXT")


def _exchangers(domain: str) -> Steps[None]:
    answer = yield Question(domain, "MX")
    for host in exchangers(answer.records)[:MOST_EXCHANGERS]:
        if host != NULL:
            yield Question(host, "A")
            yield Question(host, "AAAA")


def wrong_exchangers(seen: MailObservation, domain: str, promised: tuple[str, ...]) -> list[str]:
    """How the domain's exchangers differ from exactly those that are promised."""
    answer = seen.lookup(domain, "MX")
    found = exchangers(answer.records)
    if found == (NULL,):
        return ["says that it takes no mail (null MX)"]
    if not found:
        return [f"has no MX record ({answer.state.value})"]
    missing = [host for host in promised if host not in found]
    extra = [host for host in found if host not in promised]
    faults = [f"does not name {', '.join(missing)}"] if missing else []
    return [*faults, *([f"names {', '.join(extra)}"] if extra else [])]


def unreachable_exchangers(seen: MailObservation, domain: str) -> list[str]:
    """Exchangers that mail can't be brought to: without an address, or an alias (RFC 5321 section 5.1)."""
    faults = []
    for host in hosts(seen, domain)[:MOST_EXCHANGERS]:
        four, six = seen.lookup(host, "A"), seen.lookup(host, "AAAA")
        if not four.records and not six.records:
            faults.append(f"{host} has no address ({four.state.value})")
        elif alias := four.alias_of or six.alias_of:
            faults.append(f"{host} is an alias (of {alias}); an MX must name a host itself")
    return faults


def found_policy(seen: MailObservation, domain: str) -> dmarc.Found:
    """The DMARC record that holds for a domain.

    Raises:
        NotObserved: a look-up failed.
    """
    return run(dmarc.discover(domain), seen.lookup)


def lax_policy(seen: MailObservation, domain: str, promised: str, *, below: bool) -> list[str]:
    """How the policy for a domain, or for names `below` it, falls short of the promised one."""
    found = found_policy(seen, domain)
    record = found.record
    if record is None:
        return list(found.faults) or [f"no DMARC record at _dmarc.{domain} nor above"]
    subject = below or found.inherited
    policy = record.effective(below=subject)
    key = "sp" if subject and "sp" in record.tags else "p"
    source = f" (inherited from {record.domain})" if found.inherited else ""
    if policy is None:
        return [*found.faults, f"{key}={record.tags.get(key, '')!r} is no policy{source}"]
    if POLICIES.index(policy) < POLICIES.index(promised):
        tests = ", and t=y takes that one step back" if record.tests else ""
        return [*found.faults, f"{key}={record.tags[key]}{source}{tests}; {promised} promised"]
    return []


def report_faults(seen: MailObservation, domain: str) -> list[str]:
    """What keeps aggregate reports from arriving."""
    found = found_policy(seen, domain)
    if found.record is None:
        return list(found.faults) or [f"no DMARC record at _dmarc.{domain} nor above"]
    return run(dmarc.report_faults(found.record), seen.lookup)


def misaligned(seen: MailObservation, domain: str, spf: str | None, dkim: str | None) -> list[str]:
    """Modes of alignment that are not the promised ones."""
    found = found_policy(seen, domain)
    if found.record is None:
        return list(found.faults) or [f"no DMARC record at _dmarc.{domain} nor above"]
    modes = {"aspf": spf, "adkim": dkim}
    return [
        f"{tag} is {mode}, {promised} promised"
        for tag, promised in modes.items()
        if promised is not None and (mode := found.record.alignment(tag)) != promised
    ]


def signs_of_mail(seen: MailObservation, domain: str) -> list[str]:
    """What of a domain without mail still looks as if it had some."""
    answer = seen.lookup(domain, "MX")
    found = exchangers(answer.records)
    faults = []
    if found != (NULL,):
        named = f"names {', '.join(found)} as MX" if found else f"has no MX record ({answer.state.value})"
        faults.append(f"{named}, not the null MX (0 .)")
    texts = [text for text in seen.lookup(domain, "TXT").records if is_record(text)]
    if [" ".join(text.lower().split()) for text in texts] != ["v=spf1 -all"]:
        faults.append(f"SPF is {' and '.join(texts) or 'not there'}, not v=spf1 -all")
    return faults + [f"DMARC: {fault}" for fault in lax_policy(seen, domain, "reject", below=False)]
