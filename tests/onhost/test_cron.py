"""The collector of cron against real files; programs answer as recorded."""

from __future__ import annotations

import calendar
import os
import pwd
import stat
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.cron import CronObservation, Crontab, Line, Log, Timer
from roadworthy.facts.store import Unseen
from roadworthy.onhost import cron, ground
from tests.suites.healthy import NOW

RUN = "artisan schedule:run"
SPOOL = "var/spool/cron/crontabs"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's file system without any program of cron's, in which we are root."""
    root = tmp_path / "root"
    (root / "etc/cron.d").mkdir(parents=True)
    (root / SPOOL).mkdir(parents=True)
    (root / "etc/passwd").write_text(f"root:x:{os.getuid()}:0::/:/bin/sh\n")
    monkeypatch.setattr(ground, "ROOT", str(root))
    monkeypatch.setattr(ground, "search_path", lambda: f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    program(tmp_path, "journalctl", "exit 1")
    return root


def program(tmp_path: Path, name: str, script: str) -> None:
    path = tmp_path / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def look(**wanted: Any) -> CronObservation:
    asked = {"commands": [RUN], "environment": [], "timers": [], "scripts": [], "touched": [], "log": False}
    seen = cron.look({**asked, "artisan": None, "php": "php", **wanted})
    return CronObservation.model_validate({"observed_at": NOW, "now": time.time(), **seen})


def tab_of(seen: CronObservation, path: str) -> Crontab:
    return next(tab for tab in seen.tabs if tab.path == path)


def lines(root: Path, text: str, **wanted: Any) -> tuple[Line, ...]:
    (root / SPOOL / "www-data").write_text(text)
    return tab_of(look(**wanted), f"/{SPOOL}/www-data").lines


def test_a_crontab(root: Path) -> None:
    text = (
        "# m h  dom mon dow   command\n"
        "MAILTO = 'ops@shop.example'\nDB_PASSWORD=hunter2\n\n"
        "*/5 * * * *\tcd /srv &&  php  artisan   schedule:run >> /dev/null 2>&1\n"
        "#0 0 * * * php artisan schedule:run\n"
        "@daily /usr/local/bin/clean --password hunter2\n"
        "MAILTO=\n"
        "61 * * * * php artisan schedule:run\n"
        "hunter2 0 * * * php artisan schedule:run\n"
    )
    first, comment, second, third, fourth = lines(root, text, environment=["MAILTO"])
    assert first.fields == ("*/5", "*", "*", "*", "*")
    assert (first.number, first.user, first.holds, first.equals) == (5, "www-data", (RUN,), ())
    assert first.environment == {"MAILTO": "ops@shop.example"}
    assert comment.commented
    assert (second.fields, second.holds, second.has_command) == (("@daily",), (), True)
    assert third.environment == {"MAILTO": ""}
    assert fourth.fields == ("…",)
    assert "hunter2" not in look(environment=["MAILTO"]).model_dump_json()


def test_a_command_ends_at_a_bare_percent_sign(root: Path) -> None:
    assert lines(root, "* * * * * echo % artisan schedule:run\n")[0].holds == ()
    assert lines(root, "* * * * * date +\\%F\n", commands=["date +%F"])[0].equals == ("date +%F",)


def test_system_crontabs_name_their_users(root: Path) -> None:
    (root / "etc/crontab").write_text("17 * * * * root cd / && run-parts --report /etc/cron.hourly\n")
    (root / "etc/cron.d/shop").write_text("* * * * * www-data php artisan schedule:run\n* * * * * www-data\n* * *\n")
    (root / "etc/cron.d/.placeholder").write_text("")
    seen = look(commands=["run-parts", RUN])
    assert [tab.path for tab in seen.tabs] == ["/etc/crontab", "/etc/cron.d/shop"]
    assert tab_of(seen, "/etc/crontab").lines[0].holds == ("run-parts",)
    job, bare, short = tab_of(seen, "/etc/cron.d/shop").lines
    assert (job.user, job.holds, job.has_command) == ("www-data", (RUN,), True)
    assert (bare.user, bare.has_command) == ("www-data", False)
    assert (short.fields, short.user) == (("*", "*", "*"), "")


def test_a_files_owner_mode_and_end(root: Path) -> None:
    (root / "etc/cron.d/shop").write_text("* * * * * root true")
    (root / "etc/cron.d/shop").chmod(0o664)
    tab = tab_of(look(), "/etc/cron.d/shop")
    assert (tab.owner, stat.filemode(tab.mode | stat.S_IFREG), tab.ends) == ("root", "-rw-rw-r--", False)


def test_files_that_are_left_over_are_no_crontabs(root: Path) -> None:
    names = ["app", "a.b", "app~", "#app#", ".app", "app.rpmsave", "app.rpmnew", "app.dpkg-dist", "app.ucf-old"]
    for name in names:
        (root / "etc/cron.d" / name).write_text("* * * * * root true\n")
        (root / SPOOL / name).write_text("* * * * * true\n")
    folders = [tab.path.rpartition("/") for tab in look().tabs]
    assert folders == [(f"/{folder}", "/", name) for folder in ("etc/cron.d", SPOOL) for name in ("a.b", "app")]


def test_users_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "ROOT", "/mounted")
    assert not cron._is_stranger("nobody-of-that-name", {0: "root"})
    monkeypatch.setattr(ground, "ROOT", "/")
    assert cron._is_stranger("nobody-of-that-name", {0: "root"})
    assert not any(cron._is_stranger(user, {0: "root", 7: "www"}) for user in ("", "root", "www"))
    monkeypatch.setattr(pwd, "getpwnam", lambda _: ())
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="from-ldap"))
    assert not cron._is_stranger("from-ldap", {0: "root"})
    assert (cron._owner(12345, {0: "root"}), cron._owner(0, {0: "root"})) == ("from-ldap", "root")


def test_a_carriage_return(root: Path) -> None:
    first, second = lines(root, "* * * * * true\r\n\r\n* * * * * true\n")
    assert (first.returns, second.returns) == (True, False)


@pytest.mark.parametrize(
    ("end", "ends"), [("", True), ("# over", True), (" ", True), ("A=1", False), ("@daily x", False)]
)
def test_whether_a_file_has_an_end(root: Path, end: str, ends: bool) -> None:  # noqa: FBT001 - the table's
    (root / "etc/cron.d/shop").write_text("* * * * * root true\n" + end)
    assert tab_of(look(), "/etc/cron.d/shop").ends is ends


def test_certbots_own_line_knows_of_systemd(root: Path) -> None:
    text = "0 */12 * * * test -x /usr/bin/certbot -a \\! -d /run/systemd/system && certbot -q renew\n"
    assert lines(root, text)[0].without_systemd
    assert not lines(root, "0 0 * * * certbot renew --quiet\n")[0].without_systemd


def test_what_cannot_be_read_is_told(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "etc/cron.d/loop").symlink_to("loop")
    (root / "etc/cron.d/huge").write_bytes(b"x" * (cron.LARGEST_TAB + 1))
    (root / "etc/cron.d/long").write_text("\n" * (cron.MOST_LINES + 1))
    os.mkfifo(root / "etc/cron.d/pipe")
    seen = look()
    assert all(tab_of(seen, f"/etc/cron.d/{name}").unread for name in ("loop", "huge", "long", "pipe"))

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    program(tmp_path, "crontab", f"echo '* * * * * {RUN}'")
    (root / "etc/cron.d/long").rename(root / "etc/long")
    monkeypatch.setattr(cron, "_system_tabs", list)
    seen = look()
    assert seen.others is not None
    assert seen.others.unseen == "not permitted"
    assert [(tab.user, tab.lines[0].holds) for tab in seen.tabs] == [("root", (RUN,))]


def test_a_user_without_a_crontab(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert root.exists()

    def hidden() -> None:
        raise ground.Unseen(ground.NOT_PERMITTED, "spool")

    monkeypatch.setattr(cron, "_spooled", hidden)
    program(tmp_path, "crontab", "echo 'no crontab for deploy' >&2; exit 1")
    assert look().tabs[0].lines == ()
    program(tmp_path, "crontab", "echo 'You (deploy) are not allowed to use this program' >&2; exit 1")
    assert look().tabs == ()


@given(st.text() | st.text("0123456789*/,-@ \t\n#=%monroot…"))
def test_any_text_is_read_as_a_crontab(text: str) -> None:
    for user in ("", "www-data"):
        told = cron._read_tab(text, user, cron.texts([RUN]), ["PATH"])
        blank = {"path": "/x", "user": user, "owner": "root", "mode": 0, "changed": 0}
        assert Crontab.model_validate({**blank, **told}).path == "/x"


def daemon(root: Path, number: str, name: str) -> None:
    (root / "proc" / number).mkdir(parents=True, exist_ok=True)
    (root / "proc" / number / "comm").write_text(f"{name}\n")


def test_daemons(root: Path) -> None:
    daemon(root, "1", "systemd")
    assert look().daemons == ()
    daemon(root, "812", "cron")
    daemon(root, "900", "crontab")
    assert look().daemons == ("cron (812)",)
    (root / "proc/812/status").write_text("Name:\tcron\nNSpid:\t812\n")
    assert look().daemons == ("cron (812)",)
    (root / "proc/812/status").write_text("Name:\tcron\nNSpid:\t812\t7\n")
    assert look().daemons == ()
    (root / "run").mkdir()
    (root / "run/crond.pid").write_text("900\n")
    assert look().daemons == ()
    (root / "run/crond.pid").write_text("812\n")
    assert look().daemons == ("cron (812)",)


TIMERS = """\
RandomizedDelayUSec=1h 30min
TimersCalendar={ OnCalendar=*-*-* 00,12:00:00 ; next_elapse=Sat 2026-11-28 12:00:00 UTC }
TimersCalendar={ OnCalendar=Mon *-*-* 03:00:00 ; next_elapse=n/a }
LastTriggerUSec=Sat 2026-11-28 00:12:41 UTC
Id=certbot.timer
LoadState=loaded
ActiveState=active
UnitFileState=enabled
ActiveEnterTimestamp=Fri 2026-11-20 08:00:02 UTC

RandomizedDelayUSec=0
LastTriggerUSec=n/a
Id=other.timer
LoadState=not-found
ActiveState=inactive
UnitFileState=
ActiveEnterTimestamp=
"""


def test_timers(root: Path, tmp_path: Path) -> None:
    assert root.exists()
    program(tmp_path, "systemctl", f"cat <<'END'\n{TIMERS}END")
    found = look(timers=["certbot.timer", "other.timer"]).timers
    assert isinstance(found, dict)
    one, other = found["certbot.timer"], found["other.timer"]
    assert one.calendars == ("*-*-* 00,12:00:00", "Mon *-*-* 03:00:00")
    assert one.delay_s == 5400
    assert f"{one.last:%d %H:%M:%S} {one.since:%d %H:%M:%S}" == "28 00:12:41 20 08:00:02"
    assert other == Timer(loaded="not-found", active="inactive")
    program(tmp_path, "systemctl", "echo 'System has not been booted with systemd' >&2; exit 1")
    unseen = look(timers=["certbot.timer"]).timers
    assert isinstance(unseen, Unseen)
    assert unseen.unseen == "not supported"
    program(tmp_path, "systemctl", "exit 0")
    assert isinstance(look(timers=["certbot.timer"]).timers, Unseen)


def test_scripts_and_traces(root: Path) -> None:
    (root / "etc/cron.daily").mkdir()
    (root / "etc/cron.daily/logrotate").touch(0o755)
    (root / "var/backups").mkdir()
    for age, name in ((50, "new.gz"), (100, "old.gz"), (1, "new.txt")):
        (root / "var/backups" / name).touch()
        os.utime(root / "var/backups" / name, (1000 - age, 1000 - age))
    paths = [
        "/var/backups/*.gz",
        "/var/backups/old.gz",
        "/var/backups/*.zst",
        "/nowhere/x",
        "/nowhere/*",
        "/etc/passwd/x",
    ]
    seen = look(scripts=["/etc/cron.daily/logrotate", "/etc/cron.daily/none"], touched=paths)
    assert seen.scripts["/etc/cron.daily/none"] is None
    assert seen.scripts["/etc/cron.daily/logrotate"] is not None
    newest, one, *missing, odd = (seen.touched[path] for path in paths)
    assert (newest, one) == tuple(datetime.fromtimestamp(at, UTC) for at in (950, 900))
    assert missing == [None, None, None]
    assert isinstance(odd, Unseen)


def test_a_file_that_is_taken_away_meanwhile(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        (root / name).touch()
        os.utime(root / name, (1000, 1000))
    real = cron._changed
    gone = {"/*": {"a", "c"}, "/[abc]": {"a", "b", "c"}}
    for path, names in gone.items():
        monkeypatch.setattr(cron, "_changed", lambda entry, names=names: None if entry.name in names else real(entry))
        assert (look(touched=[path]).touched[path] is None) is (path == "/[abc]")
    with os.scandir(root) as listed:
        (entry,) = (entry for entry in listed if entry.name == "a")
    (root / "a").unlink()
    assert real(entry) is None


@pytest.mark.parametrize(
    ("now", "stamp", "written"),
    [
        ((2026, 11, 30, 20, 0), "Dec  1 04:59:00", (2026, 12, 1, 4, 59)),
        ((2026, 12, 31, 20, 0), "Jan  1 04:59:00", (2027, 1, 1, 4, 59)),
        ((2027, 1, 1, 9, 0), "Dec 31 23:00:00", (2026, 12, 31, 23, 0)),
        ((2026, 11, 28, 9, 0), "Nov 30 09:00:00", (2025, 11, 30, 9, 0)),
    ],
)
def test_a_stamp_without_a_year(
    monkeypatch: pytest.MonkeyPatch, now: tuple[int, ...], stamp: str, written: tuple[int, ...]
) -> None:
    monkeypatch.setattr(time, "time", lambda: calendar.timegm((*now, 0)))
    assert cron._stamped(f"{stamp} app CRON[1]: x", [[0, 0]]) == calendar.timegm((*written, 0))


def logged(seen: CronObservation) -> Log:
    assert isinstance(seen.log, Log), seen.log
    return seen.log


def test_runs_in_syslog(root: Path) -> None:
    now = int(time.time())
    stamp = time.strftime("%b %e %H:%M:%S", time.gmtime(now - 60))
    iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now - 30 + 7200))
    (root / "var/log").mkdir()
    first, second = (time.strftime("%b %e %H:%M:%S", time.gmtime(now - age)) for age in (90000, 80000))
    (root / "var/log/syslog.1").write_text(
        f"{first} app kernel: hello\n{second} app CRON[9]: (root) CMD (php artisan schedule:run)\n"
    )
    (root / "var/log/syslog").write_bytes(
        b"\xff\xfe garbage\n"
        + f"{stamp} app CRON[812]: (www-data) CMD (cd /srv && php artisan#011 schedule:run)\n".encode()
        + f"{iso}.018642+02:00 app CRON[813]: (deploy) CMD ( php artisan schedule:run)\n".encode()
        + f"{stamp} app CRON[814]: (root) CMD (other)\n".encode()
    )
    log = logged(look(log=True))
    assert (log.source, log.begins.timestamp()) == ("/var/log/syslog", now - 90000)
    assert log.ends is not None
    ages = {run.user: now - run.at.timestamp() for run in log.runs}
    assert ages == {"root": 80000, "www-data": 60, "deploy": 30}


def test_a_large_log_is_read_from_its_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cron, "LARGEST_LOG", 20000)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    job = f"{stamp}+00:00 app CRON[8]: (root) CMD (php artisan schedule:run)\n"
    other = f"{stamp}+00:00 app kernel: hello\n"
    (root / "var/log").mkdir()
    (root / "var/log/syslog").write_text(job + "\0" * 50000 + "\n" + job.replace("root", "www-data") + other * 200)
    (root / "var/log/syslog.1").write_text(f"2020-01-01T00:00:00+00:00 app CRON[8]: (deploy) CMD ({RUN})\n")
    log = logged(look(log=True))
    assert ([run.user for run in log.runs], log.begins.year > 2020) == (["www-data"], True)


def test_runs_in_the_journal(root: Path, tmp_path: Path) -> None:
    assert root.exists()
    lines = (
        "1795851001.104928 app CRON[812]: (www-data) CMD (php artisan schedule:run)",
        "1795850941.000000 app CROND[7]: (www-data) CMD (php artisan schedule:run)",
        "1795850000.000000 app crond[3]: USER root pid  44 cmd run-parts /etc/periodic/15min",
    )
    program(tmp_path, "journalctl", "".join(f"echo '{line}'\n" for line in lines))
    log = logged(look(log=True, commands=[RUN, "run-parts"]))
    assert (log.source, log.begins.timestamp(), log.ends) == ("the journal", 1795850000, None)
    assert {(run.user, run.at.timestamp()) for run in log.runs} == {
        ("www-data", 1795851001.104928),
        ("root", 1795850000),
    }
    whole = logged(look(log=True, commands=["php artisan schedule:run", "run-parts"])).runs
    assert {run.command: run.exact for run in whole} == {"php artisan schedule:run": True, "run-parts": False}


def test_a_log_that_nobody_wrote_or_may_read(root: Path, tmp_path: Path) -> None:
    unseen = look(log=True).log
    assert isinstance(unseen, Unseen)
    assert unseen.unseen == "not supported"
    program(tmp_path, "journalctl", "echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1")
    (root / "var/log").mkdir()
    (root / "var/log/cron.log").write_text("nothing of cron's\n")
    refused = look(log=True).log
    assert isinstance(refused, Unseen)
    assert refused.unseen == "not permitted"


def test_the_clock_on_the_wall(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = Path("/usr/share/zoneinfo/Europe/Berlin")
    if not zone.exists():
        pytest.skip("no time zones here")
    (root / "etc/localtime").symlink_to(zone)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    shifts = look().shifts
    assert isinstance(shifts, tuple)
    assert {shift.offset_s for shift in shifts} == {3600, 7200}
    assert all(shift.since.minute == 0 and shift.since.hour == 1 for shift in shifts[1:])
    (root / "etc/localtime").unlink()
    plain = look().shifts
    assert isinstance(plain, tuple)
    assert [shift.offset_s for shift in plain] == [0]


def test_what_laravel_says(root: Path, tmp_path: Path) -> None:
    (root / "srv").mkdir()
    program(tmp_path, "php", 'echo "$@" $COLUMNS')
    assert isinstance(look(artisan="/srv").scheduled, Unseen)
    (root / "srv/artisan").touch()
    if os.geteuid() == 0:
        os.chown(root / "srv/artisan", 12345, 12345)
        program(tmp_path, "runuser", 'echo "as $2"; shift 3; "$@"')
    said = look(artisan="/srv").scheduled
    assert isinstance(said, str)
    assert f"{root}/srv/artisan schedule:list --no-ansi --no-interaction 400" in said
    assert os.geteuid() != 0 or said.startswith("as 12345")
    program(tmp_path, "runuser", "exit 255")
    program(tmp_path, "php", "echo 'Class not found' >&2; exit 255")
    assert isinstance(look(artisan="/srv").scheduled, Unseen)
