"""A target -> what an operator would configure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from roadworthy.sandbox.deployment import CorsRule, Deployment, Front, Header, Page, Product, Redirect, Route
from roadworthy.sandbox.deriving import derive
from roadworthy.sandbox.pages import PromiseError
from roadworthy.sandbox.supervisor import overlay
from roadworthy.target.models import Target

from .conftest import FILES, deployment_of

if TYPE_CHECKING:
    from pathlib import Path


def front(deployment: Deployment, component: str) -> Front:
    found = deployment.front_of(component)
    assert found
    return found


def page(deployment: Deployment, component: str, path: str) -> Page:
    return next(page for page in deployment.services_of(component)[0].pages if page.path == path)


def target(**components: object) -> Target:
    return Target.model_validate({"schema": 1, "name": "t", "environment": "test", "components": components})


def test_public_names_have_two_addresses_and_internal_ones_have_one(deployment: Deployment) -> None:
    assert (
        deployment.hosts.items()
        >= {
            "db.internal.test": ("127.64.0.100",),
            "cache.internal.test": ("127.64.0.101",),
            "queue.internal.test": ("127.64.0.102",),
            "services.internal.test": ("127.64.0.103",),
            "gateway.internal.test": ("127.64.0.104",),
            "api.everything.test": ("127.64.0.10", "127.64.0.11"),
            "www.everything.test": ("127.64.0.12", "127.64.0.13"),
            "192.0.2.7": ("127.64.0.105",),
        }.items()
    )
    assert "192.0.2.7" not in deployment.names.hosts


def test_the_overlay_leads_by_resolver_and_connect_to_alone(tmp_path: Path) -> None:
    plain = target(
        www={"url": "https://www.test", "tls": {"trusted": True}},
        by_ip={"url": "http://192.0.2.7:8080", "health": {"path": "/"}},
    )
    assert yaml.safe_load(overlay(derive(plain, "127.64.0"), tmp_path / "ca.pem")) == {
        "network": {
            "resolver": "127.64.0.53:5353",
            "ca_file": str(tmp_path / "ca.pem"),
            "connect_to": ["192.0.2.7:8080:127.64.0.100:8080", ":80::10080", ":443::10443"],
        }
    }


def test_stores_are_what_their_port_says(deployment: Deployment) -> None:
    products = {store.name: store.product for store in deployment.stores}
    assert products == {"database": Product.POSTGRES, "cache": Product.VALKEY, "queue": Product.LISTENER}


def test_an_edge_is_configured_from_its_promises(deployment: Deployment) -> None:
    www = front(deployment, "www")
    assert www.listens == (("127.64.0.12", 10443), ("127.64.0.13", 10443))
    assert www.tls
    assert www.tls.versions == ("1.2", "1.3")
    assert "ECDHE-ECDSA-AES128-GCM-SHA256" in www.tls.suites
    assert not {"TLS_AES_128_GCM_SHA256"} & set(www.tls.suites)
    assert www.redirect == Redirect(308)
    assert www.cors == CorsRule(("https://shop.everything.test",), credentials=True)
    assert www.hides_server
    assert www.caches == (("/static/site.css", "public, max-age=3600"), ("/data.json", "no-store"))
    assert set(www.headers) == {
        Header("Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload"),
        Header("X-Frame-Options", "SAMEORIGIN"),
        Header("X-Content-Type-Options", "nosniff"),
        Header("X-XSS-Protection", "0"),
        Header("Content-Security-Policy", "default-src 'self' https://cdn.everything.test; upgrade-insecure-requests"),
        Header("Referrer-Policy", "no-referrer"),
        Header("Permissions-Policy", "camera=(), geolocation=(self)"),
        Header("Cross-Origin-Opener-Policy", "same-origin"),
        Header("Cross-Origin-Embedder-Policy", "require-corp"),
        Header("Cross-Origin-Resource-Policy", "same-origin"),
        Header("X-Robots-Tag", "noindex"),
    }


def test_each_address_of_an_edge_has_a_service_of_its_own(deployment: Deployment) -> None:
    services = deployment.services_of("www")
    assert [service.name for service in services] == ["www@1", "www@2"]
    assert front(deployment, "www").upstreams == tuple(service.address for service in services)


def test_an_edge_by_name_passes_through_to_what_it_depends_on(deployment: Deployment) -> None:
    assert deployment.services_of("edge-gateway") == ()
    assert set(front(deployment, "edge-gateway").upstreams) == {("127.64.0.104", 8000)}


def test_routes_lead_to_the_services_that_they_depend_on(deployment: Deployment) -> None:
    assert front(deployment, "route-billing").routes == (
        Route("route-accounts", "/api/accounts/", ("127.64.0.103", 8001), strips=True),
        Route("route-billing", "/api/billing/", ("127.64.0.103", 8002), strips=True),
    )
    assert [service.components for service in deployment.services_of("gateway")] == [("gateway",)]


def test_a_service_without_http_promises_listens_itself(deployment: Deployment) -> None:
    assert deployment.front_of("accounts") is None
    assert [service.address for service in deployment.services_of("accounts")] == [("127.64.0.103", 8001)]


def test_health_needs_direct_dependencies_and_what_stands_behind_stores(deployment: Deployment) -> None:
    assert [need.component for need in page(deployment, "accounts", "/health").needs] == ["cache", "database"]
    needs = page(deployment, "billing", "/health").needs
    assert [(need.component, need.path) for need in needs] == [("accounts", "/health"), ("queue", None)]
    assert page(deployment, "www", "/data.json").needs == ()


def test_health_answers_what_is_promised(deployment: Deployment) -> None:
    health = json.loads(page(deployment, "accounts", "/health").body)
    assert health == {"status": "ok", "service": "accounts", "build": {"commit": "2.4.0"}}
    assert json.loads(page(deployment, "accounts", "/health/exact").body) == {"status": "ok"}
    assert json.loads(page(deployment, "accounts", "/health/parts").body) == {"parts": [{"state": "well"}], "total": 1}
    assert "<title>Everything</title>" in page(deployment, "www", "/").body
    assert page(deployment, "by-ip", "/").status == 204


def test_versions_are_told_by_member_header_or_text(deployment: Deployment) -> None:
    assert page(deployment, "billing", "/info").headers == (("X-Release", "2.4.0"),)
    assert page(deployment, "www", "/version.txt").body == "2.4.0\n"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html"),
        ("/static/site.css", "text/css"),
        ("/data.json", "application/json"),
        ("/logo.svg", "image/svg+xml"),
    ],
)
def test_compressed_pages_are_long_enough_to_show_it(deployment: Deployment, path: str, media_type: str) -> None:
    found = page(deployment, "www", path)
    assert found.media_type == media_type
    assert len(found.body) > 2048


def test_a_key_is_of_a_kind_that_the_promises_allow() -> None:
    def key(**tls: object) -> str:
        derived = derive(target(www={"url": "https://www.test", "tls": {"trusted": True, **tls}}), "127.64.0")
        edge = front(derived, "www")
        assert edge.tls
        return edge.tls.certificate.key

    assert key() == "ec-256"
    assert key(min_key_bits={"ec": 384, "rsa": 4096}) == "ec-384"
    assert key(min_key_bits={"rsa": 3072}) == "rsa-3072"
    assert key(suites=["ECDHE-RSA-AES128-GCM-SHA256"]) == "rsa-2048"


def test_a_route_that_leads_nowhere_is_refused() -> None:
    lost = {"url": "http://gw.test:8000", "health": {"path": "/api/x/health"}}
    with pytest.raises(PromiseError, match=r"route-x\.depends_on"):
        derive(target(**{"route-x": lost}), "127.64.0")


def test_a_query_that_no_answer_can_be_made_for_is_refused() -> None:
    odd = {"url": "http://a.test:8000", "health": {"path": "/", "json_path": {"$..parts[?@.up]": True}}}
    with pytest.raises(PromiseError, match="parts"):
        derive(target(a=odd), "127.64.0")


@pytest.mark.parametrize("name", FILES)
def test_every_target_can_be_built_and_no_address_is_taken_twice(name: str) -> None:
    derived = deployment_of(name)
    taken = [job.address for job in (*derived.services, *derived.stores)]
    taken += [address for each in derived.fronts for address in each.listens]
    assert len(taken) == len(set(taken))
    assert all(port >= 1024 for _, port in taken)
