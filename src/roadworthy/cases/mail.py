"""Cases of the mail suite: what DNS says of a domain's mail, and conversations with a server that takes mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.facts.base import Lane
from roadworthy.facts.mail import MailAsk, MailObservation
from roadworthy.facts.smtp import Purpose, SmtpAsk, SmtpObservation
from roadworthy.rules.spf_judging import senders_of
from roadworthy.target.blocks.mail import Dkim, Dmarc, Mail, Smtp, Spf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target

NOBODY = "nobody-of-this-name"
"""Who tries a wrong password, where the target names nobody who may log in."""


def _ascii(domain: str) -> str:
    """A domain as DNS has it (RFC 5891, mapped by UTS 46), so that what is seen of it is found under its name."""
    if domain.isascii():
        return domain
    import idna  # noqa: PLC0415 - few names need it

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain  # no name at all; the probe says so


def mail_ask(component: Component) -> Iterator[tuple[Mail, MailAsk]]:
    """The one ask that answers all about a domain's mail."""
    promised = component.mail
    if promised is not None and component.domain is not None:
        yield (
            promised,
            MailAsk(
                host=_ascii(component.domain.lower().rstrip(".")),
                port=53,
                selectors=promised.dkim.selectors if promised.dkim else (),
                senders=senders_of(promised.spf) if promised.spf else (),
                policy_file=promised.mta_sts is not None,
            ),
        )


class MailCase(Case[Mail, MailAsk, MailObservation]):
    """All that DNS says of a domain's mail."""

    block = "mail"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Mail, MailAsk]]:  # noqa: ARG003 - a case's signature
        """One ask, where the component promises anything about mail."""
        yield from mail_ask(component)


class SpfCase(Case[Spf, MailAsk, MailObservation]):
    """The same, for who may send."""

    block = "mail"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Spf, MailAsk]]:  # noqa: ARG003 - as above
        """The same ask."""
        for promised, ask in mail_ask(component):
            if promised.spf is not None:
                yield promised.spf, ask


class DkimCase(Case[Dkim, MailAsk, MailObservation]):
    """The same, for the keys of signatures."""

    block = "mail"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Dkim, MailAsk]]:  # noqa: ARG003 - as above
        """The same ask."""
        for promised, ask in mail_ask(component):
            if promised.dkim is not None:
                yield promised.dkim, ask


class DmarcCase(Case[Dmarc, MailAsk, MailObservation]):
    """The same, for the policy on forgeries."""

    block = "mail"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Dmarc, MailAsk]]:  # noqa: ARG003 - as above
        """The same ask."""
        for promised, ask in mail_ask(component):
            if promised.dmarc is not None:
                yield promised.dmarc, ask


def smtp_ask(component: Component, purpose: Purpose, lane: Lane = Lane.NORMAL) -> tuple[Smtp, SmtpAsk]:
    """A conversation for one purpose."""
    promised = component.smtp
    assert promised is not None  # noqa: S101 - the callers have looked
    host, port = component.endpoint
    ask = SmtpAsk(host=host, port=port, lane=lane, purpose=purpose, implicit_tls=promised.secures_at_once(port))
    login = promised.login
    if purpose is Purpose.LOGIN and login is not None:
        ask = ask.model_copy(update={"username": login.username, "password": login.password})
    if purpose is Purpose.WRONG_LOGIN:
        ask = ask.model_copy(update={"username": login.username if login else NOBODY})
    return promised, ask


class SmtpCase(Case[Smtp, SmtpAsk, SmtpObservation]):
    """A conversation that wants nothing: greeting, EHLO, TLS, EHLO, QUIT."""

    block = "smtp"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Smtp, SmtpAsk]]:  # noqa: ARG003 - as above
        """One conversation, where the component promises anything about SMTP."""
        if component.smtp is not None:
            yield smtp_ask(component, Purpose.HELLO)


class LoginCase(Case[Smtp, SmtpAsk, SmtpObservation]):
    """A conversation that logs in as promised."""

    block = "smtp"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Smtp, SmtpAsk]]:  # noqa: ARG003 - as above
        """One login, where one is promised."""
        if component.smtp is not None and component.smtp.login is not None:
            yield smtp_ask(component, Purpose.LOGIN)


class WrongLoginCase(Case[Smtp, SmtpAsk, SmtpObservation]):
    """A conversation that tries one wrong password."""

    block = "smtp"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Smtp, SmtpAsk]]:  # noqa: ARG003 - as above
        """One try, where its refusal is promised."""
        if component.smtp is not None and component.smtp.refuses_wrong_password:
            yield smtp_ask(component, Purpose.WRONG_LOGIN, Lane.ROUGH)


class RelayCase(Case[Smtp, SmtpAsk, SmtpObservation]):
    """A conversation that names a stranger as recipient, and takes it back."""

    block = "smtp"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Smtp, SmtpAsk]]:  # noqa: ARG003 - as above
        """One try, where its refusal is promised."""
        if component.smtp is not None and component.smtp.refuses_relay:
            yield smtp_ask(component, Purpose.RELAY, Lane.ROUGH)
