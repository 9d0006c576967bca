"""Hostile servers, all met at the same time by runs of their own; each test then reads what came of one."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.hostile import looking
from tests.hostile.grounds import Grounds, healthy
from tests.hostile.hostile import Hostile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.hostile.looking import Meeting

AT_ONCE = 4
"""Runs that look at the same time; most of them wait for silent servers."""


@pytest.fixture(scope="session")
def grounds() -> Iterator[Grounds]:
    grounds = Grounds()
    yield grounds
    grounds.close()


@pytest.fixture(scope="session")
def well() -> Iterator[int]:
    """The port of the healthy server, which no hostile one holds up."""
    grounds = Grounds()
    yield grounds.serve(healthy)
    grounds.close()


@pytest.fixture(scope="session")
def aside() -> Iterator[Grounds]:
    """For servers that are slow themselves."""
    grounds = Grounds()
    yield grounds
    grounds.close()


@pytest.fixture(scope="session")
def meetings(
    request: pytest.FixtureRequest,
    grounds: Grounds,
    aside: Grounds,
    well: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[Meeting]]]:
    """The runs of all hostile servers that are selected, under way."""
    calls = (getattr(item, "callspec", None) for item in request.session.items)
    hostiles = {
        known.name: known for call in calls if call and isinstance(known := call.params.get("hostile"), Hostile)
    }

    place = tmp_path_factory.mktemp("hostile")

    def meet(hostile: Hostile) -> Meeting:
        folder = place / str(list(hostiles).index(hostile.name))
        folder.mkdir()
        place_of = aside if hostile.is_slow else grounds
        port = hostile.serve(place_of, hostile) if hostile.serve else place_of.serve(hostile.talk)
        (folder / "target.yaml").write_text(hostile.target(port, well, looking.TIMES))
        return looking.meet(folder / "target.yaml", folder / "reports")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(meet, hostile) for name, hostile in hostiles.items()}
        pool.shutdown(wait=True, cancel_futures=True)


@pytest.fixture
def met(meetings: dict[str, Future[Meeting]]) -> Callable[[Hostile], Meeting]:
    """What came of the run against one hostile server."""
    return lambda hostile: meetings[hostile.name].result()
