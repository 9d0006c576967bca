"""What a domain's SPF record is worth, judged as a whole and for the senders that are promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.questions import Steps, run
from roadworthy.rules.spf import MOST_LOOKUPS, MOST_VOIDS, Evaluation, Result, Sender, breakpoints
from roadworthy.target.blocks.mail import network_of

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from roadworthy.facts.mail import MailObservation
    from roadworthy.target.blocks.mail import Spf

STRANGERS = ("192.0.2.1", "198.51.100.1", "203.0.113.1")
"""Addresses that nobody has (RFC 5737): a record that lets all of them pass lets anybody pass."""

ENOUGH_LOOKUPS = 30
"""A survey of a record that needs far too many ends here."""

MOST_NETWORKS, MOST_BREAKPOINTS = 2000, 500
ENDS = {"-": "-all", "~": "~all", "?": "?all", "+": "+all"}
STRICTER = ("+all", "?all", "~all", "-all")


def survey(domain: str, ip: str = STRANGERS[0]) -> tuple[Evaluation, Steps[Result]]:
    """A walk through all of a domain's record and what it includes, with addresses of the sender's IP version."""
    evaluation = Evaluation(Sender.of(ip, domain), surveys=True, most_lookups=ENOUGH_LOOKUPS, most_voids=ENOUGH_LOOKUPS)
    return evaluation, evaluation.check_host(domain)


def everything(domain: str, senders: tuple[str, ...]) -> list[Steps[Result]]:
    """All that any judgement on SPF may want to know."""
    strangers = [Evaluation(Sender.of(ip, domain)).check_host(domain) for ip in STRANGERS]
    return [survey(domain)[1], *strangers, *(survey(domain, ip)[1] for ip in senders)]


def senders_of(promised: Spf) -> tuple[str, ...]:
    """The first address of each promised network."""
    networks = [network_of(entry) for entry in promised.permits or ()]
    return tuple(str(network.network_address) for network in networks if network is not None)


def surveyed(seen: MailObservation, domain: str, ip: str = STRANGERS[0]) -> tuple[Evaluation, Result]:
    """The survey of what was seen.

    Raises:
        NotObserved: a look-up on the way failed.
    """
    evaluation, steps = survey(domain, ip)
    return evaluation, _told(evaluation, run(steps, seen.answer))


def _checked(seen: MailObservation, domain: str, ip: str) -> tuple[Evaluation, Result]:
    evaluation = Evaluation(Sender.of(ip, domain))
    return evaluation, _told(evaluation, run(evaluation.check_host(domain), seen.answer))


def _told(evaluation: Evaluation, result: Result) -> Result:
    if result is Result.TEMPERROR:
        raise NotObserved(Reason.RESOLVER, evaluation.why)
    return result


def record_faults(seen: MailObservation, domain: str) -> list[str]:
    """What keeps receivers from using the record at all (RFC 7208 section 2.6.7: permerror)."""
    evaluation, result = surveyed(seen, domain)
    if result is Result.NONE:
        near = [text[:80] for text in seen.lookup(domain, "TXT").records if "spf" in text.lower()]
        return [f"{domain} has no SPF record" + (f"; {near[0]!r} is none" if near else "")]
    faults = [evaluation.why] if result is Result.PERMERROR else []
    if evaluation.lookups > MOST_LOOKUPS:
        more = " or more" if evaluation.lookups > ENOUGH_LOOKUPS else ""
        faults = [f"needs {min(evaluation.lookups, ENOUGH_LOOKUPS)}{more} look-ups, {MOST_LOOKUPS} at most", *faults]
        faults = [fault for fault in faults if not fault.startswith("needs more than")]
    if evaluation.voids > MOST_VOIDS:
        faults.append(f"{evaluation.voids} look-ups find nothing, {MOST_VOIDS} at most")
    return faults


def unpermitted(seen: MailObservation, domain: str, permits: tuple[str, ...]) -> list[str]:
    """Promised senders whose mail does not pass."""
    evaluation, result = surveyed(seen, domain)
    faults = [evaluation.why] if result is Result.PERMERROR else []
    included = {met.target.lower().rstrip(".") for met in evaluation.met if met.target is not None and met.passes}
    for entry in permits:
        network = network_of(entry)
        if network is None:
            if entry.rstrip(".") not in included:
                faults.append(f"{entry} is not included ({', '.join(sorted(included)) or 'nothing'} is)")
        elif (fault := _refused(seen, domain, network)) is not None:
            faults.append(fault)
    return faults


def _refused(seen: MailObservation, domain: str, network: IPv4Network | IPv6Network) -> str | None:
    """The first address of a network whose mail does not pass: the result changes only where another network begins."""
    walked, _ = surveyed(seen, domain, str(network.network_address))
    if len(walked.networks) > MOST_NETWORKS:
        raise NotObserved(Reason.NOT_APPLICABLE, f"the record names {len(walked.networks)} networks, too many to try")
    places = breakpoints(walked.networks, network)
    if len(places) > MOST_BREAKPOINTS:
        raise NotObserved(Reason.NOT_APPLICABLE, f"{network} is cut into {len(places)} parts, too many to try")
    for ip in places:
        evaluation, result = _checked(seen, domain, str(ip))
        if result is not Result.PASS:
            why = f": {evaluation.why}" if evaluation.why else ""
            return f"{ip}{'' if network.num_addresses == 1 else f' of {network}'} gets {result.value}{why}"
    return None


def end_of(seen: MailObservation, domain: str) -> str:
    """How the record ends, `redirect` followed: `-all`, `~all`, `?all` (also where there is none) or `+all`."""
    evaluation, _ = surveyed(seen, domain)
    name = domain.lower().rstrip(".")
    for _ in range(ENOUGH_LOOKUPS):
        record = evaluation.records.get(name)
        if record is None:
            break
        if record.all is not None:
            return ENDS[record.all.qualifier]
        onward = [m.target for m in evaluation.met if m.term.mechanism == "redirect" and m.domain.lower() == name]
        if not onward or onward[0] is None:
            break
        name = onward[0].lower().rstrip(".")
    return "?all"


def open_ends(seen: MailObservation, domain: str, promised: str) -> list[str]:
    """How the record lets pass who is not named in it."""
    evaluation, result = surveyed(seen, domain)
    if result is Result.NONE:
        return [f"{domain} has no SPF record"]
    if not evaluation.records:
        return [evaluation.why]
    end = end_of(seen, domain)
    faults = []
    if STRICTER.index(end) < STRICTER.index(promised):
        faults.append(f"ends with {end}, {promised} promised")
    if end != "+all" and all(_checked(seen, domain, ip)[1] is Result.PASS for ip in STRANGERS):
        faults.append(f"lets anybody pass: {', '.join(STRANGERS)}")
    return faults


def oddities(evaluation: Evaluation) -> list[str]:
    """What works, and is advised against."""
    slow = [met for met in evaluation.met if met.term.mechanism == "ptr"]
    wide = [net for net in evaluation.networks if net.version == 4 and 0 < net.prefixlen < 8]  # noqa: PLR2004 - IPv4, a whole /8
    advice = [f"SPF of {met.domain} uses {met.term.text} (RFC 7208 section 5.5: do not)" for met in slow[:1]]
    advice += [f"SPF lets {net} pass, {net.num_addresses:,} addresses" for net in wide[:1]]
    return advice
