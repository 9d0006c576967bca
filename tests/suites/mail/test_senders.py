from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.mail import DkimCase, DmarcCase, SpfCase
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.mail.builders import KEY, case, domain, key, told

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("mail/test_senders.py")


def spf(text: str, **more: tuple[str, ...]) -> SpfCase:
    return case(SpfCase, domain({"shop.test TXT": (text,), **{f"{k}.test TXT": v for k, v in more.items()}}))


def dkim(text: str) -> DkimCase:
    return case(DkimCase, told("s1._domainkey", text))


def dmarc(text: str) -> DmarcCase:
    return case(DmarcCase, told("_dmarc", text))


def test_one_record_without_fault_passes(suite: ModuleType) -> None:
    passes(suite.test_the_spf_record_can_be_used, case(SpfCase, domain()))


def test_no_record_two_records_and_a_broken_one_fail(suite: ModuleType) -> None:
    check = suite.test_the_spf_record_can_be_used
    fails(check, spf("spf2.0/pra -all"), "no SPF record", "spf2.0/pra")
    fails(check, case(SpfCase, domain({"shop.test TXT": ("v=spf1 -all", "v=spf1 ~all")})), "2 SPF records")
    fails(check, spf("v=spf1 ip4:198.51.100.300 -all"), "names no network")
    fails(check, spf("v=spf1 include:gone.test -all", gone=()), "leads to no SPF record")
    fails(check, spf("v=spf1 ip4:198.51.100.1 include:bad.test -all", bad=("v=spf1 foo",)), "'foo' is no mechanism")


def test_ten_lookups_pass_and_eleven_fail(suite: ModuleType) -> None:
    included = {f"i{n}": ("v=spf1 ?all",) for n in range(14)}

    def including(count: int) -> SpfCase:
        return spf(" ".join(("v=spf1", *(f"include:i{n}.test" for n in range(count)), "-all")), **included)

    passes(suite.test_the_spf_record_can_be_used, including(10))
    fails(suite.test_the_spf_record_can_be_used, including(11), "needs 11 look-ups, 10 at most")


def test_two_void_lookups_pass_and_three_fail(suite: ModuleType) -> None:
    def voiding(count: int) -> SpfCase:
        names = [f"v{n}.test" for n in range(count)]
        text = " ".join(("v=spf1", *(f"a:{name}" for name in names), "-all"))
        return case(SpfCase, domain({"shop.test TXT": (text,), **{f"{name} A": () for name in names}}))

    passes(suite.test_the_spf_record_can_be_used, voiding(2))
    fails(suite.test_the_spf_record_can_be_used, voiding(3), "3 look-ups find nothing")


def test_a_failing_resolver_is_not_a_missing_record(suite: ModuleType) -> None:
    for changes in ({"shop.test TXT": None}, {"spf.mailer.test TXT": None}):
        is_not_observed(suite.test_the_spf_record_can_be_used, case(SpfCase, domain(changes)), "SERVFAIL")
        is_not_observed(suite.test_every_promised_sender_may_send, case(SpfCase, domain(changes)), "SERVFAIL")
        is_not_observed(suite.test_nobody_else_may_send, case(SpfCase, domain(changes)), "SERVFAIL")


def test_promised_senders_pass(suite: ModuleType) -> None:
    passes(suite.test_every_promised_sender_may_send, case(SpfCase, domain()))
    passes(
        suite.test_every_promised_sender_may_send,
        spf("v=spf1 ip4:198.51.100.0/27 ip4:198.51.100.32/27 include:spf.mailer.test -all"),
    )


def test_a_gap_in_a_promised_network_fails(suite: ModuleType) -> None:
    check = suite.test_every_promised_sender_may_send
    hole = "v=spf1 -ip4:198.51.100.16/28 ip4:198.51.100.0/26 include:spf.mailer.test -all"
    fails(check, spf(hole), "198.51.100.16 of 198.51.100.0/26 gets fail")
    fails(check, spf("v=spf1 ip4:198.51.100.0/27 include:spf.mailer.test -all"), "198.51.100.32 of")


def test_what_is_not_included_or_not_trusted_fails(suite: ModuleType) -> None:
    check = suite.test_every_promised_sender_may_send
    fails(check, spf("v=spf1 ip4:198.51.100.0/26 -all"), "spf.mailer.test is not included (nothing is)")
    fails(check, spf("v=spf1 ip4:198.51.100.0/26 ~include:spf.mailer.test -all"), "spf.mailer.test is not included")
    nested = spf("v=spf1 ip4:198.51.100.0/26 include:all.test -all", all=("v=spf1 include:spf.mailer.test ~all",))
    passes(check, nested)


def test_the_promised_end_or_a_stricter_one_passes(suite: ModuleType) -> None:
    check = suite.test_nobody_else_may_send
    passes(check, case(SpfCase, domain()))
    passes(check, case(SpfCase, domain(), spf={"ends": "~all"}))
    passes(check, spf("v=spf1 redirect=r.test", r=("v=spf1 ip4:198.51.100.1 -all",)))


def test_an_end_that_lets_strangers_pass_fails(suite: ModuleType) -> None:
    check = suite.test_nobody_else_may_send
    for end in ("~all", "?all", "+all", "all"):
        fails(check, spf(f"v=spf1 {end}"), f"ends with {'+all' if end == 'all' else end}, -all promised")
    fails(check, spf("v=spf1 ip4:198.51.100.1"), "ends with ?all")
    fails(check, spf("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all"), "lets anybody pass")
    fails(check, spf("v=spf1 include:all.test -all", all=("v=spf1 +all",)), "lets anybody pass")


def test_a_key_that_can_be_used_passes(suite: ModuleType) -> None:
    check = suite.test_every_signing_key_is_published
    passes(check, dkim(KEY))
    passes(check, dkim(KEY.removeprefix("v=DKIM1; ")))
    passes(check, dkim(KEY.replace("p=", "p= ").replace("k=rsa", "h=sha1:sha256; s=email")))
    passes(check, dkim("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("v=DKIM1; p=", "revoked"),
        ("v=DKIM1; k=rsa", "holds no key"),
        (KEY[:255], "key"),
        (KEY.replace("DKIM1", "DKIM2"), "not DKIM1"),
        (KEY.replace("k=rsa", "k=ed25519"), "bytes"),
        (KEY.replace("k=rsa", "k=rot13"), "rot13"),
        (KEY.replace("k=rsa", "h=sha1"), "leaves out sha256"),
        (KEY.replace("k=rsa", "s=tlsrpt"), "not for e-mail"),
        ("v=DKIM1; p=%%%", "no base64"),
        ("v=DKIM1; p=a; p=b", "stands twice"),
    ],
)
def test_a_key_that_can_not_be_used_fails(suite: ModuleType, text: str, why: str) -> None:
    fails(suite.test_every_signing_key_is_published, dkim(text), "s1: ", why)


def test_no_key_and_two_keys_fail_and_silence_is_neither(suite: ModuleType) -> None:
    check, name = suite.test_every_signing_key_is_published, "s1._domainkey.shop.test TXT"
    fails(check, case(DkimCase, domain({name: ()})), "no such record")
    fails(check, case(DkimCase, domain({name: (KEY, KEY)})), "2 TXT records")
    is_not_observed(check, case(DkimCase, domain({name: None})), "SERVFAIL")


def test_a_key_of_the_promised_length_passes_and_a_shorter_one_fails(suite: ModuleType) -> None:
    check = suite.test_every_signing_key_is_long_enough
    passes(check, dkim(KEY))
    fails(check, dkim(key(1024)), "s1 has 1024 bits; 2048 promised")
    is_not_observed(check, dkim("v=DKIM1; p="), "no key")


def test_the_promised_policy_or_a_stricter_one_passes(suite: ModuleType) -> None:
    check = suite.test_forgeries_are_to_be_refused
    passes(check, case(DmarcCase, domain()))
    passes(check, case(DmarcCase, domain(), dmarc={"policy": "quarantine"}))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("v=DMARC1; p=quarantine", "p=quarantine; reject promised"),
        ("v=DMARC1; p=reject; t=y", "takes that one step back"),
        ("v=DMARC1; p=deny", "is no policy"),
        ("v=DMARC1; rua=mailto:a@shop.test", "is no policy"),
        ("p=reject; v=DMARC1", "does not begin with v=DMARC1"),
        ("v=DMARC1; p=reject; p=none", "stands twice"),
    ],
)
def test_a_laxer_policy_fails(suite: ModuleType, text: str, why: str) -> None:
    fails(suite.test_forgeries_are_to_be_refused, dmarc(text), why)


def test_two_records_count_as_none(suite: ModuleType) -> None:
    seen = domain({"_dmarc.shop.test TXT": ("v=DMARC1; p=reject", "v=DMARC1; p=none")})
    fails(suite.test_forgeries_are_to_be_refused, case(DmarcCase, seen), "2 DMARC records")


def test_a_policy_is_inherited_as_that_of_subdomains(suite: ModuleType) -> None:
    check = suite.test_forgeries_are_to_be_refused
    none = {"_dmarc.shop.test TXT": ()}
    passes(check, case(DmarcCase, domain({**none, "_dmarc.test TXT": ("v=DMARC1; p=reject",)})))
    lax = domain({**none, "_dmarc.test TXT": ("v=DMARC1; p=reject; sp=none",)})
    fails(check, case(DmarcCase, lax), "sp=none (inherited from test)")
    fails(check, case(DmarcCase, domain(none)), "no DMARC record")
    is_not_observed(check, case(DmarcCase, domain({"_dmarc.shop.test TXT": None})), "SERVFAIL")


def test_the_policy_of_subdomains(suite: ModuleType) -> None:
    check = suite.test_forgeries_of_subdomains_are_to_be_refused
    passes(check, dmarc("v=DMARC1; p=reject"))
    passes(check, dmarc("v=DMARC1; p=none; sp=quarantine"))
    fails(check, dmarc("v=DMARC1; p=reject; sp=none"), "sp=none; quarantine promised")


def test_reports_to_oneself_need_no_consent(suite: ModuleType) -> None:
    check = suite.test_reports_on_forgeries_arrive
    passes(check, dmarc("v=DMARC1; p=none; rua=mailto:a@shop.test!10m, mailto:b@in.shop.test"))
    fails(check, dmarc("v=DMARC1; p=none"), "asks for no reports")
    fails(check, dmarc("v=DMARC1; p=none; rua=https://shop.test/dmarc"), "is no mailto: address")


def test_reports_to_others_need_their_consent(suite: ModuleType) -> None:
    check = suite.test_reports_on_forgeries_arrive
    name = "shop.test._report._dmarc.reports.example TXT"
    record = {"_dmarc.shop.test TXT": ("v=DMARC1; p=none; rua=mailto:shop@reports.example",)}
    passes(check, case(DmarcCase, domain({**record, name: ("v=DMARC1",)})))
    fails(check, case(DmarcCase, domain({**record, name: ()})), "reports.example does not agree")
    is_not_observed(check, case(DmarcCase, domain({**record, name: None})), "SERVFAIL")


def test_the_promised_alignment(suite: ModuleType) -> None:
    check = suite.test_domains_are_compared_as_promised
    passes(check, case(DmarcCase, domain()))
    fails(check, dmarc("v=DMARC1; p=reject; aspf=s; adkim=s"), "aspf is strict, relaxed promised")
    fails(check, dmarc("v=DMARC1; p=reject"), "adkim is relaxed, strict promised")


def test_a_hole_of_one_ipv6_address_is_found(suite: ModuleType) -> None:
    check = suite.test_every_promised_sender_may_send
    zone = {
        "shop.test TXT": ("v=spf1 -a:out.test ip6:2001:db8::/48 -all",),
        "out.test A": (),
        "out.test AAAA": ("2001:db8::7",),
    }
    fails(
        check, case(SpfCase, domain(zone), spf={"permits": ["2001:db8::/64"]}), "2001:db8::7 of 2001:db8::/64 gets fail"
    )
    passes(check, case(SpfCase, domain(zone), spf={"permits": ["2001:db8:0:1::/64"]}))
