"""What lines say of themselves, in the words of real programs; and that no line is too odd."""

from __future__ import annotations

import json
import time
from calendar import timegm
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.onhost import ground
from roadworthy.onhost.lines import ERROR, OTHER, Line, Zones, kind, parse

NOW = timegm((2026, 11, 28, 12, 0, 0))
PHP_WARNING = "NOTICE: PHP message: PHP Warning:  Undefined variable $x in /srv/a.php on line 3"
SIX = timegm((2026, 11, 28, 6, 0, 0))


def of(line: str, zone: str | None = "UTC", now: float = NOW) -> Line:
    return parse(line, Zones(zone, now))


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ('[2026-11-28 06:00:00] production.ERROR: Undefined variable $x {"exception":"..."}', ERROR),
        ("[2026-11-28T06:00:00.123456+00:00] local.INFO: error in the text alone", OTHER),
        ("[2026-11-28 06:00:00] production.WARNING: slow", OTHER),
        ("2026/11/28 06:00:00 [error] 31#31: *1 connect() failed (111: Connection refused)", ERROR),
        ("2026/11/28 06:00:00 [warn] 31#31: *1 upstream response is buffered: error.html", OTHER),
        ("2026-11-28T06:00:00.000Z listening on 3000", ""),
        ("2026-11-28 06:00:00,123 ERROR worker failed", ERROR),
        ("2026-11-28 06:00:00,123 INFO exited: worker (exit status 1; not expected)", OTHER),
        ("2026-11-28T06:00:00.123456Z 0 [ERROR] [MY-010119] [Server] Aborting", ERROR),
        ("2026-11-28T06:00:00.123456Z 0 [Warning] [MY-010068] [Server] CA certificate is self signed.", OTHER),
        ('2026-11-28 06:00:00.123 UTC [71] ERROR:  relation "jobs" does not exist at character 15', ERROR),
        ("2026-11-28 06:00:00.123 UTC [71] STATEMENT:  select failed from jobs", OTHER),
        ("2026-11-28 01:00:00.123 EST [71] LOG:  checkpoint starting: time", OTHER),
        ("2026-11-28 07:00:00 +01:00 fatal: no space left", ""),
        ("Nov 28 06:00:00 app sshd[1]: Failed password for root", ""),
        ("<11>Nov 28 06:00:00 app cron: x", ""),
        ("[28-Nov-2026 06:00:00] WARNING: [pool www] child 12 exited on signal 11", OTHER),
        ("[28-Nov-2026 06:00:00 UTC] PHP Fatal error:  Uncaught TypeError", ""),
        ("1:M 28 Nov 2026 06:00:00.123 * Background saving terminated with success", ""),
        ("[Sat Nov 28 06:00:00.123456 2026] [core:error] [pid 1] AH00126: Invalid URI", ERROR),
        ("[Sat Nov 28 06:00:00.123456 2026] [mpm_event:notice] [pid 1] resuming", OTHER),
        ('192.0.2.1 - - [28/Nov/2026:06:00:00 +0000] "GET /error HTTP/1.1" 200 12 "-" "curl"', OTHER),
        ('192.0.2.1 - - [28/Nov/2026:07:00:00 +0100] "GET / HTTP/1.1" 502 12 "-" "curl"', ERROR),
        ('{"level":50,"time":SIX000,"msg":"refused"}', ERROR),
        ('{"level":30,"time":SIX123,"msg":"error is a word"}', OTHER),
        ('{"level":"error","message":"refused","timestamp":"2026-11-28T06:00:00.000Z"}', ERROR),
        ('{"message":"x","level":400,"level_name":"ERROR","datetime":"2026-11-28T06:00:00+00:00"}', ERROR),
        ('{"message":"x","level":200,"datetime":"2026-11-28T06:00:00+00:00"}', OTHER),
        ('{"t":{"$date":"2026-11-28T06:00:00.000+00:00"},"s":"E","c":"STORAGE","msg":"WiredTiger"}', ERROR),
        ('{"t":{"$date":"2026-11-28T06:00:00.000+00:00"},"s":"I","c":"NETWORK","msg":"failed"}', OTHER),
        ('{"log":"2026/11/28 06:00:00 [error] no\\n","stream":"stderr","time":"2026-11-28T06:00:00.5Z"}', ERROR),
        ('{"level":3,"timestamp":SIX,"short_message":"x"}', ERROR),
        ('time="2026-11-28T06:00:00Z" level=error msg="dial tcp: refused"', ERROR),
        ('time="2026-11-28T06:00:00Z" level=info msg="error"', OTHER),
        ("[Nest] 1  - 11/28/2026, 6:00:00 AM   ERROR [ExceptionsHandler] refused", ERROR),
        ("[Nest] 1  - 11/28/2026, 6:00:00 AM     LOG [NestFactory] Starting", OTHER),
        ("  2026-11-28 06:00:00 App\\Jobs\\SendInvoice ............ 1s FAIL", ""),
        ("INFO 2026-11-28 06:00:00 started", OTHER),
        ("ERROR 2026-11-28 06:00:00 no space", ERROR),
        ("ERROR [2026-11-28 06:00:00,123] INFO is what it was to write", ERROR),
        (
            '[28-Nov-2026 06:00:00] WARNING: [pool www] child 7 said into stderr: "PHP message: PHP Fatal error:',
            "",
        ),
        ('[28-Nov-2026 06:00:00] WARNING: [pool www] child 7 said into stderr: "[x] production.ERROR: y"', ERROR),
        ('{"@timestamp":"2026-11-28T06:00:00Z","log":{"level":"ERROR"},"message":"x"}', ERROR),
        ("2026-11-28T06:00:00Z Unhandled exception: HTTP 500 of the upstream", ""),
        ("2026-11-28T06:00:00Z SYSTEM failed", ""),
        ("2026-11-28  6:00:00 71 [ERROR] InnoDB: Operating system error number 28", ERROR),
        ("E, [2026-11-28T06:00:00.123456 #71] ERROR -- : refused", ERROR),
        ('2026-11-28T06:00:00: {"level":50,"time":SIX000,"msg":"refused"}', ERROR),
        ('Nov 28 06:00:00 app api[71]: {"level":"error","msg":"refused"}', ERROR),
        ('Nov 28 06:00:00 app api[71]: {"level":30,"msg":"an error"}', OTHER),
        ('2026-11-28 06:00:00,123 ERROR order failed {"order":12}', ERROR),
        ('{"time":"2026-11-28T06:00:00+00:00","request":"GET /error","status":502}', ERROR),
        ('{"time":"2026-11-28T06:00:00+00:00","request":"GET /error","status":"200"}', OTHER),
    ],
)
def test_what_programs_write(line: str, level: str) -> None:
    found = of(line.replace("SIX", str(SIX)))
    assert found.at is not None
    assert abs(found.at - SIX) < 1
    assert found.level == level


def test_words_tell_where_a_level_does_not() -> None:
    for line in (
        "TypeError: x",
        "java.io.IOException: x",
        "Failed to connect",
        "panic: runtime",
        "build failed",
        "PHP Fatal error: x",
        "NOTICE: PHP message: PHP Fatal error:  Uncaught TypeError",
        "[28-Nov-2026 06:00:00] NOTICE: PHP message: PHP Fatal error:  Uncaught TypeError",
        '[28-Nov-2026 06:00:00] WARNING: [pool www] child 7 said into stderr: "PHP message: PHP Fatal error:  Uncaught',
    ):
        assert of(line).is_error, line
    for line in (
        "0 errors",
        "failed_jobs is there",
        "installed liberror-perl",
        "GET / 200",
        "[info] failed",
        PHP_WARNING,
    ):
        assert not of(line).is_error, line


def test_a_time_in_the_midst_is_no_time_of_the_line() -> None:
    assert of("#3 /var/www/a.php(12): f('2026-11-28 06:00:00')").at is None
    assert of("    at 2026-11-28 06:00:00").at is None
    assert of("[2026-13-41 99:00:00] x").at is None
    assert of("Feb 31 06:00:00 x").at is not None


def test_a_year_is_the_one_that_makes_it_the_past() -> None:
    january = timegm((2027, 1, 2, 0, 0, 0))
    assert of("Nov 28 06:00:00 app x", now=january).at == SIX
    assert of("Jan  1 06:00:00 app x", now=january).at == timegm((2027, 1, 1, 6, 0, 0))


def test_time_zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    now = time.time()
    zones = Zones(None, now)
    assert zones.seconds(SIX, None) == SIX  # a host without /etc/localtime is in UTC
    berlin = Zones("Europe/Berlin", now)
    local = time.gmtime(now)
    for month in range(12):
        naive = timegm((local.tm_year - (month + 1 > local.tm_mon), month + 1, 1, 12, 0, 0))
        summer = 4 <= month + 1 <= 10
        assert berlin.seconds(naive, None) == naive - (7200 if summer else 3600)
    assert berlin.seconds(SIX, "Z") == SIX
    assert berlin.seconds(SIX, "-0330") == SIX + 12600
    assert zones.seconds(SIX, "Asia/Kolkata") == SIX - 19800
    with pytest.raises(ground.Unseen, match="Nowhere/Land"):
        Zones("Nowhere/Land", now).seconds(SIX, None)


def test_the_zone_of_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/timezone").write_text("Asia/Tokyo\n")
    now = time.time() // 1
    assert Zones(None, now).seconds(now, None) == now - 32400
    (tmp_path / "etc/localtime").symlink_to("/usr/share/zoneinfo/Asia/Kolkata")
    assert Zones(None, now).seconds(now, None) == now - 19800
    (tmp_path / "etc/localtime").unlink()
    (tmp_path / "etc/localtime").write_bytes(Path("/usr/share/zoneinfo/Asia/Kathmandu").read_bytes())
    assert Zones(None, now).seconds(now, None) == now - 20700


def test_no_secret_and_no_person_in_what_is_shown() -> None:
    for line in (
        "login failed: password=hunter2, try again",
        "request with Authorization: Bearer abcdef.hunter2",
        'body {"password": "hunter2 and more", "a": 1}',
        "token => hunter2",
        "redis://:hunter2@cache:6379 refused",
        "eyJhbGciOiJIUzI1NiJ9.hunter2.sig is expired",
        "key sk_live_51Habcdefghijklmnhunter2 refused",
        "SQLSTATE[23000]: Duplicate (SQL: insert into users (name) values (hunter2))",
        "Cookie: session=hunter2; other=x",
        "no mailbox for hunter2@shop.example",
    ):
        assert "hunter2" not in kind(line), kind(line)
    assert kind("]: order 4711 of 2026-11-28 failed after 0.5s (deadbeef01)") == "order # of # failed after #s (#)"
    assert len(kind("x " * 5000)) <= 200


@given(st.text(max_size=500))
def test_no_line_is_too_odd(line: str) -> None:
    found = of(line)
    assert found.level in ("", ERROR, OTHER)
    kind(found.text)


LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=30)
KEYS = st.sampled_from(("time", "ts", "level", "msg", "log", "stream", "$date", "t", "s"))


@given(st.dictionaries(KEYS, LEAVES | st.dictionaries(KEYS, LEAVES, max_size=2) | st.lists(LEAVES, max_size=2)))
def test_no_object_is_too_odd(said: dict[str, object]) -> None:
    found = of(json.dumps(said))
    assert found.level in ("", ERROR, OTHER)
    kind(found.text)
