"""The target files of the project: what the guides promise is what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from roadworthy.target.loading import Loaded, load_target, read_tree

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "targets").glob("*.yaml"))


def load(name: str) -> Loaded:
    file = ROOT / "targets" / f"{name}.yaml"
    return load_target(
        file, environ={**dict.fromkeys(read_tree(file).environment, "a-secret"), "EXPECTED_VERSION": "abcdef0"}
    )


def test_there_are_targets() -> None:
    assert {"demo", "elymica", "bitflow-owner-portal"} <= {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_target_loads_under_its_own_name_and_holds_no_secret(file: Path) -> None:
    loaded = load(file.stem)
    assert loaded.target.name == file.stem
    assert loaded.secrets in (
        {},
        {"a-secret": loaded.secrets.get("a-secret")},
    )  # what it was given, and nothing besides


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_promise_is_one_of_the_ledger_and_of_this_system(file: Path) -> None:
    ledger = yaml.safe_load((ROOT / "src" / "roadworthy" / "claims.yaml").read_text())
    known = {row["id"] for system, rows in ledger.items() if file.stem.startswith(system) for row in rows}
    carried = {promise for component in load(file.stem).target.components.values() for promise in component.promises}
    assert carried <= known


def test_elymica_has_its_21_services_on_their_ports() -> None:
    components = load("elymica").target.components
    services = {name: c for name, c in components.items() if not name.startswith(("edge-", "route-"))}
    services = {name: c for name, c in services.items() if name not in ("portal", "sockets", "docker-host")}
    assert len(services) == 21
    ports = {name: component.endpoint[1] for name, component in services.items()}
    assert ports == {
        "postgres": 5432, "redis": 6379, "gateway": 8000, "auth": 8007, "websocket": 8015, "search": 8016,
        "assignment": 8017, "grading": 8018, "scheduling": 8019, "forum": 8020, "enrollment": 8021, "sms": 8022,
        "notification": 8023, "analytics": 8024, "reports": 8025, "content": 8026, "lms": 8027, "integration": 8028,
        "admin": 8029, "certificate": 8030, "dashboard": 3000,
    }  # fmt: skip


def test_elymica_s_services_all_say_who_they_are() -> None:
    components = load("elymica").target.components
    for name, component in components.items():
        if "ELY-SVC-1" in component.promises:
            asked = [one for one in component.health if one.path == "/health"]
            assert [one.json_subset for one in asked] == [{"status": "ok", "service": f"{name}-service"}]
    assert sum("ELY-SVC-1" in component.promises for component in components.values()) == 19


def test_elymica_s_blame_follows_the_order_of_starting() -> None:
    target = load("elymica").target
    depends = {name: component.depends_on for name, component in target.components.items()}
    assert depends["redis"] == ("postgres",)
    assert depends["auth"] == ("redis",)
    assert depends["sms"] == ("auth",)
    assert depends["gateway"] == ("auth",)
    assert depends["certificate"] == ("lms",)
    assert depends["notification"] == ("certificate",)
    assert depends["route-courses"] == ("gateway", "content")
    assert all("postgres" in target.dependencies_of(name) for name in target.reached if name != "postgres")


def test_the_portal_s_api_and_admin_differ_as_their_nginx_files_do() -> None:
    components = load("bitflow-owner-portal").target.components
    api, admin = components["api"], components["admin"]
    assert api.headers.x_xss_protection == "1; mode=block"
    assert admin.headers.x_xss_protection is None
    for component in (api, admin):
        assert component.headers.x_frame_options == "DENY"
        assert component.headers.strict_transport_security.max_age == 31536000
        assert component.tls.versions == ("1.2", "1.3")
        assert component.http.redirects_from_http == 301
    assert api.headers.cors.allows == ("https://admin.bitflow.com",)
    assert load("bitflow-owner-portal").target.release.version == "abcdef0"
