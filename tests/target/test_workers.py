"""Blocks of workers that are refused, and why."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from roadworthy.target.blocks.pm2 import Pm2
from roadworthy.target.blocks.supervisor import Supervisor


def program(**promised: Any) -> dict[str, Any]:
    return {"programs": {"worker": {"processes": 4} | promised}}


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({}, "promises nothing"),
        ({"config": "/etc/supervisord.conf"}, "promises nothing"),
        ({"config": "supervisord.conf", "none_failed": True}, "starts with '/'"),
        ({"none_failed": False}, "Input should be True"),
        ({"programs": {}}, "at least 1 item"),
        ({"programs": {"worker": {}}}, "processes"),
        (program(processes=0), "greater than or equal to 1"),
        (program(command="php 'artisan"), "No closing quotation"),
        (program(command=" "), "at least one word"),
        (program(command={"contains": []}), "at least 1 item"),
        (program(restarts={"at_most": 2}), "within"),
        (program(autorestart="sometimes"), "unexpected"),
        (program(uptime=5), "a duration needs a unit"),
    ],
)
def test_refused_of_supervisor(block: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Supervisor.model_validate(block)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"home": "/srv/pm2"}, "promises nothing"),
        ({"resurrects": True}, "say whose PM2 is meant"),
        ({"user": "deploy", "apps": {}}, "at least 1 item"),
        ({"user": "deploy", "apps": {"web": {}}}, "instances"),
        ({"user": "deploy", "apps": {"web": {"instances": 2, "mode": "threads"}}}, "'cluster' or 'fork'"),
    ],
)
def test_refused_of_pm2(block: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Pm2.model_validate(block)
