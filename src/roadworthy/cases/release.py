"""Cases of the release suite: the version that answers, at the start of a run and at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from roadworthy.cases.base import Case
from roadworthy.facts.base import Moment, NotObserved, Reason
from roadworthy.facts.http import TRANSIENT_STATUSES, HttpAsk, HttpObservation
from roadworthy.rules.answers import told
from roadworthy.rules.bodies import told_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.health import Running
    from roadworthy.target.models import Component, Target


@dataclass(frozen=True)
class PromisedRelease:
    """The version that must answer, and where a component tells it."""

    version: str
    told_by: Running

    def __str__(self) -> str:
        return self.version


class ReleaseCase(Case[PromisedRelease, HttpAsk, HttpObservation]):
    """The version that a component tells."""

    block: ClassVar[str | None] = "release"
    moment: ClassVar[Moment] = Moment.START

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[PromisedRelease, HttpAsk]]:
        """The page that tells the version, once for each moment."""
        if target.release and component.release:
            ask = HttpAsk.of(component.url_of(component.release.path), moment=cls.moment)
            yield PromisedRelease(target.release.version, component.release), ask

    @property
    def version(self) -> str | None:
        """The version that was told; None where the answer tells none.

        Raises:
            NotObserved: there was no answer, or that of a service that is starting.
        """
        answer, place = self.seen.answer, self.expected.told_by
        if answer.status in TRANSIENT_STATUSES:
            raise NotObserved(Reason.NO_ANSWER, f"answered {self.told}")
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - RFC 9110 section 15.3: successful
            return None
        if place.header is not None:
            return answer.one(place.header)
        if place.json_path is None:
            return answer.body.strip()
        try:
            return told_value(answer, place.json_path)
        except ValueError:
            return None

    @property
    def told(self) -> str:
        """The answer in a few words."""
        return told(self.seen.result)


class ReleaseAtEndCase(ReleaseCase):
    """The version that a component tells once everything else was judged."""

    moment: ClassVar[Moment] = Moment.END
