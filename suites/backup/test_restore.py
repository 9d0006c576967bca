from roadworthy.cases.backups import RestoreCase
from roadworthy.check import check
from roadworthy.rules import backups as rules

BEFORE = (
    "HOST-REACH",
    "HOST-SUDO",
    "BACKUP-FRESH",
    "BACKUP-SIZE",
    "BACKUP-INTACT",
    "BACKUP-COMPLETE",
    "BACKUP-HOLDS",
)
BY_HAND = (
    "sudo sh -c 'createdb scratch && pg_restore -d scratch $(ls -t {name} | head -1); dropdb scratch'"
    "   # zcat NEWEST | mysql scratch"
)


@check(
    "BACKUP-RESTORE",
    severity="critical",
    expects="backups.series.restores.within",
    after=BEFORE,
    source="NIST SP 800-34 rev. 1 section 3.4.1: test restores; GitLab's post-mortem of 2017-01-31",
    by_hand=BY_HAND,
    repair="Read the server's first error: a role or extension that is not there, a version older than the one that "
    "was dumped, a view whose definer is gone.",
)
def test_the_newest_backup_can_be_restored(restore: RestoreCase) -> None:
    """Nobody wants backups: what is wanted is a restore, and only a restore shows that there will be one."""
    fault = rules.unrestorable(restore.seen, restore.expected.within)
    assert fault is None, fault


@check(
    "BACKUP-RESTORE-ROWS",
    severity="critical",
    expects="backups.series.restores.has",
    after=(*BEFORE, "BACKUP-RESTORE"),
    source="pg_dump --schema-only, mysqldump --no-data, --where: they restore well",
    by_hand=BY_HAND,
    repair="Look at the options of the dump, and whether its login sees all rows (row-level security).",
)
def test_what_was_restored_is_all_there(restore: RestoreCase) -> None:
    """A dump of the tables without their rows is restored without a complaint."""
    fault = rules.restored_without(restore.seen, restore.expected.has or {})
    assert fault is None, fault
