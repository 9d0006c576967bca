from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.target.blocks.dns import Dns
from roadworthy.target.blocks.headers import Headers
from roadworthy.target.blocks.tls import Tls
from roadworthy.target.document import plain
from roadworthy.target.loading import Loaded, read_tree
from roadworthy.target.parts import _POLICIES as POLICIES
from roadworthy.target.parts import policies

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = "schema: 1\nname: shop\nenvironment: staging\n"
SERVICES = """\
for_each:
  - items:
      - {name: auth, port: 8007, after: []}
      - {name: lms, port: 8027, after: [auth]}
    components:
      "${each:name}":
        url: http://services.shop.example:${each:port}
        depends_on: "${each:after}"
        health: {path: /health, status: 200, json: {service: "${each:name}-service", port: "${each:port}"}}
"""


# --- for_each ---------------------------------------------------------------------------------------------------------


def test_a_list_becomes_components(load: Callable[..., Loaded]) -> None:
    components = load(HEAD + SERVICES).target.components
    assert list(components) == ["auth", "lms"]
    lms = components["lms"]
    assert (lms.url, lms.depends_on) == ("http://services.shop.example:8027", ("auth",))
    assert lms.health[0].json_subset == {"service": "lms-service", "port": 8027}


def test_components_of_a_list_stand_beside_others(load: Callable[..., Loaded]) -> None:
    more = "components:\n  gateway: {address: 'gw.shop.example:80', depends_on: [auth], tcp: {open: true}}\n"
    assert list(load(HEAD + more + SERVICES).target.components) == ["gateway", "auth", "lms"]


def test_values_of_a_list_are_found_where_they_were_written(load: Callable[..., Loaded]) -> None:
    loaded = load(HEAD + SERVICES)
    assert loaded.where("components.lms.health.status") == "x.yaml:12:33"
    assert loaded.where("components.lms.health.within") == "x.yaml:12:9"
    assert loaded.where("components.lms") == "x.yaml:9:7"


def test_an_overlay_changes_one_component_of_a_list(load: Callable[..., Loaded]) -> None:
    over = "components: {lms: {health: {path: /up}}, auth: {url: 'http://other.shop.example'}}\n"
    components = load(HEAD + SERVICES, over).target.components
    assert components["lms"].health[0].path == "/up"
    assert components["lms"].url == "http://services.shop.example:8027"
    assert components["auth"].url == "http://other.shop.example"


def test_other_references_may_be_made_of_each(load: Callable[..., Loaded]) -> None:
    text = HEAD + SERVICES.replace("services.shop.example", "${env:HOST_${each:name}:-${each:name}.example}")
    components = load(text, environ={"HOST_lms": "l.example"}).target.components
    assert [component.url for component in components.values()] == ["http://auth.example:8007", "http://l.example:8027"]


def test_an_unknown_key_names_those_that_there_are(refused: Callable[..., list[str]]) -> None:
    text = HEAD + SERVICES.replace("${each:port}/", "").replace("shop.example:${each:port}", "example:${each:prt}")
    assert refused(text) == [
        "x.yaml:10:14: components.auth.url (and 1 more): ${each:prt}: the item has no key 'prt'; it has: name, port"
    ]


def test_a_component_that_is_defined_twice_is_told_with_both_places(refused: Callable[..., list[str]]) -> None:
    more = "components:\n  auth: {address: 'a.shop.example:80', tcp: {open: true}}\n"
    assert refused(HEAD + more + SERVICES) == [
        "x.yaml:8:9: components.auth: is defined twice; the other is at x.yaml:5:3"
    ]
    twice = SERVICES.replace("name: lms", "name: auth").replace("[auth]", "[]")
    assert refused(HEAD + twice) == ["x.yaml:7:9: components.auth: is defined twice; the other is at x.yaml:6:9"]


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ("for_each: 3", "x.yaml:4:11: for_each: found 3 (a whole number); allowed: a list of mappings: {items: "),
        ("for_each: [3]", "x.yaml:4:12: for_each.0: found 3 (a whole number); allowed: a mapping: {items: "),
        (
            "for_each: [{items: []}]",
            "x.yaml:4:12: for_each.0: a part needs a list of items and a mapping of components",
        ),
        (
            "for_each: [{items: [3], components: {a: {}}}]",
            "x.yaml:4:21: for_each.0.items.0: found 3 (a whole number); allowed: a mapping such as ",
        ),
        (
            "for_each: [{item: [], items: [{a: 1}], components: {a: {}}}]",
            "x.yaml:4:13: for_each.0.item: unknown key; did you mean items? allowed: items, components",
        ),
    ],
)
def test_what_is_no_list_is_refused(refused: Callable[..., list[str]], part: str, line: str) -> None:
    assert any(found.startswith(line) for found in refused(f"{HEAD}{part}\n"))


def test_each_outside_of_a_list_is_refused(refused: Callable[..., list[str]]) -> None:
    text = HEAD + "components: {a: {address: '${each:name}:80', tcp: {open: true}}}\n"
    assert refused(text) == ["x.yaml:4:27: components.a.address: ${each:name} is known inside for_each only"]


def test_an_error_in_a_list_is_told_once(refused: Callable[..., list[str]]) -> None:
    lines = refused(HEAD + SERVICES.replace("status: 200", "status: 20"))
    assert lines == [
        (
            "x.yaml:12:41: components.auth.health.status (and 1 more): found 20 (a whole number); allowed: a whole "
            "number from 100 to 599"
        )
    ]


def test_an_error_in_an_item_is_told_where_the_item_is(refused: Callable[..., list[str]]) -> None:
    text = HEAD + SERVICES.replace("status: 200", 'status: "${each:port}"')
    assert [line.split(": ")[0] for line in refused(text)] == ["x.yaml:6:28", "x.yaml:7:27"]


def test_a_list_without_measure_ends_quickly(refused: Callable[..., list[str]]) -> None:
    items = "".join(f"      - {{n: i{index}}}\n" for index in range(4000))
    blocks = "".join(f"        k{index}: x\n" for index in range(4000))
    text = f'{HEAD}for_each:\n  - items:\n{items}    components:\n      "${{each:n}}":\n{blocks}'
    clock = time.monotonic()
    assert "become more than 50,000 values" in "\n".join(refused(text))
    components = "".join(f"  c{index}: {{address: 'a:1', tcp: {{open: true}}}}\n" for index in range(501))
    assert "are more than 500: split the target" in refused(f"{HEAD}components:\n{components}")[0]
    assert time.monotonic() - clock < 10


# --- defaults ---------------------------------------------------------------------------------------------------------

DEFAULTS = (
    HEAD
    + """\
defaults:
  health: {within: 1s, status: 204}
  tls: {min_days_left: 14, resumes: true}
components:
  api:
    url: https://api.shop.example
    health: [{path: /up}, {path: /ready, status: 200}]
    tls: {min_days_left: 30}
  www:
    url: https://www.shop.example
    tls: {}
  db:
    address: db.shop.example:5432
    tcp: {open: true}
"""
)


def test_defaults_fill_in_the_blocks_that_a_component_has(load: Callable[..., Loaded]) -> None:
    components = load(DEFAULTS).target.components
    api, www, db = (components[name] for name in ("api", "www", "db"))
    assert (api.tls.min_days_left, api.tls.resumes) == (30, True)
    assert (www.tls.min_days_left, www.tls.resumes) == (14, True)
    assert (www.health, db.tls, db.health) == (None, None, None)


def test_defaults_of_health_are_below_each_question(load: Callable[..., Loaded]) -> None:
    health = load(DEFAULTS).target.components["api"].health
    assert [(one.path, one.status, one.within) for one in health] == [("/up", 204, 1.0), ("/ready", 200, 1.0)]


def test_a_default_is_found_where_it_was_written(load: Callable[..., Loaded]) -> None:
    loaded = load(DEFAULTS)
    assert loaded.where("components.www.tls.min_days_left") == "x.yaml:6:9"
    assert loaded.where("components.api.tls.min_days_left") == "x.yaml:11:11"
    assert loaded.where("components.api.health.0.within") == "x.yaml:5:12"
    assert loaded.where("components.api.health.1.status") == "x.yaml:10:42"


def test_a_wrong_default_is_told_once_and_as_a_default(refused: Callable[..., list[str]]) -> None:
    assert refused(DEFAULTS.replace("min_days_left: 14", "min_days_left: soon")) == [
        "x.yaml:6:24: defaults.tls.min_days_left: found 'soon' (text); allowed: a whole number >= 0"
    ]


def test_unknown_keys_of_defaults_are_refused_though_nothing_uses_them(refused: Callable[..., list[str]]) -> None:
    text = DEFAULTS.replace("resumes: true}", "resume: true}\n  htpp: {}\n  headers: {x-frame-option: DENY}\n  http: 3")
    lines = refused(text)
    assert [line.split("; ")[0] for line in lines] == [
        "x.yaml:6:28: defaults.tls.resume: unknown key",
        "x.yaml:7:3: defaults.htpp: unknown key",
        "x.yaml:8:13: defaults.headers.x-frame-option: unknown key",
        "x.yaml:9:9: defaults.http: found 3 (a whole number)",
    ]
    assert "did you mean http? allowed: health, release, tcp, tls, http, headers" in lines[1]


# --- policies ---------------------------------------------------------------------------------------------------------


def with_tls(tls: str) -> str:
    return f"{HEAD}components:\n  api:\n    url: https://api.shop.example\n    tls: {tls}\n"


def test_a_policy_fills_in_what_the_target_does_not_give(load: Callable[..., Loaded]) -> None:
    tls = load(with_tls("{policy: mozilla-intermediate-6.0, versions: ['1.3']}")).target.components["api"].tls
    assert (tls.versions, tls.max_lifetime_days) == (("1.3",), 366)
    assert "ECDHE-RSA-AES128-GCM-SHA256" in tls.suites
    assert tls.min_key_bits == {"rsa": 2048, "ec": 256}


def test_a_policy_lies_below_the_defaults_and_may_be_adopted_by_them(load: Callable[..., Loaded]) -> None:
    text = with_tls("{}") + "defaults: {tls: {policy: mozilla-modern-6.0, max_lifetime_days: 47}}\n"
    tls = load(text).target.components["api"].tls
    assert (tls.versions, tls.max_lifetime_days, tls.min_key_bits) == (("1.3",), 47, {"ec": 256})


def test_a_part_of_a_policy_can_be_taken_away(load: Callable[..., Loaded]) -> None:
    tls = load(with_tls("{policy: mozilla-modern-6.0, suites: null, min_key_bits: {rsa: 3072, ec: null}}")).target
    assert tls.components["api"].tls.suites is None
    assert tls.components["api"].tls.min_key_bits == {"rsa": 3072}


def test_an_unknown_policy_lists_the_known_ones(refused: Callable[..., list[str]]) -> None:
    (told,) = refused(with_tls("{policy: mozilla-intermediate-6, min_days_left: 1}"))
    assert told.startswith(
        "x.yaml:7:19: components.api.tls.policy: unknown policy 'mozilla-intermediate-6'; did you mean "
        "mozilla-intermediate-6.0? allowed: ELBSecurityPolicy-2016-08, "
    )
    assert told.endswith(", mozilla-intermediate-6.0, mozilla-modern-6.0")


def test_a_policy_about_something_else_is_refused(refused: Callable[..., list[str]]) -> None:
    (told,) = refused(with_tls("{policy: owasp-secure-headers-2026, min_days_left: 1}"))
    assert told.startswith(
        "x.yaml:7:19: components.api.tls.policy: owasp-secure-headers-2026 says nothing about tls; allowed: ELB"
    )
    assert told.endswith(", mozilla-intermediate-6.0, mozilla-modern-6.0")


def test_a_value_of_a_policy_is_found_in_the_policy(load: Callable[..., Loaded]) -> None:
    where = load(with_tls("{policy: mozilla-modern-6.0}")).where("components.api.tls.max_lifetime_days")
    assert where == "policy/mozilla-modern-6.0.yaml:11:3"


@pytest.mark.parametrize("name", policies())
def test_every_policy_is_dated_has_a_source_and_fits_the_model(name: str) -> None:
    held = plain(policies()[name])
    assert held["name"] == name
    assert date(2016, 1, 1) < date.fromisoformat(held["date"]) <= date(2027, 1, 1)
    assert held["source"]
    blocks = {"tls": Tls, "headers": Headers, "dns": Dns}
    given = blocks.keys() & held.keys()
    assert given
    for block in given:
        blocks[block].model_validate(held[block], by_alias=True, by_name=False)


def test_all_policies_were_read() -> None:
    assert {"mozilla-intermediate-6.0", "mozilla-modern-6.0", "owasp-secure-headers-2026"} <= policies().keys()
    assert len(policies()) == len([*POLICIES.glob("*.yaml")])


@pytest.mark.parametrize(
    ("name", "versions", "suites"),
    [
        ("ELBSecurityPolicy-2016-08", ("1.0", "1.1", "1.2"), 18),
        ("ELBSecurityPolicy-TLS-1-2-2017-01", ("1.2",), 12),
        ("ELBSecurityPolicy-TLS-1-2-Ext-2018-06", ("1.2",), 18),
        ("ELBSecurityPolicy-FS-1-2-Res-2020-10", ("1.2",), 4),
        ("ELBSecurityPolicy-TLS13-1-2-2021-06", ("1.2", "1.3"), 11),
        ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", ("1.2", "1.3"), 7),
        ("ELBSecurityPolicy-TLS13-1-3-2021-06", ("1.3",), 3),
    ],
)
def test_a_load_balancer_s_policy_goes_by_its_own_name(
    load: Callable[..., Loaded], name: str, versions: tuple[str, ...], suites: int
) -> None:
    tls = load(with_tls(f"{{policy: {name}}}")).target.components["api"].tls
    assert tls is not None
    assert (tls.versions, len(set(tls.suites or ()))) == (versions, suites)


def test_what_is_shared_shows_in_no_target(write: Callable[..., Any]) -> None:
    merged = read_tree(write(DEFAULTS)).merged
    assert "defaults" not in merged
    assert merged["components"]["www"]["tls"] == {"min_days_left": 14, "resumes": True}
