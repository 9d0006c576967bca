from roadworthy.cases.queues import JobCase
from roadworthy.check import check
from roadworthy.rules import queues as rules

ENTERED = ("CACHE-LOGIN", "CACHE-ENCRYPTED", "DB-LOGIN", "DB-NAME", "DB-ENCRYPTED")


@check(
    "QUEUE-CONSUMED",
    severity="critical",
    expects="queues.probe_job",
    after=ENTERED,
    source="Google SRE Workbook, chapter 5: black-box probes of the whole way",
    by_hand="redis-cli -h {host} -p {port} --user '{user}' --askpass LLEN queues:default   # and again a moment later",
    repair="Start the workers (supervisorctl status, php artisan queue:work) and look at their log; they may listen to "
    "another queue, database number or prefix.",
)
def test_a_job_is_done_in_time(job: JobCase) -> None:
    """Workers may run, and be connected to another queue: only a job that is done shows that jobs are done."""
    fault = rules.not_done(job.seen, job.expected.within, job.expected.queue)
    assert fault is None, fault
