"""Promises of systemd, nginx and PHP as they are written: what is taken, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from roadworthy.target.blocks.nginx import Nginx
from roadworthy.target.blocks.php import Php
from roadworthy.target.blocks.systemd import Systemd


def test_names_of_units_are_whole() -> None:
    promised = Systemd.model_validate(
        {"units": {"nginx": {"active": True}, "a@b.socket": {"active": True}}, "timers": {"certbot": {"planned": True}}}
    )
    assert list(promised.units or ()) == ["nginx.service", "a@b.socket"]
    assert list(promised.timers or ()) == ["certbot.timer"]


@pytest.mark.parametrize(
    ("block", "promised", "told"),
    [
        (Systemd, {}, "promises nothing"),
        (Systemd, {"units": {}}, "at least 1"),
        (Systemd, {"units": {"nginx": {}}}, "give at least one of enabled"),
        (Systemd, {"timers": {"certbot": {}}}, "give at least one of enabled"),
        (Systemd, {"units": {"ngin*": {"active": True}}}, "no unit's name"),
        (Systemd, {"units": {"-H x": {"active": True}}}, "no unit's name"),
        (Systemd, {"units": {"--all": {"active": True}}}, "no unit's name"),
        (Systemd, {"timers": {"certbot.service": {"planned": True}}}, "no timer"),
        (Systemd, {"units": {"a.timer": {"active": True}}, "timers": {"a": {"planned": True}}}, "promised twice"),
        (Systemd, {"units": {"nginx": {"enabled": False}}}, "True"),
        (Nginx, {"pid_file": "/run/nginx.pid"}, "promises nothing"),
        (Nginx, {"pid_file": "nginx.pid", "valid": True}, "starts with '/'"),
        (Nginx, {"servers": {"a": {}}}, "give at least one of max_body"),
        (Nginx, {"servers": {"a": {"max_body": "100M"}}}, "a size is written as"),
        (Nginx, {"servers": {"a": {"tls": ["TLSv1.2"]}}}, "'1.2' or '1.3'"),
        (Nginx, {"settings": {"server": "x"}}, "no directive with a value"),
        (Nginx, {"settings": {"a b": "x"}}, "no directive with a value"),
        (Php, {"program": "php-fpm8.2"}, "promises nothing"),
        (Php, {"program": "rm", "valid": True}, "match"),
        (Php, {"settings": {"mysqli.default_pw": "x"}}, "may hold a secret"),
        (Php, {"settings": {"redis.session.auth": "x"}}, "may hold a secret"),
        (Php, {"pools": {"www": {"env[DB_PASSWORD]": "x"}}}, "no setting's name"),
    ],
)
def test_what_cannot_be_promised(block: type[Systemd | Nginx | Php], promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        block.model_validate(promised)
