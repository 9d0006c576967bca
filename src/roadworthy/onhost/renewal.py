"""On the host: who calls certbot, which certificates it renews, and how its last run ended.

Sources: certbot's user guide ("Automated Renewals", "Configuration file"), and its own log, whose times are UTC.
"""

from __future__ import annotations

import calendar
import gzip
import os
import re
import ssl
import time
import zlib
from typing import Any

from roadworthy.onhost.cron import LARGEST_LOG, daemons, end_of, tabs, timers
from roadworthy.onhost.ground import FAILED, NOT_THERE, TOO_LONG, Unseen, at, exists, has, part, read, run, told

NEEDS_ROOT = True  # /etc/letsencrypt/archive, /var/log/letsencrypt

TIMERS = ("certbot.timer", "certbot-renew.timer", "snap.certbot.renew.timer")
"""Of Debian, of Red Hat, of the snap."""

FOLDER = "/etc/letsencrypt/renewal"
LOGS = "/var/log/letsencrypt"
CALL = re.compile(
    r"(?:^|[\s/\"'])(?:certbot|certbot-auto|letsencrypt)[\"']?\s(?![^&|;]*--dry-run)(?:[^&|;]*\s)?renew\b"
)

MOST_LINEAGES = 200
LOG = re.compile(r"letsencrypt\.log(?:[.-](\d+))?(?:\.gz)?")
BEGINS = re.compile(r"^(?=\d{4}-\d\d-\d\d [\d:,]+:DEBUG:certbot[\w.]*:certbot version: )", re.MULTILINE)
MOST_LOGS = 50
"""Every run of certbot, of whatever it was asked, begins a log of its own; or, where its rotation is left to logrotate
(Debian: `max-log-backups = 0`), all of a week stand in one."""
MOST_ERRORS = 5
TO_END_S = 5
"""So long certbot may take to undo what it changed for a trial, once it is told to end."""
ENDED = (124, 137)
"""What timeout(1) says of what it ended, by TERM or by KILL."""


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/renewal.py` holds."""
    if wanted["trial_s"] is not None:
        return {"trial": part(_trial, wanted["trial_s"])}
    found, others = tabs(_calls, ())
    calling = [dict(tab, lines=[line for line in tab.get("lines", []) if line["holds"]]) for tab in found]
    return {
        "debian": exists("/etc/debian_version"),
        "systemd": exists("/run/systemd/system"),
        "daemons": part(daemons),
        "tabs": [tab for tab in calling if tab["lines"] or tab.get("unread")],
        "others": others,
        "timers": part(timers, list(TIMERS)),
        "lineages": part(_lineages),
        "last": part(_last_run),
    }


def _calls(command: str) -> tuple[list[str], list[str]]:
    """Whether a command is one that renews."""
    return (["certbot renew"], []) if CALL.search(command) else ([], [])


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(at(folder)))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise told(error, folder) from error


def _lineages() -> list[dict[str, Any]]:
    """The certificates that certbot renews."""
    files = [name for name in _listed(FOLDER) if name.endswith(".conf")]
    if len(files) > MOST_LINEAGES:
        raise Unseen(TOO_LONG, "{}: more than {} certificates".format(FOLDER, MOST_LINEAGES))
    return [_lineage(name) for name in files]


def _lineage(name: str) -> dict[str, Any]:
    text = read(os.path.join(FOLDER, name), 2**16)
    settings = dict(re.findall(r"^\s*(\w+)\s*=\s*(.*?)\s*$", text, re.MULTILINE))
    return {
        "name": name[: -len(".conf")],
        "automatic": settings.get("autorenew", "True").lower() != "false",
        "names": part(_names, settings.get("cert", "")),
    }


def _names(path: str) -> list[str]:
    """The names in a certificate."""
    if not path.startswith("/"):
        raise Unseen(FAILED, "it does not say where the certificate is")
    read(path, 1)  # tells whether it can be read at all
    decode: Any = getattr(getattr(ssl, "_ssl", None), "_test_decode_cert", None)
    if decode is None:
        return _names_by_openssl(path)
    try:
        found = decode(at(path))
    except (ssl.SSLError, ValueError, OSError) as error:
        raise Unseen(FAILED, "{} is no certificate: {}".format(path, error)) from error
    return sorted({value.lower() for kind, value in found.get("subjectAltName", ()) if kind == "DNS"})


def _names_by_openssl(path: str) -> list[str]:
    done = run(["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", at(path)])
    if done.code:
        raise Unseen(FAILED, "{}: {}".format(path, done.last_words))
    return sorted({name.lower() for name in re.findall(r"DNS:([^\s,]+)", done.out)})


def _last_run() -> dict[str, Any] | None:
    """The newest run of `certbot renew` that was no trial."""
    logs = [found for found in map(LOG.fullmatch, _listed(LOGS)) if found]
    by_age = sorted(logs, key=lambda found: (-_changed(found.group()), int(found.group(1) or 0)))
    for name in by_age[:MOST_LOGS]:
        path = os.path.join(LOGS, name.group())
        for text in reversed(_runs(path)):
            found = _run_in(text, path)
            if found is not None:
                return found
    if len(by_age) > MOST_LOGS:
        raise Unseen(TOO_LONG, "{}: the newest {} logs tell of no renewal".format(LOGS, MOST_LOGS))
    return None


def _changed(name: str) -> float:
    path = os.path.join(LOGS, name)
    try:
        return os.stat(at(path)).st_mtime
    except OSError as error:
        raise told(error, path) from error


def _runs(path: str) -> list[str]:
    """What a log tells of each run, oldest first."""
    data = _unpacked(path) if path.endswith(".gz") else end_of(path)
    runs = BEGINS.split(data.decode("utf-8", "replace"))
    return runs if len(data) < LARGEST_LOG else runs[1:]  # the first may lack its beginning


def _unpacked(path: str) -> bytes:
    try:
        with gzip.open(at(path)) as file:
            data = file.read(LARGEST_LOG + 1)
    except (EOFError, zlib.error) as error:
        raise Unseen(FAILED, "{}: {}".format(path, error)) from error
    except OSError as error:
        raise told(error, path) from error
    if len(data) > LARGEST_LOG:
        raise Unseen(TOO_LONG, "{}: more than {} MiB".format(path, LARGEST_LOG // 2**20))
    return data


def _run_in(text: str, path: str) -> dict[str, Any] | None:
    """What is told of a run; None: it was another command, or a trial."""
    arguments = re.search(r":Arguments: (\[.*\])$", text, re.MULTILINE)
    began = re.search(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", text, re.MULTILINE)
    renews = re.search(r":certbot[\w.]*\.renewal:|Notifying user: Processing /", text)
    if began is None or renews is None or (arguments and "--dry-run" in arguments.group(1)):
        return None
    errors = re.findall(r"^\d{4}-\d\d-\d\d [\d:,]+:(?:ERROR|CRITICAL):[\w.]+:(.+)$", text, re.MULTILINE)
    return {
        "at": calendar.timegm(time.strptime(began.group(1), "%Y-%m-%d %H:%M:%S")),
        "path": path,
        "errors": [error[:200] for error in errors[:MOST_ERRORS]],
        "ended": bool(re.search(r":no renewal failures$|\d+ renew failure\(s\)", text, re.MULTILINE)),
    }


def _trial(within_s: float) -> dict[str, Any]:
    """A dry run; once its time is over it is told to end, and undoes what it did to the web server."""
    if not has("certbot"):
        raise Unseen(NOT_THERE, "there is no certbot here")
    trial = ["certbot", "renew", "--dry-run", "--non-interactive", "--no-random-sleep-on-renew"]
    bounded = ["timeout", "-k", str(TO_END_S), str(within_s)]
    done = run(bounded + trial, within_s + 2 * TO_END_S)
    if done.code in ENDED:
        raise Unseen(TOO_LONG, "certbot did not end within {:g} s".format(within_s))
    said = done.out + "\n" + done.err
    if "Another instance of Certbot is already running" in said:
        raise Unseen(FAILED, "another certbot is at work")
    outcomes = re.findall(r"(\S+)/fullchain\.pem \((success|failure|skipped)\)", said)
    broken = re.findall(r"(\S+)\.conf \((parsefail)\)", said)
    return {
        "code": done.code,
        "outcomes": {os.path.basename(name): outcome for name, outcome in outcomes + broken},
        "last_words": done.last_words,
    }
