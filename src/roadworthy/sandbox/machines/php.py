"""What is on a machine that keeps its promises of `php`.

`php-fpm` answers as PHP 8.2.36 of Debian 12 did (`-tt` and `-i`, shortened to what matters).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.sandbox.machines.machine import Answer, Machine
from roadworthy.sandbox.machines.nginx import kept

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.php import Php
    from roadworthy.target.models import Component, Target

TESTED, INFORMED = "-tt", "-i"
POOL = {
    "prefix": "undefined",
    "user": "www-data",
    "group": "www-data",
    "listen": "/run/php/php-fpm.sock",
    "pm": "dynamic",
    "pm.max_children": "5",
    "pm.start_servers": "2",
    "pm.min_spare_servers": "1",
    "pm.max_spare_servers": "3",
    "pm.max_requests": "0",
    "clear_env": "yes",
}
INFO = """\
phpinfo()
PHP Version => 8.2.36

Server API => FPM/FastCGI
Loaded Configuration File => /etc/php/8.2/fpm/php.ini

Directive => Local Value => Master Value
allow_url_fopen => On => On
"""


def furnish(promised: Php, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    pools = promised.pools or {"www": {}}
    lines = ["[global]", "\tpid = /run/php/php8.2-fpm.pid", "\tdaemonize = yes", " "]
    for name, directives in pools.items():
        own = POOL | {key: kept(value) for key, value in directives.items()}
        lines += [f"[{name}]", *(f"\t{key} = {value}" for key, value in own.items()), " "]
    lines.append("configuration file /etc/php/8.2/fpm/php-fpm.conf test is successful")
    settings = {key: kept(value) for key, value in (promised.settings or {}).items()}
    shown = "".join(f"{key} => {value} => {value}\n" for key, value in settings.items())
    program = program_of(promised)
    return Machine(answers=(Answer(program, TESTED, complains=notices(lines)), Answer(program, INFORMED, INFO + shown)))


def program_of(promised: Php) -> str:
    """The program's name."""
    return promised.program or "php-fpm"


def notices(lines: Iterable[str]) -> str:
    """Lines as FPM writes them to its log."""
    return "".join(f"[{{{{0 %d-%b-%Y %H:%M:%S}}}}] NOTICE: {line}\n" for line in lines)
