"""Whether a login was refused, and for its credentials alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from roadworthy.facts.base import NotObserved, Reason

if TYPE_CHECKING:
    from roadworthy.facts.http import Answer
    from roadworthy.target.blocks.exposure import Login

_TOKEN = re.compile(r'(?i)"(?:access_?token|refresh_?token|id_?token|auth_?token|token|jwt|session_?id)"\s*:\s*"[^"]')
_SESSION = re.compile(r"(?i)^\s*(?=[\w.-]*?(?:auth|token|jwt|remember))[\w.-]+\s*=\s*[^;\s]")

ELSEWHERE = {
    404: "nothing takes logins there",
    405: "nothing takes logins there",
    415: "logins are not taken as this type there",
    419: "the form wants a token of its page (CSRF), so that the credentials were not looked at",
    429: "too many attempts: the credentials were not looked at",
}
"""Answers that are no word on the credentials (RFC 9110 section 15.5; 419 is Laravel's own)."""


def login_faults(login: Login, answer: Answer, url: str) -> list[str]:
    """What shows that the credentials still work, or that they were not plainly refused.

    Raises:
        NotObserved: whether they work can't be told.
    """
    if handed_out := _handed_out(answer):
        return [f"answered {answer.status} and {handed_out}: the credentials still work"]
    if answer.status in login.status:
        return []
    if answer.status in ELSEWHERE or answer.status >= 500:  # noqa: PLR2004 - RFC 9110 section 15.6
        why = ELSEWHERE.get(answer.status, "a failing service refuses everybody")
        raise NotObserved(Reason.NOT_APPLICABLE, f"answered {answer.status}: {why}")
    leads_to = answer.one("location")
    if login.back_to is not None and leads_to is not None and 300 <= answer.status < 400:  # noqa: PLR2004 - RFC 9110
        try:
            there = urlsplit(urljoin(url, leads_to)).path
        except ValueError:
            return [f"led on to {leads_to[:100]!r}, which is no URL"]
        back = urlsplit(url).path.removesuffix(login.path) + login.back_to
        return [] if there.rstrip("/") == back.rstrip("/") else [f"led on to {there}, which is not back to {back}"]
    wanted = " or ".join(map(str, login.status))
    return [f"answered {answer.status}{f' to {leads_to}' if leads_to else ''}, promised {wanted}"]


def _handed_out(answer: Answer) -> str | None:
    if answer.status < 400 and _TOKEN.search(answer.body):  # noqa: PLR2004 - RFC 9110 section 15.5
        return "handed out a token"
    if answer.status < 300 and any(_SESSION.search(cookie) for cookie in answer.all("set-cookie")):  # noqa: PLR2004 - RFC 9110
        return "set a cookie of a login"
    return None
