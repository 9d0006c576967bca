from roadworthy.cases.containers import ComposeCase
from roadworthy.check import check
from roadworthy.rules import containers as rules

THERE = ("HOST-REACH", "COMPOSE-ENGINE", "COMPOSE-SERVICES")
UP = (*THERE, "COMPOSE-RUNNING", "COMPOSE-FINISHED")
LIST = "docker ps --all --filter 'label={name}'"
INSPECT = "docker inspect $(docker ps --all --quiet --filter 'label={name}') | less   # "
SPECIFICATION = "Compose specification, services: "
CIS = "CIS Docker Benchmark 1.7, section 5: "


@check(
    "COMPOSE-ENGINE",
    severity="critical",
    expects="compose.services",
    after=("HOST-REACH",),
    source="dockerd(8)",
    by_hand="systemctl status docker; docker version   # label={name}",
    repair="Start the engine (systemctl start docker) and read why it ended (journalctl -u docker). If the client asks "
    "at the wrong place, look at DOCKER_HOST and `docker context ls`.",
)
def test_the_engine_answers(compose: ComposeCase) -> None:
    """Without its engine nothing restarts a container that ends, and nobody can tell which ones still run."""
    assert not compose.seen.gone, compose.seen.gone


@check(
    "COMPOSE-SERVICES",
    severity="critical",
    expects="compose.services",
    after=("HOST-REACH", "COMPOSE-ENGINE"),
    source=SPECIFICATION + "each has at least one container",
    by_hand=LIST,
    repair="docker compose up -d in the project's folder. If there are no containers at all, compare the project's "
    "name with `docker compose ls --all`.",
)
def test_every_service_has_a_container(compose: ComposeCase) -> None:
    """A service that was never started, or was removed, shows in no list of what has failed."""
    faults = rules.missing(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-EXTRA",
    severity="medium",
    expects="compose.nothing_else",
    after=("HOST-REACH", "COMPOSE-ENGINE"),
    source="docker compose up --remove-orphans",
    by_hand=LIST,
    repair="docker compose up -d --remove-orphans removes what its file no longer has; a one-off container is ended by "
    "docker rm --force.",
)
def test_no_other_container_is_in_the_project(compose: ComposeCase) -> None:
    """What was taken out of the file and still runs keeps old code, old ports and old passwords alive."""
    faults = rules.strangers(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-RUNNING",
    severity="critical",
    expects="compose.running",
    after=THERE,
    awaited=True,
    source="docker ps: STATUS",
    by_hand=LIST,
    repair="docker compose logs --tail 50 SERVICE says why it ended; 137 is a kill (memory?), 139 a crash, 126 and 127 "
    "a command that can't be run.",
)
def test_every_container_runs(compose: ComposeCase) -> None:
    """A container that ended, or ends again and again, serves nobody, whatever the others do."""
    faults = rules.stopped(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-FINISHED",
    severity="high",
    expects="compose.finished",
    after=THERE,
    awaited=True,
    source=SPECIFICATION + "depends_on, service_completed_successfully",
    by_hand=LIST,
    repair="Read its log (docker compose logs SERVICE), put that right, and run it again.",
)
def test_what_runs_once_has_ended_well(compose: ComposeCase) -> None:
    """Migrations that failed leave the new code with the old tables."""
    faults = rules.unfinished(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-REPLICAS",
    severity="high",
    expects="compose.replicas",
    after=UP,
    awaited=True,
    source=SPECIFICATION + "deploy.replicas, scale",
    by_hand=LIST,
    repair="docker compose up -d --scale SERVICE=N, and write it into the file: the next deployment goes by that.",
)
def test_as_many_containers_run_as_promised(compose: ComposeCase) -> None:
    """The load that all of them were to share falls on the rest."""
    faults = rules.other_numbers(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-HEALTHY",
    severity="high",
    expects="compose.healthy",
    after=UP,
    awaited=True,
    source=SPECIFICATION + "healthcheck",
    by_hand=INSPECT + "State.Health: the last answers of its check",
    repair="docker inspect shows what the check said last (State.Health.Log). `starting` for long: its start_period or "
    "the service is slow. Without a check, give it one: nothing else tells whether it works.",
)
def test_every_health_check_is_passed(compose: ComposeCase) -> None:
    """A process that runs and answers nothing is up for the engine, and down for everybody else."""
    faults = rules.unhealthy(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-UPTIME",
    severity="medium",
    expects="compose.up_for",
    after=(*UP, "COMPOSE-RESTARTS"),
    source="docker ps: STATUS",
    by_hand=LIST,
    repair="If nobody deployed, find out who or what started it anew: docker events --since 24h, journalctl -u docker.",
)
def test_the_containers_have_been_up_for_long_enough(compose: ComposeCase) -> None:
    """What has just been started has not yet met what kills it."""
    faults = rules.young(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-RESTART-POLICY",
    severity="high",
    expects="compose.restart",
    after=THERE,
    source=SPECIFICATION + "restart",
    by_hand=INSPECT + "HostConfig.RestartPolicy",
    repair="Set `restart:` in the file and docker compose up -d; at once: docker update --restart unless-stopped NAME.",
)
def test_the_containers_restart_as_promised(compose: ComposeCase) -> None:
    """Without a policy the first crash, or the next reboot, is the end of it."""
    faults = rules.other_policies(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-RESTARTS",
    severity="high",
    expects="compose.restarts_at_most",
    after=UP,
    source="Docker Engine API: RestartCount",
    by_hand=INSPECT + "RestartCount",
    repair="docker logs NAME shows the last words before each end. The count begins anew when somebody starts it.",
)
def test_no_container_was_restarted_too_often(compose: ComposeCase) -> None:
    """A container that crashes and comes back looks well at almost every moment."""
    faults = rules.restarted(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-OUT-OF-MEMORY",
    severity="high",
    expects="compose.not_out_of_memory",
    after=UP,
    source="Docker Engine API: State.OOMKilled",
    by_hand=INSPECT + "State.OOMKilled; dmesg has which process it was",
    repair="Find out what grew (a leak, a pool, too many workers) before its limit is raised.",
)
def test_nothing_was_killed_for_want_of_memory(compose: ComposeCase) -> None:
    """The kernel kills whatever is largest: a worker in the middle of its job, or the database."""
    faults = rules.out_of_memory(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-IMAGE",
    severity="critical",
    expects="compose.images",
    after=THERE,
    awaited=True,
    source=SPECIFICATION + "image; OCI distribution specification: digests",
    by_hand=LIST,
    repair="docker compose pull && docker compose up -d, with the version that was released; if the file takes the tag "
    "from a variable, look at what that is on the host.",
)
def test_the_promised_images_run(compose: ComposeCase) -> None:
    """A deployment that ended well and left the old container running is found by its users."""
    faults = rules.other_images(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-IMAGE-CURRENT",
    severity="high",
    expects="compose.current",
    after=(*THERE, "COMPOSE-IMAGE"),
    awaited=True,
    source="Docker: a container keeps the image that it was created from",
    by_hand=INSPECT + "Image, against: docker image inspect NAME:TAG",
    repair="docker compose up -d: it creates anew what runs an older image.",
)
def test_the_containers_run_what_their_tags_mean_now(compose: ComposeCase) -> None:
    """An image that was pulled or built under the same tag is not what runs until the container is created anew."""
    faults = rules.outdated(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-PORTS",
    severity="high",
    expects="compose.ports",
    after=THERE,
    source=CIS + "5.9, 5.14; Docker's own rules come before those of ufw",
    by_hand=LIST,
    repair='Write "127.0.0.1:PORT:PORT" for what only this host needs, and nothing for what only other containers '
    "need: they reach it over their network. A firewall such as ufw does not hold published ports back.",
)
def test_the_containers_publish_what_was_promised(compose: ComposeCase) -> None:
    """A port that is published on all addresses is open to the world, past the host's firewall."""
    faults = rules.other_ports(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-NETWORKS",
    severity="high",
    expects="compose.networks",
    after=THERE,
    source=SPECIFICATION + "networks",
    by_hand=INSPECT + "NetworkSettings.Networks",
    repair="Name its networks in the file, and docker compose up -d; at once: docker network connect NETWORK NAME.",
)
def test_the_containers_are_in_their_networks(compose: ComposeCase) -> None:
    """Outside of its network a service is found by nobody; in one too many, by those who should not find it."""
    faults = rules.other_networks(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-VOLUMES",
    severity="critical",
    expects="compose.volumes",
    after=THERE,
    source=SPECIFICATION + "volumes",
    by_hand=INSPECT + "Mounts",
    repair="Before anything is created anew, copy what is in the container (docker cp): without its volume it goes "
    "with it. Then name the volume in the file.",
)
def test_the_promised_volumes_are_mounted(compose: ComposeCase) -> None:
    """Data that is written into the container itself, or an anonymous volume, is gone with the next deployment."""
    faults = rules.other_volumes(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-CONFINED",
    severity="high",
    expects="compose.confined",
    after=THERE,
    source=CIS + "5.5, 5.6, 5.10, 5.16 to 5.18, 5.32",
    by_hand=INSPECT + "HostConfig: Privileged, ...Mode, SecurityOpt, Devices; Mounts",
    repair="Take it out of the file. Whoever must have the engine's socket (a proxy that finds containers) gets it "
    "through a proxy that lets only reading through.",
)
def test_the_containers_are_confined(compose: ComposeCase) -> None:
    """Whoever breaks into such a container is root on the host."""
    faults = rules.unconfined(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-CAPABILITIES",
    severity="medium",
    expects="compose.capabilities",
    after=(*THERE, "COMPOSE-CONFINED"),
    source=CIS + "5.4; capabilities(7)",
    by_hand=INSPECT + "HostConfig.CapAdd",
    repair="Take `cap_add` out of the file, or promise it of the service that needs it.",
)
def test_no_container_has_more_capabilities(compose: ComposeCase) -> None:
    """SYS_ADMIN, NET_ADMIN, SYS_PTRACE and the like lead out of the container."""
    faults = rules.more_capable(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-USER",
    severity="medium",
    expects="compose.not_root",
    after=THERE,
    source=CIS + "4.1",
    by_hand=INSPECT + "Config.User",
    repair="`USER` in the Dockerfile, or `user:` in the file. Images that give up root by themselves (mysql, nginx) "
    "need no such promise.",
)
def test_the_containers_are_not_started_as_root(compose: ComposeCase) -> None:
    """Root in a container is root of the host where anything else does not hold."""
    faults = rules.rooted(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-READ-ONLY",
    severity="medium",
    expects="compose.read_only",
    after=THERE,
    source=CIS + "5.13",
    by_hand=INSPECT + "HostConfig.ReadonlyRootfs",
    repair="`read_only: true` in the file, with `tmpfs` or volumes for what must be written.",
)
def test_the_containers_can_not_write_themselves(compose: ComposeCase) -> None:
    """What can't be written can't be replaced by whoever gets in."""
    faults = rules.writable(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-LIMITS",
    severity="medium",
    expects="compose.limits",
    after=THERE,
    source=CIS + "5.11, 5.12, 5.29",
    by_hand=INSPECT + "HostConfig: Memory, NanoCpus, PidsLimit; docker stats --no-stream",
    repair="`deploy.resources.limits` (or mem_limit, cpus, pids_limit) in the file, and docker compose up -d.",
)
def test_the_containers_are_limited(compose: ComposeCase) -> None:
    """One that leaks takes the host's memory, and with it all the others."""
    faults = rules.unlimited(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)


@check(
    "COMPOSE-LOGS",
    severity="medium",
    expects="compose.logs",
    after=THERE,
    source="Docker: JSON File logging driver, which by default cuts nothing",
    by_hand=INSPECT + "HostConfig.LogConfig; du -sh /var/lib/docker/containers/*/*.log",
    repair="`logging: {driver: json-file, options: {max-size: 10m, max-file: '5'}}` in the file, or log-driver local "
    "in /etc/docker/daemon.json; containers take it on when they are created anew.",
)
def test_logs_are_kept_and_do_not_fill_the_disk(compose: ComposeCase) -> None:
    """Without logs nobody learns why it failed; with endless ones the disk fills up, and all of them fail."""
    faults = rules.lost_logs(compose.expected, compose.seen)
    assert not faults, "; ".join(faults)
