"""Whatever a server sends, a parser answers; and what is written by the rules is read back as it was meant."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.http import Hop
from roadworthy.rules import headers
from roadworthy.rules.caching import cache_directives, caching_faults, varies_on
from roadworthy.rules.cors import hostile_origins
from roadworthy.rules.csp import csp_faults, parse_csp
from roadworthy.rules.framing import frame_options_faults
from roadworthy.rules.hsts import StrictTransport, hsts_faults, parse_hsts
from roadworthy.rules.redirects import redirect_faults
from roadworthy.target.blocks.headers import Cors, Hsts

FRAGMENTS = [
    "max-age",
    "=",
    "1",
    '"',
    "\\",
    ";",
    ",",
    " ",
    "\t",
    "includeSubDomains",
    "'none'",
    "'self'",
    "*",
    "(",
    ")",
]
HEADER = st.text() | st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)
HEADERS = st.lists(HEADER, max_size=3).map(tuple)
TOKEN = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
SPACE = st.sampled_from(["", " ", "\t", "  "])


@given(HEADERS)
def test_no_header_breaks_a_rule(values: tuple[str, ...]) -> None:
    assert isinstance(hsts_faults(values, Hsts(max_age=1), secure=True), list)
    assert isinstance(csp_faults(values, (), {"default-src": ("'self'",)}), list)
    assert isinstance(frame_options_faults(values, "DENY"), list)
    assert isinstance(headers.nosniff_faults(values), list)
    assert isinstance(headers.xss_protection_faults(values, "0"), list)
    assert isinstance(headers.referrer_policy_faults(values, ("no-referrer",)), list)
    assert isinstance(headers.permissions_faults(values, {"camera": "()"}), list)
    assert isinstance(headers.opener_or_embedder_faults(values, "same-origin"), list)
    assert isinstance(headers.resource_policy_faults(values, "same-origin"), list)
    assert isinstance(caching_faults(values, "no-store"), list)
    assert isinstance(varies_on(values, "origin"), bool)
    assert isinstance(headers.disclosed_versions(tuple(("server", value) for value in values)), list)


@given(HEADER)
def test_parsers_raise_nothing_but_value_errors(value: str) -> None:
    with contextlib.suppress(ValueError):
        parse_hsts(value)
    with contextlib.suppress(ValueError):
        headers.parse_xss_protection(value)
    with contextlib.suppress(ValueError):
        headers.permissions((value,))
    parse_csp((value,))
    cache_directives((value,))


@given(HEADER | st.none())
def test_no_location_breaks_a_redirect(location: str | None) -> None:
    hop = Hop(url="http://a.example/", status=301, location=location)
    assert redirect_faults(hop, status=301, https_port=443) or location


MEANT = st.builds(StrictTransport, st.integers(0, 10**12), st.booleans(), st.booleans())


@given(MEANT, SPACE, st.sampled_from(["", '"']), st.permutations([0, 1, 2]))
def test_hsts_is_read_back(meant: StrictTransport, space: str, quote: str, order: list[int]) -> None:
    directives = [
        f"Max-Age{space}={space}{quote}{meant.max_age}{quote}",
        "includeSubDomains" if meant.include_subdomains else "",
        "preload" if meant.preload else "",
    ]
    assert parse_hsts(f"{space};{space}".join(directives[index] for index in order)) == meant


@given(st.dictionaries(TOKEN, st.frozensets(TOKEN, max_size=3), min_size=1, max_size=4))
def test_a_policy_is_read_back_and_is_its_own_promise(meant: dict[str, frozenset[str]]) -> None:
    value = ";".join(f"{name.upper()} {' '.join(sources)}" for name, sources in meant.items())
    assert parse_csp((value,)) == (meant,)
    assert not csp_faults((value,), (), {name: tuple(sources) for name, sources in meant.items()})


@given(st.dictionaries(TOKEN, st.none() | TOKEN | st.text('abc ,;"\\', max_size=5), min_size=1, max_size=4))
def test_cache_directives_are_read_back(meant: dict[str, str | None]) -> None:
    def written(value: str) -> str:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    value = ", ".join(name if value is None else f"{name.upper()}={written(value)}" for name, value in meant.items())
    assert cache_directives((value,)) == {
        name: (None if value is None else value.strip(),) for name, value in meant.items()
    }


@given(st.dictionaries(TOKEN, st.frozensets(TOKEN.map(lambda host: f"https://{host}.example"), max_size=3), min_size=1))
def test_permissions_are_read_back(meant: dict[str, frozenset[str]]) -> None:
    quoted = {name: " ".join(f'"{origin}"' for origin in origins) for name, origins in meant.items()}
    assert headers.permissions((", ".join(f"{name}=({origins})" for name, origins in quoted.items()),)) == meant


@given(st.lists(st.sampled_from(sorted(headers.REFERRER_POLICIES)), min_size=1))
def test_the_last_referrer_policy_is_in_force(policies: list[str]) -> None:
    assert headers.referrer_policy((", ".join([*policies, "unknown"]),)) == policies[-1]


@given(st.lists(HEADER | TOKEN.map(lambda host: f"https://{host}.example"), min_size=1, max_size=3))
def test_hostile_origins_are_never_allowed_ones(allows: list[str]) -> None:
    with contextlib.suppress(ValueError):
        hostile = hostile_origins(Cors(allows=tuple(allows)))
        assert not set(hostile) & set(allows)
        assert "null" in (*hostile, *allows) or "*" in allows


@pytest.mark.parametrize("query", ["$[", "status", ""])
def test_a_malformed_query_is_refused_when_the_target_loads(query: str) -> None:
    from roadworthy.target.blocks.health import Health, Running  # noqa: PLC0415

    with pytest.raises(ValueError, match="RFC 9535"):
        Health.model_validate({"path": "/", "json_path": {query: 1}})
    if query.startswith("$"):
        with pytest.raises(ValueError, match="RFC 9535"):
            Running.model_validate({"path": "/", "json": query})
