from roadworthy.cases.cron import RenewalCase, RenewalTimeCase, TrialCase
from roadworthy.check import check
from roadworthy.facts.store import seen
from roadworthy.rules import renewal as rules

INSIDE = ("HOST-REACH", "HOST-SUDO")
GUIDE = "https://eff-certbot.readthedocs.io/en/stable/using.html#automated-renewals"


@check(
    "RENEWAL-SCHEDULED",
    severity="high",
    expects="renewal.scheduled",
    after=(*INSIDE, "CRON-DAEMON", "CRON-SYNTAX"),
    source=GUIDE,
    by_hand="systemctl list-timers | grep certbot; sudo grep -rn certbot /etc/crontab /etc/cron.d /var/spool/cron",
    repair="systemctl enable --now certbot.timer, or a line in root's crontab. Debian's own /etc/cron.d/certbot does "
    "nothing where systemd runs.",
)
def test_renewal_is_called_by_the_clock(renewal: RenewalCase) -> None:
    """A certificate that is renewed by hand is renewed when somebody remembers, or when the site is down."""
    fault = rules.uncalled(renewal.seen)
    assert not fault, fault


@check(
    "RENEWAL-TIME",
    severity="medium",
    expects="renewal.scheduled",
    after=(*INSIDE, "RENEWAL-SCHEDULED"),
    source=GUIDE,
    by_hand="systemctl list-timers | grep certbot; sudo grep -rn certbot /etc/crontab /etc/cron.d /var/spool/cron",
    repair="Correct the line or the timer's OnCalendar; twice a day is what certbot asks for.",
)
def test_renewal_is_called_when_it_is_promised(renewal: RenewalTimeCase) -> None:
    """Called once a month, one failure is enough to come too late."""
    fault = rules.mistimed(renewal.seen, str(renewal.expected.scheduled))
    assert not fault, fault


@check(
    "RENEWAL-NAMES",
    severity="high",
    expects="renewal.names",
    after=INSIDE,
    source="https://eff-certbot.readthedocs.io/en/stable/using.html"
    "#modifying-the-renewal-configuration-of-existing-certificates",
    by_hand="sudo certbot certificates",
    repair="Get the certificate by certbot itself (certbot --nginx -d NAME); take autorenew = False out of its file.",
)
def test_every_name_is_renewed(renewal: RenewalCase) -> None:
    """Certbot renews what it has a file for: a certificate that was copied from another host expires."""
    faults = rules.unrenewed(renewal.expected.names or (), renewal.seen)
    assert not faults, "; ".join(faults)


@check(
    "RENEWAL-RAN",
    severity="high",
    expects="renewal.ran_within",
    after=(*INSIDE, "RENEWAL-SCHEDULED", "RENEWAL-TIME"),
    source=GUIDE,
    by_hand="sudo ls -l /var/log/letsencrypt",
    repair="Run certbot renew --quiet by hand as root, and see why the clock does not: cron's PATH may lack /snap/bin.",
)
def test_renewal_ran_lately(renewal: RenewalCase) -> None:
    """Certbot logs each run, whether anything was due or not; no log means that nobody called it."""
    fault = rules.overdue(renewal.seen, renewal.expected.ran_within or 0)
    assert not fault, fault


@check(
    "RENEWAL-SOUND",
    severity="high",
    expects="renewal.sound",
    after=(*INSIDE, "RENEWAL-RAN"),
    source=GUIDE,
    by_hand="sudo grep -h ERROR /var/log/letsencrypt/letsencrypt.log",
    repair="The log says which name, and which challenge failed: port 80 shut, another server in the DNS, a rule that "
    "hides /.well-known/acme-challenge/.",
)
def test_the_last_renewal_went_well(renewal: RenewalCase) -> None:
    """It fails for 30 days before anybody sees it: that is the time to find out."""
    fault = rules.failed(renewal.seen)
    assert not fault, fault


@check(
    "RENEWAL-DRY-RUN",
    severity="high",
    expects="renewal.dry_run",
    after=(*INSIDE, "RENEWAL-NAMES", "RENEWAL-SOUND"),
    source="https://eff-certbot.readthedocs.io/en/stable/using.html#re-creating-and-updating-existing-certificates",
    by_hand="sudo certbot renew --dry-run",
    repair="Certbot's last words say which challenge failed; try that path from outside.",
)
def test_a_renewal_would_succeed(renewal: TrialCase) -> None:
    """Nothing but a trial shows that the CA can still reach this host as it could when the certificate was made."""
    fault = rules.in_vain(seen(renewal.seen.trial, "a dry run"))
    assert not fault, fault
