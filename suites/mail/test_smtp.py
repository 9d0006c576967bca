from roadworthy.cases.mail import LoginCase, RelayCase, SmtpCase, WrongLoginCase
from roadworthy.check import check
from roadworthy.rules import smtp as rules

DIALOGUE = "openssl s_client -connect {address} -servername {host} -starttls smtp -crlf -brief"


@check(
    "MAIL-SMTP",
    severity="critical",
    expects="smtp",
    availability=True,
    after=("NAME-RESOLVES", "REACH-TCP"),
    source="RFC 5321 sections 3.1 and 4.1.1.1; RFC 8314",
    by_hand="printf 'EHLO [127.0.0.1]\\r\\nQUIT\\r\\n' | nc -w 5 {ip} {address_port}",
    repair="Look at the mail server's log. A port that speaks TLS from the first byte is promised by implicit_tls.",
)
def test_the_server_speaks_smtp(smtp: SmtpCase) -> None:
    """An application that gets no greeting from its mail server sends nothing, and often says so to nobody."""
    faults = rules.speechless(smtp.seen, implicit_tls=smtp.ask.implicit_tls)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-STARTTLS",
    severity="critical",
    expects="smtp.starttls",
    after=("MAIL-SMTP",),
    source="RFC 3207; RFC 8314 section 3.3; CVE-2011-0411",
    by_hand=DIALOGUE + " </dev/null",
    repair="Give the server a certificate and turn STARTTLS on (Postfix: smtpd_tls_security_level = may, or encrypt on "
    "the submission port).",
)
def test_tls_comes_up_on_demand(smtp: SmtpCase) -> None:
    """Without TLS the password and every message go over the network in plain."""
    faults = rules.without_tls(smtp.seen)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-LOGIN-PLAIN",
    severity="high",
    expects="smtp.refuses_plain_login",
    after=("MAIL-SMTP",),
    source="RFC 4954 section 4; RFC 8314 section 4.1",
    by_hand="printf 'EHLO [127.0.0.1]\\r\\nQUIT\\r\\n' | nc -w 5 {ip} {address_port} | grep AUTH",
    repair="Offer AUTH inside TLS only (Postfix: smtpd_tls_auth_only = yes).",
)
def test_no_login_is_asked_for_before_tls(smtp: SmtpCase) -> None:
    """A client that is offered a login before TLS sends its password in plain."""
    faults = rules.early_logins(smtp.seen)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-LOGIN",
    severity="critical",
    expects="smtp.login",
    after=(
        "MAIL-SMTP",
        "MAIL-STARTTLS",
        "TLS-TRUST",
        "TLS-DATES",
        "TLS-NAME",
    ),  # where TLS is not trusted, nobody logs in
    source="RFC 4954",
    by_hand=DIALOGUE,
    repair="Compare the credentials with those of the mail service: they may be of another region or revoked, and some "
    "services want an app password.",
)
def test_the_credentials_are_accepted(login: LoginCase) -> None:
    """With credentials that the server refuses no mail leaves: no reset link, no invoice, no alarm."""
    faults = rules.shut_out(login.seen)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-LOGIN-WRONG",
    severity="critical",
    expects="smtp.refuses_wrong_password",
    after=("MAIL-SMTP", "MAIL-STARTTLS"),
    source="RFC 4954 section 6",
    by_hand=DIALOGUE,
    repair="Look at what the server checks passwords against: a test backend that accepts all was left in place.",
)
def test_a_wrong_password_is_refused(login: WrongLoginCase) -> None:
    """A server that lets anybody in sends anybody's mail, and is on every block list by the next day."""
    faults = rules.let_in(login.seen)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-RELAY",
    severity="critical",
    expects="smtp.refuses_relay",
    after=("MAIL-SMTP",),
    source="RFC 5321 section 7.9; RFC 6409 section 4.3",
    by_hand=DIALOGUE,
    repair="Require a login for whatever is not to a domain of one's own (Postfix: smtpd_relay_restrictions = "
    "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination), and keep mynetworks small.",
)
def test_strangers_are_not_served(relay: RelayCase) -> None:
    """An open relay is found within hours and sends spam until the whole address range is blocked."""
    faults = rules.relays(relay.seen)
    assert not faults, "; ".join(faults)
