from roadworthy.cases.queues import FailedCase
from roadworthy.check import check
from roadworthy.rules import queues as rules

ENTERED = ("CACHE-LOGIN", "CACHE-ENCRYPTED", "DB-LOGIN", "DB-NAME", "DB-ENCRYPTED")
SQL = "'SELECT COUNT(*), MAX(failed_at) FROM failed_jobs'"
BY_HAND = {
    "postgresql": "psql 'host={host} port={port} dbname={name} user={user}' -c " + SQL,
    "mysql": "mysql -h {host} -P {port} -u {user} -p {name} -e " + SQL,
    "mariadb": "mysql -h {host} -P {port} -u {user} -p {name} -e " + SQL,
    "": "redis-cli -h {host} -p {port} --user '{user}' --askpass ZCARD bull:NAME:failed   # rq:failed:NAME, dead",
}


@check(
    "QUEUE-FAILED",
    severity="medium",
    expects="queues.failed.at_most",
    after=ENTERED,
    source="Laravel queue:failed; RQ FailedJobRegistry; Sidekiq dead set",
    by_hand=BY_HAND,
    repair="Read what they failed with (queue:failed), put that right, and try them again or forget them: a list that "
    "is never empty is one that nobody reads.",
)
def test_few_jobs_have_failed(failed: FailedCase) -> None:
    """Each of them is something that somebody was promised and did not get."""
    fault = rules.too_many_failed(failed.expected, failed.failed)
    assert fault is None, fault


@check(
    "QUEUE-FAILED-SINCE",
    severity="high",
    expects="queues.failed.at_most_since",
    after=ENTERED,
    source="Google SRE Book, chapter 27: what is new since the release comes from the release",
    by_hand=BY_HAND,
    repair="Look at what failed since the deployment: a job's class that was renamed, a payload that the new code "
    "can't read, a service that it can't reach. Roll back if it grows.",
)
def test_no_job_failed_since_the_deployment(failed: FailedCase) -> None:
    """A release whose pages answer may still break every job, and the list of failed jobs says so first."""
    fault = rules.too_many_since(failed.expected, failed.failed)
    assert fault is None, fault
