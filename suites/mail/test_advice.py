from roadworthy.cases.mail import MailCase
from roadworthy.check import check
from roadworthy.rules.advice_mail import advice


@check(
    "MAIL-ADVICE",
    severity="info",
    source="RFC 7208, RFC 8301, RFC 8461, RFC 9989, as each line says",
    by_hand="dig +noall +answer {host} MX {host} TXT _dmarc.{host} TXT _mta-sts.{host} TXT",
    repair="Follow the advice, or promise in the target what is meant to be otherwise.",
)
def test_mail_follows_best_practice(mail: MailCase) -> None:
    """What the target does not promise may still be worth a thought: this never blocks unless it is asked to."""
    found = advice(mail.seen, mail.ask.host, mail.expected)
    assert not found, "; ".join(found)
