"""SPF against the test suite of openspf.org for RFC 7208 (`rfc7208/`, with its licence), and cases of our own."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from roadworthy.facts.mail import Lookup, LookupKind, LookupState
from roadworthy.rules.questions import run
from roadworthy.rules.spf import Evaluation, Result, Sender, breakpoints, unmapped
from roadworthy.rules.spf_grammar import SyntaxFault, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    Rows = list[tuple[str, Any] | str]

SUITE = Path(__file__).parent / "rfc7208" / "rfc7208-tests.yml"
SCENARIOS = list(yaml.safe_load_all(SUITE.read_text("utf-8")))
CASES = [
    pytest.param(scenario["zonedata"], case, id=name)
    for scenario in SCENARIOS
    for name, case in scenario["tests"].items()
]


def rows_of(given: list[Any]) -> Rows:
    """A name's records; those of the old type SPF are TXT, unless the name has TXT of its own."""
    rows: Rows = []
    copied: Rows = []
    has_txt = False
    for entry in given:
        if not isinstance(entry, dict):
            rows.append(str(entry))
            continue
        for kind, value in entry.items():
            has_txt |= kind == "TXT"
            if kind == "SPF" and not has_txt:
                copied.append(("TXT", value))
            if value != "NONE":
                rows.append((kind, value))
    return rows if has_txt else rows + copied


def dns(zone: dict[str, list[Any]]) -> Callable[[str, LookupKind], Lookup]:
    """What a resolver would answer from the zone of a scenario."""
    names = {name.lower().rstrip("."): rows_of(given) for name, given in zone.items()}

    def answer(name: str, kind: LookupKind, depth: int = 0) -> Lookup:
        name = name.lower().rstrip(".")
        if name not in names:
            return Lookup(name=name, kind=kind, state=LookupState.NXDOMAIN)
        rows = names[name]
        aliases = [value for held, value in (row for row in rows if not isinstance(row, str)) if held == "CNAME"]
        if aliases and depth < 5:
            return answer(aliases[0], kind, depth + 1)
        found = [row[1] for row in rows if row[0] == kind and not isinstance(row, str)]
        if "TIMEOUT" in found or (not found and "TIMEOUT" in rows):
            return Lookup(name=name, kind=kind, state=LookupState.FAILED, detail="time-out")
        records = tuple(text_of(kind, value) for value in found)
        return Lookup(name=name, kind=kind, state=LookupState.FOUND if records else LookupState.NODATA, records=records)

    return answer


def text_of(kind: LookupKind, value: Any) -> str:
    if kind == "TXT":
        return "".join([value] if isinstance(value, str) else value).encode().decode("latin-1")
    return f"{value[0]} {value[1] or '.'}" if kind == "MX" else str(value)


def test_the_suite_is_whole() -> None:
    assert (len(SCENARIOS), len(CASES)) == (16, 203)


@pytest.mark.parametrize(("zone", "case"), CASES)
def test_rfc_7208(zone: dict[str, list[Any]], case: dict[str, Any]) -> None:
    sender = Sender(unmapped(ip_address(case["host"])), case["mailfrom"], case["helo"])
    evaluation = Evaluation(sender)
    result = run(evaluation.check_host(sender.domain), dns(zone))
    allowed = case["result"] if isinstance(case["result"], list) else [case["result"]]
    assert result in allowed, evaluation.why
    assert (evaluation.explanation or "DEFAULT") == case.get("explanation", evaluation.explanation or "DEFAULT")


def checked(ip: str, domain: str, **zone: Any) -> tuple[Result, Evaluation]:
    evaluation = Evaluation(Sender.of(ip, domain))
    return run(
        evaluation.check_host(domain), dns({name.replace("__", "."): held for name, held in zone.items()})
    ), evaluation


def test_ten_lookups_pass_and_eleven_do_not() -> None:
    included = {f"i{n}__test": [{"TXT": "v=spf1 ?all"}] for n in range(11)}

    def including(count: int) -> Result:
        text = " ".join(("v=spf1", *(f"include:i{n}.test" for n in range(count)), "-all"))
        return checked("192.0.2.1", "shop.test", **{"shop__test": [{"TXT": text}], **included})[0]

    assert including(10) is Result.FAIL
    assert including(11) is Result.PERMERROR


def test_two_void_lookups_pass_and_three_do_not() -> None:
    def voiding(count: int) -> Result:
        text = " ".join(("v=spf1", *(f"a:none{n}.test" for n in range(count)), "-all"))
        return checked("192.0.2.1", "shop.test", shop__test=[{"TXT": text}])[0]

    assert voiding(2) is Result.FAIL
    assert voiding(3) is Result.PERMERROR


def test_a_record_that_includes_itself_ends() -> None:
    result, evaluation = checked("192.0.2.1", "loop.test", loop__test=[{"TXT": "v=spf1 include:loop.test -all"}])
    assert result is Result.PERMERROR
    assert evaluation.lookups == 11


def test_a_survey_meets_every_term_whoever_sends() -> None:
    zone = dns(
        {
            "shop.test": [{"TXT": "v=spf1 ip4:192.0.2.0/24 include:a.test ?include:b.test -all ip4:203.0.113.9"}],
            "a.test": [{"TXT": "v=spf1 ip4:198.51.100.0/25 +all"}],
            "b.test": [{"TXT": "v=spf1 ip6:2001:db8::/32 redirect=c.test"}],
            "c.test": [{"TXT": "v=spf1 ~all"}],
        }
    )
    survey = Evaluation(Sender.of("192.0.2.1", "shop.test"), surveys=True)
    assert run(survey.check_host("shop.test"), zone) is Result.FAIL
    assert {met.target: met.passes for met in survey.met if met.target} == {
        "a.test": True,
        "b.test": False,
        "c.test": False,
    }
    assert [str(network) for network in survey.networks] == ["192.0.2.0/24", "198.51.100.0/25", "2001:db8::/32"]
    assert survey.lookups == 3


@pytest.mark.parametrize(
    "text",
    [
        "v=spf1 -all.",
        "v=spf1 a:museum",
        "v=spf1 ip4:1.2.3.4/33",
        "v=spf1 %{i}",
        "v=spf1 exists:%{d0}.a.test",
        "v=spf1 é",
    ],
)
def test_a_fault_of_syntax_is_named(text: str) -> None:
    with pytest.raises(SyntaxFault):
        parse(text)


def test_a_macro_of_absurd_length_is_no_crash() -> None:
    record = parse(f"v=spf1 exists:%{{d{'9' * 9000}}}.a.test")
    assert len(record.terms) == 1


def test_results_change_only_where_a_network_begins_or_ends() -> None:
    networks = [ip_network("192.0.2.64/26"), ip_network("198.51.100.0/24"), ip_network("192.0.0.0/16")]
    found = breakpoints(networks, ip_network("192.0.2.0/24"))
    assert [str(ip) for ip in found] == ["192.0.2.0", "192.0.2.64", "192.0.2.128"]
