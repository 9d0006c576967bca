"""Whatever stands in DNS or in a policy file: it is read, or named as a fault, and never a crash or a long wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.base import NotObserved
from roadworthy.facts.mail import Lookup, LookupState, MailAsk, MailObservation
from roadworthy.rules import dmarc, mail, mta_sts, spf_judging
from roadworthy.rules.advice_mail import advice
from roadworthy.rules.dkim import NoKey, key_of
from roadworthy.rules.questions import run
from roadworthy.rules.spf_grammar import SyntaxFault, parse
from roadworthy.rules.tags import TagFault, parse_tags
from roadworthy.target.blocks.mail import Mail
from tests.suites.healthy import NOW
from tests.suites.mail.builders import KEY, POLICY, ZONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from roadworthy.facts.mail import LookupKind
    from roadworthy.rules.questions import Steps

T = TypeVar("T")

PROMISED = Mail.model_validate(
    {"mx": ["mx1.shop.test"], "spf": {"permits": ["198.51.100.0/28", "spf.mailer.test"]}, "dkim": {"selectors": ["s1"]}}
)

BYTES = st.text(st.characters(max_codepoint=255), max_size=200)
SPF_PARTS = st.sampled_from(
    [
        *("v=spf1", " ", "+", "-", "~", "?", "all", "include:", "a", "mx", "ptr", "exists:", "redirect=", "exp="),
        *("ip4:", "ip6:", "198.51.100.0", "2001:db8::", "/", "//", "24", "129", "shop.test", "spf.mailer.test"),
        *("%{", "i", "d2r-", "}", "%%", "%_", "%-", "%", ".", ":", "=", "é"),
    ]
)
SPF = st.lists(SPF_PARTS, max_size=30).map("".join) | st.lists(SPF_PARTS, max_size=20).map(
    lambda parts: "v=spf1 " + "".join(parts)
)


def read(parser: Callable[[str], T], text: str) -> T | str:
    """What a parser makes of a text, or the fault that it names in words."""
    try:
        return parser(text)
    except (SyntaxFault, TagFault, NoKey, mta_sts.PolicyFault) as fault:
        return str(fault) or "a fault without words"


@given(SPF | BYTES)
def test_any_spf_record_is_a_record_or_a_fault(text: str) -> None:
    record = read(parse, "v=spf1 " + text)
    assert isinstance(record, str) or all(term.mechanism for term in record.terms)


def seen_of(zone: dict[str, list[str]], ask: MailAsk) -> MailObservation:
    """What a probe would keep of a zone."""
    kept: dict[tuple[str, str], Lookup] = {}

    def answer(name: str, kind: LookupKind) -> Lookup:
        name = name.lower().rstrip(".")
        records = tuple(zone.get(f"{name} {kind}", ()))
        state = LookupState.FOUND if records else LookupState.NXDOMAIN
        return kept.setdefault((name, kind), Lookup(name=name, kind=kind, state=state, records=records))

    steps: list[Steps[Any]] = mail.everything(ask)
    for one in steps:
        run(one, answer)
    return MailObservation(observed_at=NOW, lookups=tuple(kept.values()))


@given(
    st.lists(SPF | BYTES, max_size=3),
    SPF,
    st.lists(BYTES | st.just("v=DMARC1; p=reject; rua=mailto:a@b.test,x"), max_size=3),
    BYTES | st.just(KEY) | st.builds(KEY.replace, st.just("M"), BYTES),
)
def test_what_judging_asks_for_is_what_was_kept(own: list[str], other: str, policies: list[str], key: str) -> None:
    zone = {name: list(records) for name, records in ZONE.items()}
    zone |= {
        "shop.test TXT": own,
        "spf.mailer.test TXT": [other],
        "_dmarc.shop.test TXT": policies,
        "s1._domainkey.shop.test TXT": [key],
    }
    ask = MailAsk(host="shop.test", port=53, selectors=("s1",), senders=("198.51.100.0",))
    seen = seen_of(zone, ask)
    judgements = (
        lambda: spf_judging.record_faults(seen, "shop.test"),
        lambda: spf_judging.unpermitted(seen, "shop.test", ("198.51.100.0", "spf.mailer.test")),
        lambda: spf_judging.open_ends(seen, "shop.test", "-all"),
        lambda: mail.lax_policy(seen, "shop.test", "reject", below=True),
        lambda: mail.report_faults(seen, "shop.test"),
        lambda: mail.signs_of_mail(seen, "shop.test"),
        lambda: advice(seen, "shop.test", PROMISED),
    )
    for judged in judgements:
        assert all(isinstance(fault, str) for fault in judged())
    key_found = read(lambda selector: key_of(seen, selector, "shop.test"), "s1")
    assert isinstance(key_found, str) or key_found.bits > 0


@given(BYTES)
def test_any_list_of_tags_is_one_or_a_fault(text: str) -> None:
    tags = read(parse_tags, text)
    assert isinstance(tags, str) or all(name == name.lower() for name in tags)


@given(st.text(max_size=300) | st.builds(POLICY.replace, st.sampled_from(POLICY.split()), st.text(max_size=20)))
def test_any_policy_file_is_one_or_a_fault(text: str) -> None:
    policy = read(mta_sts.parse_policy, text)
    assert isinstance(policy, str) or policy.mode in mta_sts.MODES


@given(BYTES)
def test_any_address_for_reports_is_a_domain_or_none(uri: str) -> None:
    receiver = dmarc.receiver_of(uri)
    assert receiver is None or "." in receiver


@pytest.mark.parametrize(
    "text",
    [
        "v=spf1 a:x." + "a" * 60000 + "!",
        "v=spf1 a:x." + "1" * 60000,
        "v=spf1 a:" + "a-" * 30000,
        "v=spf1 a:" + "x." * 30000,
        "v=spf1 a" + "/1" * 30000,
        "v=spf1 exists:" + "%{i" * 20000,
        "v=spf1 " + "mx " * 20000,
        "v=spf1 ip6:" + ":" * 60000,
    ],
)
def test_the_largest_records_are_read_at_once(text: str) -> None:
    began = time.monotonic()
    seen = seen_of({"shop.test TXT": [text]}, MailAsk(host="shop.test", port=53, senders=("198.51.100.0",)))
    assert spf_judging.record_faults(seen, "shop.test")
    assert time.monotonic() - began < 2


def test_more_networks_than_can_be_tried_is_not_observed() -> None:
    part = " ".join(f"ip4:10.0.{n // 256}.{n % 256}" for n in range(500))
    zone = {f"p{n}.test TXT": [f"v=spf1 {part} ?all"] for n in range(5)}
    zone["shop.test TXT"] = [f"v=spf1 {' '.join(f'include:p{n}.test' for n in range(5))} -all"]
    seen = seen_of(zone, MailAsk(host="shop.test", port=53))
    with pytest.raises(NotObserved, match="2500 networks, too many"):
        spf_judging.unpermitted(seen, "shop.test", ("10.0.0.1",))


def test_the_tree_walk_skips_to_seven_labels() -> None:
    name = ".".join(f"l{n}" for n in range(1, 13))
    asked: list[str] = []

    def answer(question: str, kind: LookupKind) -> Lookup:
        asked.append(question)
        return Lookup(name=question, kind=kind, state=LookupState.NXDOMAIN)

    assert run(dmarc.discover(name), answer).record is None
    assert len(asked) == 8
    assert asked[0] == f"_dmarc.{name}"
    assert asked[1] == "_dmarc.l6.l7.l8.l9.l10.l11.l12"
    assert asked[-1] == "_dmarc.l12"


@pytest.mark.parametrize(
    ("records", "organisation"),
    [
        ({}, "a.b.shop.example"),
        ({"shop.example": "v=DMARC1; p=none"}, "shop.example"),
        ({"shop.example": "v=DMARC1; p=none", "b.shop.example": "v=DMARC1; p=none"}, "shop.example"),
        ({"shop.example": "v=DMARC1; p=none", "b.shop.example": "v=DMARC1; p=none; psd=n"}, "b.shop.example"),
        ({"shop.example": "v=DMARC1; p=none", "example": "v=DMARC1; p=none; psd=y"}, "shop.example"),
        ({"example": "v=DMARC1; p=none; psd=y"}, "shop.example"),
    ],
)
def test_the_organisation_is_found_by_the_tree_walk(records: dict[str, str], organisation: str) -> None:
    def answer(question: str, kind: LookupKind) -> Lookup:
        text = records.get(question.removeprefix("_dmarc."))
        state = LookupState.FOUND if text else LookupState.NXDOMAIN
        return Lookup(name=question, kind=kind, state=state, records=(text,) if text else ())

    assert run(dmarc.organisation_of("a.b.shop.example"), answer) == organisation
