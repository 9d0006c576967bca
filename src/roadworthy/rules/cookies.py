"""Set-Cookie, as browsers read it (RFC 6265bis, draft 22, sections 5.6 and 5.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.headers import Cookies

STRICTNESS = {"none": 0, "lax": 1, "strict": 2}
PREFIXES = ("__Host-", "__Secure-")
_MOST_BYTES, _MOST_ATTRIBUTE_BYTES = 4096, 1024
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SPACE = " \t"


@dataclass(frozen=True)
class Cookie:
    """One cookie; its value is nobody's business."""

    name: str
    secure: bool = False
    httponly: bool = False
    samesite: str | None = None
    """`none`, `lax` or `strict`; None where the server says nothing, or nothing that browsers know."""
    domain: str | None = None
    path: str | None = None
    partitioned: bool = False
    deleted: bool = False
    """It is taken away by this: its age is over."""

    @property
    def bare_name(self) -> str:
        """The name without a prefix."""
        prefix = next((prefix for prefix in PREFIXES if self.name.lower().startswith(prefix.lower())), "")
        return self.name[len(prefix) :]

    def is_like(self, patterns: Iterable[str]) -> bool:
        """Whether its name, with or without a prefix, is of one of the patterns; case has no meaning."""
        names = {self.name.lower(), self.bare_name.lower()}
        return any(fnmatchcase(name, pattern.lower()) for pattern in patterns for name in names)


def parse_cookie(value: str, now: datetime) -> Cookie | None:
    """One Set-Cookie header; None where browsers ignore it as a whole."""
    if _CONTROL.search(value):
        return None
    pair, *rest = value.split(";")
    name, equals, content = pair.partition("=")
    if not equals:
        name, content = "", pair
    name, content = name.strip(_SPACE), content.strip(_SPACE)
    if not (name or content) or len(name.encode() + content.encode()) > _MOST_BYTES:
        return None
    given: dict[str, str] = {}
    for part in rest:
        attribute, _, worth = part.partition("=")
        if len(worth.encode()) <= _MOST_ATTRIBUTE_BYTES:
            given[attribute.strip(_SPACE).lower()] = worth.strip(_SPACE)  # the last one counts
    samesite = given.get("samesite", "").lower()
    path = given.get("path", "")
    return Cookie(
        name=name or content,  # a cookie without a name is told apart from none by its prefix alone
        secure="secure" in given,
        httponly="httponly" in given,
        samesite=samesite if samesite in STRICTNESS else None,
        domain=given.get("domain", "").removeprefix(".").lower() or None,
        path=path if path.startswith("/") else None,
        partitioned="partitioned" in given,
        deleted=_is_over(given, now),
    )


def _is_over(given: dict[str, str], now: datetime) -> bool:
    if re.fullmatch(r"-?[0-9]{1,18}", given.get("max-age", "")):
        return int(given["max-age"]) <= 0
    try:
        expires = parsedate_to_datetime(given.get("expires", "").replace("-", " "))
    except (ValueError, TypeError, IndexError, OverflowError):
        return False
    return (expires if expires.tzinfo else expires.replace(tzinfo=UTC)) <= now


def cookies_of(values: tuple[str, ...], now: datetime) -> tuple[Cookie, ...]:
    """The cookies that an answer sets; those that it takes away are left out."""
    parsed = (parse_cookie(value, now) for value in values[:200])
    return tuple(cookie for cookie in parsed if cookie is not None and not cookie.deleted)


def refusals(cookie: Cookie, host: str, *, secure: bool) -> list[str]:
    """Why browsers refuse a cookie.

    Args:
        cookie: the cookie.
        host: who sets it.
        secure: the answer came over TLS.
    """
    name = cookie.name.lower()
    faults = []
    if cookie.domain is not None and cookie.domain != host and not host.endswith(f".{cookie.domain}"):
        faults.append(f"Domain={cookie.domain} is not {host}'s own")
    if cookie.secure and not secure:
        faults.append("Secure is set over http://")
    if not cookie.secure:
        if name.startswith(("__host-", "__secure-")):
            faults.append("its prefix needs Secure")
        if cookie.samesite == "none":
            faults.append("SameSite=None needs Secure")
        if cookie.partitioned:
            faults.append("Partitioned needs Secure")
    if name.startswith("__host-") and cookie.domain is not None:
        faults.append("__Host- allows no Domain")
    if name.startswith("__host-") and cookie.path != "/":
        faults.append("__Host- needs Path=/")
    return faults


def cookie_faults(cookies: tuple[Cookie, ...], promised: Cookies, host: str, *, secure: bool) -> list[str]:
    """All in which the cookies of an answer are not as promised, or are refused by browsers."""
    return [
        f"{cookie.name[:60]}: {', '.join(faults)}"
        for cookie in cookies
        if (faults := _faults(cookie, promised, host, secure=secure))
    ]


def _faults(cookie: Cookie, promised: Cookies, host: str, *, secure: bool) -> list[str]:
    faults = [f"browsers refuse it, {fault}" for fault in refusals(cookie, host, secure=secure)]
    if promised.secure and not cookie.secure:
        faults.append("no Secure")
    if not cookie.httponly and cookie.is_like(promised.httponly or ()):
        faults.append("no HttpOnly")
    for pattern, least in (promised.samesite or {}).items():
        if cookie.is_like((pattern,)) and (
            cookie.samesite is None or STRICTNESS[cookie.samesite] < STRICTNESS[least.lower()]
        ):
            faults.append(f"SameSite={(cookie.samesite or 'not given').capitalize()}, promised {least}")
    for pattern, prefix in (promised.prefixes or {}).items():
        if cookie.is_like((pattern,)) and not cookie.name.startswith(prefix):
            faults.append(f"promised as {prefix}{cookie.bare_name}")
    return faults


def unseen(cookies: tuple[Cookie, ...], promised: Cookies) -> list[str]:
    """The names that are promised something in full, not by a pattern, and that the answer sets no cookie of."""
    patterns = (*(promised.httponly or ()), *(promised.samesite or {}), *(promised.prefixes or {}))
    names = dict.fromkeys(pattern for pattern in patterns if not set(pattern) & set("*?["))
    return [name for name in names if not any(cookie.is_like((name,)) for cookie in cookies)]


def advice(cookies: tuple[Cookie, ...], host: str, *, secure: bool) -> list[str]:
    """What experts would change: session cookies are told by their names, as the Observatory does."""
    told = []
    for cookie in cookies:
        faults = [f"browsers refuse it: {fault}" for fault in refusals(cookie, host, secure=secure)]
        if secure and not cookie.secure and not faults:
            faults.append("no Secure")
        if not cookie.httponly and cookie.is_like(("*login*", "*sess*")):
            faults.append("no HttpOnly")
        if cookie.samesite is None and cookie.is_like(("*csrf*",)):
            faults.append("no SameSite")
        if faults:
            told.append(f"cookie {cookie.name[:60]}: {', '.join(faults)}")
    return told[:10]
