from roadworthy.cases.exposure import LoginCase, PortsCase
from roadworthy.check import check
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.logins import login_faults
from roadworthy.rules.ports import port_faults


@check(
    "EXP-PORTS",
    severity="critical",
    after=("NAME-RESOLVES",),
    expects="exposure.closed_ports",
    source="CIS Controls 8.1, 4.4 and 12.2; CWE-1327",
    by_hand="nc -vz -w 4 {ip} PORT",
    repair="Let the service listen on a private address (`bind-address`, `bind`, `listen_addresses`; in Docker "
    "`127.0.0.1:3306:3306`, since a published port passes ufw by), and close the port at the firewall.",
)
def test_ports_take_no_connection(ports: PortsCase) -> None:
    """A database that answers strangers is guessed at around the clock, and one hole away from being read."""
    if not ports.seen.is_alive:
        raise NotObserved(Reason.NO_ANSWER, "nothing there showed life, so closed ports can't be told from a lost way")
    faults = port_faults(ports.seen, ports.address or "")
    assert not faults, "; ".join(faults)


@check(
    "EXP-LOGINS",
    severity="critical",
    after=("REACH-TCP", "TLS-HANDSHAKE", "HEALTH-STATUS", "HEALTH-JSON"),
    expects="exposure.refuses_logins",
    source="OWASP WSTG 4.2 WSTG-ATHN-02; CWE-1392",
    by_hand="curl -sSki --connect-to {host}:{port}:{address} {headers} '{url}'",
    repair="Change the password, end the account's sessions, and look in the log who has been in.",
)
def test_published_credentials_are_refused(login: LoginCase) -> None:
    """What stands in a public guide is the first thing that is tried."""
    faults = login_faults(login.expected.login, login.seen.answer, login.ask.url)
    assert not faults, "; ".join(faults)
