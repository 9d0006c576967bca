from roadworthy.cases.systemd import (
    ActiveCase,
    EnabledCase,
    RestartsCase,
    SystemdCase,
    TimerEnabledCase,
    TimerPlannedCase,
    TimerRanCase,
    UptimeCase,
    UserCase,
)
from roadworthy.check import check
from roadworthy.facts.store import seen
from roadworthy.rules import systemd as rules


@check(
    "SYSTEMD-ACTIVE",
    severity="high",
    expects="systemd.units",
    after=("HOST-REACH",),
    source="systemctl(1), systemd(1): unit states",
    by_hand="systemctl --no-pager --full status {name}",
    repair="Read why it ended (journalctl -u UNIT), repair that, and start it; reset-failed alone hides it.",
)
def test_promised_units_are_active(units: ActiveCase) -> None:
    """A service that is installed and does not run is found by its users first."""
    faults = rules.inactive(units.units)
    assert not faults, "; ".join(faults)


@check(
    "SYSTEMD-ENABLED",
    severity="medium",
    expects="systemd.units",
    after=("HOST-REACH",),
    source="systemctl(1), is-enabled",
    by_hand="systemctl is-enabled {name}",
    repair="systemctl enable UNIT. A static unit is enabled by what wants it; enabled-runtime is gone after a restart.",
)
def test_promised_units_start_with_the_machine(units: EnabledCase) -> None:
    """All runs well until the machine is restarted, at night and by itself."""
    faults = rules.not_enabled(units.units)
    assert not faults, "; ".join(faults)


@check(
    "SYSTEMD-RESTARTS",
    severity="high",
    expects="systemd.units",
    after=("HOST-REACH", "SYSTEMD-ACTIVE"),
    source="systemd.service(5), Restart=; org.freedesktop.systemd1(5), NRestarts",
    by_hand="systemctl show -p Id,NRestarts,ActiveEnterTimestamp {name}",
    repair="Find out what it dies of (journalctl -u UNIT, dmesg for the OOM killer); a restart by hand sets the count "
    "back.",
)
def test_promised_units_do_not_flap(units: RestartsCase) -> None:
    """A service that dies and is restarted looks healthy whenever somebody looks, and drops requests in between."""
    faults = rules.flapping(units.units)
    assert not faults, "; ".join(faults)


@check(
    "SYSTEMD-UPTIME",
    severity="medium",
    expects="systemd.units",
    after=("HOST-REACH", "SYSTEMD-ACTIVE"),
    source="org.freedesktop.systemd1(5), ActiveEnterTimestamp",
    by_hand="systemctl show -p Id,ActiveEnterTimestamp {name}",
    repair="If nobody restarted it on purpose, find out who or what did (journalctl -u UNIT).",
)
def test_promised_units_have_been_up_for_a_while(units: UptimeCase) -> None:
    """A service that was started a moment ago has not yet shown that it stays up."""
    faults = rules.young(units.units, units.seen)
    assert not faults, "; ".join(faults)


@check(
    "SYSTEMD-USER",
    severity="high",
    expects="systemd.units",
    after=("HOST-REACH",),
    source="systemd.exec(5), User=",
    by_hand="systemctl show -p Id,User {name}",
    repair="Set User= in the unit (systemctl edit UNIT), then daemon-reload and restart.",
)
def test_promised_units_run_as_the_promised_user(units: UserCase) -> None:
    """A service that runs as root gives whoever breaks into it the whole machine."""
    faults = rules.other_users(units.units)
    assert not faults, "; ".join(faults)


@check(
    "SYSTEMD-TIMER-ENABLED",
    severity="medium",
    expects="systemd.timers",
    after=("HOST-REACH",),
    source="systemctl(1), is-enabled; systemd.timer(5)",
    by_hand="systemctl is-enabled {name}",
    repair="systemctl enable --now TIMER.",
)
def test_promised_timers_start_with_the_machine(timers: TimerEnabledCase) -> None:
    """A timer that is not enabled is gone after the next restart, and nothing complains of a job that is not run."""
    faults = rules.not_enabled(timers.timers)
    assert not faults, "; ".join(faults)


@check(
    "SYSTEMD-TIMER-PLANNED",
    severity="high",
    expects="systemd.timers",
    after=("HOST-REACH",),
    source="systemd.timer(5); org.freedesktop.systemd1(5), NextElapseUSecRealtime",
    by_hand="systemctl list-timers --all",
    repair="systemctl start TIMER. One that is active (elapsed) has only conditions that are over (OnBootSec alone): "
    "give it OnCalendar.",
)
def test_promised_timers_trigger_again(timers: TimerPlannedCase) -> None:
    """A timer that was stopped, or has run out of times, triggers nothing any more."""
    faults = rules.unplanned(timers.timers)
    assert not faults, "; ".join(faults)


@check(
    "SYSTEMD-TIMER-RAN",
    severity="high",
    expects="systemd.timers",
    after=("HOST-REACH", "SYSTEMD-TIMER-PLANNED"),
    source="org.freedesktop.systemd1(5), LastTriggerUSec",
    by_hand="systemctl list-timers --all",
    repair="Compare its schedule (systemctl cat TIMER) with the promise; Persistent=true makes up for times that the "
    "machine was off.",
)
def test_promised_timers_triggered_lately(timers: TimerRanCase) -> None:
    """A job that is planned and never run is no job."""
    faults = rules.overdue(timers.timers, timers.seen)
    assert not faults, "; ".join(faults)


@check(
    "SYSTEMD-FAILED",
    severity="medium",
    expects="systemd.none_failed",
    after=("HOST-REACH", "SYSTEMD-ACTIVE"),
    source="systemctl(1), list-units --state=failed",
    by_hand="systemctl --failed",
    repair="Read why (journalctl -u UNIT) and repair it, or disable what is not needed; then systemctl reset-failed.",
)
def test_no_unit_has_failed(systemd: SystemdCase) -> None:
    """Backups, log rotation and renewals fail quietly: systemd remembers, and nobody asks it."""
    failed = rules.failed(seen(systemd.seen.failed, "failed units"))
    assert not failed, f"failed: {', '.join(failed)}"
