"""What is on a machine that keeps its promises of `pm2`.

The daemon is a stand-in (`pm2_daemon`), since PM2 is no package of Python's registry: a real socket that speaks the
real protocol, with real processes behind it. What it says, dump.pm2 and the systemd unit were recorded from PM2 7.0.4.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.machines.machine import Daemon, File, Machine
from roadworthy.sandbox.machines.pm2_daemon import INSTANCES, SOCKET

if TYPE_CHECKING:
    from roadworthy.target.blocks.pm2 import App, Pm2
    from roadworthy.target.models import Component, Target

DAEMON = "pm2"
AGE_S = 86400
WANTS = "/etc/systemd/system/multi-user.target.wants"

UNIT = """\
[Unit]
Description=PM2 process manager
Documentation=https://pm2.keymetrics.io/
After=network.target

[Service]
Type=forking
User={user}
LimitNOFILE=infinity
LimitNPROC=infinity
LimitCORE=infinity
Environment=PATH=/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
Environment=PM2_HOME={home}
PIDFile={home}/pm2.pid
Restart=on-failure

ExecStart=/usr/lib/node_modules/pm2/bin/pm2 resurrect
ExecReload=/usr/lib/node_modules/pm2/bin/pm2 reload all
ExecStop=/usr/lib/node_modules/pm2/bin/pm2 kill

[Install]
WantedBy=multi-user.target
"""


def furnish(promised: Pm2, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    home = home_of(promised)
    user = promised.user or PurePosixPath(home).parent.name
    owner = promised.user or "root"
    running = [one for name, app in (promised.apps or {}).items() for one in instances(name, app, home)]
    unit = f"/etc/systemd/system/pm2-{user}.service"
    files = (
        File(home, mode=0o755),
        instances_file(home, running),
        dump_file(home, [one["pm2_env"] for one in running]),
        File(unit, UNIT.format(user=user, home=home)),
        File(f"{WANTS}/pm2-{user}.service", link=unit),
    )
    return Machine(
        files=tuple(replace(file, owner=owner, group=owner) for file in files),
        daemons=(
            Daemon(
                DAEMON,
                (sys.executable, "-m", "roadworthy.sandbox.machines.pm2_daemon", "{{root}}" + home),
                ready=f"{{{{root}}}}{home}/{SOCKET}",
            ),
        ),
        keeper=owner,
    )


def home_of(promised: Pm2) -> str:
    """Its PM2_HOME."""
    return promised.home or f"/home/{promised.user}/.pm2"


def instances(name: str, promised: App, home: str) -> list[dict[str, Any]]:
    """What the daemon says of an application, as promised."""
    return [
        {
            "pid": 0,
            "name": name,
            "pm_id": number,
            "monit": {"memory": 55107584, "cpu": 0},
            "pm2_env": {
                "name": name,
                "namespace": "default",
                "args": ["start"],
                "autorestart": True,
                "env": {"NODE_ENV": "production", "APP_SECRET": "only-in-the-sandbox"},
                "exec_interpreter": "node",
                "exec_mode": f"{promised.mode or 'fork'}_mode",
                "instances": promised.instances,
                "node_args": [],
                "pm_cwd": f"/var/www/{name}",
                "pm_err_log_path": f"{home}/logs/{name}-error-{number}.log",
                "pm_exec_path": f"/var/www/{name}/server.js",
                "pm_out_log_path": f"{home}/logs/{name}-out-{number}.log",
                "pm_pid_path": f"{home}/pids/{name}-{number}.pid",
                "pm_uptime": f"{{{{-{AGE_S} epoch_ms}}}}",
                "restart_time": 0,
                "status": "online",
                "unstable_restarts": 0,
                "watch": False,
            },
        }
        for number in range(promised.instances)
    ]


def instances_file(home: str, found: list[dict[str, Any]]) -> File:
    """What the daemon knows."""
    return File(f"{home}/{INSTANCES}", _text(found))


def dump_file(home: str, found: list[dict[str, Any]]) -> File:
    """What `pm2 save` wrote."""
    return File(f"{home}/dump.pm2", _text(found))


def _text(found: list[dict[str, Any]]) -> str:
    """With the times as the numbers that they are."""
    return json.dumps(found, indent=2).replace('"{{', "{{").replace('}}"', "}}")
