"""DNS: the same zone, seen by us and by Zonemaster.

Needs a network namespace of its own: `unshare --net python -m tests.agreement dns`.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from roadworthy.sandbox.deployment import local_port
from roadworthy.sandbox.deriving import derive
from roadworthy.sandbox.faults import FAULTS
from roadworthy.target.loading import load_target
from tests.agreement.forwarding import add_address, forwarding
from tests.matrix.seeing import fault_of, faults_of, reds, see, target_file, up

if TYPE_CHECKING:
    from roadworthy.sandbox.zones import NameServer


def zonemaster(zone: str, root: NameServer) -> list[str]:
    """What Zonemaster finds to be wrong: `LEVEL MODULE:TAG`."""
    with tempfile.TemporaryDirectory() as folder:
        hints = Path(folder) / "hints"
        hints.write_text(f". 3600 IN NS {root.name}.\n{root.name}. 3600 IN A {root.published[0]}\n")
        command = [
            "zonemaster-cli",
            "--hints",
            str(hints),
            "--no-ipv6",
            "--level",
            "NOTICE",
            "--json",
            "--no-time",
            zone,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        return [f"no answer: {done.stdout[-300:]} {done.stderr[-300:]}"]
    rows = said["results"] if isinstance(said, dict) else said
    return sorted({f"{row['level']} {row['module']}:{row['tag']}" for row in rows})


def table() -> None:
    """Each fault, what it turns red with us, what Zonemaster says that it does not say of the healthy zone."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with up("dns") as sandbox:
        network = sandbox.overlay.read_text().split("resolver: ")[1].split("\n")[0].strip("'\"").rpartition(".")[0]
        deployment = derive(load_target(target_file("dns")).target, network)
        naming = deployment.names
        parts = deployment.target.components.items()
        zones = {name: naming.zone_of(part.endpoint[0]).origin for name, part in parts}
        servers = dict.fromkeys(server for zone in naming.zones for server in zone.servers)
        places = {(ip, 53): server.address for server in servers for ip in server.published}
        for ip, _ in places:
            add_address(ip)
        root = next(zone for zone in naming.zones if not zone.origin).servers[0]
        assert local_port(53) != 53
        with forwarding(places):
            usual = {zone: set(zonemaster(zone, root)) for zone in dict.fromkeys(zones.values())}
            for zone, said in usual.items():
                print(f"healthy {zone}: {', '.join(sorted(said)) or 'nothing'}", flush=True)
            for fault in faults_of("dns"):
                zone = zones[FAULTS[fault].component_for(deployment)]
                ours = reds(see(sandbox, "dns", fault), fault_of(fault))
                sandbox.break_(fault)
                theirs = set(zonemaster(zone, root)) - usual[zone]
                sandbox.mend(fault)
                print(f"| {fault} | {', '.join(ours)} | {', '.join(sorted(theirs)) or 'nothing'} |", flush=True)
