"""A healthy machine, its ports and its firewall; a test changes one thing of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.firewall import Bans, FirewallObservation, Rules
from roadworthy.facts.listening import ListeningObservation, Socket
from roadworthy.facts.store import Unseen
from roadworthy.facts.system import (
    Clock,
    Cores,
    Disk,
    Load,
    Memory,
    Os,
    Reboot,
    SystemObservation,
    Updates,
)
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from roadworthy.cases.base import Case

C = TypeVar("C", bound="Case[Any, Any, Any]")

GB = 10**9
HIDDEN = Unseen(unseen="not permitted", detail="only root sees it")
MEMORY = Memory(total=8 * GB, available=2 * GB, swap=2 * GB, swap_free=GB)
DISK = Disk(mounted_on="/", size=100 * GB, used=78 * GB, free=20 * GB, inodes=1000, inodes_free=100)
UPDATES = Updates(security=0, told_by="apt-get", lists_at=NOW - timedelta(days=2))


def case(kind: type[C], seen: object, *, sudo: bool = True, **blocks: Any) -> C:
    """The case of a host that promises this."""
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"vantages": {"app": {"ssh": "deploy@app.shop.test", "sudo": sudo}}},
            "components": {"app": {"host": "app", **(blocks or {"system": {"cores": 1}})}},
        }
    )
    part = target.components["app"]
    expected, ask = next(iter(kind.looks(target, part)))
    return kind(target=target, name="app", component=part, expected=expected, ask=ask, address=None, seen=seen)


def system(**changes: Any) -> SystemObservation:
    """A machine that is well."""
    given: dict[str, Any] = {
        "os": Os(id="ubuntu", version="22.04", name="Ubuntu 22.04.5 LTS"),
        "cores": Cores(there=4, usable=4),
        "memory": MEMORY,
        "load": Load(minute=1, five=2, fifteen=3),
        "disks": {"/": DISK},
        "versions": {"php": "8.3.6", "node": "20.11.1"},
        "clock": Clock(synchronised=True, told_by="chronyc"),
        "reboot": Reboot(due=False, told_by="/run/reboot-required"),
        "updates": UPDATES,
    }
    return SystemObservation(observed_at=NOW, now=NOW, **given | changes)


ANY = "0.0.0.0"  # noqa: S104 - as a server would have it


def socket(on: str, address: str = ANY, *programs: str) -> Socket:
    """Where something listens."""
    port, _, protocol = on.partition("/")
    return Socket(protocol="udp" if protocol == "udp" else "tcp", address=address, port=int(port), programs=programs)


def listening(*sockets: Socket) -> ListeningObservation:
    """Who listens."""
    return ListeningObservation(observed_at=NOW, now=NOW, sockets=sockets, given_out=(32768, 60999))


def firewall(rules: Rules | Unseen | None = None, bans: Bans | Unseen | None = None) -> FirewallObservation:
    """A firewall, and who bans."""
    return FirewallObservation(observed_at=NOW, now=NOW, rules=rules, bans=bans)


def ufw(*lines: str, default: str = "deny", ipv6: bool = False) -> FirewallObservation:
    """An active ufw with these rules."""
    table = "".join(f"{line}\n" for line in lines)
    text = f"Status: active\nDefault: {default} (incoming), allow (outgoing), disabled (routed)\n\n{table}\n"
    return firewall(Rules(said={"ufw status verbose": text}, outside=("eth0",), ipv6=ipv6))


def iptables(*lines: str, six: tuple[str, ...] | None = None, **said: str) -> FirewallObservation:
    """What iptables says; with `six`, what ip6tables says, on a machine that has an IPv6 address."""
    texts = {"iptables -S": "\n".join(lines), **said}
    if six is not None:
        texts["ip6tables -S"] = "\n".join(six)
    return firewall(Rules(said=texts, outside=("eth0",), ipv6=six is not None))
