"""Judgements on conversations with a mail server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.smtp import SmtpEnd, mechanisms, offers_starttls

if TYPE_CHECKING:
    from roadworthy.facts.smtp import Reply, SmtpObservation

LOGGED_IN = 235
"""RFC 4954 section 6."""

READY = 220
LOGIN_REQUIRED = 530
"""RFC 4954 section 6; RFC 3207 has it for STARTTLS."""

_BLOCK_LISTS = re.compile(
    r"(?i)\b(?:blocked using|block ?list|black ?list|spamhaus|spamcop|barracuda|[dr]ns?bl|reputation)"
)
_LOGINS = re.compile(r"(?i)\b(?:auth|relay|log ?in)")

OF_THE_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.10"})
"""Enhanced codes of a recipient that is not there, or takes no mail (RFC 3463, RFC 7505): a relay, too, says that."""


def speechless(seen: SmtpObservation, *, implicit_tls: bool) -> list[str]:
    """What keeps a client from talking to the server at all; how STARTTLS went is judged apart."""
    if seen.greeting is None:
        told = seen.broke.told if seen.broke else "no greeting"
        if implicit_tls and seen.secured is None:
            return [f"no TLS from the first byte: {told}"]
        return [told]
    if seen.greeting.code != READY:
        return [f"greeted with {seen.greeting.told}"]
    if seen.offers is None and seen.offers_secured is None and not _broke_in_tls(seen):
        return [seen.broke.told if seen.broke else "EHLO was not answered"]
    return []


def without_tls(seen: SmtpObservation) -> list[str]:
    """How STARTTLS fails to bring up TLS."""
    talk = seen.talk
    if not offers_starttls(talk.offers):
        return [f"EHLO does not offer STARTTLS ({', '.join(talk.offers or ()) or 'nothing'})"]
    if talk.starttls is None or talk.starttls.code != READY:
        return [f"STARTTLS was answered with {talk.starttls.told if talk.starttls else 'nothing'}"]
    if talk.secured is None:
        return [talk.broke.told if talk.broke else "TLS did not come up"]
    faults = []
    if talk.secured.early:
        faults.append(f"{talk.secured.early} bytes came in plain behind the consent to TLS: they may be anybody's")
    if talk.offers_secured is None:
        faults.append(f"inside TLS: {talk.broke.told if talk.broke else 'EHLO was not answered'}")
    return faults


def early_logins(seen: SmtpObservation) -> list[str]:
    """Logins that are offered before TLS."""
    talk = seen.talk
    offered = mechanisms(talk.offers)
    return [f"offers AUTH {' '.join(offered)} before TLS"] if offered else []


def shut_out(seen: SmtpObservation) -> list[str]:
    """How the promised credentials did not let in."""
    if seen.outcome is None and seen.offers_secured is not None and not mechanisms(seen.offers_secured):
        return ["offers no login at all (AUTH), not inside TLS either"]
    reply = seen.result
    return [] if reply.code == LOGGED_IN else [f"the login was answered with {reply.told}"]


def let_in(seen: SmtpObservation) -> list[str]:
    """How a wrong password was not refused."""
    reply = seen.result
    if reply.is_later:
        raise NotObserved(Reason.NO_ANSWER, f"the server put off the login: {reply.told}")
    return [f"a wrong password was answered with {reply.told}"] if reply.code == LOGGED_IN else []


def relays(seen: SmtpObservation) -> list[str]:
    """How the server would have carried a stranger's mail to another stranger."""
    reply = seen.result
    if reply.is_later:
        raise NotObserved(Reason.NO_ANSWER, f"the server put off the answer: {reply.told}")
    if seen.accepted_sender and reply.enhanced in OF_THE_ADDRESS:
        raise NotObserved(Reason.NOT_APPLICABLE, f"the made-up recipient was refused for its own sake: {reply.told}")
    if not reply.is_success:
        if not _is_of_relaying(seen, reply):
            raise NotObserved(Reason.NOT_APPLICABLE, f"refused, but not for relaying: {reply.told}")
        return []
    secured = "inside TLS" if seen.secured else "without TLS"
    return [f"mail to a stranger was accepted without a login ({secured}: {reply.told})"]


def _is_of_relaying(seen: SmtpObservation, reply: Reply) -> bool:
    """Whether a refusal is for whom it is about: a client on a block list, and an odd sender, are refused by relays."""
    text = " ".join(reply.lines)
    if _BLOCK_LISTS.search(text):
        return False
    is_policy = reply.code == LOGIN_REQUIRED or (reply.enhanced or "").startswith("5.7.")
    return seen.accepted_sender or is_policy or bool(_LOGINS.search(text))


def _broke_in_tls(seen: SmtpObservation) -> bool:
    return seen.broke is not None and seen.broke.end is SmtpEnd.NO_TLS
