"""Judgements on who a database server is and whom it lets in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from roadworthy.facts import store
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import StoreEnd, Unseen
from roadworthy.rules.versions import is_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from roadworthy.facts.database import DatabaseObservation, Server
    from roadworthy.facts.store import Refusal
    from roadworthy.target.blocks.database import Database, Engine

T = TypeVar("T")

PRODUCTS: dict[str, frozenset[str]] = {
    "postgresql": frozenset({"postgresql"}),
    "mysql": frozenset({"mysql", "percona", "percona server"}),
    "mariadb": frozenset({"mariadb"}),
    "mongodb": frozenset({"mongodb"}),
}
"""What a product calls itself; Percona Server is a MySQL."""
IMITATIONS = ("docdb", "documentdb", "cosmos", "ferretdb", "tidb")
"""What some say of themselves beside the name of what they speak like."""

UNREADY = frozenset(
    {
        *("57P01", "57P02", "57P03"),  # PostgreSQL: shutting down, crashed, starting up
        *("1040", "1041", "1053", "1135", "3032"),  # MySQL: full, no memory, shutting down, no thread, offline
        *("91", "11600", "189", "10107", "13435"),  # MongoDB: shutting down, stepping down, no primary
    }
)
"""The server's own state; nobody would be let in."""
UNREADY_CLASS = re.compile(r"53[0-9A-Z]{3}")
"""PostgreSQL: insufficient resources, such as connections."""

NO_DATABASE = frozenset({"3D000", "42501", "1049", "1044"})
"""The database is not there, or not for this login."""

OF_CREDENTIALS = frozenset({"28P01", "1045", "1698", "18"})
"""The server looked at the credentials, and says no to them."""
OF_ANYTHING = frozenset({"08P01", "8000"})
"""PgBouncer and MongoDB Atlas have one code for all of their own; credentials are meant where they say so."""
NOT_ALLOWED = frozenset({"28000", "3118", "4151", "13"})
"""Nobody gets in by this name, whatever the password: no entry in pg_hba.conf, a locked account, no name at all."""
LET_IN = frozenset({"1044", "1049"})
"""MySQL says that a database is not there only after it has accepted the credentials."""

_UNENCRYPTED = re.compile(
    r"(?i)no encryption|ssl off|\b(?:ssl|tls)\b[^.]{0,40}\b(?:required|mandatory)"
    r"|requires? (?:an? )?(?:ssl|tls|encrypt)|insecure (?:transport|connection)|connection is insecure"
    r"|require_secure_transport|without (?:ssl|tls)\b"
)
"""How servers and poolers say that they want TLS: PostgreSQL, MySQL, PgBouncer, and the clouds' own."""
_SECURE = re.compile(r"3159|9002|require_secure_transport|REQUIRE [A-Z0-9]+")
_FAILED = re.compile(r"(?i)auth(?:entication)? failed|no such user|password")
_POOLERS = "no such database"
"""PgBouncer's words, before it has looked at any credentials."""
_ASKS = re.compile(r"it (?:asks for|wants)")
"""The probe's own words where the server went on to ask for what nobody had."""


def looked_at(seen: DatabaseObservation, part: T | Unseen | None, what: str) -> T:
    """A part of what is inside.

    Raises:
        NotObserved: nobody was let in, the conversation broke off, or the server would not show it.
    """
    _ = seen.inside  # raises where nobody was let in
    if part is None and seen.broke is not None:
        raise NotObserved(Reason.NO_ANSWER, seen.broke.told)
    return store.seen(part, what)


def of_each(
    seen: DatabaseObservation,
    parts: Sequence[T | Unseen] | None,
    names: Sequence[str],
    judge: Callable[[int, T], list[str]],
) -> list[str]:
    """The faults of parts that are judged one by one: all that are known, and none is passed over.

    Raises:
        NotObserved: none of those that were seen is at fault, and one could not be seen.
    """
    faults: list[str] = []
    untold: NotObserved | None = None
    for nth, name in enumerate(names):
        part = parts[nth] if parts is not None and nth < len(parts) else None
        try:
            faults += judge(nth, looked_at(seen, part, name))
        except NotObserved as error:
            untold = untold or NotObserved(error.reason, f"{name}: {error.detail}")
    if untold is not None and not faults:
        raise untold
    return faults


# --- the server ------------------------------------------------------------------------------------------------------


def is_unready(refusal: Refusal) -> bool:
    """Whether a refusal tells of the server's state, and not of who came."""
    return refusal.code in UNREADY or UNREADY_CLASS.fullmatch(refusal.code) is not None


def speechless(seen: DatabaseObservation, engine: Engine) -> list[str]:
    """What keeps anybody from talking to the server; how TLS and logins went is judged apart.

    Where TLS failed after the server had said in its own protocol that it speaks it, it is there. MongoDB has no words
    for it: where TLS fails at the first byte, nobody knows who is there.
    """
    if seen.session is not None:
        return []
    if seen.broke is not None:
        spoke = seen.server is not None or (seen.offers_tls is not None and engine != "mongodb")
        return [] if seen.broke.end is StoreEnd.NO_TLS and spoke else [seen.broke.told]
    if seen.refused is not None and is_unready(seen.refused):
        return [seen.told]
    return []


def server_of(seen: DatabaseObservation) -> Server:
    """Who answers.

    Raises:
        NotObserved: it did not say.
    """
    if seen.server is None:
        raise NotObserved(Reason.NO_ANSWER, f"the server did not say what it is: {seen.told}")
    return seen.server


def other_product(seen: DatabaseObservation, engine: Engine) -> list[str]:
    """That another product answers; some only say in a comment that they are not what they speak like."""
    server = server_of(seen)
    imitates = any(name in server.comment.casefold() for name in IMITATIONS)
    if server.product.casefold() in PRODUCTS[engine] and not imitates:
        return []
    comment = f" ({server.comment})" if server.comment else ""
    return [f"{server.product} {server.version} answers{comment}, promised {engine}"]


def other_version(seen: DatabaseObservation, promised: str) -> list[str]:
    """That another version answers."""
    server = server_of(seen)
    told = f"{server.product} {server.version} answers, promised {promised}"
    return [] if is_version(promised, server.version) else [told]


def unencrypted(seen: DatabaseObservation) -> list[str]:
    """How the way to the server is not encrypted, or not to the server that was meant.

    Raises:
        NotObserved: it did not come to TLS.
    """
    if seen.secured is not None:
        distrust = seen.secured.distrust
        return [f"the certificate does not verify: {distrust}"] if distrust else []
    if seen.broke is not None and seen.broke.end is StoreEnd.NO_TLS:
        return [seen.broke.told]
    if seen.offers_tls is False:
        return ["the server offers no TLS"]
    if seen.session is not None:
        return ["the login went over the network without TLS"]
    raise NotObserved(Reason.NO_ANSWER, seen.told)


def takes_plain(seen: DatabaseObservation, engine: Engine) -> list[str]:
    """How the server serves whoever comes without TLS.

    - Refused for the lack of TLS: as promised. PostgreSQL names the lack where no entry of pg_hba.conf admits it.
    - Let in, or asked for a password: it takes logins in plain.
    - MongoDB knows no refusal: one that demands TLS leaves at the first word, any other answers.

    Raises:
        NotObserved: it was not there, or refused for another reason.
    """
    if seen.session is not None:
        return ["a login without TLS was let in"]
    if engine == "mongodb":
        return _answers_plain(seen)
    if seen.broke is not None:
        raise NotObserved(Reason.NO_ANSWER, seen.told)
    if seen.refused is not None:
        return _refused_plain(seen.refused, engine)
    if seen.withheld:
        return [seen.withheld]
    if engine == "postgresql":
        return ["whoever comes without TLS is asked for a password, or let in"]
    raise NotObserved(Reason.NO_ANSWER, seen.told)


def _answers_plain(seen: DatabaseObservation) -> list[str]:
    if seen.server is not None:
        return ["it answers whoever comes without TLS"]
    if seen.broke is not None and seen.broke.end is StoreEnd.CLOSED:
        return []
    raise NotObserved(Reason.NO_ANSWER, seen.told)


def _refused_plain(refusal: Refusal, engine: Engine) -> list[str]:
    if _SECURE.fullmatch(refusal.code) or _UNENCRYPTED.search(refusal.message):
        return []
    if engine == "postgresql" and refusal.code in OF_CREDENTIALS | NO_DATABASE:
        return [f"a login without TLS was looked at: {refusal.told}"]
    raise NotObserved(Reason.NOT_APPLICABLE, f"refused, but not for the lack of TLS: {refusal.told}")


# --- logins ----------------------------------------------------------------------------------------------------------


def shut_out(seen: DatabaseObservation, promised: Database) -> list[str]:
    """How the promised credentials do not let in. A server that names the lack of a database has accepted them.

    Raises:
        NotObserved: no login was tried, or the server would have let in nobody.
    """
    if seen.session is not None:
        return []
    if seen.broke is not None or seen.refused is None or is_unready(seen.refused):
        raise NotObserved(Reason.NO_ANSWER, seen.told)
    if promised.name is not None and _lacks_database(seen.refused) and _POOLERS not in seen.refused.message:
        return []
    return [f"the login of {promised.login.username if promised.login else 'nobody'}: {seen.told}"]


def _lacks_database(refusal: Refusal) -> bool:
    return refusal.code in NO_DATABASE or _POOLERS in refusal.message


def elsewhere(seen: DatabaseObservation, name: str) -> list[str]:
    """That the database is not there for the login.

    Raises:
        NotObserved: it did not come to that.
    """
    if seen.session is not None:
        return [] if seen.session.database == name else [f"the session is in {seen.session.database}, promised {name}"]
    if seen.broke is None and seen.refused is not None and _lacks_database(seen.refused):
        return [seen.told]
    raise NotObserved(Reason.NO_ANSWER, seen.told)


def let_in(seen: DatabaseObservation, who: str, *, by_name: bool) -> list[str]:
    """How somebody was let in who must not be.

    Args:
        seen: what came of it.
        who: in words.
        by_name: a refusal of the very name will do, as nobody of that name gets in. It is no word on a password.

    Raises:
        NotObserved: the server was not there, or refused for another reason than who came.
    """
    if seen.session is not None:
        return [f"{who} was let in"]
    if seen.broke is not None or seen.refused is None:
        raise NotObserved(Reason.NO_ANSWER, seen.told)
    refusal = seen.refused
    if refusal.code in LET_IN:
        return [f"{who} was let in, and then told: {refusal.told}"]
    if _UNENCRYPTED.search(refusal.message):
        raise NotObserved(Reason.NOT_APPLICABLE, f"refused for the lack of TLS, not for who came: {refusal.told}")
    if _is_of_credentials(refusal) or (by_name and _is_of_the_name(refusal)):
        return []
    raise NotObserved(Reason.NOT_APPLICABLE, f"refused, but not for the credentials: {refusal.told}")


def _is_of_credentials(refusal: Refusal) -> bool:
    if refusal.code in OF_ANYTHING:
        return bool(_FAILED.search(refusal.message))
    return refusal.code in OF_CREDENTIALS


def _is_of_the_name(refusal: Refusal) -> bool:
    return refusal.code in NOT_ALLOWED or (not refusal.code and bool(_ASKS.match(refusal.message)))
