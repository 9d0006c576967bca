from roadworthy.cases.mail import DkimCase, DmarcCase, SpfCase
from roadworthy.check import check
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules import dkim as keys
from roadworthy.rules import mail as rules
from roadworthy.rules import spf_judging as senders

SPF = "dig +short {host} TXT | grep -i v=spf1"
DMARC = "dig +short _dmarc.{host} TXT"


@check(
    "MAIL-SPF",
    severity="high",
    expects="mail.spf",
    source="RFC 7208 sections 4.5, 4.6.4 and 12",
    by_hand=SPF,
    repair="Publish exactly one TXT record that begins with `v=spf1`, and let it need ten look-ups at most: leave out "
    "what no longer sends, and write networks in place of names.",
)
def test_the_spf_record_can_be_used(spf: SpfCase) -> None:
    """Receivers give up on a record with a fault in it, or in one that it includes: then all mail is unproven."""
    faults = senders.record_faults(spf.seen, spf.ask.host)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-SPF-PERMITS",
    severity="high",
    expects="mail.spf.permits",
    after=("MAIL-SPF",),
    source="RFC 7208 section 2.6.3",
    by_hand=SPF,
    repair="Name the sender in the record: ip4: or ip6: for an address, include: for a service.",
)
def test_every_promised_sender_may_send(spf: SpfCase) -> None:
    """Mail of a server that the record does not name is refused, or lands where nobody looks."""
    faults = senders.unpermitted(spf.seen, spf.ask.host, spf.expected.permits or ())
    assert not faults, "; ".join(faults)


@check(
    "MAIL-SPF-ENDS",
    severity="high",
    expects="mail.spf.ends",
    after=("MAIL-SPF",),
    source="RFC 7208 sections 5.1 and 8; M3AAWG Email Authentication Recommended Best Practices",
    by_hand=SPF,
    repair="End the record with the promised `all`; `+all` and networks of half the internet let anybody send.",
)
def test_nobody_else_may_send(spf: SpfCase) -> None:
    """A record that does not refuse strangers proves nothing about anybody."""
    faults = senders.open_ends(spf.seen, spf.ask.host, spf.expected.ends or "~all")
    assert not faults, f"{spf.ask.host} {'; '.join(faults)}"


@check(
    "MAIL-DKIM",
    severity="high",
    expects="mail.dkim.selectors",
    source="RFC 6376 section 3.6.1; RFC 8301; RFC 8463",
    by_hand="dig +short SELECTOR._domainkey.{host} TXT",
    repair="Publish the key that the sending service shows for this selector, unchanged and in one TXT record (or the "
    "CNAME that it asks for).",
)
def test_every_signing_key_is_published(dkim: DkimCase) -> None:
    """A signature whose key is not found counts as none; under DMARC, forwarded mail then fails as a whole."""
    faults = keys.unusable_keys(dkim.seen, dkim.ask.host, dkim.expected.selectors)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-DKIM-BITS",
    severity="medium",
    expects="mail.dkim.min_bits",
    after=("MAIL-DKIM",),
    source="RFC 8301 section 3.2",
    by_hand="dig +short SELECTOR._domainkey.{host} TXT",
    repair="Make a new key of the promised length under a new selector, sign with it, and take the old one away later.",
)
def test_every_signing_key_is_long_enough(dkim: DkimCase) -> None:
    """A short RSA key can be computed from its public half; whoever has it signs as the domain."""
    found = keys.usable_keys(dkim.seen, dkim.ask.host, dkim.expected.selectors)
    if not found:
        raise NotObserved(Reason.NOT_APPLICABLE, "there is no key that could be used")
    floor = dkim.expected.min_bits
    short = [f"{key.selector} has {key.bits} bits" for key in found if key.kind == "rsa" and key.bits < floor]
    assert not short, f"{'; '.join(short)}; {floor} promised"


@check(
    "MAIL-DMARC",
    severity="high",
    expects="mail.dmarc.policy",
    source="RFC 9989 sections 4.7 and 4.10",
    by_hand=DMARC,
    repair="Publish one TXT record at _dmarc that begins with `v=DMARC1` and asks for the promised policy.",
)
def test_forgeries_are_to_be_refused(dmarc: DmarcCase) -> None:
    """Without a policy receivers deliver what claims to be from the domain, whatever SPF and DKIM say."""
    faults = rules.lax_policy(dmarc.seen, dmarc.ask.host, dmarc.expected.policy or "none", below=False)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-DMARC-SUBDOMAINS",
    severity="medium",
    expects="mail.dmarc.subdomains",
    after=("MAIL-DMARC",),
    source="RFC 9989 section 4.7",
    by_hand=DMARC,
    repair="Set sp= to the promised policy, or leave it out where p= is the same.",
)
def test_forgeries_of_subdomains_are_to_be_refused(dmarc: DmarcCase) -> None:
    """A name below the domain looks as good to a reader; a forger takes the one that nobody guards."""
    faults = rules.lax_policy(dmarc.seen, dmarc.ask.host, dmarc.expected.subdomains or "none", below=True)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-DMARC-REPORTS",
    severity="medium",
    expects="mail.dmarc.reports",
    after=("MAIL-DMARC",),
    source="RFC 9990 section 4",
    by_hand=DMARC,
    repair="Name a mailto: address in rua. If it is in another organisation's domain, that one has to publish "
    "`v=DMARC1` at DOMAIN._report._dmarc.",
)
def test_reports_on_forgeries_arrive(dmarc: DmarcCase) -> None:
    """Without reports nobody learns who sends in the domain's name, nor that mail of one's own fails."""
    faults = rules.report_faults(dmarc.seen, dmarc.ask.host)
    assert not faults, "; ".join(faults)


@check(
    "MAIL-DMARC-ALIGNMENT",
    severity="medium",
    expects="mail.dmarc.alignment",
    after=("MAIL-DMARC",),
    source="RFC 9989 section 4.4",
    by_hand=DMARC,
    repair="Set aspf= and adkim= to s (strict) or r (relaxed), as promised.",
)
def test_domains_are_compared_as_promised(dmarc: DmarcCase) -> None:
    """Relaxed, any name below the domain may vouch for it; strict, a sender under another name of ours fails."""
    promised = dmarc.expected.alignment
    spf, dkim = (promised.spf, promised.dkim) if promised else (None, None)
    faults = rules.misaligned(dmarc.seen, dmarc.ask.host, spf, dkim)
    assert not faults, "; ".join(faults)
