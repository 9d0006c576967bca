from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.nginx import BodyCase, DotFilesCase, NginxCase, ProtocolsCase, ServersCase
from roadworthy.facts.nginx import Handled, Master
from roadworthy.facts.store import Unseen
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.host.services import DOTS, FORBIDDEN, ago, case, nginx, server

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.cases.base import Case
    from roadworthy.facts.nginx import NginxObservation

REFUSED = nginx(refused='unknown directive "gzip_on" in /etc/nginx/nginx.conf:3', configuration=None)
REDIRECT = server(returns=301, tls=None, handled={path: Handled(max_body=2**20) for path in ("/", *DOTS)})


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("host/test_nginx.py")


def of(kind: type[Case[Any, Any, Any]], seen: NginxObservation, **promised: Any) -> Case[Any, Any, Any]:
    return case(kind, seen, nginx={"servers": {"shop.test": promised or {"max_body": "100MiB"}}})


def test_valid(suite: ModuleType) -> None:
    check = suite.test_nginx_accepts_its_configuration
    passes(check, case(NginxCase, nginx(), nginx={"valid": True}))
    fails(check, case(NginxCase, REFUSED, nginx={"valid": True}), 'unknown directive "gzip_on"')


def test_fresh(suite: ModuleType) -> None:
    check = suite.test_nginx_runs_what_its_files_say
    promised = {"fresh": True}
    passes(check, case(NginxCase, nginx(), nginx=promised))
    passes(check, case(NginxCase, nginx(changed=ago(minutes=59, seconds=59)), nginx=promised))
    late = nginx(changed=ago(minutes=59, seconds=58))
    fails(check, case(NginxCase, late, nginx=promised), "shop.conf was changed 59m58s ago; what runs was read 1h ago")
    fails(check, case(NginxCase, nginx(running=None), nginx=promised), "nginx does not run")
    is_not_observed(check, case(NginxCase, nginx(running=FORBIDDEN), nginx=promised), "not permitted")
    is_not_observed(check, case(NginxCase, nginx(changed=FORBIDDEN), nginx=promised), "not permitted")
    is_not_observed(check, case(NginxCase, REFUSED, nginx=promised), "refuses its configuration")
    reloaded = nginx(changed=ago(hours=1), running=Master(started=ago(days=9), loaded=ago(minutes=5)))
    passes(check, case(NginxCase, reloaded, nginx=promised))


def test_servers(suite: ModuleType) -> None:
    check = suite.test_nginx_has_the_promised_servers
    passes(check, of(ServersCase, nginx(server())))
    fails(check, of(ServersCase, nginx()), "no server is named shop.test")
    is_not_observed(check, of(ServersCase, REFUSED), "refuses its configuration")
    is_not_observed(check, of(ServersCase, nginx(configuration=FORBIDDEN)), "not permitted")


def test_bodies(suite: ModuleType) -> None:
    check = suite.test_nginx_takes_bodies_of_the_promised_size
    passes(check, of(BodyCase, nginx(server())))
    passes(check, of(BodyCase, nginx(REDIRECT, server())))
    small, any_size = ({"/": Handled(max_body=size)} for size in (2**20, 0))
    fails(check, of(BodyCase, nginx(server(handled=small))), "takes 1MiB, promised 100MiB", "shop.conf")
    fails(check, of(BodyCase, nginx(server(handled=any_size))), "takes any size, promised 100MiB")
    fails(check, of(BodyCase, nginx(server(), server(handled=small))), "takes 1MiB")
    fails(check, of(BodyCase, nginx(server()), max_body="100MB"), "takes 100MiB, promised 100MB")
    is_not_observed(check, of(BodyCase, nginx(REDIRECT)), "answers everything with 301")
    is_not_observed(check, of(BodyCase, nginx()), "no server is named shop.test")
    odd = {"/": Unseen(unseen="failed", detail="location ~ (?| can't be read here")}
    is_not_observed(check, of(BodyCase, nginx(server(handled=odd))), "can't be read here")


def test_versions_of_tls(suite: ModuleType) -> None:
    check, promised = suite.test_nginx_speaks_the_promised_versions_of_tls, {"tls": ["1.2", "1.3"]}
    passes(check, of(ProtocolsCase, nginx(REDIRECT, server(tls=("1.3", "1.2"))), **promised))
    old = nginx(server(tls=("1.0", "1.2", "1.3")))
    fails(check, of(ProtocolsCase, old, **promised), "speaks TLS 1.0, 1.2, 1.3, promised 1.2, 1.3")
    fails(check, of(ProtocolsCase, nginx(server(tls=("1.3",))), **promised), "speaks TLS 1.3, promised")
    fails(check, of(ProtocolsCase, nginx(server(tls=None)), **promised), "speaks no TLS")
    is_not_observed(check, of(ProtocolsCase, nginx(server(tls=FORBIDDEN)), **promised), "not permitted")
    is_not_observed(check, of(ProtocolsCase, nginx(), **promised), "no server is named shop.test")


def test_dot_files(suite: ModuleType) -> None:
    check, promised = suite.test_nginx_refuses_dot_files, {"denies_dot_files": True}

    def with_env(**how: Any) -> NginxObservation:
        own = {**server().handled, "/.env": Handled(max_body=1, **how)}
        return nginx(REDIRECT, server(handled=own))

    passes(check, of(DotFilesCase, nginx(server()), **promised))
    passes(check, of(DotFilesCase, with_env(returns=404), **promised))
    passes(check, of(DotFilesCase, with_env(returns=444), **promised))
    served = of(DotFilesCase, with_env(location="/"), **promised)
    fails(check, served, "shop.test does not refuse /.env: taken by location / (/etc/nginx/conf.d/shop.conf)")
    fails(check, of(DotFilesCase, with_env(), **promised), "taken by the server")
    fails(check, of(DotFilesCase, with_env(returns=301, denies=True), **promised), "does not refuse /.env")
    fails(check, of(DotFilesCase, with_env(returns=500), **promised), "does not refuse /.env")
    is_not_observed(check, of(DotFilesCase, nginx(REDIRECT), **promised), "answers everything with 301")
    is_not_observed(check, of(DotFilesCase, nginx(server(handled={})), **promised), "was not looked at")


def test_settings(suite: ModuleType) -> None:
    check = suite.test_nginx_runs_with_the_promised_settings

    def of_settings(**settings: Any) -> Case[Any, Any, Any]:
        return case(NginxCase, nginx(), nginx={"settings": settings})

    passes(check, of_settings(worker_connections=2048))
    passes(check, of_settings(worker_connections=">= 2048"))
    fails(check, of_settings(worker_connections=">= 2049"), "worker_connections is 2048, promised >= 2049")
    fails(check, of_settings(gzip="on", worker_connections=1024), "gzip is not set", "is 2048, promised 1024")
    is_not_observed(check, case(NginxCase, REFUSED, nginx={"settings": {"gzip": "on"}}), "refuses")


def test_a_minute_is_no_megabyte(suite: ModuleType) -> None:
    check = suite.test_nginx_runs_with_the_promised_settings
    seen = nginx(settings={"keepalive_timeout": "1m", "client_max_body_size": "1m"})
    passes(check, case(NginxCase, seen, nginx={"settings": {"keepalive_timeout": 60, "client_max_body_size": "1024k"}}))
    late = case(NginxCase, seen, nginx={"settings": {"keepalive_timeout": ">= 90s"}})
    fails(check, late, "keepalive_timeout is 1m, promised >= 90s")


def test_all_cases_ask_the_same() -> None:
    everything = {
        "valid": True,
        "servers": {"shop.test": {"max_body": "1MiB", "tls": ["1.2"], "denies_dot_files": True}},
        "settings": {"gzip": "on"},
    }
    kinds = (NginxCase, ServersCase, BodyCase, ProtocolsCase, DotFilesCase)
    assert len({case(kind, nginx(), nginx=everything).ask for kind in kinds}) == 1
