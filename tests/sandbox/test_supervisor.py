from __future__ import annotations

import os
import socket
from typing import cast

import pytest

from roadworthy.sandbox.supervisor import Control, Sandbox, StartError


class Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def status(self) -> dict[str, str]:
        raise self.error


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), StartError("api is gone"), ValueError("no")])
def test_whoever_gives_an_order_is_told_what_went_wrong(error: Exception) -> None:
    owner, held = os.pipe()
    with socket.socket(socket.AF_UNIX) as orders:
        control = Control(cast("Sandbox", Failing(error)), orders, owner)
        assert control._obey(b'{"do": "status"}') == {"error": str(error)}
        control.selector.close()
    os.close(owner)
    os.close(held)
