from roadworthy.cases.workers import (
    AutorestartCase,
    AutostartCase,
    CommandCase,
    FlappingCase,
    ProgramsCase,
    SupervisorCase,
    UptimeCase,
    UserCase,
)
from roadworthy.check import check
from roadworthy.rules import workers as rules

MANUAL = "https://supervisord.org/"
ALIVE = ("HOST-REACH", "HOST-SUDO", "SUPERVISOR-ANSWERS")
RUNS = (*ALIVE, "SUPERVISOR-RUNNING")
STATUS = "sudo supervisorctl status"


@check(
    "SUPERVISOR-ANSWERS",
    severity="critical",
    expects="supervisor",
    after=("HOST-REACH", "HOST-SUDO"),
    source=MANUAL + "running.html",
    by_hand=STATUS,
    repair="Start it (systemctl start supervisor, supervisord on Red Hat), and see why it ended: journalctl -u "
    "supervisor, and the end of supervisord.log. A configuration that it can't parse keeps it from starting.",
)
def test_supervisor_answers(supervisor: SupervisorCase) -> None:
    """Where supervisord is dead, no worker is started again, and after its end mostly none is left."""
    assert not supervisor.seen.dead, supervisor.seen.dead


@check(
    "SUPERVISOR-RUNNING",
    severity="critical",
    expects="supervisor.programs",
    after=ALIVE,
    source=MANUAL + "subprocess.html#process-states",
    by_hand=STATUS,
    repair="supervisorctl tail NAME stderr tells why one ends; start what is stopped (supervisorctl start GROUP:*); "
    "where processes are too few or too many, correct numprocs, then supervisorctl reread and update.",
)
def test_all_processes_of_the_programs_run(programs: ProgramsCase) -> None:
    """Jobs wait for workers that are not there; mails and payments wait with them."""
    faults = rules.not_running(programs.programs)
    assert not faults, "; ".join(faults)


@check(
    "SUPERVISOR-UPTIME",
    severity="medium",
    expects="supervisor.programs",
    after=(*RUNS, "SUPERVISOR-FLAPPING"),
    source=MANUAL + "api.html#supervisor.rpcinterface.SupervisorNamespaceRPCInterface.getProcessInfo",
    by_hand=STATUS,
    repair="If nothing was deployed just now, look at why it ended: supervisorctl tail NAME stderr.",
)
def test_the_processes_have_been_up_for_long_enough(programs: UptimeCase) -> None:
    """A process that was only just started has yet to show that it stays."""
    faults = rules.too_young(programs.programs, programs.seen)
    assert not faults, "; ".join(faults)


@check(
    "SUPERVISOR-FLAPPING",
    severity="high",
    expects="supervisor.programs",
    after=RUNS,
    source=MANUAL + "subprocess.html#process-states",
    by_hand="sudo supervisorctl maintail -100000 | grep -E 'exited:|gave up:'",
    repair="supervisorctl tail NAME stderr tells what it ends with; SIGKILL mostly is the kernel's, for lack of memory "
    "(journalctl -k).",
)
def test_no_process_flaps(programs: FlappingCase) -> None:
    """Who looks at one moment sees RUNNING: a process that dies over every job is RUNNING again a second later."""
    faults = rules.flapping(programs.programs, programs.seen)
    assert not faults, "; ".join(faults)


@check(
    "SUPERVISOR-USER",
    severity="high",
    expects="supervisor.programs",
    after=RUNS,
    source=MANUAL + "configuration.html#program-x-section-values (user)",
    by_hand="ps -o user:20,pid,args -p $(sudo supervisorctl pid all | paste -sd,)",
    repair="Set user= in the program's section, then supervisorctl reread and update; give back what the other user "
    "has written (chown).",
)
def test_the_processes_run_as_their_user(programs: UserCase) -> None:
    """A worker of root gives whoever gets a job into its queue the machine, and writes files that nobody else may."""
    faults = rules.wrong_user(programs.programs)
    assert not faults, "; ".join(faults)


@check(
    "SUPERVISOR-COMMAND",
    severity="high",
    expects="supervisor.programs",
    after=RUNS,
    source=MANUAL + "configuration.html#program-x-section-values (command)",
    by_hand="ps -o pid,args -p $(sudo supervisorctl pid all | paste -sd,)",
    repair="Correct command= in the program's section, then supervisorctl reread and update.",
)
def test_the_programs_run_their_command(programs: CommandCase) -> None:
    """A worker of another connection, queue or release is RUNNING, and works on nothing that matters."""
    faults = rules.wrong_command(programs.programs)
    assert not faults, "; ".join(faults)


@check(
    "SUPERVISOR-AUTOSTART",
    severity="high",
    expects="supervisor.programs",
    after=RUNS,
    source=MANUAL + "configuration.html#program-x-section-values (autostart)",
    by_hand="sudo supervisorctl avail   # auto, or manual",
    repair="Set autostart=true in the program's section, then supervisorctl reread and update.",
)
def test_the_programs_start_with_supervisor(programs: AutostartCase) -> None:
    """Workers that somebody started by hand are gone after the machine's next start."""
    faults = rules.wrong_autostart(programs.programs)
    assert not faults, "; ".join(faults)


@check(
    "SUPERVISOR-AUTORESTART",
    severity="high",
    expects="supervisor.programs",
    after=RUNS,
    source=MANUAL + "configuration.html#program-x-section-values (autorestart)",
    by_hand="grep -rE '^(\\[|autorestart)' /etc/supervisor*",
    repair="Set autorestart in the program's section, then supervisorctl reread and update. With `unexpected`, its "
    "default, a worker that ends with 0 (--max-time, queue:restart) stays away.",
)
def test_the_programs_are_started_again(programs: AutorestartCase) -> None:
    """Workers end by themselves, by --max-time and at every deployment; one that is not started again is lost."""
    faults = rules.wrong_autorestart(programs.programs)
    assert not faults, "; ".join(faults)


@check(
    "SUPERVISOR-NONE-FAILED",
    severity="high",
    expects="supervisor.none_failed",
    after=RUNS,
    source=MANUAL + "subprocess.html#process-states",
    by_hand="sudo supervisorctl status | grep -E 'FATAL|BACKOFF|UNKNOWN'",
    repair="supervisorctl tail NAME stderr tells why; FATAL is not tried again by itself: supervisorctl start NAME. "
    "Take out what is no longer used.",
)
def test_supervisor_gave_nothing_up(supervisor: SupervisorCase) -> None:
    """What is FATAL is not tried again, and nobody is told."""
    faults = rules.failed(supervisor.seen)
    assert not faults, "; ".join(faults)


@check(
    "SUPERVISOR-CURRENT",
    severity="medium",
    expects="supervisor.as_configured",
    after=ALIVE,
    source=MANUAL + "running.html#supervisorctl-actions (reread, update)",
    by_hand="sudo supervisorctl avail; ls -lt /etc/supervisor*/conf.d",
    repair="supervisorctl reread shows what would change, and update applies it; or put the files right. A file that "
    "can't be parsed keeps supervisord from its next start.",
)
def test_supervisor_runs_what_its_files_say(supervisor: SupervisorCase) -> None:
    """A change that was never applied comes into effect at the next restart, when nobody expects it."""
    faults = rules.drifted(supervisor.seen)
    assert not faults, "; ".join(faults)
