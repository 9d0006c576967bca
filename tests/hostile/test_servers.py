"""A run that meets a hostile server ends in time and in bounds, names it, and judges the others rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hostile import dns, half_open, http_1, http_2, smtp, tls, websocket
from tests.hostile.looking import assert_survived

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hostile.hostile import Hostile
    from tests.hostile.looking import Meeting

pytestmark = pytest.mark.real

KINDS = (http_1, http_2, tls, dns, half_open, smtp, websocket)
EVERYBODY = [hostile for kind in KINDS for hostile in kind.SERVERS]


@pytest.mark.parametrize("hostile", EVERYBODY, ids=str)
def test_a_hostile_server_is_survived_and_named(hostile: Hostile, met: Callable[[Hostile], Meeting]) -> None:
    assert_survived(met(hostile), told=hostile.told)
