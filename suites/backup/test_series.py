from roadworthy.cases.backups import CompleteCase, SeriesCase
from roadworthy.check import check
from roadworthy.rules import backups as rules

INSIDE = ("HOST-REACH", "HOST-SUDO")


@check(
    "BACKUP-FRESH",
    severity="critical",
    expects="backups.series.within",
    after=INSIDE,
    source="NIST SP 800-34 rev. 1 section 3.4.1: backups as often as data may be lost",
    by_hand='sudo sh -c "ls -lt --time-style=full-iso {name}" | head -3',
    repair="Run the job by hand and read what it says; then look whether cron ran it (journalctl -u cron, its mail). "
    "Compare the pattern with the names that it writes.",
)
def test_the_newest_backup_is_fresh(series: SeriesCase) -> None:
    """All that was written since the newest backup is lost with the disk."""
    fault = rules.stale(series.ask, series.seen, series.expected.within)
    assert fault is None, fault


@check(
    "BACKUP-SIZE",
    severity="critical",
    expects="backups.series.size_at_least",
    after=(*INSIDE, "BACKUP-FRESH"),
    source="gzip(1): nothing, packed, is a file of 20 bytes",
    by_hand='sudo sh -c "ls -lt {name}" | head -3',
    repair="Run the dump without the pipe: it most likely fails (password, full disk), and the pipe hides that. "
    "Write `set -o pipefail` into the script.",
)
def test_the_newest_backup_is_not_empty(series: SeriesCase) -> None:
    """A dump that fails before its first line leaves an empty file with today's date."""
    fault = rules.too_small(series.seen, series.expected.size_at_least or 0)
    assert fault is None, fault


@check(
    "BACKUP-SHRUNK",
    severity="high",
    expects="backups.series.shrinks_at_most",
    after=(*INSIDE, "BACKUP-FRESH", "BACKUP-SIZE", "BACKUP-INTACT", "BACKUP-COMPLETE", "BACKUP-HOLDS"),
    source="GitLab's post-mortem of 2017-01-31: dumps of a few bytes, and nobody was told",
    by_hand='sudo sh -c "ls -lt {name}" | head -40',
    repair="Compare the tables of the newest with those of the one before. If data was deleted on purpose, the "
    "median follows within days.",
)
def test_the_newest_backup_did_not_shrink(series: SeriesCase) -> None:
    """Data that is missing from the database is soon missing from all backups: this is the first place it shows."""
    fault = rules.shrunken(series.seen, series.expected.shrinks_at_most or 0)
    assert fault is None, fault


@check(
    "BACKUP-INTACT",
    severity="critical",
    expects="backups.series.intact",
    after=(*INSIDE, "BACKUP-FRESH", "BACKUP-SIZE"),
    source="RFC 1952 section 2.3.1 (CRC32, ISIZE); pg_restore(1)",
    by_hand="sudo sh -c 'gzip -t $(ls -t {name} | head -1)'   # zstd -t, xz -t, tar -tf; pg_restore -f /dev/null",
    repair="Look for a full disk, a job that was killed, a copy that was taken before the file was whole. Keep the one "
    "before it until there is a new one.",
)
def test_the_newest_backup_can_be_read_to_its_end(series: SeriesCase) -> None:
    """A file that breaks off is found out on the day that it is needed."""
    fault = rules.broken(series.seen)
    assert fault is None, fault


@check(
    "BACKUP-COMPLETE",
    severity="critical",
    expects="backups.series.intact",
    after=(*INSIDE, "BACKUP-FRESH", "BACKUP-SIZE", "BACKUP-INTACT"),
    source="mysqldump --comments: a dump that completed says so on its last line; so does pg_dump",
    by_hand="sudo sh -c 'zcat $(ls -t {name} | head -1) | tail -3'",
    repair="Run the dump by hand: it ends with an error (lost connection, max_allowed_packet, a broken view), and the "
    "pipe packs what came before. Without --skip-comments and --compact, a whole one says that it is complete.",
)
def test_the_newest_backup_is_complete(series: CompleteCase) -> None:
    """A dump that was broken off packs perfectly well, and lacks every table that comes later."""
    fault = rules.incomplete(series.ask, series.seen)
    assert fault is None, fault


@check(
    "BACKUP-HOLDS",
    severity="critical",
    expects="backups.series.holds",
    after=(*INSIDE, "BACKUP-FRESH", "BACKUP-SIZE", "BACKUP-INTACT", "BACKUP-COMPLETE"),
    source="mysqldump: it dumps what it is told to, and what the login may see",
    by_hand="sudo sh -c 'zgrep ^CREATE.TABLE $(ls -t {name} | head -1)'   # pg_restore --list",
    repair="Look whether the script dumps the right database with a login that sees all of it, and what "
    "--ignore-table leaves out.",
)
def test_the_newest_backup_holds_what_it_must(series: SeriesCase) -> None:
    """A login that may not see a table dumps the others, and complains to nobody."""
    fault = rules.lacking(series.ask, series.seen)
    assert fault is None, fault


@check(
    "BACKUP-ENCRYPTED",
    severity="high",
    expects="backups.series.encrypted",
    after=(*INSIDE, "BACKUP-FRESH", "BACKUP-SIZE"),
    source="RFC 9580 section 4.2; age-encryption.org/v1; openssl-enc(1)",
    by_hand='sudo sh -c "file {name}"   # gpg --list-packets, head -1',
    repair="Encrypt what is there or delete it, and look why the script went on after encrypting failed. What left "
    "the host in plain has to be treated as read by others.",
)
def test_backups_are_encrypted(series: SeriesCase) -> None:
    """A backup is the whole database in one file, and it travels."""
    cipher = series.expected.encrypted
    fault = rules.readable_ones(series.seen, cipher) if cipher else None
    assert fault is None, fault


@check(
    "BACKUP-PRIVATE",
    severity="high",
    expects="backups.series.private",
    after=(*INSIDE, "BACKUP-FRESH"),
    source="CWE-732; mysqldump and pg_dump write by the umask: 0644 as a rule",
    by_hand="sudo sh -c 'ls -ld {name}; namei -l $(ls -t {name} | head -1)'",
    repair="chmod 700 the folder, chmod 600 the files, and write `umask 077` into the script.",
)
def test_backups_are_private(series: SeriesCase) -> None:
    """Every account on the machine, the web server's too, could read every password hash and every address."""
    fault = rules.public_ones(series.seen)
    assert fault is None, fault


@check(
    "BACKUP-OLDEST",
    severity="medium",
    expects="backups.series.oldest",
    after=(*INSIDE, "BACKUP-FRESH"),
    source="GDPR article 5 (1) e: kept no longer than is necessary",
    by_hand='sudo sh -c "ls -ltr {name}" | head',
    repair="Look whether the line that deletes still runs, and as whom: it stands behind the dump, and does not run "
    "where the script ends before it. `-mtime +30` deletes what is 31 full days old.",
)
def test_no_backup_is_kept_for_too_long(series: SeriesCase) -> None:
    """What was deleted from the database lives on in old backups; and a disk that fills up ends the new ones."""
    fault = rules.too_old(series.seen, series.expected.oldest or 0)
    assert fault is None, fault


@check(
    "BACKUP-KEPT",
    severity="high",
    expects="backups.series.keeps",
    after=(*INSIDE, "BACKUP-FRESH"),
    source="NIST SP 800-34 rev. 1 section 3.4.1",
    by_hand='sudo sh -c "ls -lt {name}"',
    repair="Look what deletes them: a clean-up with the wrong number of days, or somebody who needed the space.",
)
def test_enough_backups_are_kept(series: SeriesCase) -> None:
    """Damage is often noticed after days: by then, yesterday's backup holds it too."""
    fault = rules.too_few(series.seen, series.expected.keeps or 0)
    assert fault is None, fault


@check(
    "BACKUP-GAPS",
    severity="medium",
    expects="backups.series.every",
    after=(*INSIDE, "BACKUP-FRESH"),
    source="cron(8): what was due while the machine was off does not run later",
    by_hand='sudo sh -c "ls -lt {name}"',
    repair="Read what the job said on the days that are missing. What fails now and then will fail on the wrong day.",
)
def test_no_backup_is_missing(series: SeriesCase) -> None:
    """A job that fails now and then is seen only by who looks at more than the newest."""
    every = series.expected.every
    fault = rules.gaps(series.seen, every, series.expected.oldest) if every else None
    assert fault is None, fault
