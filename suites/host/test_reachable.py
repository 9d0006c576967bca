from roadworthy.cases.host import HostReachCase, SudoCase
from roadworthy.check import check


@check(
    "HOST-REACH",
    severity="critical",
    availability=True,
    source="RFC 4253 section 4.2; OpenSSH sshd(8)",
    by_hand="python3 --version; uptime",
    repair="Is the machine up, and its SSH server? A firewall that drops, and a host under heavy load, are silent too.",
)
def test_the_host_answers(host: HostReachCase) -> None:
    """A machine that nobody can log into is one that nobody can repair, and nothing else on it can be told."""
    assert not host.seen.gone, host.seen.gone


@check(
    "HOST-SUDO",
    severity="medium",
    after=("HOST-REACH",),
    source="sudo(8), -n",
    by_hand="sudo -n true",
    repair="Let the user run this without a password (sudoers, NOPASSWD), or take `sudo: true` out of the vantage "
    "point: what only root sees is then not observed.",
)
def test_the_host_lets_us_look_as_root(host: SudoCase) -> None:
    """The target says that sudo is to be used: where it is refused, firewalls and other users' crontabs stay unseen."""
    assert not host.seen.inside.sudo, f"sudo -n: {host.seen.sudo}"
