from roadworthy.cases.mail import MailCase
from roadworthy.check import check
from roadworthy.rules import mail as rules


@check(
    "MAIL-MX",
    severity="high",
    expects="mail.mx",
    source="RFC 5321 section 5.1; RFC 7505",
    by_hand="dig +noall +comments +answer {host} MX",
    repair="Publish the MX records of the service that takes the domain's mail, and take away those of another one: "
    "mail is lost, or lies where nobody reads it.",
)
def test_mail_is_led_to_the_promised_servers(mail: MailCase) -> None:
    """Mail to the domain goes where MX points, whoever that is; an old entry takes a part of it."""
    faults = rules.wrong_exchangers(mail.seen, mail.ask.host, mail.expected.mx or ())
    assert not faults, f"{mail.ask.host} {'; '.join(faults)}"


@check(
    "MAIL-MX-HOST",
    severity="high",
    expects="mail.mx",
    after=("MAIL-MX",),
    source="RFC 5321 section 5.1; RFC 2181 section 10.3",
    by_hand="for mx in $(dig +short {host} MX | cut -d' ' -f2); do dig +noall +answer $mx A $mx AAAA; done",
    repair="Give each mail exchanger an A or AAAA record of its own, or name another one in MX.",
)
def test_every_mail_exchanger_has_an_address(mail: MailCase) -> None:
    """An exchanger without an address gets no mail; one that is an alias is refused by some senders."""
    faults = rules.unreachable_exchangers(mail.seen, mail.ask.host)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-NOTHING",
    severity="high",
    expects="mail.sends_nothing",
    source="RFC 7505; RFC 7208 section 10.1.2; RFC 9989",
    by_hand="dig +noall +answer {host} MX {host} TXT _dmarc.{host} TXT",
    repair="Publish `0 .` as MX, `v=spf1 -all` as TXT, and `v=DMARC1; p=reject` at _dmarc.",
)
def test_a_domain_without_mail_says_so(mail: MailCase) -> None:
    """A domain that never sends is the best sender's address for a forger, unless it says that nothing is from it."""
    faults = rules.signs_of_mail(mail.seen, mail.ask.host)
    assert not faults, "; ".join(faults)
