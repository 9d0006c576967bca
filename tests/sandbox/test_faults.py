"""Faults are pure, have a place, and compose."""

from __future__ import annotations

import pytest

from roadworthy.catalogue import entries
from roadworthy.sandbox.deployment import Deployment, Issuer, State, Terminator
from roadworthy.sandbox.faults import FAULTS, FaultError, broken, parse_fault

from .conftest import FILES, TOPICS, deployment_of


def deployment_for(fault: str) -> Deployment:
    """The first that has a place for a fault: one that promises nearly everything, else a topic's own."""
    found = (deployment_of(name) for name in ("everything", *TOPICS))
    return next(deployment for deployment in found if FAULTS[fault].applies(deployment))


def test_every_check_has_a_fault() -> None:
    found = {check for fault in FAULTS.values() for check in fault.reds}
    assert [entry.check.id for entry in entries() if entry.check.id not in found] == []


def test_no_fault_names_a_check_that_is_gone() -> None:
    known = {entry.check.id for entry in entries()}
    assert {
        fault.name: fault.reds | fault.also for fault in FAULTS.values() if not fault.reds | fault.also <= known
    } == {}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_the_deployment_and_leaves_the_healthy_one_alone(name: str) -> None:
    deployment, again = deployment_for(name), deployment_for(name)
    changed = FAULTS[name].break_(deployment)
    assert changed != deployment
    assert deployment == again
    assert changed.target is deployment.target


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_stays_in_the_component_that_it_is_given(name: str) -> None:
    deployment = deployment_for(name)
    for component in FAULTS[name].where(deployment):
        changed = FAULTS[name].break_(deployment, component)
        untouched = [s for s in deployment.services if component not in s.components]
        assert [s for s in changed.services if component not in s.components] == untouched
        assert [f for f in changed.fronts if component not in f.components] == [
            f for f in deployment.fronts if component not in f.components
        ]


@pytest.mark.parametrize("target", FILES)
def test_each_target_has_faults_of_its_own(target: str) -> None:
    deployment = deployment_of(target)
    applying = [fault for fault in FAULTS.values() if fault.applies(deployment)]
    assert len(applying) > 1
    for fault in applying:
        assert fault.break_(deployment) != deployment, fault.name


def test_faults_compose_in_one_edge(deployment: Deployment) -> None:
    both = broken(deployment, ["hsts-gone:www", "edge-certificate-untrusted:www", "http2-off:www"])
    www = both.front_of("www")
    assert www
    assert www.tls
    assert www.tls.certificate.issuer is Issuer.UNKNOWN
    assert not www.http2
    assert "Strict-Transport-Security" not in {header.name for header in www.headers}
    assert broken(deployment, []) == deployment


def test_the_weak_key_is_the_longest_that_is_too_short(deployment: Deployment) -> None:
    www = FAULTS["edge-certificate-weak-key"].break_(deployment, "www").front_of("www")
    assert www
    assert www.tls
    assert www.tls.certificate.key == "rsa-1024"


def test_the_expiring_certificate_is_below_its_floor_and_good(deployment: Deployment) -> None:
    www = FAULTS["edge-certificate-expiring"].break_(deployment, "www").front_of("www")
    assert www
    assert www.tls
    assert 0 < www.tls.certificate.ends_in_days < 14


def test_the_natural_component_comes_first(deployment: Deployment) -> None:
    natural = {
        name: FAULTS[name].component_for(deployment) for name in ("service-killed", "database-down", "name-gone")
    }
    assert natural == {"service-killed": "accounts", "database-down": "database", "name-gone": "www"}
    killed = FAULTS["service-killed"].break_(deployment)
    assert [service.state for service in killed.services_of("accounts")] == [State.KILLED]


def test_the_relay_takes_the_place_of_nginx(deployment: Deployment) -> None:
    changed = broken(deployment, ["edge-client-renegotiation"])
    www = changed.front_of("www")
    assert www
    assert www.tls
    assert www.tls.terminator is Terminator.LEGACY
    with pytest.raises(FaultError, match="edge-not-tls does not apply to www"):
        broken(changed, ["edge-not-tls:www"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hsts-gon", "did you mean hsts-gone"),
        ("hsts-gone:nowhere", "there is no component nowhere"),
        ("hsts-gone:accounts", "possible in www"),
    ],
)
def test_a_fault_that_can_not_be_is_refused_with_a_hint(deployment: Deployment, text: str, says: str) -> None:
    with pytest.raises(FaultError, match=says):
        broken(deployment, [text])


def test_a_fault_is_written_with_its_component() -> None:
    assert parse_fault("service-killed:orders") == ("service-killed", "orders")
    assert parse_fault("service-killed") == ("service-killed", None)
