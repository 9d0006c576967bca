from roadworthy.cases.queues import AgeCase, BacklogCase, DelayedCase, QueuesCase, ReservedCase
from roadworthy.check import check
from roadworthy.rules import queues as rules

ENTERED = ("CACHE-LOGIN", "CACHE-ENCRYPTED", "DB-LOGIN", "DB-NAME", "DB-ENCRYPTED")
REDIS = "redis-cli -h {host} -p {port} --user '{user}' --askpass "
OF_LARAVEL = "'SELECT queue, COUNT(*), COUNT(reserved_at), MIN(available_at) FROM jobs GROUP BY queue'"
IN_TABLES = {
    "postgresql": "psql 'host={host} port={port} dbname={name} user={user}' -c " + OF_LARAVEL,
    "mysql": "mysql -h {host} -P {port} -u {user} -p {name} -e " + OF_LARAVEL,
    "mariadb": "mysql -h {host} -P {port} -u {user} -p {name} -e " + OF_LARAVEL,
}
"""Laravel's own table; others are named by the target."""


def by_hand(command: str) -> dict[str, str]:
    """What shows it in Redis, and what in a database."""
    return {**IN_TABLES, "": REDIS + command}


@check(
    "QUEUE-BACKLOG",
    severity="high",
    expects="queues.names",
    after=ENTERED,
    source="Google SRE Book, chapter 22: a queue that fills faster than it is emptied never recovers by itself",
    by_hand=by_hand("LLEN queues:default   # with the prefix; rq:queue:NAME, bull:NAME:wait, NAME of the others"),
    repair="Look whether workers run and what they log; then add some. If nothing says that there is such a queue, "
    "compare prefix and number with the application's configuration.",
)
def test_the_backlog_is_within_its_bound(queues: BacklogCase) -> None:
    """Mails, exports and payments that wait in a queue are, for whoever waits for them, an outage."""
    faults = rules.too_long(queues.expected.kind, queues.queues)
    assert not faults, "; ".join(faults)


@check(
    "QUEUE-AGE",
    severity="high",
    expects="queues.names",
    after=ENTERED,
    source="Sidekiq, Horizon, RQ: latency of a queue is the age of its oldest job",
    by_hand=by_hand("LINDEX queues:default 0   # Laravel and RQ; -1 of the others"),
    repair="Look whether workers of this queue run; a short queue whose oldest job is old stands still.",
)
def test_no_job_waits_for_too_long(queues: AgeCase) -> None:
    """A queue of one job that nobody takes is short, and yet nothing is done."""
    faults = rules.too_old(queues.expected.kind, queues.queues, queues.seen.observed_at)
    assert not faults, "; ".join(faults)


@check(
    "QUEUE-DELAYED",
    severity="medium",
    expects="queues.names",
    after=ENTERED,
    source="Laravel, BullMQ, RQ: jobs that failed are put off and tried again",
    by_hand=by_hand("ZCARD queues:default:delayed   # Laravel; bull:NAME:delayed, rq:scheduled:NAME"),
    repair="Look at what the jobs that are tried again fail with: much that is put off is much that failed once.",
)
def test_few_jobs_are_put_off(queues: DelayedCase) -> None:
    """Jobs that fail and are tried again pile up there before they are counted as failed."""
    faults = rules.too_many_delayed(queues.expected.kind, queues.queues)
    assert not faults, "; ".join(faults)


@check(
    "QUEUE-RESERVED",
    severity="medium",
    expects="queues.names",
    after=ENTERED,
    source="Laravel reserved, Celery unacked, BullMQ active: taken, and not yet done",
    by_hand=by_hand("ZCARD queues:default:reserved   # Laravel; bull:NAME:active, rq:wip:NAME, unacked of Celery"),
    repair="More than there are workers means that workers died over their jobs, or take many ahead "
    "(Celery: worker_prefetch_multiplier).",
)
def test_no_more_is_worked_on_than_there_are_workers(queues: ReservedCase) -> None:
    """Jobs that are taken and not done are out of the queue's length, and out of everybody's sight."""
    faults = rules.too_many_reserved(queues.expected.kind, queues.queues)
    assert not faults, "; ".join(faults)


@check(
    "QUEUE-STUCK",
    severity="high",
    expects="queues.retry_after",
    after=ENTERED,
    source="Laravel: retry_after; RQ: job_timeout",
    by_hand=by_hand("ZRANGE queues:default:reserved 0 0 WITHSCORES   # until when; rq:wip:NAME"),
    repair="Find the worker that took it: it was killed (memory, deployment without queue:restart), and nobody is "
    "there to give the job back.",
)
def test_no_job_is_stuck(queues: QueuesCase) -> None:
    """A worker that was killed over its job leaves it neither done nor failed."""
    faults = rules.stuck(queues.queues, queues.expected.retry_after or 0)
    assert not faults, "; ".join(faults)


@check(
    "QUEUE-ADVICE",
    severity="info",
    expects="queues",
    after=ENTERED,
    source="The libraries' own manuals",
    by_hand=by_hand("DBSIZE"),
    repair="Promise what is missing, or leave it: this blocks nothing.",
)
def test_nothing_about_queues_is_left_open(queues: QueuesCase) -> None:
    """What nobody promised, nobody notices when it breaks."""
    if queues.seen.queues is None:
        raise queues.seen.error()
    found = rules.advice(queues.expected, queues.seen)
    assert not found, "; ".join(found)
