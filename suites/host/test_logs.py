from roadworthy.cases.logs import ErrorsCase, LogsCase, RotationCase, SizeCase, WrittenCase
from roadworthy.check import check
from roadworthy.rules import logs as rules

INSIDE = ("HOST-REACH", "HOST-SUDO")
THERE = (*INSIDE, "LOG-THERE")
TWELVE = "The Twelve-Factor App, XI; NIST SP 800-92 section 4"


@check(
    "LOG-THERE",
    severity="medium",
    expects="logs",
    after=INSIDE,
    source=TWELVE,
    by_hand="sudo sh -c 'ls -l {name}'; journalctl -u UNIT -n 1; docker ps --all",
    repair="See where the service really writes (its configuration, its unit, its container), and whether it may: who "
    "can't write a log often does not say so anywhere.",
)
def test_the_logs_are_there(logs: LogsCase) -> None:
    """Without its log nobody will know what a service did on the night that matters."""
    faults = rules.missing(logs.seen, logs.expected)
    assert not faults, "; ".join(faults)


@check(
    "LOG-WRITTEN",
    severity="medium",
    expects="logs",
    after=THERE,
    source=TWELVE,
    by_hand="sudo sh -c 'tail -n 1 {name}'; journalctl -u UNIT -n 1; docker logs --timestamps --tail 1 NAME",
    repair="Is the service at work? Then it may still write into a file that was rotated away: have it open its log "
    "again (nginx -s reopen), and see that the disk is not full and the file is its own.",
)
def test_the_logs_are_written(logs: WrittenCase) -> None:
    """A service that has fallen silent does nothing, or does it where nobody sees it."""
    faults = rules.silent(logs.seen, logs.expected)
    assert not faults, "; ".join(faults)


@check(
    "LOG-SIZE",
    severity="medium",
    expects="logs",
    after=THERE,
    source="NIST SP 800-92 section 4.2 (log rotation)",
    by_hand="sudo sh -c 'ls -lh {name}'",
    repair="Rotate it (logrotate -d shows what would be done), and find out what fills it: a level of debug, an error "
    "in a loop.",
)
def test_the_logs_are_not_too_large(logs: SizeCase) -> None:
    """A log that nothing bounds fills the disk, and then the database can't write either."""
    faults = rules.too_large(logs.seen, logs.expected)
    assert not faults, "; ".join(faults)


@check(
    "LOG-ROTATED",
    severity="medium",
    expects="logs",
    after=THERE,
    source="logrotate(8); Laravel, Logging: the daily channel",
    by_hand="sudo logrotate -d /etc/logrotate.conf 2>&1 | grep -A 9 '^rotating pattern'; sudo sh -c 'ls -lt {name}*'",
    repair="Give it a section in /etc/logrotate.d with the promised interval and `rotate`; for files that the "
    "application dates itself, set how many it keeps (LOG_DAILY_DAYS).",
)
def test_the_logs_are_rotated(logs: RotationCase) -> None:
    """Logs that nobody puts aside fill the disk; those that nobody throws away keep what should be forgotten."""
    faults = rules.not_rotated(logs.seen, logs.expected)
    assert not faults, "; ".join(faults)


@check(
    "LOG-ERRORS",
    severity="high",
    expects="logs",
    after=THERE,
    source="Google SRE Book, chapter 27: what is new since the release comes from the release",
    by_hand="sudo sh -c 'tail -n 500 {name}' | grep -i error; journalctl -u UNIT -p err --since TIME; "
    "docker logs --since TIME NAME",
    repair="Read the first of each kind with what stands around it. What is new since the release comes from it: fix "
    "it or roll back; what is harmless, name in errors.except.",
)
def test_the_logs_have_no_new_errors(logs: ErrorsCase) -> None:
    """A release that answers health checks can still fail its users, and its log says so first."""
    faults = rules.with_errors(logs.seen, logs.expected)
    assert not faults, "; ".join(faults)
