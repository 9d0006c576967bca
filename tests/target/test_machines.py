"""What can't be promised of a machine, its ports and its firewall; and that what can be is written as it was read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from roadworthy.target.blocks.firewall import Firewall
from roadworthy.target.blocks.listening import Listening
from roadworthy.target.blocks.system import System


@pytest.mark.parametrize(
    ("block", "promised", "told"),
    [
        (System, {}, "promises nothing"),
        (System, {"os": "Ubuntu"}, "written as ubuntu 22.04"),
        (System, {"os": []}, "at least 1"),
        (System, {"cores": 0}, "greater than or equal to 1"),
        (System, {"memory": 8}, "needs a unit"),
        (System, {"disks": {"var": {"free": "1%"}}}, "starts with '/'"),
        (System, {"disks": {"/": {}}}, "at least one of size"),
        (System, {"disks": {"/": {"free": "101%"}}}, "share"),
        (System, {"load_below": 0}, "greater than 0"),
        (System, {"no_reboot_due": False}, "True"),
        (System, {"security_updates": {"at_most": 0}}, "as_of"),
        (System, {"versions": {"pm2": "5"}}, "apache2"),
        (System, {"versions": {"php": 8.2}}, "quotes"),
        (System, {"versions": {"php": []}}, "at least 1"),
        (Listening, {"open": [0]}, "written as 443"),
        (Listening, {"open": [65536]}, "written as 443"),
        (Listening, {"open": ["80-90"]}, "written as 443"),
        (Listening, {"open": [True]}, "string"),
        (Listening, {"open": [80], "local": ["80/tcp"]}, "open and local at once"),
        (Listening, {"nothing_else": True}, "what else there is"),
        (Firewall, {"open": ["90-80"]}, "6000-6007/tcp"),
        (Firewall, {"open": [443], "networks": {443: "10.0.0.0/8"}}, "to some networks alone"),
        (Firewall, {"networks": {3306: "10.0.0.1/8"}}, "no address and no network"),
        (Firewall, {"networks": {3306: []}}, "at least 1"),
        (Firewall, {"jails": []}, "at least 1"),
    ],
)
def test_what_cannot_be_promised(block: type[BaseModel], promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        block.model_validate(promised)


def test_what_is_written_is_what_was_read() -> None:
    system = System.model_validate(
        {
            "os": "debian >= 11",
            "memory": "8GB",
            "disks": {"/": {"size": "100GB", "free": "10GB", "inodes": 5000}, "/srv": {"free": "20%"}},
            "memory_free": "500MB",
            "swap_below": "50%",
            "versions": {"node": ["18", 20], "composer": 2},
        }
    )
    assert System.model_validate_json(system.model_dump_json(exclude_unset=True)) == system
    assert system.versions == {"node": ("18", "20"), "composer": ("2",)}
    ports = Listening.model_validate({"open": [443, "53/udp"], "processes": {80: "nginx"}})
    assert (ports.open, ports.processes) == (("443/tcp", "53/udp"), {"80/tcp": "nginx"})
    assert ports.known == {"443/tcp", "53/udp", "80/tcp"}
    wall = Firewall.model_validate({"open": [443, "6000-6007"], "networks": {3306: "10.0.1.7"}})
    assert (wall.open, wall.networks) == (("443/tcp", "6000-6007/tcp"), {"3306/tcp": ("10.0.1.7/32",)})
    assert Firewall.model_validate_json(wall.model_dump_json(exclude_unset=True)) == wall
