"""The collector of renewals against real files; certbot's words are recorded ones."""

from __future__ import annotations

import calendar
import gzip
import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.renewal import Lineage, RenewalObservation, Run, Trial
from roadworthy.facts.store import Unseen
from roadworthy.onhost import cron, ground, renewal
from roadworthy.sandbox.machines.renewal import certificate, configuration
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's file system."""
    root = tmp_path / "root"
    for folder in ("etc/letsencrypt/renewal", "etc/letsencrypt/live/shop.test", "etc/cron.d", "var/log/letsencrypt"):
        (root / folder).mkdir(parents=True)
    (root / "etc/passwd").write_text(f"root:x:{os.getuid()}:0::/:/bin/sh\n")
    monkeypatch.setattr(ground, "ROOT", str(root))
    monkeypatch.setattr(ground, "search_path", lambda: f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return root


def program(tmp_path: Path, name: str, script: str) -> None:
    path = tmp_path / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def look(trial_s: float | None = None) -> RenewalObservation:
    return RenewalObservation.model_validate(
        {"observed_at": NOW, "now": time.time(), **renewal.look({"trial_s": trial_s})}
    )


@pytest.mark.parametrize(
    ("command", "renews"),
    [
        ("certbot renew --quiet", True),
        ("/usr/bin/certbot -q renew --no-random-sleep-on-renew", True),
        ("test -x /usr/bin/certbot -a \\! -d /run/systemd/system && perl -e 'x' && certbot -q renew", True),
        ("sleep 5; '/snap/bin/certbot' renew --post-hook 'systemctl reload nginx'", True),
        ("certbot renew --dry-run", False),
        ("certbot --dry-run renew", False),
        ("certbot certificates", False),
        ("certbot-exporter renewals", False),
        ("echo certbot; renew", False),
        ("certbot certonly && mail -s renew ops", False),
    ],
)
def test_which_commands_renew(command: str, renews: bool) -> None:  # noqa: FBT001 - the table's
    assert (renewal._calls(command)[0] != []) is renews


def test_who_calls_it(root: Path) -> None:
    (root / "etc/cron.d/certbot").write_text("0 0 * * * root certbot renew --quiet\n1 1 * * * root other\n")
    (root / "etc/cron.d/other").write_text("0 0 * * * root other\n")
    (tab,) = look().tabs
    assert (tab.path, [line.number for line in tab.lines]) == ("/etc/cron.d/certbot", [1])


def test_what_it_renews(root: Path) -> None:
    folder = root / "etc/letsencrypt"
    (folder / "renewal/shop.test.conf").write_text(configuration("shop.test"))
    (folder / "live/shop.test/cert.pem").write_bytes(certificate(("shop.test", "API.shop.test")))
    (folder / "renewal/other.test.conf").write_text(configuration("other.test") + "autorenew = False\n")
    (folder / "renewal/broken.test.conf").write_text("cert = /etc/passwd\n")
    (folder / "renewal/empty.test.conf").write_text("")
    (folder / "renewal/README").write_text("")
    found = look().lineages
    assert isinstance(found, tuple)
    by_name = {one.name: one for one in found}
    assert by_name["shop.test"] == Lineage(name="shop.test", names=("api.shop.test", "shop.test"))
    assert not by_name["other.test"].automatic
    assert all(isinstance(by_name[f"{name}.test"].names, Unseen) for name in ("other", "broken", "empty"))


def test_openssl_tells_the_names_where_python_does_not(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = root / "etc/letsencrypt/live/shop.test/cert.pem"
    path.write_bytes(certificate(("shop.test", "api.shop.test")))
    assert renewal._names_by_openssl("/etc/letsencrypt/live/shop.test/cert.pem") == ["api.shop.test", "shop.test"]
    monkeypatch.setattr(renewal, "ssl", object())
    assert renewal._names("/etc/letsencrypt/live/shop.test/cert.pem") == ["api.shop.test", "shop.test"]


def test_nothing_of_certbot(root: Path) -> None:
    (root / "etc/letsencrypt").rename(root / "etc/elsewhere")
    (root / "var/log/letsencrypt").rename(root / "var/log/elsewhere")
    seen = look()
    assert (seen.lineages, seen.last) == ((), None)


WELL = """\
2026-11-28 00:00:02,391:DEBUG:certbot._internal.main:certbot version: 2.1.0
2026-11-28 00:00:02,391:DEBUG:certbot._internal.main:Arguments: ['--quiet']
2026-11-28 00:00:03,675:DEBUG:certbot._internal.display.obj:Notifying user: Processing /etc/letsencrypt/renewal/a.conf
2026-11-28 00:00:03,675:DEBUG:certbot._internal.display.obj:Notifying user: No renewals were attempted.
2026-11-28 00:00:03,675:DEBUG:certbot._internal.renewal:no renewal failures
"""
BADLY = """\
2026-11-28 00:00:02,391:DEBUG:certbot._internal.main:Arguments: []
2026-11-28 00:00:09,675:ERROR:certbot._internal.renewal:Failed to renew certificate a with error: It failed.
2026-11-28 00:00:09,675:DEBUG:certbot._internal.renewal:Traceback was:
Traceback (most recent call last):
certbot.errors.Error: 1 renew failure(s), 0 parse failure(s)
2026-11-28 00:00:09,680:ERROR:certbot._internal.log:1 renew failure(s), 0 parse failure(s)
"""
TRIAL = WELL.replace("--quiet", "--dry-run")
LIST = "2026-11-28 09:00:02,391:DEBUG:certbot._internal.main:Arguments: []\n"
AT = calendar.timegm((2026, 11, 28, 0, 0, 2))


def last(root: Path, *logs: str) -> Run | None:
    for place, text in enumerate(logs):
        (root / "var/log/letsencrypt" / f"letsencrypt.log{f'.{place}' if place else ''}").write_text(text)
    found = look().last
    assert not isinstance(found, Unseen)
    return found


def test_the_last_run(root: Path) -> None:
    found = last(root, WELL)
    assert found is not None
    assert (found.at.timestamp(), found.errors, found.ended) == (AT, (), True)
    older = last(root, TRIAL, LIST, "", "\0\xff", BADLY)
    assert older is not None
    assert older.path.endswith("letsencrypt.log.4")
    assert older.ended
    assert older.errors[0].startswith("Failed to renew certificate a")
    broken = last(root, WELL.replace("no renewal failures", "sleeping"))
    assert broken is not None
    assert not broken.ended


EARLIER = WELL.replace("2026-11-28 00", "2026-11-27 12")


def test_debian_leaves_all_of_a_week_in_one_log(root: Path) -> None:
    found = last(root, BADLY.replace("11-28", "11-25") + EARLIER + WELL + TRIAL + WELL.partition("\n")[0])
    assert found is not None
    assert (found.at.timestamp(), found.errors, found.ended) == (AT, (), True)
    broken = last(root, EARLIER + WELL.replace("no renewal failures", "sleeping"))
    assert broken is not None
    assert (broken.at.timestamp(), broken.ended) == (AT, False)


def test_a_log_that_logrotate_has_packed(root: Path) -> None:
    folder = root / "var/log/letsencrypt"
    (folder / "letsencrypt.log.1.gz").write_bytes(gzip.compress((EARLIER + WELL).encode()))
    (folder / "letsencrypt.log-20261122").write_text(EARLIER)
    os.utime(folder / "letsencrypt.log-20261122", (1000, 1000))
    found = last(root, "")
    assert found is not None
    assert (found.at.timestamp(), found.path) == (AT, "/var/log/letsencrypt/letsencrypt.log.1.gz")
    (folder / "letsencrypt.log.1.gz").write_bytes(gzip.compress(WELL.encode())[:-9])
    assert isinstance(look().last, Unseen)
    (folder / "letsencrypt.log.1.gz").write_bytes(b"no archive")
    assert isinstance(look().last, Unseen)


def test_a_large_log_is_read_from_its_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cron, renewal):
        monkeypatch.setattr(module, "LARGEST_LOG", len(WELL) + 100)
    found = last(root, BADLY + EARLIER + WELL)
    assert found is not None
    assert found.at.timestamp() == AT
    assert last(root, BADLY + EARLIER + "x" * 200) is None
    (root / "var/log/letsencrypt/letsencrypt.log.1.gz").write_bytes(gzip.compress((EARLIER + WELL).encode()))
    assert isinstance(look().last, Unseen)


def test_no_run(root: Path) -> None:
    assert last(root, LIST, TRIAL) is None


@given(st.text() | st.lists(st.sampled_from((WELL + BADLY + TRIAL).splitlines())).map("\n".join))
def test_any_text_is_read_as_a_log(text: str) -> None:
    found = renewal._run_in(text, "x")
    assert found is None or Run.model_validate(found)


SUCCESS = """\
- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -
Processing /etc/letsencrypt/renewal/shop.test.conf
Simulating renewal of an existing certificate for shop.test and api.shop.test
Congratulations, all simulated renewals succeeded:
  /etc/letsencrypt/live/shop.test/fullchain.pem (success)
"""
FAILURE = """\
All simulated renewals failed. The following certificates could not be renewed:
  /etc/letsencrypt/live/shop.test/fullchain.pem (failure)
Additionally, the following renewal configurations were invalid:
  /etc/letsencrypt/renewal/old.test.conf (parsefail)
"""


def trial(tmp_path: Path, script: str, within_s: float = 10.0) -> Trial | Unseen | None:
    program(tmp_path, "certbot", script)
    return look(within_s).trial


def test_a_trial(root: Path, tmp_path: Path) -> None:
    assert root.exists()
    found = trial(tmp_path, f"[ \"$2\" = --dry-run ] || exit 3\ncat <<'END'\n{SUCCESS}END")
    assert found == Trial(
        code=0, outcomes={"shop.test": "success"}, last_words="/etc/letsencrypt/live/shop.test/fullchain.pem (success)"
    )
    failed = trial(tmp_path, f"cat <<'END'\n{FAILURE}END\necho '1 renew failure(s), 1 parse failure(s)' >&2; exit 1")
    assert isinstance(failed, Trial)
    assert failed.outcomes == {"shop.test": "failure", "old.test": "parsefail"}
    assert (failed.code, failed.last_words) == (1, "1 renew failure(s), 1 parse failure(s)")


def test_a_trial_that_tells_nothing(root: Path, tmp_path: Path) -> None:
    assert root.exists()
    busy = trial(tmp_path, "echo 'Another instance of Certbot is already running.' >&2; exit 1")
    assert isinstance(busy, Unseen)
    slow = trial(tmp_path, "sleep 30", 0.3)
    assert isinstance(slow, Unseen)
    assert slow.unseen == "took too long"
    undoes = f"trap 'touch {tmp_path}/undone; exit 1' TERM; sleep 30 & wait"
    assert isinstance(trial(tmp_path, undoes, 0.3), Unseen)
    assert (tmp_path / "undone").exists()
