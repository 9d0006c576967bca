"""Promises of PHP's pools and settings."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from roadworthy.target.blocks.block import Expectation
from roadworthy.target.blocks.stores import SettingValue

_NAME = re.compile(r"[a-z][a-z0-9_.]*", re.IGNORECASE | re.ASCII)
SECRETS = frozenset({"auth", "pass", "passwd", "password", "pw", "secret"})
"""A setting with such a word in its name may hold a secret: it is never asked for."""


def _setting(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no setting's name; env[...] and php_value[...] are not looked at as such")
    if not SECRETS.isdisjoint(re.split(r"[._]", name.lower())):
        raise ValueError(f"{name} may hold a secret, and is not asked for")
    return name


SettingName = Annotated[str, AfterValidator(_setting)]


class Php(Expectation):
    """Promises of PHP as its process manager (FPM) runs it; its command line has settings of its own."""

    WHERE = frozenset({"program"})

    program: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]*php[A-Za-z0-9_.-]*fpm[A-Za-z0-9_.-]*$",
        description="Which one: `php-fpm8.3`; without it, the only one that there is.",
    )
    valid: Literal[True] | None = Field(None, description="FPM accepts its configuration: the next restart succeeds.")
    pools: dict[str, dict[SettingName, SettingValue]] | None = Field(
        None,
        min_length=1,
        description="Pools by name, each with what its file says: `{pm: dynamic, pm.max_children: 50, user: nginx}`, "
        'or a bound on it: `">= 50"`.',
    )
    settings: dict[SettingName, SettingValue] | None = Field(
        None,
        min_length=1,
        description="Settings of php.ini as FPM has them, in every pool: `{opcache.enable: on, memory_limit: 256M}`, "
        "or a bound.",
    )
