"""PHP's pools and settings held against what is promised of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.rules.settings import OFF, as_said, differs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roadworthy.facts.php import PoolSeen
    from roadworthy.target.blocks.stores import SettingValue

    Promised = Mapping[str, SettingValue]


def other_pools(pools: Mapping[str, PoolSeen], promised: Mapping[str, Promised]) -> list[str]:
    """Pools that are not there, and directives that are not as promised."""
    told = []
    for name, directives in promised.items():
        pool = pools.get(name)
        if pool is None:
            told.append(f"there is no pool {name}, only {', '.join(pools)}")
            continue
        told += [f"{name}: {how}" for key, value in directives.items() if (how := _how(key, value, pool.directives))]
    return told


def other_settings(settings: Mapping[str, str | None], pools: Mapping[str, PoolSeen], promised: Promised) -> list[str]:
    """Settings that are not as promised: in php.ini, where a pool takes them from it, and in pools with their own."""
    told = []
    for name, value in promised.items():
        own = {pool: seen.overrides for pool, seen in pools.items() if name in seen.overrides}
        if len(own) < len(pools):
            told.append(_how(name, value, settings))
        told += [f"{how} (pool {pool})" for pool, held in own.items() if (how := _how(name, value, held))]
    return list(filter(None, told))


def _how(name: str, promised: SettingValue, held: Mapping[str, str | None]) -> str:
    """How a value differs; empty: it does not. PHP writes a switch that is off as nothing, too."""
    value = held.get(name)
    if value is None:
        return f"{name} is not known to FPM"
    if not value and str(promised).casefold() in OFF:
        return ""
    return differs(name, promised, as_said(name, value))
