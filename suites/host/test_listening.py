from roadworthy.cases.machines import ListeningCase
from roadworthy.check import check
from roadworthy.rules import machines as rules

AFTER = ("HOST-REACH", "HOST-SUDO")
BY_HAND = "sudo ss -H -tulpn"


@check(
    "HOST-PORTS-OPEN",
    severity="high",
    expects="listening.open",
    after=AFTER,
    source="ss(8)",
    by_hand=BY_HAND,
    repair="Start the service, or let it listen at 0.0.0.0 (or the machine's own address) in place of 127.0.0.1.",
)
def test_promised_ports_are_listened_on(listening: ListeningCase) -> None:
    """What listens at loopback alone, or not at all, nobody else can reach."""
    faults = rules.not_open(listening.seen, listening.expected.open or ())
    assert not faults, "; ".join(faults)


@check(
    "HOST-PORTS-LOCAL",
    severity="critical",
    expects="listening.local",
    after=AFTER,
    source="https://owasp.org/Top10/A05_2021-Security_Misconfiguration/",
    by_hand=BY_HAND,
    repair="Bind it to 127.0.0.1 or the private address (bind-address, bind, listen_addresses); publish a container's "
    "port as 127.0.0.1:3306:3306, which Docker else opens round the firewall.",
)
def test_inner_ports_are_listened_on_inside_alone(listening: ListeningCase) -> None:
    """A database at 0.0.0.0 is one wrong firewall rule away from everybody, and found within hours."""
    faults = rules.not_local(listening.seen, listening.expected.local or ())
    assert not faults, "; ".join(faults)


@check(
    "HOST-PORTS-OTHER",
    severity="high",
    expects="listening.nothing_else",
    after=AFTER,
    source="CIS Controls v8, 4.8",
    by_hand=BY_HAND,
    repair="Stop and disable what nobody needs, bind it to loopback, or add it to the promise.",
)
def test_nothing_else_listens(listening: ListeningCase) -> None:
    """What nobody knows of nobody updates: a forgotten debugger, an exporter, or somebody else's program."""
    faults = rules.strangers(listening.seen, listening.expected.known)
    assert not faults, "; ".join(faults)


@check(
    "HOST-PORTS-WHO",
    severity="high",
    expects="listening.processes",
    after=(*AFTER, "HOST-PORTS-OPEN", "HOST-PORTS-LOCAL"),
    source="proc(5), /proc/PID/fd",
    by_hand=BY_HAND,
    repair="Two programs want the same port: stop the one that does not belong there (often Apache beside nginx).",
)
def test_ports_belong_to_their_programs(listening: ListeningCase) -> None:
    """An open port says little: after a restart another program may have been faster."""
    faults = rules.other_listeners(listening.seen, listening.expected.processes or {})
    assert not faults, "; ".join(faults)
