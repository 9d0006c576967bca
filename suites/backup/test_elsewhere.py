from roadworthy.cases.backups import OffsiteCase
from roadworthy.check import check
from roadworthy.rules import backups as rules

BY_HAND = 'sudo sh -c "ls -lt {name}" | head -3; sudo aws s3 ls s3://BUCKET/PREFIX   # rclone lsl, restic snapshots'


@check(
    "BACKUP-OFFSITE",
    severity="high",
    expects="backups.series.offsite.within",
    after=("HOST-REACH", "HOST-SUDO"),
    source="CISA, Data Backup Options: 3 copies, 2 media, 1 elsewhere",
    by_hand=BY_HAND,
    repair="Run the upload by hand and read what it says: expired credentials are the usual cause, and the dump before "
    "it succeeds nevertheless.",
)
def test_there_is_a_fresh_copy_elsewhere(copy: OffsiteCase) -> None:
    """A backup on the machine that it is of burns, and is encrypted by whoever breaks in, together with it."""
    fault = rules.away(copy.ask, copy.seen, copy.expected.within)
    assert fault is None, fault


@check(
    "BACKUP-OFFSITE-SIZE",
    severity="high",
    expects="backups.series.offsite.same_size",
    after=(
        "HOST-REACH",
        "HOST-SUDO",
        "BACKUP-FRESH",
        "BACKUP-SIZE",
        "BACKUP-INTACT",
        "BACKUP-COMPLETE",
        "BACKUP-HOLDS",
        "BACKUP-OFFSITE",
    ),
    source="aws s3 cp, rclone copy: a copy is as long as what was copied",
    by_hand=BY_HAND,
    repair="Upload it anew. Let the script upload only after the dump has ended, and compare sizes (rclone check).",
)
def test_the_copy_elsewhere_is_as_long(copy: OffsiteCase) -> None:
    """A copy that was taken while the dump was still being written is a broken one."""
    fault = rules.of_other_size(copy.seen)
    assert fault is None, fault
