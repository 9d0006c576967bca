"""Places: asks for each in turn, and keeps of each body what tells what it is, but no setting's value."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.paths import MOST_SCRIPTS, Glimpse, PathsObservation, SourceMap, Spot
from roadworthy.probes.http import Place
from roadworthy.probes.session import Lost, Reply, Session

if TYPE_CHECKING:
    from roadworthy.facts.paths import PathsAsk
    from roadworthy.probes.bench import Address, Bench

MOST_BYTES = 32 * 1024
"""Of a body: a stack trace or a list of files may begin below a long head of style sheets."""

KEPT = 4096
"""Characters of a text that are kept."""

KEPT_OF_HTML = 2048
"""What kind of page it is stands at its top; what it tells of the system, below."""

MOST_PAGE_BYTES = 256 * 1024
TOO_MANY, FAILING = 429, 500
"""Statuses that say nothing of a place (RFC 6585, RFC 9110 section 15.6)."""

MOST_SILENT = 3
"""Places in a row without an answer, after which nothing more is asked."""

_SETTING = re.compile(r"(?m)^([ \t]*(?:export[ \t]+|[\"'])?[A-Za-z_][\w.-]{0,60}[\"']?[ \t]*[=:][ \t]*+)(?!refs/).+$")
"""A line of a settings file: the name is what tells, the value may be a secret. Git's HEAD names a branch."""

_SCRIPT = re.compile(r"<script\b[^>]{0,500}?\bsrc\s*=\s*[\"']?([^\"'\s>]{1,500})", re.IGNORECASE)
_REFERENCE = re.compile(r"//[#@]\s*sourceMappingURL=([^\s'\"*]{1,400})")
_SOURCES = re.compile(r"\"sources\"\s*:\s*\[([^\]]{0,4096})")


async def observe(ask: PathsAsk, address: Address, bench: Bench) -> PathsObservation:
    """Asks for every place, and for the source maps of a page's scripts.

    Raises:
        NotObserved: there is no route from here, or nobody answers.
    """
    observed_at = datetime.now(UTC)
    async with Session(Place.of(ask.url + "/"), address, bench) as session:
        glimpses: list[Glimpse] = []
        for spot in ask.spots:
            await bench.turns.turn(ask.host)
            reply = await session.ask(
                Place.of(ask.url + spot.path).target, headers=(("accept", spot.accept),), most=MOST_BYTES
            )
            glimpses.append(_glimpse(spot, reply))
            if _has_fallen_silent(glimpses):
                raise NotObserved(
                    Reason.NO_ANSWER,
                    f"{glimpses[-MOST_SILENT].spot}: {glimpses[-1].silence and glimpses[-1].silence.value} "
                    f"({glimpses[-1].detail}), and so on; {len(glimpses) - MOST_SILENT} places were answered before",
                )
        maps = _Maps(ask, session, bench)
        if ask.scripts_of:
            await maps.look(ask.scripts_of)
    return PathsObservation(
        observed_at=observed_at,
        glimpses=tuple(glimpses),
        scripts=maps.scripts,
        page_status=maps.page_status,
        source_maps=tuple(maps.found),
        scripts_unanswered=tuple(maps.unanswered),
    )


def _has_fallen_silent(glimpses: list[Glimpse]) -> bool:
    last = glimpses[-MOST_SILENT:]
    return len(last) == MOST_SILENT and all(glimpse.status is None for glimpse in last)


def _glimpse(spot: Spot, reply: Reply | Lost) -> Glimpse:
    if isinstance(reply, Lost):
        return Glimpse(spot=spot, silence=reply.silence, detail=reply.detail)
    return Glimpse(
        spot=spot,
        status=reply.status,
        location=reply.header("location"),
        media_type=_media_type(reply),
        server=reply.header("server"),
        start=_public(reply.content) if spot.path.endswith("/security.txt") else masked(reply.content),
        magic=reply.content[:16].hex(),
    )


def _media_type(reply: Reply) -> str:
    return (reply.header("content-type") or "").split(";")[0].strip().lower()


def _public(content: bytes) -> str:
    """A text that is there to be read."""
    return content[:KEPT].decode("utf-8", "replace")


def masked(content: bytes) -> str:
    """What a body begins with, as text: of settings the names alone; of what is no text, nothing."""
    if b"\0" in content[:512]:
        return ""
    text = content.decode("utf-8", "replace")
    if "<html" in text[:2048].lower() or "<!doctype html" in text[:2048].lower():
        return _told_of_html(text)
    return _SETTING.sub(r"\1…", text[:KEPT])


def _told_of_html(text: str) -> str:
    """A page without its style sheets, scripts and pictures, which come before what it says."""
    for tag in ("style", "script", "svg"):
        parts = re.split(rf"<{tag}\b", text, flags=re.IGNORECASE)
        ends = (re.split(rf"</{tag}\s*>", part, maxsplit=1, flags=re.IGNORECASE)[1:] for part in parts[1:])
        text = "".join((parts[0], *(end for rest in ends for end in rest)))
    return re.sub(r"\s+", " ", text)[:KEPT_OF_HTML]


class _Maps:
    """The source maps of a page's own scripts."""

    def __init__(self, ask: PathsAsk, session: Session, bench: Bench) -> None:
        self._ask = ask
        self._session = session
        self._bench = bench
        self.page_status: int | None = None
        self.scripts = 0
        self.found: list[SourceMap] = []
        self.unanswered: list[str] = []

    async def _get(self, target: str, most: int, *headers: tuple[str, str]) -> Reply | None:
        await self._bench.turns.turn(self._ask.host)
        reply = await self._session.ask(Place.of(self._ask.url + target).target, headers=headers, most=most)
        if isinstance(reply, Lost):
            self.unanswered.append(f"{target}: {reply.silence.value} ({reply.detail})")
            return None
        if reply.status == TOO_MANY or reply.status >= FAILING:
            self.unanswered.append(f"{target}: {reply.status}")
        return reply

    async def look(self, page: str) -> None:
        """Follows the scripts of a page that this host serves itself."""
        reply = await self._get(page, MOST_PAGE_BYTES)
        if reply is None:
            return
        self.page_status = reply.status
        text = reply.content.decode("utf-8", "replace")
        sources = dict.fromkeys(filter(None, (self._here(page, found[1]) for found in _SCRIPT.finditer(text))))
        for script in list(sources)[:MOST_SCRIPTS]:
            self.scripts += 1
            if (found := await self._map_of(script)) is not None:
                self.found.append(found)

    def _here(self, base: str, reference: str) -> str | None:
        """Path and query of what a page or script refers to; None on another host."""
        try:
            parts = urlsplit(urljoin(self._ask.url + base, reference))
        except ValueError:
            return None
        own = urlsplit(self._ask.url)
        if (parts.scheme, parts.netloc.lower()) != (own.scheme, own.netloc.lower()):
            return None
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    async def _map_of(self, script: str) -> SourceMap | None:
        """What a script says of its map, by header or at its end; where it says nothing, where bundlers put it."""
        reply = await self._get(script, MOST_PAGE_BYTES * 4, ("range", "bytes=-1024"))
        if reply is None or reply.status not in (200, 206):
            return None
        named = _REFERENCE.findall(reply.content.decode("utf-8", "replace"))
        told = reply.header("sourcemap") or reply.header("x-sourcemap") or (named[-1] if named else None)
        if told and told.startswith("data:"):
            return SourceMap(script=script, at="inline")
        at = self._here(script, told) if told else f"{script.partition('?')[0]}.map"
        held = await self._get(at, MOST_BYTES) if at else None
        if at is None or held is None or held.status != 200:  # noqa: PLR2004 - RFC 9110
            return None
        text = held.content.decode("utf-8", "replace")
        if "html" in _media_type(held) or not ('"version"' in text and ('"sources"' in text or '"mappings"' in text)):
            return None
        listed = _SOURCES.search(text)
        return SourceMap(script=script, at=at, sources=listed[1].count('"') // 2 if listed else 0)
