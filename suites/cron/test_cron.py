from roadworthy.cases.cron import CronCase, EnvironmentCase, JobsCase, RanCase, ScheduleCase, UserCase
from roadworthy.check import check
from roadworthy.facts.store import seen
from roadworthy.rules import cron as rules

INSIDE = ("HOST-REACH", "HOST-SUDO")
JOBS = (*INSIDE, "CRON-SYNTAX", "CRON-JOB")


@check(
    "CRON-DAEMON",
    severity="critical",
    expects="cron.daemon",
    after=INSIDE,
    source="cron(8)",
    by_hand="pgrep -a cron",
    repair="systemctl enable --now cron (crond on Red Hat and Alpine). In a container there is no cron unless it is "
    "what the container runs.",
)
def test_a_cron_daemon_runs(cron: CronCase) -> None:
    """Without it nothing runs by the clock, and nothing complains: backups, schedulers and renewals just stop."""
    assert seen(cron.seen.daemons, "processes"), "no cron daemon runs"


@check(
    "CRON-SYNTAX",
    severity="high",
    expects="cron.sound",
    after=INSIDE,
    source="crontab(5), cron(8): names, owners and modes of /etc/cron.d; a last line without an end is not run",
    by_hand="sudo grep -n . /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/*",
    repair="Edit the line with crontab -e, which checks it. A file of /etc/cron.d is root's, mode 644, without a dot "
    "in its name.",
)
def test_cron_understands_every_crontab(cron: CronCase) -> None:
    """What cron does not understand it leaves out, some versions with all of the file, and tells only its own log."""
    faults = rules.unsound(cron.seen)
    assert not faults, "; ".join(faults)


@check(
    "CRON-JOB",
    severity="high",
    expects="cron.jobs",
    after=(*INSIDE, "CRON-SYNTAX"),
    source="crontab(5); systemd.timer(5); run-parts(8)",
    by_hand="sudo crontab -l -u www-data; cat /etc/crontab /etc/cron.d/*; systemctl list-timers",
    repair="Put the job where it belongs (crontab -e -u USER, systemctl enable --now TIMER), and into what sets up "
    "the host, or it is gone with the next one.",
)
def test_every_job_is_there(cron: JobsCase) -> None:
    """A job that nobody installed, or that somebody took out for an hour, is not missed until its work is."""
    faults = rules.of_each(cron.jobs, lambda job: rules.absent(job, cron.seen))
    assert not faults, "; ".join(faults)


@check(
    "CRON-SCHEDULE",
    severity="high",
    expects="cron.jobs",
    after=JOBS,
    source="crontab(5); systemd.time(7)",
    by_hand="sudo crontab -l -u www-data; systemctl list-timers",
    repair="Correct the line's first five fields, or the promise. Where day of the month and day of the week are both "
    "given, either will do.",
)
def test_every_job_is_due_as_promised(cron: ScheduleCase) -> None:
    """A scheduler that is called once an hour runs nothing that is due in between."""
    faults = rules.of_each(cron.jobs, lambda job: rules.mistimed(job, cron.seen))
    assert not faults, "; ".join(faults)


@check(
    "CRON-USER",
    severity="high",
    expects="cron.jobs",
    after=JOBS,
    source="crontab(5)",
    by_hand="sudo grep -rn . /var/spool/cron /etc/crontab /etc/cron.d",
    repair="Move the line into that user's crontab, and give back what root has written in the meantime (chown).",
)
def test_every_job_runs_as_its_user(cron: UserCase) -> None:
    """What root's cron writes into caches and logs, the application can no longer write: it fails hours later."""
    faults = rules.of_each(cron.jobs, lambda job: rules.misowned(job, cron.seen))
    assert not faults, "; ".join(faults)


@check(
    "CRON-ENV",
    severity="medium",
    expects="cron.jobs",
    after=JOBS,
    source="crontab(5): variables hold for the lines below them; a job sees nothing of a login's own",
    by_hand="sudo crontab -l -u www-data | grep -n =",
    repair="Set the variable above the line. Values are taken as they stand: $PATH is not replaced.",
)
def test_every_job_finds_its_environment(cron: EnvironmentCase) -> None:
    """Most scripts that work by hand and fail at night lack their PATH; without MAILTO nobody hears of it."""
    faults = rules.of_each(cron.jobs, lambda job: rules.unset(job, cron.seen))
    assert not faults, "; ".join(faults)


@check(
    "CRON-RAN",
    severity="high",
    expects="cron.jobs",
    after=(*JOBS, "CRON-DAEMON", "CRON-SCHEDULE", "CRON-USER"),
    source="cron(8): each command is logged as it is started; systemctl(1), list-timers: LAST",
    by_hand="journalctl -t CRON -n 20 --no-pager || grep CRON /var/log/syslog | tail -n 20",
    repair="Look what cron says in place of it: an expired account or PAM refuse it, a daemon may not have read the "
    "crontab. Where a file tells, run the command by hand as that user, with an empty environment (env -i).",
)
def test_every_job_ran_when_it_was_due(cron: RanCase) -> None:
    """A line in a crontab is an intention; only a run is a backup, a mail or a cleaned-up table."""
    faults = rules.of_each(cron.jobs, lambda job: rules.idle(job, cron.seen))
    assert not faults, "; ".join(faults)


@check(
    "CRON-LARAVEL",
    severity="high",
    expects="cron.laravel",
    after=INSIDE,
    source="https://laravel.com/docs/scheduling#running-the-scheduler",
    by_hand="php artisan schedule:list",
    repair="Compare routes/console.php (or Console/Kernel.php) of the release that runs; schedules in a package that "
    "was not registered are not listed.",
)
def test_the_application_schedules_its_commands(cron: CronCase) -> None:
    """Cron calls the scheduler each minute; what that one does not know of is not run, and nobody is told."""
    promised = cron.expected.laravel
    faults = rules.unscheduled(promised.schedule if promised else {}, seen(cron.seen.scheduled, "the schedule"))
    assert not faults, "; ".join(faults)
