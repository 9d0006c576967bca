"""What promises of exposure and limits make of nginx and of the services behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.sandbox.deriving_wards import SCRIPT, SECURITY_TXT
from roadworthy.sandbox.faults import broken
from roadworthy.sandbox.throttle import Counter, Throttle
from roadworthy.sandbox.wards import ALL_DOTS, DOT_FILES, RequestLimit, Wards, lines, maps

if TYPE_CHECKING:
    from roadworthy.sandbox.deployment import Deployment, Page


def wards(deployment: Deployment, component: str) -> Wards:
    front = deployment.front_of(component)
    assert front
    return front.wards


def page(deployment: Deployment, component: str, path: str) -> Page:
    return next(page for page in deployment.services_of(component)[0].pages if page.path == path)


def test_a_guarded_edge_keeps_its_promises(deployment: Deployment) -> None:
    guarded = wards(deployment, "guarded")
    assert (guarded.dot_files, guarded.denies) == (DOT_FILES, ("/private.txt",))
    assert f'src="{SCRIPT}"' in page(deployment, "guarded", "/").body
    assert page(deployment, "guarded", SECURITY_TXT).body.startswith("Contact: ")
    login, form = (page(deployment, "guarded", path) for path in ("/api/auth/login", "/login"))
    assert login.door
    assert form.door
    assert (login.status, login.door.refuses, form.door.back_to) == (405, 401, "/login")


def test_a_counting_edge_keeps_its_promises(deployment: Deployment) -> None:
    counted = wards(deployment, "counted")
    assert counted.limit == RequestLimit(600, 20, 429, retry_after=True)
    assert (counted.body_bytes, counted.guards) == (4_000_000, ("/admin",))
    assert counted.attacks == ("sql-injection", "cross-site-scripting", "path-traversal")
    search, login = (page(deployment, "counted-in-windows", path) for path in ("/search", "/login"))
    assert search.throttle == Throttle(12, 3.0)
    assert login.throttle == Throttle(3, 2.0)
    assert ("RateLimit-Policy", '"default";q=100;w=60') in page(deployment, "counted-in-windows", "/up").headers


def test_nothing_is_kept_away_where_nothing_is_promised(deployment: Deployment) -> None:
    assert wards(deployment, "www") == Wards()
    assert list(lines(Wards(), "k", "")) == list(maps(Wards(), "k")) == []


def test_an_operators_configuration() -> None:
    told = Wards(
        dot_files=DOT_FILES,
        limit=RequestLimit(600, 20),
        body_bytes=20_000_000,
        attacks=("sql-injection",),
        guards=("/admin",),
    )
    (zone, attack) = maps(told, "k")
    assert zone.split() == [
        "limit_req_zone",
        "$binary_remote_addr$server_addr",
        "zone=limit_k:1m",
        "rate=600r/m;",
    ]
    assert "map $query_string $attack_k" in attack
    text = "\n".join(lines(told, "k", "PROXY"))
    for line in (
        "client_max_body_size 20000000;",
        "limit_req zone=limit_k burst=20 nodelay;",
        "limit_req_status 429;",
        "if ($attack_k) { return 403; }",
        'location ~ "/\\.(?!well-known)" { deny all; }',
        "location ^~ /admin { allow 203.0.113.0/24; deny all; PROXY }",
    ):
        assert line in text


def test_a_fault_takes_the_rule_away(deployment: Deployment) -> None:
    served = broken(deployment, ["env-file-served"])
    assert wards(served, "guarded").dot_files is None
    assert "APP_KEY" in page(served, "guarded", "/.env").body
    assert wards(broken(deployment, ["well-known-denied"]), "guarded").dot_files == ALL_DOTS
    opened = broken(deployment, ["port-open"])
    (listener,) = set(opened.stores) - set(deployment.stores)
    assert listener.address == ("127.64.0." + opened.hosts["guarded.everything.test"][-1].rpartition(".")[2], 3306)


def test_a_window_refuses_what_is_too_much_until_it_ends() -> None:
    now = 100.0
    counter, throttle = Counter(lambda: now), Throttle(2, 3.0)
    assert [counter.seconds_to_wait(throttle, "me") for _ in range(3)] == [None, None, 3.0]
    assert counter.seconds_to_wait(throttle, "you") is None
    now = 102.0
    assert counter.seconds_to_wait(throttle, "me") == 1.0
    now = 103.0
    assert counter.seconds_to_wait(throttle, "me") is None


def test_a_lock_out_without_end() -> None:
    now = 100.0
    counter, throttle = Counter(lambda: now), Throttle(1, 3.0, ends=False)
    assert [counter.seconds_to_wait(throttle, "me") for _ in range(2)] == [None, 3.0]
    now = 200.0
    assert counter.seconds_to_wait(throttle, "me") == 0.0
