"""What needs leave, and what a promise may be at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from roadworthy.target.blocks.exposure import Exposure
from roadworthy.target.blocks.limits import BodyLimit, Limits, RateLimit
from roadworthy.target.loading import TargetError, load_target
from roadworthy.target.models import Target
from roadworthy.target.values import show_size

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "schema: 1\nname: shop\nenvironment: test\n"
API = "components:\n  api:\n    url: https://api.shop.example\n"

ROUGH = [
    ("exposure: {closed_ports: [mysql, 6379]}", "exposure.closed_ports", "ports", "2 connections to ports"),
    ("exposure: {refuses_logins: [{path: /l, form: {u: a}}]}", "exposure.refuses_logins", "logins", "1 POST with"),
    (
        "limits: {rate: {path: /up, requests: 10, per: 1s, burst: 20}}",
        "limits.rate",
        "bursts",
        "up to 59 requests at once",
    ),
    ("limits: {attempts: [{path: /l, form: {u: a}, at_most: 5}]}", "limits.attempts.0", "logins", "6 attempts"),
    ("limits: {body: {path: /x, at_most: 20MB}}", "limits.body", "large-bodies", "a body of 20MB"),
    ("limits: {firewall: {}}", "limits.firewall", "attacks", "2 requests that look like attacks"),
]


@pytest.mark.parametrize(("block", "key", "leave", "told"), ROUGH)
def test_what_may_alarm_somebody_needs_leave(tmp_path: Path, block: str, key: str, leave: str, told: str) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(f"{HEAD}{API}    {block}\n")
    with pytest.raises(TargetError) as caught:
        load_target(file)
    (problem,) = caught.value.problems
    assert (problem.mark.line, problem.key) == (7, f"components.api.{key}")
    assert told in problem.text
    assert f"network: {{allows: [{leave}]}}" in problem.text
    file.write_text(f"{HEAD}network: {{allows: [{leave}]}}\n{API}    {block}\n")
    assert load_target(file).target.network.allows == (leave,)


def test_what_alarms_nobody_needs_none() -> None:
    target = shop(exposure={"hides": ["dot-files"], "denies": ["/x"]}, limits={"guards": ["/admin"]})
    assert target.network.allows == ()


def shop(url: str = "https://api.shop.example", network: Any = None, **blocks: Any) -> Target:
    component = {"url": url, **blocks}
    head = {"schema": 1, "name": "shop", "environment": "test", "network": network or {}}
    return Target.model_validate({**head, "components": {"api": component}})


@pytest.mark.parametrize(
    ("exposure", "told"),
    [
        ({}, "promises nothing"),
        ({"security_txt": False}, "promises nothing"),
        ({"errors_at": ["/x"]}, "promises nothing"),
        ({"denies": ["/x"], "errors_at": ["/x"]}, "for debug_off"),
        ({"denies": ["/x"], "scripts_on": "/x"}, "for source-maps"),
        ({"closed_ports": ["mysqld"]}, "is no port"),
        ({"closed_ports": [0]}, "0 is no port"),
        ({"closed_ports": [65536]}, "65536 is no port"),
        ({"closed_ports": list(range(1, 66))}, "at most 64"),
        ({"refuses_logins": [{"path": "/login"}]}, "either json or form"),
        ({"refuses_logins": [{"path": "/login", "json": {"a": 1}, "form": {"a": "b"}}]}, "either json or form"),
        ({"hides": ["everything"]}, "dot-files"),
    ],
)
def test_exposure_that_can_not_be_is_refused(exposure: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Exposure.model_validate(exposure)


def test_ports_are_known_by_name() -> None:
    promised = Exposure.model_validate({"closed_ports": ["mysql", 3306, "redis", 1, 65535]})
    assert promised.port_numbers == (3306, 6379, 1, 65535)


def test_only_ports_are_promised_of_what_speaks_no_http() -> None:
    component = {"address": "db.shop.example:5432", "exposure": {"closed_ports": ["ssh"]}}
    head = {"schema": 1, "name": "shop", "environment": "test", "network": {"allows": ["ports"]}}
    assert Target.model_validate({**head, "components": {"db": component}}).components["db"].exposure
    with pytest.raises(ValidationError, match=r"exposure.denies needs a url"):
        Target.model_validate({**head, "components": {"db": {**component, "exposure": {"denies": ["/x"]}}}})


def test_a_bucket_and_a_window() -> None:
    bucket = RateLimit.model_validate({"path": "/", "requests": 10, "per": "1s", "burst": 20})
    assert (bucket.capacity, bucket.rate, bucket.round_size) == (21, 10, 28)
    assert bucket.fills_within_s == pytest.approx(2.1)
    window = RateLimit.model_validate({"path": "/", "requests": 60, "per": "1m"})
    assert (window.capacity, window.rate, window.round_size, window.fills_within_s) == (60, 0, 65, 0)
    assert (str(bucket), str(window)) == ("10 in 1s with a burst of 20", "60 in 1m")


def test_a_limit_that_takes_too_many_requests_to_meet_is_refused() -> None:
    RateLimit.model_validate({"path": "/", "requests": 245, "per": "5m"})
    with pytest.raises(ValidationError, match=r"up to 502 requests would be needed .* promise in `announces`"):
        RateLimit.model_validate({"path": "/", "requests": 246, "per": "5m"})


def test_a_body_that_is_too_large_to_send_is_refused() -> None:
    BodyLimit.model_validate({"path": "/", "at_most": "256MiB"})
    with pytest.raises(ValidationError):
        BodyLimit.model_validate({"path": "/", "at_most": "257MiB"})


def test_a_limit_must_let_go_within_an_observation() -> None:
    rate = {"path": "/", "requests": 60, "per": "1m", "recovers_within": "55s"}
    network = {"allows": ["bursts"]}
    assert shop(limits={"rate": rate}, network=network)
    with pytest.raises(ValidationError, match=r"rate.recovers_within: .*raise network.scan_timeout"):
        shop(limits={"rate": {**rate, "recovers_within": "56s"}}, network=network)
    assert shop(limits={"rate": {**rate, "recovers_within": "56s"}}, network={**network, "scan_timeout": "90s"})


def test_the_strictest_limit_of_a_host_sets_the_pace() -> None:
    limited = shop(
        limits={"rate": {"path": "/", "requests": 10, "per": "1s", "burst": 20}}, network={"allows": ["bursts"]}
    )
    assert limited.limited_hosts == {"api.shop.example": (10, 21)}
    assert shop(exposure={"denies": ["/x"]}).limited_hosts == {}


def test_a_target_survives_its_own_json() -> None:
    blocks: dict[str, Any] = {
        "exposure": {"closed_ports": ["mysql", 1], "refuses_logins": [{"path": "/l", "json": {"a": [1]}}]},
        "limits": {
            "rate": {"path": "/", "requests": 10, "per": "1s", "burst": 0},
            "attempts": [{"path": "/l", "form": {"a": "{invented}"}, "at_most": 3}],
            "body": {"path": "/", "at_most": "20MB"},
        },
    }
    target = shop(network={"allows": ["bursts", "logins", "ports", "large-bodies"]}, **blocks)
    assert Target.model_validate_json(target.model_dump_json()) == target
    assert isinstance(target.components["api"].limits, Limits)


@pytest.mark.parametrize(
    ("size", "shown"),
    [(20_000_000, "20MB"), (2**20, "1MiB"), (1000, "1kB"), (1025, "1025B"), (20 * 2**20, "20MiB"), (10**9, "1GB")],
)
def test_a_size_is_shown_as_it_is_written(size: int, shown: str) -> None:
    assert show_size(size) == shown
