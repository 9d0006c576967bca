from roadworthy.cases.health import NameCase, PortCase
from roadworthy.check import check
from roadworthy.facts.tcp import TcpState


@check(
    "NAME-RESOLVES",
    severity="critical",
    availability=True,
    source="RFC 1034 section 3.6, RFC 2308",
    by_hand="dig +noall +comments +answer {host} A {host} AAAA",
    repair="Publish an A or AAAA record for the name, or correct the name in the target file.",
)
def test_the_name_leads_to_an_address(name: NameCase) -> None:
    """Nobody reaches a name without an address, however well the servers behind it are."""
    assert name.seen.endpoints, f"{name.ask.host} leads to no address: {name.seen.state.value}"


@check(
    "REACH-TCP",
    severity="critical",
    availability=True,
    after=("NAME-RESOLVES",),
    source="RFC 9293 section 3.5",
    by_hand="nc -vz -w 5 {ip} {address_port}",
    repair="Start what listens on this port. Without any reply, look at the firewall or security group on the way.",
)
def test_the_port_accepts_connections(port: PortCase) -> None:
    """A port that is closed on one address fails a share of all visitors, and a single check by name may miss it."""
    waited = f" after {port.seen.connect_s:.1f} s" if port.seen.state is TcpState.SILENT else ""
    assert port.seen.state is TcpState.OPEN, f"{port.seen.state.value}{waited}"
