"""What Logrotate's configuration says of a file, in the words of Debian's packages."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadworthy.onhost import ground
from roadworthy.onhost.logrotate import rotations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAIN = """# see "man logrotate" for details
# global options do not affect preceding include directives
weekly
rotate 4
create
#dateext
include /etc/logrotate.d
"""
NGINX = """/var/log/nginx/*.log {
	daily
	missingok
	rotate 14
	compress
	create 0640 www-data adm
	sharedscripts
	prerotate
		if [ -d /etc/logrotate.d/httpd-prerotate ]; then { run-parts /etc/logrotate.d/httpd-prerotate; } fi
		rotate 99
	endscript
	postrotate
		invoke-rc.d nginx rotate >/dev/null 2>&1
	endscript
}
"""
RSYSLOG = """/var/log/syslog
"/var/log/mail log"
/var/log/kern.log
{
	rotate 7
	missingok
}
"""
BY_SIZE = "/var/log/app.log { size 100M\nrotate 3 }\n/var/log/kept.log {\n  monthly\n  rotate -1\n}\n"


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A host's /etc."""
    before = os.umask(0o022)
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    (tmp_path / "etc/logrotate.d").mkdir(parents=True)
    (tmp_path / "etc/logrotate.conf").write_text(MAIN)
    for name, text in {"nginx": NGINX, "rsyslog": RSYSLOG, "app": BY_SIZE, "nginx.dpkg-old": NGINX}.items():
        (tmp_path / "etc/logrotate.d" / name).write_text(text)
    yield tmp_path / "etc"
    os.umask(before)


@pytest.mark.usefixtures("etc")
def test_a_section() -> None:
    assert rotations("/var/log/nginx/access.log") == [{"by": "/etc/logrotate.d/nginx", "every": "day", "keep": 14}]
    assert rotations("/var/log/nginx/sites/access.log") == []


@pytest.mark.usefixtures("etc")
def test_what_a_section_does_not_say_is_as_for_all() -> None:
    for path in ("/var/log/syslog", "/var/log/mail log", "/var/log/kern.log"):
        assert rotations(path) == [{"by": "/etc/logrotate.d/rsyslog", "every": "week", "keep": 7}]


@pytest.mark.usefixtures("etc")
def test_by_size_and_for_ever() -> None:
    assert rotations("/var/log/app.log") == [{"by": "/etc/logrotate.d/app", "every": None, "keep": 3}]
    assert rotations("/var/log/kept.log") == [{"by": "/etc/logrotate.d/app", "every": "month", "keep": 1_000_000}]


def test_without_a_main_file_nothing_is_rotated(etc: Path) -> None:
    (etc / "logrotate.conf").unlink()
    assert rotations("/var/log/nginx/access.log") == []


@pytest.mark.parametrize("ending", [".disabled", ".bak", ".ucf-old", ".rhn-cfg-tmp-7", "~"])
def test_what_was_put_aside_says_nothing(etc: Path, ending: str) -> None:
    (etc / "logrotate.d/nginx").rename(etc / f"logrotate.d/nginx{ending}")
    assert rotations("/var/log/nginx/access.log") == []


def test_logrotate_ignores_what_others_may_write(etc: Path) -> None:
    (etc / "logrotate.d/nginx").chmod(0o664)
    assert rotations("/var/log/nginx/access.log") == []
    assert len(rotations("/var/log/syslog")) == 1
    (etc / "logrotate.conf").chmod(0o666)
    assert rotations("/var/log/syslog") == []


def test_files_that_include_each_other(etc: Path) -> None:
    (etc / "logrotate.d/loop").write_text("include /etc/logrotate.conf\ninclude /etc/logrotate.d\n")
    assert len(rotations("/var/log/nginx/access.log")) == 1


def test_a_file_that_is_gone(etc: Path) -> None:
    (etc / "logrotate.conf").write_text("include /etc/gone\n")
    with pytest.raises(ground.Unseen, match="/etc/gone"):
        rotations("/var/log/nginx/access.log")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="{}/\"' \n\t#*abrotate7dailyinclude", max_size=200))
def test_no_configuration_is_too_odd(etc: Path, text: str) -> None:
    (etc / "logrotate.d/odd").write_text(text)
    (etc / "logrotate.conf").write_text("include /etc/logrotate.d/odd\n")
    with suppress(ground.Unseen):
        rotations("/a")
