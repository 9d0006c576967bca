"""Cases of the backup suite: a look at each series, and a restore apart from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from roadworthy.cases.base import Case
from roadworthy.cases.host import there
from roadworthy.facts.backups import BackupsAsk, BackupsObservation, OffsiteWanted, RestoreWanted
from roadworthy.facts.base import Lane
from roadworthy.target.blocks.backups import RESTORED_BY, Offsite, Restores, Series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target

E = TypeVar("E")


def series_ask(target: Target, component: Component, name: str, promised: Series) -> BackupsAsk:
    """One look at a series, for all that is promised of it but a restore."""
    offsite = promised.offsite
    return BackupsAsk(
        **there(target, component),
        series=name,
        files=promised.files,
        named=promised.named,
        dump=promised.kind,
        packing=promised.packed,
        inside=promised.looks_inside,
        looks_for=promised.holds or (),
        reads_at_most=promised.reads_at_most,
        takes_s=promised.takes_at_most,
        offsite=offsite
        and OffsiteWanted.model_validate(
            {"program": offsite.program, "place": offsite.place, "env_file": offsite.env_file}
        ),
    )


def restore_ask(target: Target, component: Component, name: str, promised: Series, restores: Restores) -> BackupsAsk:
    """A restore of its newest."""
    given = restores.model_dump(include={"into", "at_most", "as_user", "defaults_file", "service_file", "service"})
    wanted = RestoreWanted.model_validate(
        {
            **given,
            "engine": RESTORED_BY[promised.kind],
            "into": restores.into,
            "at_most": restores.at_most,
            "within_s": restores.within,
            "rows_of": tuple(restores.has or ()),
        }
    )
    return series_ask(target, component, name, promised).model_copy(
        update={"lane": Lane.ROUGH, "inside": False, "looks_for": (), "offsite": None, "restore": wanted}
    )


class _SeriesCase(Case[E, BackupsAsk, BackupsObservation], Generic[E]):
    block = "backups"


class SeriesCase(_SeriesCase[Series]):
    """A series as it lies there."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Series, BackupsAsk]]:
        """Each."""
        for name, promised in ((component.backups and component.backups.series) or {}).items():
            yield promised, series_ask(target, component, name, promised)


class CompleteCase(_SeriesCase[Series]):
    """A series of a kind that has an end of its own."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Series, BackupsAsk]]:
        """The same look."""
        for promised, ask in SeriesCase.looks(target, component):
            if promised.kind != "other":
                yield promised, ask


class OffsiteCase(_SeriesCase[Offsite]):
    """Its copy elsewhere."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Offsite, BackupsAsk]]:
        """The same look, where there is to be one."""
        for promised, ask in SeriesCase.looks(target, component):
            if promised.offsite is not None:
                yield promised.offsite, ask


class RestoreCase(_SeriesCase[Restores]):
    """What came of restoring the newest."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Restores, BackupsAsk]]:
        """Each that is to be restored."""
        for name, promised in ((component.backups and component.backups.series) or {}).items():
            if promised.restores is not None:
                yield promised.restores, restore_ask(target, component, name, promised, promised.restores)
