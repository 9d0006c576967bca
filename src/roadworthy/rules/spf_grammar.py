"""SPF records taken apart (RFC 7208 sections 4.6, 5, 6, 7 and 12): terms, networks, macros. No look-ups, no verdicts.

text ─► parse ─► Record(terms, redirect, exp)        a record with any fault of syntax is none: SyntaxFault
text ─► pieces ─► str | Macro                        what a domain-spec or an explanation is made of
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "v=spf1"
LONGEST = 10_000
"""Characters of a record, far beyond what fits into an answer over UDP (section 3.4)."""
MECHANISMS = ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists")
LOOKS_UP = frozenset({"include", "a", "mx", "ptr", "exists"})
"""Mechanisms that count against the limit of look-ups (section 4.6.4), as does `redirect`."""

_EXPAND = r"%\{[slodiphcrtvSLODIPHCRTV][0-9]*[rR]?[.+,/_=-]*\}|%%|%_|%-"
_MACRO_STRING = rf"(?:{_EXPAND}|[!-$&-~])*"
_TOP_LABEL = r"(?:[0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9])"
_DOMAIN_SPEC = re.compile(rf"{_MACRO_STRING}(?:\.{_TOP_LABEL}\.?|{_EXPAND})")
_TEXT = re.compile(_MACRO_STRING)
_EXPLANATION = re.compile(rf"(?:{_EXPAND}|[ !-$&-~])*")
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)")
_MECHANISM = re.compile(rf"([+?~-]?)({'|'.join(MECHANISMS)})((?:[:/].*)?)", re.IGNORECASE)
_LENGTHS = re.compile(r"(.*?)(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?")
_PIECE = re.compile(
    r"%\{(?P<letter>[A-Za-z])(?P<digits>[0-9]*)(?P<reverse>[rR]?)(?P<delimiters>[.+,/_=-]*)\}|%(?P<escape>.)"
)
_ESCAPES = {"%": "%", "_": " ", "-": "%20"}
_EXPLAINING = frozenset("crtCRT")
"""Macro letters that stand for something in explanations alone (section 7.2)."""


class SyntaxFault(ValueError):  # noqa: N818 - a state of a record, not an error of ours
    """The record is none: check_host gives permerror."""


@dataclass(frozen=True)
class Macro:
    """`%{d2r.}`: a value, split, reversed, cut to its last parts, joined by dots."""

    letter: str
    keeps: int
    """The parts that are kept, from the right; 0: all of them."""
    reverses: bool
    delimiters: str

    @property
    def is_escaped(self) -> bool:
        """An upper-case letter: the value is made fit for a URL."""
        return self.letter.isupper()

    def applied(self, value: str) -> str:
        """A value with the macro's transformers applied (section 7.3)."""
        parts = re.split(f"[{re.escape(self.delimiters or '.')}]", value)
        if self.reverses:
            parts.reverse()
        return ".".join(parts[-self.keeps :] if self.keeps else parts)


@dataclass(frozen=True)
class Term:
    """A mechanism with its qualifier."""

    text: str
    qualifier: str
    mechanism: str
    spec: str | None = None
    """The domain-spec, unexpanded; None where the domain itself is meant."""
    network: IPv4Network | IPv6Network | None = None
    """Of `ip4` and `ip6`."""
    lengths: tuple[int, int] = (32, 128)
    """Bits of an address that count for `a` and `mx`, IPv4 and IPv6."""


@dataclass(frozen=True)
class Record:
    """A record without fault."""

    text: str
    terms: tuple[Term, ...]
    redirect: str | None = None
    exp: str | None = None

    @property
    def all(self) -> Term | None:
        """The first `all`; nothing behind it counts, nor does `redirect` (section 5.1)."""
        return next((term for term in self.terms if term.mechanism == "all"), None)


def is_record(text: str) -> bool:
    """Whether a TXT record claims to be SPF (section 4.5)."""
    return text.lower() == VERSION or text.lower().startswith(VERSION + " ")


@lru_cache(maxsize=256)
def parse(text: str) -> Record:
    """A record taken apart.

    Raises:
        SyntaxFault: it breaks the grammar, in the words of the term that does.
    """
    if not text.isascii():
        raise SyntaxFault("holds characters that are not ASCII")
    if len(text) > LONGEST:
        raise SyntaxFault(f"is {len(text)} characters long; receivers need not take one that fits into no UDP answer")
    terms: list[Term] = []
    modifiers: dict[str, str] = {}
    for part in text[len(VERSION) :].split(" "):
        if not part:
            continue
        if modifier := _MODIFIER.fullmatch(part):
            _take_modifier(modifiers, modifier[1].lower(), modifier[2], part)
        else:
            terms.append(_term(part))
    return Record(text, tuple(terms), modifiers.get("redirect"), modifiers.get("exp"))


def _take_modifier(modifiers: dict[str, str], name: str, value: str, part: str) -> None:
    if name not in ("redirect", "exp"):
        _check(_TEXT, value, part)
    elif name in modifiers:
        raise SyntaxFault(f"{name}= stands twice")
    else:
        modifiers[name] = _check(_DOMAIN_SPEC, value, part)


def _term(part: str) -> Term:
    match = _MECHANISM.fullmatch(part)
    if match is None:
        raise SyntaxFault(f"{part!r} is no mechanism")
    qualifier, mechanism, rest = match[1] or "+", match[2].lower(), match[3]
    if mechanism in ("ip4", "ip6"):
        return Term(part, qualifier, mechanism, network=_network(mechanism, rest, part))
    lengths = (32, 128)
    if mechanism in ("a", "mx"):
        rest, lengths = _lengths(rest, part)
    if not rest and mechanism not in ("include", "exists"):
        return Term(part, qualifier, mechanism, lengths=lengths)
    if mechanism == "all" or not rest.startswith(":"):
        raise SyntaxFault(f"{part!r} is no mechanism")
    return Term(part, qualifier, mechanism, spec=_check(_DOMAIN_SPEC, rest[1:], part), lengths=lengths)


def _lengths(rest: str, part: str) -> tuple[str, tuple[int, int]]:
    match = _LENGTHS.fullmatch(rest)
    assert match is not None  # noqa: S101 - its first group takes anything
    four, six = int(match[2] or 32), int(match[3] or 128)
    if four > 32 or six > 128:  # noqa: PLR2004 - bits of an address
        raise SyntaxFault(f"{part!r} has a prefix that is too long")
    return match[1], (four, six)


_NETWORK = re.compile(r":([0-9.]+|[0-9A-Fa-f:.]+)(?:/(0|[1-9][0-9]{0,2}))?")


def _network(mechanism: str, rest: str, part: str) -> IPv4Network | IPv6Network:
    match = _NETWORK.fullmatch(rest)
    try:
        if match is None:
            raise SyntaxFault(f"{part!r} names no network")
        network = ip_network(f"{match[1]}/{match[2]}" if match[2] else match[1], strict=False)
    except ValueError as error:
        raise SyntaxFault(f"{part!r} names no network") from error
    if network.version != int(mechanism[2]):
        raise SyntaxFault(f"{part!r} names no IPv{mechanism[2]} network")
    return network


def _check(grammar: re.Pattern[str], value: str, part: str) -> str:
    if grammar.fullmatch(value) is None:
        raise SyntaxFault(f"{part!r} breaks the grammar of macros and names")
    for piece in pieces(value):
        if isinstance(piece, Macro) and piece.letter in _EXPLAINING:
            raise SyntaxFault(f"{part!r} holds a macro that only explanations may have")
    return value


def check_explanation(text: str) -> str:
    """An explanation, if its macros can be expanded (section 6.2).

    Raises:
        SyntaxFault: they can't.
    """
    if not text.isascii() or _EXPLANATION.fullmatch(text) is None:
        raise SyntaxFault("breaks the grammar of an explanation")
    return text


def pieces(text: str) -> Iterator[str | Macro]:
    """The plain texts and macros that a text is made of.

    Raises:
        SyntaxFault: a macro asks for no part at all.
    """
    at = 0
    for match in _PIECE.finditer(text):
        yield text[at : match.start()]
        at = match.end()
        if match["escape"]:
            yield _ESCAPES[match["escape"]]
            continue
        keeps = int(match["digits"].lstrip("0")[:4] or 0)
        if match["digits"] and not keeps:
            raise SyntaxFault(f"{match[0]!r} keeps no part of the value")
        yield Macro(match["letter"], keeps, bool(match["reverse"]), match["delimiters"])
    yield text[at:]
