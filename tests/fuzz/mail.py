"""What reads a domain's words on mail: records in DNS, a policy file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved
from roadworthy.facts.mail import Lookup, LookupKind, LookupState, MailObservation
from roadworthy.rules import dkim, dmarc, mail, mta_sts, spf_grammar, spf_judging, tags
from roadworthy.rules.questions import is_name, run
from roadworthy.rules.spf import Evaluation, Sender
from tests.fuzz.headers import NOW
from tests.fuzz.inputs import texts
from tests.fuzz.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Callable

DOMAIN = "shop.example"
MOST_QUESTIONS = 5_000


def zone(*records: str) -> Callable[[str, LookupKind], Lookup]:
    """A DNS in which every name has the same TXT and MX records, so that what includes itself never ends by itself."""
    asked = 0

    def answer(name: str, kind: LookupKind) -> Lookup:
        nonlocal asked
        asked += 1
        assert asked < MOST_QUESTIONS, "asks without end"
        found = {"A": ("192.0.2.9",), "AAAA": ("2001:db8::1",)}.get(kind, records)
        return Lookup(name=name, kind=kind, state=LookupState.FOUND, records=found)

    return answer


def seen(text: str) -> MailObservation:
    names = (DOMAIN, f"_dmarc.{DOMAIN}", f"_mta-sts.{DOMAIN}", f"_smtp._tls.{DOMAIN}", f"s1._domainkey.{DOMAIN}")
    made = (Lookup(name=name, kind="TXT", state=LookupState.FOUND, records=(text,)) for name in names)
    mx = Lookup(name=DOMAIN, kind="MX", state=LookupState.FOUND, records=(text[:200],))
    return MailObservation(observed_at=NOW, lookups=(*made, mx))


def read_spf(text: str) -> None:
    for record in (text, f"v=spf1 {text}"):
        if spf_grammar.is_record(record):
            run(Evaluation(Sender.of("192.0.2.1", DOMAIN)).check_host(DOMAIN), zone(record))
            run(Evaluation(Sender.of("2001:db8::2", DOMAIN)).check_host(DOMAIN), zone(record))


def read_spf_record(text: str) -> None:
    parsed = spf_grammar.parse(f"v=spf1 {text}")
    assert parsed == spf_grammar.parse(f"v=spf1 {text}")


def read_spf_as_a_whole(text: str) -> None:
    given = seen(f"v=spf1 {text}")
    spf_judging.record_faults(given, DOMAIN)
    spf_judging.unpermitted(given, DOMAIN, ("192.0.2.0/24", "other.example"))
    spf_judging.end_of(given, DOMAIN)


def read_dmarc(text: str) -> None:
    for record in (text, f"v=DMARC1; {text}"):
        found = run(dmarc.discover(f"a.b.{DOMAIN}"), zone(record))
        if found.record is not None:
            run(dmarc.report_faults(found.record), zone(record))
            for below in (True, False):
                assert found.record.effective(below=below) in (None, *dmarc.POLICIES)
        mail.lax_policy(seen(record), DOMAIN, "reject", below=True)
        mail.report_faults(seen(record), DOMAIN)


def read_dkim(text: str) -> None:
    for record in (text, f"v=DKIM1; {text}", f"v=DKIM1; k=rsa; p={text}"):
        key = dkim.key_of(seen(record), "s1", DOMAIN)
        assert key.bits > 0


def read_tags(text: str) -> None:
    read = tags.parse_tags(text)
    assert tags.parse_tags("; ".join(f"{name}={value}" for name, value in read.items())) == read


def read_policy(text: str) -> None:
    for file in (text, f"version: STSv1\nmode: enforce\nmax_age: 86400\nmx: a.{DOMAIN}\n{text}"):
        policy = mta_sts.parse_policy(file)
        assert policy.mode in mta_sts.MODES
        policy.covers(f"mx.{DOMAIN}")


def read_mx(text: str) -> None:
    assert all(host == host.lower() for host in mail.exchangers((f"0 {text}", f"10 {text}")))


SPF = (
    *(
        "include:",
        "a",
        "mx",
        "ip4:",
        "ip6:",
        "exists:",
        "ptr",
        "redirect=",
        "exp=",
        "all",
        "?",
        "~",
        "-",
        "+",
        "/",
        "//24",
    ),
    *("%{i}", "%{s1r-}", "%{d", "}", "%%", "192.0.2.0", "2001:db8::", DOMAIN, " ", ".", "a.", "%_", "v=spf1"),
)
DMARC = ("p=", "reject", ";", "rua=mailto:", "a@b.example", "!10m", "sp=", "psd=y", "t=y", "adkim=s", "v=DMARC1", ",")
DKIM = (
    "k=",
    "rsa",
    "ed25519",
    ";",
    "p=",
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ",
    "h=sha256",
    "t=y:s",
    "s=email",
    "=",
)
POLICY = ("version: STSv1", "mode: enforce", "max_age: ", "mx: ", "*.", DOMAIN, "\n", "\r\n", ":", "31557600")

PARSERS = (
    Parser("spf", read_spf, texts(*SPF)),
    Parser("spf-record", read_spf_record, texts(*SPF), (spf_grammar.SyntaxFault,)),
    Parser("spf-judged", read_spf_as_a_whole, texts(*SPF), (NotObserved,)),
    Parser("dmarc", read_dmarc, texts(*DMARC), (NotObserved,)),
    Parser("dmarc-receiver", dmarc.receiver_of, texts(*DMARC, "mailto:", "[", "%40")),
    Parser("dkim", read_dkim, texts(*DKIM), (dkim.NoKey,)),
    Parser("tags", read_tags, texts(*DKIM), (tags.TagFault,)),
    Parser("mta-sts", read_policy, texts(*POLICY), (mta_sts.PolicyFault,)),
    Parser("mx", read_mx, texts("10", " ", ".", DOMAIN, "65536")),
    Parser("dns-name", is_name, texts(DOMAIN, ".", "a" * 64, "-", "_")),
)  # fmt: skip
