from roadworthy.cases.mail import MailCase
from roadworthy.check import check
from roadworthy.rules import mail as rules
from roadworthy.rules import mta_sts


@check(
    "MAIL-MTA-STS",
    severity="medium",
    expects="mail.mta_sts",
    source="RFC 8461 sections 3 and 4",
    by_hand="dig +short _mta-sts.{host} TXT; curl -sS https://mta-sts.{host}/.well-known/mta-sts.txt",
    repair="Publish the TXT record with an id, serve the policy over HTTPS with a trusted certificate for "
    "mta-sts.DOMAIN and without a redirect, and name every mail exchanger in it. Change the id with every change.",
)
def test_senders_must_use_tls(mail: MailCase) -> None:
    """Without a policy, who sits between two mail servers turns TLS off; with a wrong one, mail is not delivered."""
    host = mail.ask.host
    exchangers = rules.hosts(mail.seen, host)
    faults = mta_sts.mta_sts_faults(mail.seen, host, mail.expected.mta_sts or "testing", exchangers)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-TLS-RPT",
    severity="low",
    expects="mail.tls_rpt",
    source="RFC 8460 section 3",
    by_hand="dig +short _smtp._tls.{host} TXT",
    repair="Publish one TXT record `v=TLSRPTv1; rua=mailto:...` at _smtp._tls.",
)
def test_failed_tls_is_reported(mail: MailCase) -> None:
    """Senders that can't deliver for a certificate's sake tell nobody, unless they are told whom."""
    faults = mta_sts.tls_rpt_faults(mail.seen, mail.ask.host)
    assert not faults, "; ".join(faults)
