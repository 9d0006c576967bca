"""Faults of systemd, nginx and PHP."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.faults.fault import fault, promising
from roadworthy.sandbox.machines import nginx, php, systemd
from roadworthy.sandbox.machines.machine import Daemon, File, Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.target.blocks.nginx import Nginx
    from roadworthy.target.blocks.php import Php
    from roadworthy.target.blocks.systemd import Systemd

STALE_S = 1.5
"""After the start nginx's files are changed: later than its start can be doubted."""
FAILED_UNIT = "logrotate.service loaded failed failed Rotate log files\n"
REFUSED = """\
[{{0 %d-%b-%Y %H:%M:%S}}] ERROR: [/etc/php/8.2/fpm/pool.d/www.conf:17] unknown entry 'pm.max_childrens'
[{{0 %d-%b-%Y %H:%M:%S}}] ERROR: failed to load configuration file '/etc/php/8.2/fpm/php-fpm.conf'
[{{0 %d-%b-%Y %H:%M:%S}}] ERROR: FPM initialization failed
"""
NO_CONFIGURATION = 78


def _unit_with(promised: Systemd | None, kind: str, key: str) -> str | None:
    """The first unit (or timer) that promises something."""
    given = (getattr(promised, kind) or {}) if promised else {}
    return next((name for name, one in given.items() if getattr(one, key) is not None), None)


def _units(kind: str, key: str) -> Where:
    def where(deployment: Deployment) -> Iterable[str]:
        components = deployment.target.components.items()
        return (name for name, component in components if _unit_with(component.systemd, kind, key))

    return where


def _unit(kind: str, key: str, **properties: str) -> Change:
    """Other properties of the first unit that promises something."""

    def change(deployment: Deployment, component: str) -> Deployment:
        promised = deployment.component(component).systemd
        assert promised is not None  # noqa: S101 - `where` chose it
        name = _unit_with(promised, kind, key)
        place = systemd.names(promised).index(name or "")

        def broken(machine: Machine) -> Machine:
            shown = machine.with_answer(
                "systemctl",
                systemd.asked(promised),
                lambda answer: replace(answer, says=systemd.changed(answer.says, place, **properties)),
            )
            return _with_failed(shown, f"{name} loaded failed failed\n") if "failed" in properties.values() else shown

        return deployment.with_machine(component, broken)

    return change


def _with_failed(machine: Machine, line: str) -> Machine:
    return machine.with_answer(
        "systemctl", re.escape(systemd.FAILED_ARGUMENTS), lambda answer: replace(answer, says=answer.says + line)
    )


def _another_failed(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_machine(component, lambda machine: _with_failed(machine, FAILED_UNIT))


def _server_with(promised: Nginx | None, key: str) -> str | None:
    given = (promised.servers or {}) if promised else {}
    return next((name for name, server in given.items() if getattr(server, key) is not None), None)


def _servers(key: str) -> Where:
    def where(deployment: Deployment) -> Iterable[str]:
        components = deployment.target.components.items()
        return (name for name, component in components if _server_with(component.nginx, key))

    return where


def _site(key: str, edit: Callable[[str], str]) -> Change:
    """Another text of the file of the first server that promises something."""

    def change(deployment: Deployment, component: str) -> Deployment:
        name = _server_with(deployment.component(component).nginx, key) or ""
        return _edited(deployment, component, nginx.site_of(name), edit)

    return change


def _edited(deployment: Deployment, component: str, path: str, edit: Callable[[str], str]) -> Deployment:
    def edited(file: File) -> File:
        return replace(file, text=edit(file.text or ""))

    return deployment.with_machine(component, lambda machine: machine.with_file(path, edited))


def _renamed(deployment: Deployment, component: str) -> Deployment:
    promised = deployment.component(component).nginx
    assert promised is not None  # noqa: S101 - `where` chose it
    path = nginx.site_of(next(iter(promised.servers or {})))
    return _edited(
        deployment, component, path, lambda text: re.sub("server_name .*;", "server_name old.invalid;", text)
    )


def _appended(text: str, after_s: float = 0.0) -> Change:
    """A line that comes into nginx's file after it was started."""

    def change(deployment: Deployment, component: str) -> Deployment:
        promised = deployment.component(component).nginx
        assert promised is not None  # noqa: S101 - `where` chose it
        sign = "{{root}}/run/edited"
        script = 'until [ -s "$1" ]; do sleep 0.05; done; sleep "$2"; echo "$3" >> "$4" && touch "$5"'
        given = (promised.pid_file, str(after_s), text, f"{nginx.FOLDER}/nginx.conf", sign)
        words = [f"{{{{root}}}}{word}" if word.startswith("/") else word for word in given]
        editor = Daemon("editor", ("/bin/sh", "-c", script, "sh", *words), ready=sign)
        return deployment.with_machine(component, lambda machine: machine.plus(Machine(daemons=(editor,))))

    return change


def _other_setting(deployment: Deployment, component: str) -> Deployment:
    promised = deployment.component(component).nginx
    assert promised is not None  # noqa: S101 - `where` chose it
    name = next(iter(promised.settings or {}))
    path = f"{nginx.FOLDER}/nginx.conf"
    return _edited(deployment, component, path, lambda text: re.sub(rf"\b{name} [^;]*;", "", text))


def _fpm(arguments: str, edit: Callable[[str, Php], str]) -> Change:
    """Another answer of FPM."""

    def change(deployment: Deployment, component: str) -> Deployment:
        promised = deployment.component(component).php
        assert promised is not None  # noqa: S101 - `where` chose it
        return deployment.with_machine(
            component,
            lambda machine: machine.with_answer(
                php.program_of(promised),
                arguments,
                lambda answer: replace(
                    answer, says=edit(answer.says, promised), complains=edit(answer.complains, promised)
                ),
            ),
        )

    return change


def _refused(deployment: Deployment, component: str) -> Deployment:
    promised = deployment.component(component).php
    assert promised is not None  # noqa: S101 - `where` chose it
    return deployment.with_machine(
        component,
        lambda machine: machine.with_answer(
            php.program_of(promised),
            php.TESTED,
            lambda answer: replace(answer, complains=REFUSED, ends=NO_CONFIGURATION),
        ),
    )


def _pools(key: str) -> Where:
    """Components with a pool that promises a directive."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name, component in deployment.target.components.items():
            if component.php is not None and any(key in pool for pool in (component.php.pools or {}).values()):
                yield name

    return where


def _directive(key: str, value: str) -> Change:
    return _fpm(php.TESTED, lambda text, _: re.sub(rf"\t{re.escape(key)} = .*", f"\t{key} = {value}", text))


def _settings(key: str) -> Where:
    """Components that promise a setting of PHP."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name, component in deployment.target.components.items():
            if component.php is not None and key in (component.php.settings or {}):
                yield name

    return where


def _setting(key: str, value: str) -> Change:
    return _fpm(
        php.INFORMED, lambda text, _: re.sub(rf"(?m)^{re.escape(key)} => .*", f"{key} => {value} => {value}", text)
    )


def _overridden(text: str, promised: Php) -> str:
    """The first pool sets the first setting for itself."""
    name = next(iter(promised.settings or {}))
    return re.sub(r"(\tclear_env = yes\n)", rf"\1[now] NOTICE: \tphp_admin_value[{name}] = 7\n", text, count=1)


FAULTS = (
    fault(
        "unit-disabled",
        "A unit runs, and is not started with the machine.",
        "SYSTEMD-ENABLED",
        where=_units("units", "enabled"),
        change=_unit("units", "enabled", UnitFileState="disabled"),
    ),
    fault(
        "unit-failed",
        "A unit has failed.",
        "SYSTEMD-ACTIVE",
        where=_units("units", "active"),
        change=_unit("units", "active", ActiveState="failed", SubState="failed", Result="exit-code"),
    ),
    fault(
        "unit-flapping",
        "A unit dies again and again, and systemd restarts it.",
        "SYSTEMD-RESTARTS",
        where=_units("units", "max_restarts"),
        change=_unit("units", "max_restarts", NRestarts="37"),
    ),
    fault(
        "unit-restarted",
        "A unit was started a moment ago.",
        "SYSTEMD-UPTIME",
        where=_units("units", "up_for"),
        change=_unit("units", "up_for", ActiveEnterTimestamp=systemd.at(-1)),
    ),
    fault(
        "unit-runs-as-other",
        "A unit is started as another user than promised.",
        "SYSTEMD-USER",
        where=_units("units", "user"),
        change=_unit("units", "user", User="games"),
    ),
    fault(
        "timer-disabled",
        "A timer is not started with the machine.",
        "SYSTEMD-TIMER-ENABLED",
        where=_units("timers", "enabled"),
        change=_unit("timers", "enabled", UnitFileState="disabled"),
    ),
    fault(
        "timer-stopped",
        "A timer was stopped.",
        "SYSTEMD-TIMER-PLANNED",
        where=_units("timers", "planned"),
        change=_unit("timers", "planned", ActiveState="inactive", SubState="dead", NextElapseUSecRealtime=""),
    ),
    fault(
        "timer-elapsed",
        "A timer is active, and will never trigger again (OnBootSec alone).",
        "SYSTEMD-TIMER-PLANNED",
        where=_units("timers", "planned"),
        change=_unit(
            "timers", "planned", SubState="elapsed", NextElapseUSecRealtime="", NextElapseUSecMonotonic="infinity"
        ),
    ),
    fault(
        "systemd-timer-never-triggered",
        "A timer is planned, and has never triggered.",
        "SYSTEMD-TIMER-RAN",
        where=_units("timers", "ran_within"),
        change=_unit("timers", "ran_within", LastTriggerUSec=""),
    ),
    fault(
        "timer-overdue",
        "A timer last triggered a year ago.",
        "SYSTEMD-TIMER-RAN",
        where=_units("timers", "ran_within"),
        change=_unit("timers", "ran_within", LastTriggerUSec=systemd.at(-365 * 86400)),
    ),
    fault(
        "other-unit-failed",
        "A unit that nobody watches has failed.",
        "SYSTEMD-FAILED",
        where=promising("systemd.none_failed"),
        change=_another_failed,
    ),
    fault(
        "nginx-refuses-its-files",
        "After nginx was started, a directive that it does not know came into its files.",
        "NGINX-VALID",
        where=promising("nginx.valid"),
        change=_appended("client_max_body_sise 100M;"),
    ),
    fault(
        "nginx-not-reloaded",
        "nginx's files are changed, and it is not reloaded.",
        "NGINX-FRESH",
        where=promising("nginx.fresh"),
        change=_appended("# changed", STALE_S),
    ),
    fault(
        "nginx-site-off",
        "A site's server_name is another one.",
        "NGINX-SERVER",
        where=promising("nginx.servers"),
        change=_renamed,
    ),
    fault(
        "nginx-body-limit-lost",
        "client_max_body_size is gone from a server: uploads above 1 MiB end with 413.",
        "NGINX-BODY",
        where=_servers("max_body"),
        change=_site("max_body", lambda text: re.sub(r" *client_max_body_size .*\n", "", text)),
    ),
    fault(
        "nginx-serves-dot-files",
        "The location that denies dot files is gone from a server.",
        "NGINX-DOTFILES",
        where=_servers("denies_dot_files"),
        change=_site("denies_dot_files", lambda text: text.replace(nginx.DENIES, "")),
    ),
    fault(
        "nginx-dot-files-behind-another",
        "A regular expression of nginx takes dot files before the one that denies them.",
        "NGINX-DOTFILES",
        where=_servers("denies_dot_files"),
        change=_site(
            "denies_dot_files",
            lambda text: text.replace(nginx.DENIES, "  location ~ ^/ { expires 1h; }\n" + nginx.DENIES),
        ),
    ),
    fault(
        "nginx-speaks-old-tls",
        "ssl_protocols of a server has TLS 1.0 and 1.1.",
        "NGINX-TLS",
        where=_servers("tls"),
        change=_site("tls", lambda text: text.replace("ssl_protocols ", "ssl_protocols TLSv1 TLSv1.1 ")),
    ),
    fault(
        "nginx-setting-lost",
        "A directive of nginx.conf is gone.",
        "NGINX-SETTINGS",
        where=promising("nginx.settings"),
        change=_other_setting,
    ),
    fault(
        "fpm-refuses-its-files",
        "A pool's file has a directive that FPM does not know.",
        "PHP-VALID",
        where=promising("php.valid"),
        change=_refused,
    ),
    fault(
        "pool-static",
        "A pool of PHP is static.",
        "PHP-POOLS",
        where=_pools("pm"),
        change=_directive("pm", "static"),
    ),
    fault(
        "pool-small",
        "A pool of PHP has fewer children.",
        "PHP-POOLS",
        where=_pools("pm.max_children"),
        change=_directive("pm.max_children", "4"),
    ),
    fault(
        "opcache-off",
        "OPcache is off.",
        "PHP-SETTINGS",
        where=_settings("opcache.enable"),
        change=_setting("opcache.enable", "Off"),
    ),
    fault(
        "opcache-small",
        "OPcache has its default memory.",
        "PHP-SETTINGS",
        where=_settings("opcache.memory_consumption"),
        change=_setting("opcache.memory_consumption", "128"),
    ),
    fault(
        "pool-has-its-own-setting",
        "A pool's file sets a setting of PHP to something else (php_admin_value).",
        "PHP-SETTINGS",
        where=promising("php.settings"),
        change=_fpm(php.TESTED, _overridden),
    ),
)
