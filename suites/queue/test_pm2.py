from roadworthy.cases.workers import (
    AppsCase,
    AppUptimeCase,
    ModeCase,
    Pm2Case,
    RestartsCase,
    SavedCase,
    UnstableCase,
)
from roadworthy.check import check
from roadworthy.rules import workers as rules

MANUAL = "https://pm2.keymetrics.io/docs/usage/"
ALIVE = ("HOST-REACH", "HOST-SUDO", "PM2-ANSWERS")
RUNS = (*ALIVE, "PM2-ONLINE")
LIST = "pm2 list   # as its user; it starts a daemon where none runs"
DESCRIBE = "pm2 describe NAME   # as its user"


@check(
    "PM2-ANSWERS",
    severity="critical",
    expects="pm2",
    after=("HOST-REACH", "HOST-SUDO"),
    source=MANUAL + "quick-start/",
    by_hand="pgrep -af 'PM2 v.*God Daemon'",
    repair="As its user: pm2 resurrect brings back what was saved. See why it ended (pm2.log in PM2_HOME, journalctl "
    "-k for lack of memory), and pm2 startup, so that systemd starts it again.",
)
def test_the_daemon_of_pm2_answers(pm2: Pm2Case) -> None:
    """Where PM2's daemon is dead no application of it is online, or nobody starts it again when it ends."""
    assert not pm2.seen.dead, pm2.seen.dead


@check(
    "PM2-ONLINE",
    severity="critical",
    expects="pm2.apps",
    after=ALIVE,
    source=MANUAL + "process-management/",
    by_hand=LIST,
    repair="pm2 logs NAME --err tells why it ended; pm2 restart NAME, or pm2 scale NAME COUNT, then pm2 save.",
)
def test_the_applications_are_online(apps: AppsCase) -> None:
    """An instance that is errored is not started again by PM2; the others carry its load, or nobody does."""
    faults = rules.not_online(apps.apps, apps.seen)
    assert not faults, "; ".join(faults)


@check(
    "PM2-MODE",
    severity="medium",
    expects="pm2.apps",
    after=RUNS,
    source=MANUAL + "cluster-mode/",
    by_hand=DESCRIBE,
    repair="pm2 delete NAME and start it anew with -i, or exec_mode in the ecosystem file: pm2 restart changes "
    "no mode.",
)
def test_the_applications_run_in_their_mode(apps: ModeCase) -> None:
    """In fork mode instances don't share a port, and pm2 reload is a restart that drops requests."""
    faults = rules.wrong_mode(apps.apps, apps.seen)
    assert not faults, "; ".join(faults)


@check(
    "PM2-RESTARTS",
    severity="high",
    expects="pm2.apps",
    after=RUNS,
    source=MANUAL + "restart-strategies/",
    by_hand=DESCRIBE,
    repair="pm2 logs NAME --err tells what it ends with (max_memory_restart is in pm2.log); once that is mended, pm2 "
    "reset NAME starts the count anew, as a deployment should.",
)
def test_the_applications_are_not_restarting(apps: RestartsCase) -> None:
    """PM2 starts an application again within a moment: it is online whenever somebody looks, and still crashes."""
    faults = rules.too_many_restarts(apps.apps, apps.seen)
    assert not faults, "; ".join(faults)


@check(
    "PM2-UNSTABLE",
    severity="high",
    expects="pm2.apps",
    after=RUNS,
    source=MANUAL + "restart-strategies/ (min_uptime, max_restarts)",
    by_hand=DESCRIBE,
    repair="pm2 logs NAME --err: a port that is taken, a missing variable or module end it as it starts.",
)
def test_the_applications_start_at_once(apps: UnstableCase) -> None:
    """An application that ends within min_uptime is given up after max_restarts of that."""
    faults = rules.unstable(apps.apps, apps.seen)
    assert not faults, "; ".join(faults)


@check(
    "PM2-UPTIME",
    severity="medium",
    expects="pm2.apps",
    after=(*RUNS, "PM2-RESTARTS", "PM2-UNSTABLE"),
    source=MANUAL + "process-management/",
    by_hand=LIST,
    repair="If nothing was deployed just now, look at why it ended: pm2 logs NAME --err.",
)
def test_the_applications_have_been_up_for_long_enough(apps: AppUptimeCase) -> None:
    """An application that was only just started has yet to show that it stays."""
    faults = rules.too_young_app(apps.apps, apps.seen)
    assert not faults, "; ".join(faults)


@check(
    "PM2-SAVED",
    severity="high",
    expects="pm2.apps",
    after=ALIVE,
    source=MANUAL + "startup/#saving-the-app-list-to-be-restored-at-reboot",
    by_hand="grep -E '\"(name|exec_mode|pm_exec_path|status)\"' ~/.pm2/dump.pm2   # as its user",
    repair="Once all runs as it should: pm2 save.",
)
def test_the_applications_are_saved(apps: SavedCase) -> None:
    """After the machine's next start there is what was saved, not what was running."""
    faults = rules.unsaved(apps.apps, apps.seen)
    assert not faults, "; ".join(faults)


@check(
    "PM2-BOOT",
    severity="high",
    expects="pm2.resurrects",
    after=("HOST-REACH", "HOST-SUDO"),
    source=MANUAL + "startup/",
    by_hand="ls -l /etc/systemd/system/*.wants/ | grep pm2",
    repair="As its user: pm2 startup prints the command that root runs then; pm2 save. It is to be done again when "
    "Node's version changes.",
)
def test_pm2_is_resurrected_at_boot(pm2: Pm2Case) -> None:
    """A kernel update in the night, and in the morning no application is there."""
    faults = rules.not_resurrected(pm2.expected, pm2.seen)
    assert not faults, "; ".join(faults)


@check(
    "PM2-USER",
    severity="high",
    expects="pm2.user",
    after=RUNS,
    source="CWE-250: execution with unnecessary privileges",
    by_hand="ps -eo user:20,pid,args | grep -E 'PM2|node'",
    repair="Stop PM2 of the other user (pm2 kill; pm2 unstartup), and start, save and startup as the right one.",
)
def test_the_applications_run_as_their_user(pm2: Pm2Case) -> None:
    """An application that root started may do all that root may, and so may whoever finds a hole in it."""
    faults = rules.wrong_pm2_user(pm2.expected, pm2.seen)
    assert not faults, "; ".join(faults)
