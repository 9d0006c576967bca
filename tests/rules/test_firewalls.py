"""Rules as ufw, nftables and iptables print them: recorded from a kernel of their own (`firewalls/`), and hostile ones.

What ufw says of itself and what it has made of that in the kernel were recorded of the same rules.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.base import NotObserved
from roadworthy.facts.firewall import Rules
from roadworthy.rules.firewalls import NFT, UFW, Wall, wall_of
from roadworthy.rules.firewalls_rule import Who, through

HERE = Path(__file__).parent / "firewalls"
OUTSIDE = ("eth0",)
INPUT = {"family": "inet", "table": "filter", "name": "input", "type": "filter", "hook": "input", "policy": "drop"}
TCP = {"payload": {"protocol": "tcp", "field": "dport"}}
STATE = {"ct": {"key": "state"}}


def recorded(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def wall(*, ipv6: bool = False, outside: tuple[str, ...] = OUTSIDE, **said: str) -> Wall:
    names = {"ufw": UFW, "nft": NFT, "iptables": "iptables -S", "ip6tables": "ip6tables -S"}
    texts = {names.get(name, name): text for name, text in said.items()}
    return wall_of(Rules(said=texts, outside=outside, ipv6=ipv6))


def open_to_all(own: Wall, family: int = 4) -> list[str]:
    return [one.told.removesuffix(" over IPv6") for one in own.admitted(family) if one.by.everybody]


def from_networks(own: Wall, family: int = 4) -> dict[str, set[str]]:
    return {one.told.split()[0]: set(one.by.sources) for one in own.admitted(family) if one.by.sources}


def unsure(own: Wall) -> list[str]:
    return [one.told for one in own.admitted(4) if one.by.unsure]


def nft(*rules: list[dict[str, Any]], base: dict[str, Any] = INPUT, **more: Any) -> Wall:
    """A ruleset of one chain, with sets (`name=[...]`)."""
    where = {"family": base["family"], "table": "filter"}
    entries: list[dict[str, Any]] = [{"metainfo": {}}, {"table": {"family": "inet", "name": "filter"}}, {"chain": base}]
    entries += [{"set": {**where, "name": name, "elem": elements}} for name, elements in more.items()]
    entries += [{"chain": {**where, "name": "web"}}]
    entries += [{"rule": {**where, "chain": base["name"], "expr": list(expr)}} for expr in rules]
    return wall(nft=json.dumps({"nftables": entries}), ipv6=True)


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def iptables(*rules: str, policy: str = "DROP", outside: tuple[str, ...] = OUTSIDE) -> Wall:
    return wall(iptables="\n".join((f"-P INPUT {policy}", *rules)), outside=outside)


# --- recorded --------------------------------------------------------------------------------------------------------


def test_ufw() -> None:
    own = wall(ufw=recorded("ufw.txt"), ipv6=True)
    assert own.kind == "ufw"
    assert open_to_all(own) == ["22/tcp", "80/tcp", "443/tcp", "2222/tcp", "8000/tcp", "60000-61000/udp"]
    assert open_to_all(own, 6) == open_to_all(own)
    assert from_networks(own)["3306/tcp"] == {"10.0.1.0/24", "192.0.2.0/24"}
    assert from_networks(own, 6) == {"5432/tcp": {"fd00::/8"}}
    assert "25/tcp" not in from_networks(own)
    assert not own.admits(4, "tcp", None).everybody
    by_eth1 = wall(ufw=recorded("ufw.txt"), outside=("eth0", "eth1"))
    assert "9100/tcp" in open_to_all(by_eth1)


def test_what_ufw_says_is_what_it_made_of_it_in_the_kernel() -> None:
    said = wall(ufw=recorded("ufw.txt"), ipv6=True)
    made = wall(iptables=recorded("ufw-iptables.txt"), ip6tables=recorded("ufw-ip6tables.txt"), ipv6=True)
    assert made.kind == "iptables"
    assert [one for one in said.admitted(4) if one.by.everybody] == [
        one for one in made.admitted(4) if one.by.everybody
    ]
    assert from_networks(said)["3306/tcp"] == from_networks(made)["3306/tcp"]
    limited = {"2222/tcp"}  # the recorded machine lacked ufw's own chain for limits over IPv6
    assert set(open_to_all(said, 6)) - limited == set(open_to_all(made, 6))
    assert from_networks(said, 6) == from_networks(made, 6)


def test_what_stands_before_the_rules_of_ufw_counts() -> None:
    kernel = recorded("ufw-iptables.txt")
    before = kernel.replace("-A INPUT -j", "-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT\n-A INPUT -j", 1)
    own = wall(ufw=recorded("ufw.txt"), iptables=before, ip6tables=recorded("ufw-ip6tables.txt"), ipv6=True)
    assert own.kind == "ufw"
    assert set(open_to_all(own)) - set(open_to_all(wall(ufw=recorded("ufw.txt")))) == {"8080/tcp"}
    assert open_to_all(own, 6) == open_to_all(wall(ip6tables=recorded("ufw-ip6tables.txt"), ipv6=True), 6)


def test_nftables() -> None:
    own = wall(nft=recorded("nft.json"), ipv6=True)
    assert own.kind == "nftables"
    expected = ["22/tcp", "80/tcp", "443/tcp", "8000-8010/tcp", "8443/tcp", "60000-61000/udp"]
    assert open_to_all(own) == open_to_all(own, 6) == expected
    assert from_networks(own) == {"3306/tcp": {"10.0.1.0/24"}}
    assert from_networks(own, 6) == {"3306/tcp": {"fd00::/8"}}
    assert not unsure(own)


def test_iptables() -> None:
    own = wall(iptables=recorded("iptables.txt"))
    assert open_to_all(own) == ["22/tcp", "80/tcp", "443/tcp", "60000-61000/udp"]
    assert from_networks(own) == {"3306/tcp": {"10.0.1.0/24"}}
    both = wall(iptables=recorded("iptables.txt"), nft=recorded("iptables-nft.json"))
    assert open_to_all(both) == open_to_all(own)
    alone = wall(nft=recorded("iptables-nft.json"))
    assert "1-21/tcp" in unsure(alone)  # nft can't tell what iptables' own matches ask


# --- ufw -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "opened"),
    [
        ("80,443/tcp (Nginx Full)    ALLOW IN    Anywhere", ["80/tcp", "443/tcp"]),
        ("22                         LIMIT IN    Anywhere                   # by hand ALLOW IN", ["22/tcp", "22/udp"]),
        ("203.0.113.5 22/tcp         ALLOW IN    Anywhere", ["22/tcp"]),
        ("Anywhere/tcp               ALLOW IN    Anywhere/tcp", ["1-65535/tcp"]),
        ("Anywhere                   ALLOW IN    Anywhere", ["1-65535/tcp", "1-65535/udp"]),
        ("22/tcp                     ALLOW IN    Anywhere                   (log)", ["22/tcp"]),
        ("22/tcp                     ALLOW OUT   Anywhere", []),
        ("22/tcp                     ALLOW FWD   Anywhere", []),
        ("22/tcp on lo               ALLOW IN    Anywhere", []),
        ("127.0.0.1 22/tcp           ALLOW IN    Anywhere", []),
        ("22/tcp                     ALLOW IN    10.0.0.0/8 1024:65535/tcp", []),
        ("a-very-long-name           nonsense", []),
    ],
)
def test_lines_of_ufw(line: str, opened: list[str]) -> None:
    assert open_to_all(wall(ufw=f"Status: active\nDefault: deny (incoming), allow (outgoing)\n\n{line}\n")) == opened


def test_ufw_without_a_default_is_not_understood() -> None:
    with pytest.raises(NotObserved, match="default"):
        wall(ufw="Status: active\n")


# --- a part of the host ----------------------------------------------------------------------------------------------

BOTH = ("eth0", "eth1")


@pytest.mark.parametrize(
    ("rule", "outside", "opened"),
    [
        ("-d 10.0.0.9/32 -j DROP", OUTSIDE, True),
        ("! -d 10.0.0.9/32 -j DROP", OUTSIDE, True),
        ("-i eth1 -j DROP", BOTH, True),
        ("-i eth+ -j DROP", BOTH, False),
        ("! -i eth1 -j DROP", BOTH, True),
        ("! -i lo -j DROP", BOTH, False),
        ("-i eth1 -j DROP", (), True),
        ("! -i lo -j DROP", (), False),
        ("-i lo -j DROP", (), True),
    ],
)
def test_what_keeps_people_from_a_part_of_the_host(rule: str, outside: tuple[str, ...], *, opened: bool) -> None:
    everything = ["1-65535/tcp", "1-65535/udp"]
    own = iptables(f"-A INPUT {rule}", policy="ACCEPT", outside=outside)
    assert open_to_all(own) == (everything if opened else [])
    assert bool(own.kind) is not opened


def test_who_returns_by_a_part_of_the_host_may_be_let_in_elsewhere() -> None:
    inner = ("-N web", "-A web -i eth1 -j RETURN", "-A web -j DROP")
    own = iptables(*inner, "-A INPUT -p tcp --dport 80 -j web", "-A INPUT -j ACCEPT", outside=BOTH)
    assert "80/tcp" in unsure(own)
    assert "80/tcp" not in open_to_all(own)


def test_who_returns_before_all_others_are_dropped_may_be_let_in() -> None:
    known = ("-N a", "-A a -s 10.0.0.0/8 -j RETURN", "-A a -j DROP", "-A INPUT -j a")
    assert from_networks(iptables(*known, policy="ACCEPT")) == {
        "1-65535/tcp": {"10.0.0.0/8"},
        "1-65535/udp": {"10.0.0.0/8"},
    }
    listed = ("-N a", "-A a -m set --match-set x src -j RETURN", "-A a -j DROP", "-A INPUT -j a")
    assert unsure(iptables(*listed, policy="ACCEPT")) == ["1-65535/tcp", "1-65535/udp"]
    assert not unsure(iptables(*listed[:2], *listed[3:]))


def test_a_chain_against_floods_keeps_nobody_out() -> None:
    chain = ("-N flood", "-A flood -m limit --limit 100/sec --limit-burst 150 -j RETURN", "-A flood -j DROP")
    own = iptables(*chain, "-A INPUT -p tcp --syn -j flood", "-A INPUT -p tcp --dport 22 -j ACCEPT")
    assert open_to_all(own) == ["22/tcp"]
    assert not unsure(own)


def test_what_docker_drops_before_it_is_let_in_is_no_firewall() -> None:
    daddr = {"payload": {"protocol": "ip", "field": "daddr"}}
    from_elsewhere = match({"meta": {"key": "iifname"}}, "docker0", "!=")
    direct = [match(daddr, "172.17.0.2"), from_elsewhere, {"counter": None}, {"drop": None}]
    assert nft(direct, base={**INPUT, "hook": "prerouting", "policy": "accept"}).kind == ""


# --- iptables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "opened"),
    [
        ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", ["22/tcp"]),
        ("-A INPUT -p 6 --dport 22 -j ACCEPT", ["22/tcp"]),
        ("-A INPUT -p tcp -m tcp --dport 65000: -j ACCEPT", ["65000-65535/tcp"]),
        ("-A INPUT -p tcp -m tcp ! --dport 2:65535 -j ACCEPT", ["1/tcp"]),
        ("-A INPUT -p tcp -m conntrack --ctstate NEW,RELATED -m tcp --dport 22 -j ACCEPT", ["22/tcp"]),
        ("-A INPUT ! -i lo -p tcp -m tcp --dport 22 -j ACCEPT", ["22/tcp"]),
        ("-A INPUT -i eth+ -p tcp -m tcp --dport 22 -j ACCEPT", ["22/tcp"]),
        ("-A INPUT -i docker0 -j ACCEPT", []),
        ("-A INPUT -p tcp -m tcp --dport 22 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", ["22/tcp"]),
        ("-A INPUT -p tcp -m tcp --dport 22 ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", []),
        ("-A INPUT -p udp -m udp --sport 67 --dport 68 -j ACCEPT", []),
        ("-A INPUT -p udp -m udp --sport 53 --dport 70 -j ACCEPT", ["70/udp"]),
        ("-A INPUT -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT", []),
        ("-A INPUT -p icmp -j ACCEPT", []),
        ("-A INPUT -s 0.0.0.0/0 -p tcp -m tcp --dport 22 -m limit --limit 3/min -j ACCEPT", ["22/tcp"]),
        ("-A INPUT -m addrtype --dst-type BROADCAST -j ACCEPT", []),
    ],
)
def test_rules_of_iptables(rule: str, opened: list[str]) -> None:
    own = iptables(rule)
    assert open_to_all(own) == opened
    assert not unsure(own)


@pytest.mark.parametrize(
    "asked",
    [
        "-m set --match-set office src",
        "-m recent --rcheck --name KNOCK",
        "-m mark --mark 0x1",
        "! -p udp",
        "-m bpf --bytecode 4",
    ],
)
def test_what_iptables_asks_that_cannot_be_told(asked: str) -> None:
    own = iptables(f"-A INPUT {asked} -j ACCEPT")
    assert open_to_all(own) == []
    assert unsure(own)


def test_chains_of_iptables() -> None:
    jumps = ("-N a", "-N b", "-A a -p tcp -m tcp --dport 22 -j RETURN", "-A a -j ACCEPT", "-A b -j DROP")
    assert open_to_all(iptables(*jumps, "-A INPUT -p tcp -j a", "-A INPUT -g b")) == ["1-21/tcp", "23-65535/tcp"]
    returns = ("-N a", "-N b", "-A a -g b", "-A a -j ACCEPT", "-A b -j RETURN")
    assert open_to_all(iptables(*returns, "-A INPUT -j a")) == []
    inner = ("-N a", "-A a -p tcp -m tcp --dport 22 -j ACCEPT", "-A INPUT -s 10.0.0.0/8 -j a")
    assert from_networks(iptables(*inner)) == {"22/tcp": {"10.0.0.0/8"}}
    with pytest.raises(NotObserved, match="'a' of the firewall"):
        iptables("-N a", "-A a -j a", "-A INPUT -j a")
    doubling = [line for n in range(30) for line in (f"-A c{n} -j c{n + 1}", f"-A c{n} -j c{n + 1}")]
    with pytest.raises(NotObserved, match="steps"):
        iptables(*(f"-N c{n}" for n in range(31)), *doubling, "-A INPUT -j c0")


# --- nftables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "opened"),
    [
        ([match(TCP, 22), {"accept": None}], ["22/tcp"]),
        ([match(TCP, {"set": [22, {"range": [80, 90]}]}), {"accept": None}], ["22/tcp", "80-90/tcp"]),
        ([match(TCP, "@ports"), {"accept": None}], ["22/tcp", "443/tcp"]),
        ([match(TCP, {"range": [2, 65535]}, "!="), {"accept": None}], ["1/tcp"]),
        ([match({"payload": {"protocol": "th", "field": "dport"}}, 22), {"accept": None}], ["22/tcp", "22/udp"]),
        ([match(STATE, ["established", "related"], "in"), {"accept": None}], []),
        ([match(STATE, "invalid", "!="), match(TCP, 22), {"accept": None}], ["22/tcp"]),
        ([match({"meta": {"key": "iifname"}}, {"set": ["lo", "wg0"]}), {"accept": None}], []),
        ([match({"meta": {"key": "iifname"}}, "lo", "!="), match(TCP, 22), {"accept": None}], ["22/tcp"]),
        ([match({"meta": {"key": "nfproto"}}, "ipv6"), match(TCP, 22), {"accept": None}], []),
        ([match({"meta": {"key": "l4proto"}}, {"set": ["tcp", "udp"]}), match(TCP, 22), {"accept": None}], ["22/tcp"]),
        ([match({"payload": {"protocol": "icmp", "field": "type"}}, "echo-request"), {"accept": None}], []),
        ([match(TCP, 22), {"limit": {"rate": 3}}, {"drop": None}], []),
        ([match(TCP, 22), {"counter": None}, {"log": None}], []),
    ],
)
def test_rules_of_nftables(rule: list[dict[str, Any]], opened: list[str]) -> None:
    own = nft(rule, ports=[22, {"elem": {"val": 443, "timeout": 60}}])
    assert open_to_all(own) == opened
    assert not unsure(own)


def test_what_nftables_asks_that_cannot_be_told() -> None:
    for asked in (match({"meta": {"key": "mark"}}, 1), {"xt": {"type": "match", "name": "set"}}, {"ct count": 1}):
        own = nft([match(TCP, 22), asked, {"accept": None}])
        assert unsure(own) == (["22/tcp"] if "ct count" not in asked else [])


def test_all_layers_have_to_be_passed() -> None:
    text = json.loads(recorded("nft.json"))
    text["nftables"] += [
        {"chain": {**INPUT, "table": "other", "name": "late", "policy": "accept"}},
        {"rule": {"family": "inet", "table": "other", "chain": "late", "expr": [match(TCP, 22), {"drop": None}]}},
    ]
    assert "22/tcp" not in open_to_all(wall(nft=json.dumps(text)))
    assert "80/tcp" in open_to_all(wall(nft=json.dumps(text)))


def test_interfaces() -> None:
    assert through("eth0", ()) is Who.ALL
    assert through("lo", ()) is Who.NOBODY
    assert through("ens*", ("ens5",)) is Who.ALL
    assert through("wg0", ("ens5",)) is Who.NOBODY


# --- hostile ---------------------------------------------------------------------------------------------------------

LINES = st.sampled_from([*recorded("ufw-iptables.txt").splitlines(), *recorded("ufw.txt").splitlines(), "-A", "! !"])
WORDS = st.text(st.sampled_from("-!AINPUTjgsdpm 0123456789:,/.\"'\\\n\té"), max_size=60)
JSONS: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, 1, "input", "@x", "tcp", "accept", []]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["match", "op", "left", "right", "payload", "field", "vmap", "key", "data", "set", "drop", "xt"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


def never_crashes(**said: str) -> None:
    try:
        own = wall(**said, ipv6=True)  # type: ignore[arg-type]
        for family in own.families:
            list(own.admitted(family))
    except NotObserved:
        pass


@given(st.lists(LINES | WORDS, max_size=20).map("\n".join))
def test_no_text_breaks_the_readers(text: str) -> None:
    never_crashes(ufw="Status: active\nDefault: deny (incoming)\n" + text)
    never_crashes(iptables="-P INPUT DROP\n" + text)
    never_crashes(nft=text)


@given(st.lists(JSONS, max_size=5), JSONS)
def test_no_json_breaks_the_reader(expr: list[Any], elements: Any) -> None:
    where = {"family": "inet", "table": "filter"}
    rule = {"rule": {**where, "chain": "input", "expr": expr}}
    entries = [{"chain": INPUT}, {"set": {**where, "name": "x", "elem": elements}}, rule]
    never_crashes(nft=json.dumps({"nftables": entries}))
