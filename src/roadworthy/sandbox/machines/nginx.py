"""What is on a machine that keeps its promises of `nginx`: a real one, which listens on sockets below the root.

Nobody connects to it. Where TLS is promised it has no certificate and refuses every handshake.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roadworthy.sandbox import programs
from roadworthy.sandbox.machines.machine import Daemon, File, Machine

if TYPE_CHECKING:
    from roadworthy.target.blocks.nginx import Nginx, Server
    from roadworthy.target.blocks.stores import SettingValue
    from roadworthy.target.models import Component, Target

FOLDER = "/etc/nginx"
AGE_S = 3600.0
IN_MAIN = frozenset({"worker_processes", "worker_rlimit_nofile", "worker_priority", "pcre_jit", "timer_resolution"})
IN_EVENTS = frozenset({"worker_connections", "multi_accept", "use", "accept_mutex"})
VERSIONS = {"1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}
DENIES = "  location ~ /\\.(?!well-known).* { deny all; }\n"

MAIN = """\
user root;
pid {{{{root}}}}{pid};
{main}
events {{ {events} }}
http {{
  access_log {{{{root}}}}/var/log/nginx/access.log;
  server_names_hash_bucket_size 128;
  {http}
  include conf.d/*.conf;
}}
"""

_BOUND = re.compile(r"(>=|<=|<|>)\s*([0-9.]+)(.*)")


def furnish(promised: Nginx, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    given = {name: f"{name} {kept(value)};" for name, value in (promised.settings or {}).items()}
    text = MAIN.format(
        pid=promised.pid_file,
        main=" ".join(line for name, line in given.items() if name in IN_MAIN),
        events=" ".join(line for name, line in given.items() if name in IN_EVENTS),
        http=" ".join(line for name, line in given.items() if name not in IN_MAIN | IN_EVENTS),
    )
    folders = {f"{FOLDER}/conf.d", "/var/log/nginx", "/var/lib/nginx", promised.pid_file.rpartition("/")[0] or "/"}
    sites = (
        File(site_of(name), _site(name, server, number), age_s=AGE_S)
        for number, (name, server) in enumerate((promised.servers or {}).items())
    )
    words = ("-p", "{{root}}/var/lib/nginx/", "-e", "{{root}}/var/log/nginx/error.log")
    config = ("-c", f"{{{{root}}}}{FOLDER}/nginx.conf", "-g", "daemon off;")
    return Machine(
        files=(
            *(File(folder, mode=0o755) for folder in sorted(folders)),
            File(f"{FOLDER}/nginx.conf", text, age_s=AGE_S),
            *sites,
        ),
        daemons=(Daemon("nginx", (str(programs.nginx()), *words, *config), ready="{{root}}" + promised.pid_file),),
    )


def site_of(name: str) -> str:
    """The file of a server."""
    return f"{FOLDER}/conf.d/{re.sub(r'[^a-z0-9.-]', '-', name.lower())}.conf"


def _site(name: str, server: Server, number: int) -> str:
    lines = [f"server_name {name};", "root /var/www/html;"]
    if server.max_body is not None:
        lines.append(f"client_max_body_size {server.max_body};")
    if server.tls is not None:
        lines += [f"ssl_protocols {' '.join(VERSIONS[one] for one in server.tls)};", "ssl_reject_handshake on;"]
    listens = f"listen unix:{{{{root}}}}/run/nginx-{number}.sock{' ssl' if server.tls else ''};"
    rest = "  location / { try_files $uri $uri/ =404; }\n" + (DENIES if server.denies_dot_files else "")
    return "server {\n" + "".join(f"  {line}\n" for line in (listens, *lines)) + rest + "}\n"


def kept(value: SettingValue) -> str:
    """A value that keeps a promise: where it is a bound, one just within."""
    if isinstance(value, bool):
        return "on" if value else "off"
    match = _BOUND.fullmatch(str(value))
    if match is None:
        return str(value)
    aside = {">": 1, "<": -1}.get(match[1], 0)
    return f"{float(match[2]) + aside:g}{match[3].strip()}"
