"""What experts agree on for a domain's mail, where the target has not decided by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved
from roadworthy.rules import mail, spf_judging
from roadworthy.rules.dkim import usable_keys
from roadworthy.rules.dmarc import GONE
from roadworthy.rules.mta_sts import OK, PolicyFault, parse_policy
from roadworthy.rules.spf import Result

if TYPE_CHECKING:
    from roadworthy.facts.mail import MailObservation
    from roadworthy.target.blocks.mail import Mail

GOOD_KEY_BITS = 2048
SHORTEST_MAX_AGE = 7 * 86400


def advice(seen: MailObservation, domain: str, promised: Mail) -> list[str]:
    """Every deviation that the target has not decided on itself, each with its source.

    Raises:
        NotObserved: nothing was found, and a look-up failed.
    """
    parts = (_spf, _dkim, _dmarc, _transport)
    found: list[str] = []
    untold: NotObserved | None = None
    for part in parts:
        try:
            found += part(seen, domain, promised)
        except NotObserved as error:
            untold = error
    if untold is not None and not found:
        raise untold
    return found


def _spf(seen: MailObservation, domain: str, promised: Mail) -> list[str]:
    if promised.sends_nothing:
        return []
    evaluation, result = spf_judging.surveyed(seen, domain)
    faults: list[str] = []
    if promised.spf is None:
        if result is Result.NONE:
            return ["no SPF record: anybody may send in this name (RFC 7208)"]
        faults = [f"SPF: {fault} (RFC 7208)" for fault in spf_judging.record_faults(seen, domain)]
    end = spf_judging.end_of(seen, domain)
    decided = promised.spf is not None and promised.spf.ends is not None
    if evaluation.records and not faults and not decided and end in ("+all", "?all"):
        faults.append(f"SPF ends with {end}: whoever is not named may send all the same (RFC 7208 section 8.2)")
    return [*faults, *spf_judging.oddities(evaluation)]


def _dkim(seen: MailObservation, domain: str, promised: Mail) -> list[str]:
    if promised.dkim is None:
        return []
    advice = []
    for key in usable_keys(seen, domain, promised.dkim.selectors):
        if key.kind == "rsa" and promised.dkim.min_bits <= key.bits < GOOD_KEY_BITS:
            advice.append(
                f"DKIM key {key.selector} has {key.bits} bits, {GOOD_KEY_BITS} are advised (RFC 8301 section 3.2)"
            )
        if key.is_test:
            advice.append(
                f"DKIM key {key.selector} is marked as a test (t=y): what it signs counts as unsigned (RFC 6376)"
            )
    return advice


def _dmarc(seen: MailObservation, domain: str, promised: Mail) -> list[str]:
    found = mail.found_policy(seen, domain)
    record, decided = found.record, promised.dmarc
    policy_decided = promised.sends_nothing or (decided is not None and decided.policy is not None)
    if record is None:
        return (
            []
            if policy_decided or decided
            else ["no DMARC record: nobody is told what to do with forgeries (RFC 9989)"]
        )
    advice = [f"DMARC: {fault} (RFC 9989)" for fault in found.faults]
    if gone := [f"{tag}={record.tags[tag]}" for tag in GONE if tag in record.tags]:
        advice.append(f"DMARC: {', '.join(gone)} no longer counts (RFC 9989)")
    if record.tests:
        advice.append("DMARC: t=y, receivers do one step less than the policy says (RFC 9989)")
    if record.effective(below=found.inherited) == "none" and (decided is None or decided.policy in (None, "none")):
        advice.append("DMARC: p=none asks for nothing but reports; forgeries are delivered (RFC 9989)")
    if not record.receivers and (decided is None or not decided.reports) and not promised.sends_nothing:
        advice.append("DMARC: no rua, so that nobody hears of forgeries or of mail that fails by mistake (RFC 9989)")
    return advice


def _transport(seen: MailObservation, domain: str, promised: Mail) -> list[str]:
    if promised.sends_nothing or not mail.hosts(seen, domain):
        return []
    advice: list[str] = []
    texts = seen.lookup(f"_mta-sts.{domain}", "TXT").records
    if promised.mta_sts is None and not any(text.startswith("v=STSv1") for text in texts):
        advice.append("no MTA-STS: senders deliver without TLS if somebody tells them to (RFC 8461)")
    reports = seen.lookup(f"_smtp._tls.{domain}", "TXT").records
    if texts and promised.tls_rpt is None and not any(text.startswith("v=TLSRPTv1") for text in reports):
        advice.append("MTA-STS without TLS-RPT: nobody hears of senders that can't deliver (RFC 8460)")
    ages = {age for answer in seen.policies if (age := _age(answer)) is not None}
    if ages and min(ages) < SHORTEST_MAX_AGE:
        advice.append(f"MTA-STS: max_age is {min(ages)} s, weeks are advised (RFC 8461 section 3.2)")
    return advice


def _age(answer: object) -> int | None:
    status, text = getattr(answer, "status", None), getattr(answer, "text", "")
    try:
        return parse_policy(text).max_age if status == OK else None
    except PolicyFault:
        return None
