"""What `SHOW GRANTS` of MySQL and MariaDB says, read exactly; of a password's hash in it nothing is kept.

    GRANT SELECT (`a`, `b`), INSERT ON `shop`.`orders` TO `app`@`%` WITH GRANT OPTION
    GRANT `reader`@`%` TO `app`@`%`
    REVOKE SELECT ON `mysql`.* FROM `app`@`%`          MySQL, partial_revokes: kept as `NO SELECT`

The name of a whole schema is a pattern there, so its `_` is often escaped; both ways of writing are one.
Sources: MySQL 8.4 Reference Manual 15.7.7.22, 15.7.1.6; MariaDB "SHOW GRANTS", "GRANT".
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from roadworthy.facts.database import Grant, Privileges

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>`(?:[^`]|``)*`|'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*")
      | (?P<mark>[(),.@*])
      | (?P<word>[^\s`'"(),.@*]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_KINDS = ("TABLE", "PROCEDURE", "FUNCTION", "PACKAGE", "BODY")
EVERY_HOST = "%"


class UnreadableError(ValueError):
    """A line is no grant; the line is not told, it may hold a hash."""

    def __init__(self) -> None:
        super().__init__("the server lists a grant that can't be read")


class Token(NamedTuple):
    """A part of a statement."""

    text: str
    quoted: bool

    def says(self, *words: str) -> bool:
        """Whether it is one of these words, and no name."""
        return not self.quoted and self.text.upper() in words


def read(lines: Iterable[str]) -> Privileges:
    """All that some lines grant.

    Raises:
        UnreadableError: one of them can't be read.
    """
    held: dict[str, set[str]] = {}
    roles: set[str] = set()
    for line in lines:
        tokens = tokens_of(line)
        if tokens[:1] and tokens[0].says("SET"):
            continue  # MariaDB's SET DEFAULT ROLE: one that is granted on a line of its own
        what, after = _parted(tokens)
        place = next((number for number, token in enumerate(what) if token.says("ON")), None)
        if place is None:
            roles |= {_account(part) for part in _parts(what)}
            continue
        on, privileges = _object(what[place + 1 :]), _privileges(what[:place])
        if tokens[0].says("REVOKE"):
            privileges = {f"NO {privilege}" for privilege in privileges}
        elif _gives_on(after):
            privileges.add("GRANT OPTION")
        held.setdefault(on, set()).update(privileges - {"USAGE"})
    grants = tuple(Grant(on=on, privileges=tuple(sorted(held[on]))) for on in sorted(held) if held[on])
    return Privileges(grants=grants, roles=tuple(sorted(roles)))


def demands(statement: str) -> str:
    """What an account's definition demands of its connections (`SSL`, `X509`, `ISSUER`, ...); empty: nothing.

    Raises:
        UnreadableError: it can't be read.
    """
    tokens = tokens_of(statement)
    for token, following in pairwise(tokens):
        if token.says("REQUIRE") and not following.quoted:
            return "" if following.says("NONE") else following.text.upper()
    return ""


def tokens_of(statement: str) -> list[Token]:
    """A statement in parts; names without their quotes.

    Raises:
        UnreadableError: a quote has no end.
    """
    tokens: list[Token] = []
    statement, place = statement.strip(), 0
    while place < len(statement):
        match = _TOKEN.match(statement, place)
        if match is None:
            raise UnreadableError
        place = match.end()
        quoted = match["quoted"]
        if quoted is not None:
            tokens.append(Token(_unquoted(quoted), quoted=True))
        else:
            tokens.append(Token(match["mark"] or match["word"], quoted=False))
    return tokens


def _unquoted(quoted: str) -> str:
    mark, inner = quoted[0], quoted[1:-1]
    inner = inner.replace(mark * 2, mark)
    return re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL) if mark == "'" else inner


def _parted(tokens: Sequence[Token]) -> tuple[list[Token], list[Token]]:
    """What is granted, and what stands behind TO."""
    if not tokens or not tokens[0].says("GRANT", "REVOKE"):
        raise UnreadableError
    ends = [number for number, token in enumerate(tokens) if token.says("TO", "FROM")]
    if not ends or ends[0] < 2:  # noqa: PLR2004 - GRANT and something
        raise UnreadableError
    return list(tokens[1 : ends[0]]), list(tokens[ends[0] + 1 :])


def _parts(tokens: Sequence[Token]) -> Iterable[list[Token]]:
    """What stands between commas."""
    part: list[Token] = []
    depth = 0
    for token in tokens:
        depth += token.says("(") - token.says(")")
        if token.says(",") and not depth:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _privileges(tokens: Sequence[Token]) -> set[str]:
    return {_privilege(part) for part in _parts(tokens)}


def _privilege(part: Sequence[Token]) -> str:
    words = [token.text.upper() for token in part if not token.quoted and token.text[0] not in "(),.@*"]
    opens = [number for number, token in enumerate(part) if token.says("(")]
    name = " ".join(words[: opens[0]] if opens else words)
    if not name:
        raise UnreadableError
    if not opens:
        return name
    columns = [token.text for token in part[opens[0] + 1 :] if not token.says(",", "(", ")")]
    return f"{name} ({', '.join(columns)})"


def _object(tokens: list[Token]) -> str:
    """`*.*`, `schema.*`, `schema.table`, `procedure schema.name`; of PROXY the account."""
    kinds = []
    while len(tokens) > 1 and tokens[0].says(*_KINDS) and not tokens[1].says("."):
        kinds.append(tokens.pop(0).text.lower())
    kind = "".join(f"{word} " for word in kinds if word != "table")
    if any(token.says("@") for token in tokens):
        return _account(tokens) or "''"
    if len(tokens) == 1 and tokens[0].text:  # MariaDB's own: one name alone
        return kind + tokens[0].text
    if len(tokens) != 3 or not tokens[1].says("."):  # noqa: PLR2004 - a schema, a dot, a name
        raise UnreadableError
    schema, _, name = tokens
    of = schema.text
    if name.says("*"):
        of = of.replace(r"\_", "_").replace(r"\%", "%")
    return f"{kind}{of}.{name.text}"


def _account(tokens: Sequence[Token]) -> str:
    """A role or user: its name, and its host where it is not every host."""
    if not tokens:
        raise UnreadableError
    name, host = tokens[0], tokens[1:]
    if not host:
        return name.text
    if not host[0].says("@") or len(host) < 2:  # noqa: PLR2004 - @ and a host
        raise UnreadableError
    where = "".join(token.text for token in host[1:])
    return name.text if where == EVERY_HOST else f"{name.text}@{where}"


def _gives_on(after: Sequence[Token]) -> bool:
    return any(token.says("GRANT") and following.says("OPTION") for token, following in pairwise(after))
