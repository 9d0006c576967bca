"""The command that shows the same is given where it was looked at from."""

from __future__ import annotations

import pytest

from roadworthy.target.models import Target
from roadworthy.verdict.judging import _from_there


@pytest.mark.parametrize(
    ("vantage", "told"),
    [
        ({"ssh": "deploy@bastion.shop.test"}, "ssh -t deploy@bastion.shop.test 'psql -h db'"),
        ({"ssh": "bastion.shop.test:2222"}, "ssh -t -p 2222 bastion.shop.test 'psql -h db'"),
        ({"command": ["nc", "{host}", "{port}"]}, "psql -h db"),
    ],
)
def test_a_command_for_a_store_that_only_a_host_reaches(vantage: dict[str, object], told: str) -> None:
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"vantages": {"there": vantage}},
            "components": {"db": {"address": "db.shop.test:5432", "via": "there", "tcp": {"open": True}}},
        }
    )
    assert _from_there("psql -h db", "there", target) == told
    assert _from_there("psql -h db", None, target) == "psql -h db"
    assert _from_there("", "there", target) == ""
