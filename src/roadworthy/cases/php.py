"""Cases of PHP's process manager: one look at its pools and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.cases.host import there
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.php import PhpAsk, PhpObservation, PoolSeen, PoolWanted
from roadworthy.facts.store import seen
from roadworthy.target.blocks.php import Php

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target


class PhpCase(Case[Php, PhpAsk, PhpObservation]):
    """FPM as it would run."""

    block = "php"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Php, PhpAsk]]:
        """One look, where anything is promised."""
        promised = component.php
        if promised is not None:
            ask = PhpAsk(
                **there(target, component),
                program=promised.program,
                pools=tuple(
                    PoolWanted(name=name, directives=tuple(directives))
                    for name, directives in (promised.pools or {}).items()
                ),
                settings=tuple(promised.settings or ()),
            )
            yield promised, ask

    @property
    def pools(self) -> dict[str, PoolSeen]:
        """All pools.

        Raises:
            NotObserved: they can't be told, as FPM refuses its configuration.
        """
        if self.seen.refused is not None:
            raise NotObserved(Reason.NO_ANSWER, f"php-fpm refuses its configuration: {self.seen.refused}")
        return seen(self.seen.pools, "pools")
