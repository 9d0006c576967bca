"""A page and the scripts of its own host, searched for texts: the API that a built front end was built for."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from roadworthy.facts.http import MOST_SCRIPTS, Answer, HttpAsk, ScriptsObservation
from roadworthy.probes.http import Place, exchange

if TYPE_CHECKING:
    from roadworthy.facts.http import ScriptsAsk, Silence
    from roadworthy.probes.bench import Address, Bench

MOST_BYTES = 2 * 1024 * 1024
"""Of one script."""
MOST_HTML = 512 * 1024
SHARE_OF_TIME = 0.8
"""Of the time that the ask has, for beginning with another script: what was found by then is told."""

_TAG = re.compile(r"<(script|link|base)\b([^<>]{0,2000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""(?<![a-zA-Z-])([a-zA-Z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
"""Not a parser of HTML, which takes any time on some input: what bundlers write, and bounded."""


async def observe(ask: ScriptsAsk, address: Address, bench: Bench) -> ScriptsObservation:
    """Reads the page, then one script after another until every text is found.

    Raises:
        NotObserved: there is no route from here.
    """
    observed_at = datetime.now(UTC)
    until = asyncio.get_running_loop().time() + bench.network.scan_timeout * SHARE_OF_TIME
    page = await _get(ask.url, address, bench)
    found: dict[str, str] = {}
    read: list[str] = []
    unread: list[tuple[str, str]] = []
    if isinstance(page, Answer):
        found |= dict.fromkeys(_in(page.body, ask.wanted), ask.url)
        for number, url in enumerate(scripts_of(page.body, ask.url)):
            if len(found) == len(ask.wanted):
                break
            late = asyncio.get_running_loop().time() > until
            if problem := "no time was left" if late else _why_not(url, ask.url, number):
                unread.append((url, problem))
                continue
            script = await _get(url, address, bench)
            if not isinstance(script, Answer):
                unread.append((url, script.silence.value))
            elif script.status != 200 or script.truncated:  # noqa: PLR2004 - RFC 9110 section 15.3.1
                unread.append((url, f"answered {script.status}" if script.status != 200 else "too long"))  # noqa: PLR2004
            else:
                read.append(url)
            if isinstance(script, Answer) and script.status == 200:  # noqa: PLR2004
                found |= {text: url for text in _in(script.body, ask.wanted) if text not in found}
        page = page.model_copy(update={"body": page.body[:1000]})  # what was found in it is told
    return ScriptsObservation(
        observed_at=observed_at, page=page, found=tuple(found.items()), read=tuple(read), unread=tuple(unread[:50])
    )


async def _get(url: str, address: Address, bench: Bench) -> Answer | Silence:
    until = asyncio.get_running_loop().time() + bench.patience_s
    ask = HttpAsk.of(url).model_copy(update={"body_limit": MOST_BYTES})
    return await exchange(ask, Place.of(url), address, bench, until)


def _why_not(url: str, page: str, number: int) -> str | None:
    if number >= MOST_SCRIPTS:
        return f"more than {MOST_SCRIPTS}"
    here, there = urlsplit(page), urlsplit(url)
    return None if (here.scheme, here.netloc.lower()) == (there.scheme, there.netloc.lower()) else "on another host"


def _in(text: str, wanted: tuple[str, ...]) -> list[str]:
    """The texts that are there, as they are or as JSON may write them, and not as the start of a longer name."""
    plain = text.replace("\\/", "/")
    return [one for one in wanted if re.search(re.escape(one) + r"(?![\w-]|[.:]\w)", plain)]


def scripts_of(html: str, url: str) -> tuple[str, ...]:
    """The scripts that a page loads (`<script src>`) or announces (`<link rel=modulepreload>`), each once, in order."""
    found: dict[str, None] = {}
    base = url
    for tag in _TAG.finditer(html[:MOST_HTML]):
        given = {name.lower(): unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(tag[2])}
        rel, name = given.get("rel", "").lower(), tag[1].lower()
        announces = rel == "modulepreload" or (rel == "preload" and given.get("as", "").lower() == "script")
        source = given.get("src") if name == "script" else given.get("href") if name == "base" or announces else None
        if not source:
            continue
        try:
            full = urljoin(base, source.strip())
            parts = urlsplit(full)
            _ = parts.port
        except ValueError:
            continue
        if name == "base":
            base = full if base == url else base  # HTML Standard: the first one counts
        elif parts.scheme in ("http", "https") and parts.hostname:
            found[full.partition("#")[0]] = None
    return tuple(found)
