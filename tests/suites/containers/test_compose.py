from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.compose import Mount, Published
from tests.suites.containers.builders import FORBIDDEN, GONE, ID, OTHER_ID, compose, container, project
from tests.suites.healthy import NOW, fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

NOTHING = project()


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("containers/test_compose.py")


def test_the_ask(suite: ModuleType) -> None:
    del suite
    assert compose(NOTHING).ask.label == "com.docker.compose.project=shop"
    by_folder = compose(NOTHING, project=None, folder="/srv/shop/")
    assert by_folder.ask.name == "com.docker.compose.project.working_dir=/srv/shop"


def test_the_engine(suite: ModuleType) -> None:
    check = suite.test_the_engine_answers
    passes(check, compose(NOTHING))
    fails(check, compose(GONE), "Cannot connect to the Docker daemon")


def test_services(suite: ModuleType) -> None:
    check = suite.test_every_service_has_a_container
    passes(check, compose(project(container(), container("db", status="exited")), "web", "db"))
    fails(check, compose(project(container()), "web", "db", "cache"), "no container of db", "no container of cache")
    fails(check, compose(project(container(oneoff=True))), "no container of web")
    is_not_observed(check, compose(GONE), "Cannot connect")


def test_strangers(suite: ModuleType) -> None:
    check = suite.test_no_other_container_is_in_the_project
    once = container(oneoff=True, status="exited")
    passes(check, compose(project(container(), once), nothing_else=True))
    fails(
        check,
        compose(project(container(), container("adminer")), nothing_else=True),
        "shop-adminer-1 is of the service adminer, running",
    )
    ours = container(name="shop-web-run-1", oneoff=True)
    fails(check, compose(project(container(), ours), nothing_else=True), "shop-web-run-1 is a one-off container of web")
    is_not_observed(check, compose(GONE, nothing_else=True), "Cannot connect")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"status": "exited", "exit_code": 1}, "shop-web-1 has exited with 1"),
        ({"status": "exited", "exit_code": 137, "out_of_memory": True}, "exited with 137, out of memory"),
        ({"status": "restarting", "exit_code": 139, "restarts": 7}, "restarting: it ended with 139, 7 times so far"),
        *(({"status": status}, f"shop-web-1 is {status}") for status in ("created", "paused", "dead", "removing")),
    ],
)
def test_running(suite: ModuleType, state: dict[str, Any], told: str) -> None:
    check = suite.test_every_container_runs
    passes(check, compose(project(container()), running=True))
    fails(check, compose(project(container(**state), container(number=2)), running=True), told)


def test_what_should_run_and_is_not_there(suite: ModuleType) -> None:
    check = suite.test_every_container_runs
    fails(check, compose(project(container(status="dead")), "web", "db", running=True), "shop-web-1 is dead")
    is_not_observed(check, compose(project(container()), "web", "db", running=True), "there is no container of db")
    is_not_observed(check, compose(GONE, running=True), "Cannot connect")


def test_the_same_fault_is_told_once(suite: ModuleType) -> None:
    many = [container(number=number, status="dead") for number in range(1, 8)]
    fails(
        suite.test_every_container_runs,
        compose(project(*many), running=True),
        "shop-web-1, shop-web-2, shop-web-3, shop-web-4, shop-web-5 and 2 more: is dead",
    )


def test_what_runs_once(suite: ModuleType) -> None:
    check = suite.test_what_runs_once_has_ended_well
    services, promised = ("web", "migrate"), {"finished": ["migrate"], "running": True}
    ended = container("migrate", status="exited")
    for other in (suite.test_every_container_runs, check):
        passes(other, compose(project(container(), ended), *services, **promised))
    failed = container("migrate", status="exited", exit_code=1)
    fails(check, compose(project(container(), failed), *services, **promised), "shop-migrate-1 has exited with 1")
    fails(check, compose(project(container("migrate")), *services, **promised), "shop-migrate-1 is running")
    later = container("migrate", 2, status="exited", started=NOW)
    passes(check, compose(project(failed, later), *services, **promised))
    is_not_observed(check, compose(project(container()), *services, **promised), "no container of migrate")


def test_replicas(suite: ModuleType) -> None:
    check = suite.test_as_many_containers_run_as_promised
    two = [container(number=number) for number in (1, 2)]
    passes(check, compose(project(*two), replicas={"web": 2}))
    fails(check, compose(project(*two), replicas={"web": 3}), "2 of web run, promised 3")
    fails(check, compose(project(*two), replicas={"web": 1}), "2 of web run, promised 1")
    fails(check, compose(project(two[0], container(number=2, status="exited")), replicas={"web": 2}), "1 of web run")
    is_not_observed(check, compose(NOTHING, replicas={"web": 2}), "no container of web")


def test_health(suite: ModuleType) -> None:
    check = suite.test_every_health_check_is_passed
    well, none = container(health="healthy"), container("db")
    passes(check, compose(project(well), healthy=True))
    passes(check, compose(project(well, none), "web", "db", healthy=["web"]))
    passes(check, compose(project(well, none), "web", "db", healthy="declared"))
    fails(check, compose(project(well, none), "web", "db", healthy=True), "shop-db-1 declares no health check")
    for health in ("unhealthy", "starting"):
        ill = container("db", health=health)
        for promised in (True, ["web"], "declared"):
            fails(check, compose(project(well, ill), "web", "db", healthy=promised), f"shop-db-1 is {health}")
    ended = container(health="unhealthy", status="exited", exit_code=3)
    fails(check, compose(project(ended), healthy=True), "has exited with 3")
    is_not_observed(check, compose(project(none), "db", healthy="declared"), "no container declares a health check")
    is_not_observed(check, compose(project(well), "web", "db", healthy="declared"), "no container of db")


def test_uptime(suite: ModuleType) -> None:
    check = suite.test_the_containers_have_been_up_for_long_enough
    old = container(started=NOW - timedelta(seconds=60))
    passes(check, compose(project(old), up_for="1m"))
    young = container(started=NOW - timedelta(seconds=59))
    fails(check, compose(project(young), up_for="1m"), "is up for 59s, promised 1m")
    fails(check, compose(project(container(status="exited")), up_for="1m"), "has exited with 0")


def test_restart_policies(suite: ModuleType) -> None:
    check = suite.test_the_containers_restart_as_promised
    seen = project(container(), container("db", restart="always"))
    passes(check, compose(seen, "web", "db", restart={"web": "unless-stopped", "db": "always"}))
    fails(
        check,
        compose(seen, "web", "db", restart="unless-stopped"),
        "shop-db-1 has the restart policy always, promised unless-stopped",
    )
    passes(check, compose(project(container(restart="no")), restart=False))


def test_restarts(suite: ModuleType) -> None:
    check = suite.test_no_container_was_restarted_too_often
    passes(check, compose(project(container(restarts=2)), restarts_at_most=2))
    fails(check, compose(project(container(restarts=3)), restarts_at_most=2), "was restarted 3 times, at most 2")
    fails(check, compose(project(container(restarts=1)), restarts_at_most={"web": 0}), "was restarted 1 times")


def test_memory_that_ran_out(suite: ModuleType) -> None:
    check = suite.test_nothing_was_killed_for_want_of_memory
    passes(check, compose(project(container()), not_out_of_memory=True))
    seen = project(container(out_of_memory=True, memory=2**29))
    fails(check, compose(seen, not_out_of_memory=True), "for want of memory, its limit is 512MiB")


def test_images(suite: ModuleType) -> None:
    check = suite.test_the_promised_images_run
    for promised in ("web:1.0", "web", "docker.io/library/web:1.0"):
        passes(check, compose(project(container()), images={"web": promised}))
    fails(check, compose(project(container()), images={"web": "web:1.1"}), "shop-web-1 runs web:1.0, promised web:1.1")
    by_digest = container(digests=(f"web@{ID}",))
    passes(check, compose(project(by_digest), images={"web": f"web@{ID}"}))
    passes(check, compose(project(by_digest), images={"web": f"web:1.0@{ID}"}))
    fails(check, compose(project(by_digest), images={"web": f"web@{OTHER_ID}"}), "runs web:1.0 (sha256:111111111111)")
    unknown = project(container(digests=FORBIDDEN))
    passes(check, compose(unknown, images={"web": "web:1.0"}))
    is_not_observed(check, compose(unknown, images={"web": f"web@{ID}"}), "not permitted")
    is_not_observed(check, compose(project(container()), "web", "db", images={"db": "db:1"}), "no container of db")


def test_moved_tags(suite: ModuleType) -> None:
    check = suite.test_the_containers_run_what_their_tags_mean_now
    passes(check, compose(project(container()), current=True))
    seen = project(container(), container("db", image_now=OTHER_ID))
    passes(check, compose(seen, "web", "db", current=["web"]))
    fails(check, compose(seen, "web", "db", current=True), "shop-db-1 runs an older db:1.0: sha256:111111111111")
    fails(check, compose(project(container(image_now=None)), current=True), "names nothing on the host any more")
    is_not_observed(check, compose(project(container(image_now=FORBIDDEN)), current=True), "it is forbidden")
    both = project(container(image_now=FORBIDDEN), container(number=2, image_now=OTHER_ID))
    fails(check, compose(both, current=True), "shop-web-2 runs an older")


def published(address: str, port: int = 80, to: int = 8080, protocol: str = "tcp") -> Published:
    return Published(address=address, port=port, to=to, protocol=protocol)


def test_ports(suite: ModuleType) -> None:
    check = suite.test_the_containers_publish_what_was_promised
    everywhere = container(ports=(published("0.0.0.0"), published("::")))  # noqa: S104 - as it is told
    passes(check, compose(project(everywhere), ports={"web": ["80:8080"]}))
    fails(
        check,
        compose(project(everywhere), ports={"web": ["127.0.0.1:80:8080"]}),
        "web publishes 80:8080/tcp on all addresses, not promised",
        "web does not publish 80:8080/tcp on 127.0.0.1",
    )
    local = container(ports=(published("127.0.0.1"), published("::1", 53, 53, "udp")))
    passes(check, compose(project(local), ports={"web": ["127.0.0.1:80:8080", "[::1]:53:53/udp"]}))
    fails(check, compose(project(local), ports={"web": ["127.0.0.1:80:8080", "[::1]:53:53"]}), "53:53/udp on ::1")
    fails(check, compose(project(local), ports={"web": ["127.0.0.1:80:8080"]}), "53:53/udp on ::1, not promised")
    passes(check, compose(project(container()), ports={}))
    fails(check, compose(project(everywhere), ports={}), "web publishes 80:8080/tcp on all addresses")
    is_not_observed(check, compose(NOTHING, ports={}), "no container of web")
    hosted = container(shares=("network",))
    is_not_observed(check, compose(project(hosted), ports={}), "shop-web-1 in the host's own network")
    fails(check, compose(project(hosted), ports={"web": ["80:8080"]}), "web does not publish 80:8080/tcp")


def test_networks(suite: ModuleType) -> None:
    check = suite.test_the_containers_are_in_their_networks
    seen = project(container(networks=("shop_back", "outer")))
    passes(check, compose(seen, networks=["back", "outer"]))
    passes(check, compose(seen, networks={"web": ["shop_back", "outer"]}))
    fails(check, compose(seen, networks=["back"]), "shop-web-1 is in outer, too")
    fails(check, compose(seen, networks=["back", "outer", "front"]), "shop-web-1 is not in front")
    fails(check, compose(project(container()), networks=["back"]), "is not in back")
    passes(check, compose(project(container()), networks={"web": []}))


DATA = Mount(type="volume", source="shop_data", to="/data")
CONF = Mount(type="bind", source="/srv/app.conf", to="/etc/app.conf", writable=False)


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ("data:/data", None),
        ("shop_data:/data:rw", None),
        ("/data", None),
        ("/srv/app.conf:/etc/app.conf:ro", None),
        ("other:/data", "has shop_data at /data, promised other"),
        ("/shop_data:/data", "has shop_data at /data, promised /shop_data"),
        ("app.conf:/etc/app.conf", "has /srv/app.conf at /etc/app.conf, promised app.conf"),
        ("data:/data:ro", "can write /data"),
        ("/srv/app.conf:/etc/app.conf:rw", "can't write /etc/app.conf"),
        ("data:/elsewhere", "has nothing mounted at /elsewhere"),
    ],
)
def test_volumes(suite: ModuleType, promised: str, told: str | None) -> None:
    check = suite.test_the_promised_volumes_are_mounted
    case = compose(project(container(mounts=(DATA, CONF))), volumes={"web": [promised]})
    if told is None:
        passes(check, case)
    else:
        fails(check, case, told)


def test_anonymous_volumes(suite: ModuleType) -> None:
    lost = container(mounts=(Mount(type="volume", source="ab" * 32, to="/data"),))
    check = suite.test_the_promised_volumes_are_mounted
    fails(check, compose(project(lost), volumes={"web": ["data:/data"]}), "an anonymous volume at /data, promised data")


@pytest.mark.parametrize(
    ("loose", "told"),
    [
        ({"privileged": True}, "is privileged"),
        ({"shares": ("network", "pid")}, "shares the host's network namespace, shares the host's pid namespace"),
        ({"unconfined": ("seccomp",)}, "is not confined by seccomp"),
        ({"devices": ("/dev/kmsg",)}, "has the host's /dev/kmsg"),
        *(
            (
                {"mounts": (Mount(type="bind", source=source, to="/x", writable=False),)},
                f"has the host's {source} at /x",
            )
            for source in ("/", "/etc", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/proc/")
        ),
    ],
)
def test_confinement(suite: ModuleType, loose: dict[str, Any], told: str) -> None:
    check = suite.test_the_containers_are_confined
    passes(check, compose(project(container(mounts=(DATA, CONF))), confined=True))
    seen = project(container(), container("db", **loose))
    passes(check, compose(seen, "web", "db", confined=["web"]))
    fails(check, compose(seen, "web", "db", confined=True), f"shop-db-1 {told}")


def test_capabilities(suite: ModuleType) -> None:
    check = suite.test_no_container_has_more_capabilities
    seen = project(container(capabilities=("NET_BIND_SERVICE", "SYS_ADMIN")))
    passes(check, compose(seen, capabilities=["cap_net_bind_service", "SYS_ADMIN"]))
    fails(check, compose(seen, capabilities={"web": ["NET_BIND_SERVICE"]}), "shop-web-1 has SYS_ADMIN added")
    fails(check, compose(seen, capabilities=[]), "NET_BIND_SERVICE, SYS_ADMIN")
    fails(check, compose(project(container(privileged=True)), capabilities=["SYS_ADMIN"]), "has all of them")


def test_users(suite: ModuleType) -> None:
    check = suite.test_the_containers_are_not_started_as_root
    for user in ("1000", "app:app"):
        passes(check, compose(project(container(user=user)), not_root=True))
    for user in ("", "root", "0", "0:1000", "root:app"):
        fails(check, compose(project(container(user=user)), not_root=["web"]), "shop-web-1 is started as root")


def test_read_only(suite: ModuleType) -> None:
    check = suite.test_the_containers_can_not_write_themselves
    passes(check, compose(project(container(read_only=True)), read_only=True))
    fails(check, compose(project(container()), read_only=True), "shop-web-1 can write its root file system")


def test_limits(suite: ModuleType) -> None:
    check = suite.test_the_containers_are_limited
    promised = {"memory": "512MiB", "cpus": 1.5, "pids": {"web": 100}}
    passes(check, compose(project(container(memory=2**29, cpus=1.5, pids=100)), limits=promised))
    over = project(container(memory=2**29 + 1, cpus=1.6, pids=101))
    fails(check, compose(over, limits=promised), "promised 512MiB", "may take 1.6 CPUs", "may have 101 processes")
    fails(check, compose(project(container()), limits=promised), "no limit of memory", "of CPUs", "of processes")
    one = project(container(pids=7))
    is_not_observed(check, compose(one, "web", "db", limits={"memory": {"db": "1GB"}, "pids": 9}), "no container of db")
    fails(check, compose(one, "web", "db", limits={"memory": {"db": "1GB"}, "pids": 6}), "may have 7 processes")


def test_logs(suite: ModuleType) -> None:
    check = suite.test_logs_are_kept_and_do_not_fill_the_disk
    passes(check, compose(project(container()), logs={"rotated": True}))
    passes(check, compose(project(container(log_driver="journald", log_max_size="")), logs={"rotated": True}))
    passes(check, compose(project(container(log_driver="local")), logs={"drivers": ["json-file", "local"]}))
    fails(check, compose(project(container(log_driver="none")), logs={"rotated": True}), "shop-web-1 keeps no logs")
    fails(
        check, compose(project(container(log_driver="gelf")), logs={"drivers": "local"}), "logs to gelf, promised local"
    )
    for size in ("", "-1"):
        fails(check, compose(project(container(log_max_size=size)), logs={"rotated": True}), "grows for ever")
    passes(check, compose(project(container(log_max_size="")), logs={"drivers": "json-file"}))
