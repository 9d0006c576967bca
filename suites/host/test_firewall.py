from roadworthy.cases.machines import FirewallCase
from roadworthy.check import check
from roadworthy.facts.store import seen as told
from roadworthy.rules import admission as rules

BEFORE = ("HOST-REACH", "HOST-SUDO")
ON = (*BEFORE, "HOST-FIREWALL")
BY_HAND = "sudo ufw status verbose; sudo nft list ruleset; sudo iptables -S; sudo ip6tables -S"


@check(
    "HOST-FIREWALL",
    severity="high",
    expects="firewall.active",
    after=BEFORE,
    source="ufw(8); nft(8); iptables(8); firewall-cmd(1)",
    by_hand=BY_HAND,
    repair="Let SSH in, then turn it on and keep it on: `ufw allow 22/tcp && ufw enable`, or enable nftables.service "
    "or firewalld.",
)
def test_the_firewall_is_on(firewall: FirewallCase) -> None:
    """Without it every service that is started by accident is open to the world."""
    faults = rules.inactive(firewall.seen)
    assert not faults, "; ".join(faults)


@check(
    "HOST-FIREWALL-DEFAULT",
    severity="high",
    expects="firewall.default_deny",
    after=ON,
    source="CIS Controls v8, 4.4",
    by_hand=BY_HAND,
    repair="`ufw default deny incoming`, or a policy of drop for the input chain; of IPv6, too.",
)
def test_what_no_rule_names_is_kept_out(firewall: FirewallCase) -> None:
    """A firewall that lets in what it was not told of protects from what somebody thought of, and nothing else."""
    faults = rules.open_by_default(firewall.seen)
    assert not faults, "; ".join(faults)


@check(
    "HOST-FIREWALL-OPEN",
    severity="high",
    expects="firewall.open",
    after=BEFORE,
    source="ufw(8); nft(8); iptables(8)",
    by_hand=BY_HAND,
    repair="Let it in: `ufw allow 443/tcp`. The first rule that fits counts: a deny before it takes it back.",
)
def test_promised_ports_are_let_in(firewall: FirewallCase) -> None:
    """A service behind a closed port runs, and is not there."""
    faults = rules.kept_out(firewall.seen, firewall.expected.open or ())
    assert not faults, "; ".join(faults)


@check(
    "HOST-FIREWALL-OTHER",
    severity="high",
    expects="firewall.open",
    after=(*ON, "HOST-FIREWALL-DEFAULT"),
    source="CIS Controls v8, 4.4",
    by_hand=BY_HAND,
    repair="Delete the rule (`ufw status numbered`, `ufw delete N`), or narrow it: `ufw allow from 10.0.1.0/24 to any "
    "port 3306`. A rule without a protocol lets UDP in, too.",
)
def test_nothing_else_is_let_in(firewall: FirewallCase) -> None:
    """A port that was opened to look at something for a moment stays open for years."""
    faults = rules.let_in(firewall.seen, firewall.expected.open or ())
    assert not faults, "; ".join(faults)


@check(
    "HOST-FIREWALL-NETWORKS",
    severity="high",
    expects="firewall.networks",
    after=(*ON, "HOST-FIREWALL-DEFAULT"),
    source="ufw(8); nft(8); iptables(8)",
    by_hand=BY_HAND,
    repair="`ufw allow from 10.0.1.0/24 to any port 3306 proto tcp`, and delete wider rules.",
)
def test_inner_ports_are_let_in_from_their_networks_alone(firewall: FirewallCase) -> None:
    """A database is for its application servers: whoever else gets to it can try passwords at leisure."""
    faults = rules.other_networks(firewall.seen, firewall.expected.networks or {})
    assert not faults, "; ".join(faults)


@check(
    "HOST-BANS",
    severity="medium",
    expects="firewall.bans",
    after=BEFORE,
    source="fail2ban-client(1)",
    by_hand="sudo fail2ban-client status",
    repair="Start and enable it (systemctl enable --now fail2ban); without a jail that is on it bans nobody.",
)
def test_intruders_are_banned(firewall: FirewallCase) -> None:
    """SSH servers are tried all day: without bans there is no end to how many passwords."""
    faults = rules.not_banning(firewall.seen)
    assert not faults, "; ".join(faults)


@check(
    "HOST-JAILS",
    severity="medium",
    expects="firewall.jails",
    after=(*BEFORE, "HOST-BANS"),
    source="jail.conf(5)",
    by_hand="sudo fail2ban-client status",
    repair="Turn it on in /etc/fail2ban/jail.local (`[sshd]`, `enabled = true`), and reload fail2ban.",
)
def test_promised_jails_are_on(firewall: FirewallCase) -> None:
    """A jail that is off watches no log, and a mistyped one is left out without a word."""
    bans = told(firewall.seen.bans, "fail2ban")
    missing = sorted(set(firewall.expected.jails or ()) - set(bans.jails))
    assert not missing, f"not on: {', '.join(missing)}; on: {', '.join(bans.jails) or 'none'}"
