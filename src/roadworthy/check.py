"""A check is an ordinary test function with a name, a severity, a source and words for the person who reads it.

    @check("TLS-EXPIRY", severity="high", expects="tls.min_days_left", source="CA/B SC-081v3",
           by_hand="openssl s_client -connect {address} -servername {host} </dev/null | openssl x509 -noout -enddate",
           repair="Renew the certificate, and find out why the renewal job did not.")
    def test_certificate_outlives_its_renewal_window(tls: TlsCase) -> None:
        \"\"\"Renewal runs daily; a certificate this close to its end means that renewal has been failing.\"\"\"
        left, floor = tls.seen.days_left, tls.expected.min_days_left
        assert left >= floor, f"expires {tls.seen.leaf.not_after:%d %b %Y}: {left} days left, {floor} promised"

The docstring says why it matters; the first line of the assertion's message says what was seen. The body judges one
observation; the plugin asks it of every address and page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, TypeVar

F = TypeVar("F", bound=Callable[..., None])


class Severity(IntEnum):
    """How much a broken promise costs; `--fail-on` says from which one on it blocks."""

    INFO = 0  # advice: never blocks unless asked to
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """As written in options, markers and reports."""
        return self.name.lower()


@dataclass(frozen=True)
class Check:
    """What is known of a check without running it."""

    id: str
    severity: Severity
    source: str
    why: str
    title: str
    by_hand: str | Mapping[str, str]
    """One for all, or one for each product that may be behind the promise."""
    repair: str
    expects: str | None
    """The key of a component that this check judges (`tls.min_days_left`); None: it belongs to every component."""
    availability: bool
    """The component is not there at all if this fails: it is waited for, and it explains what depends on it."""
    after: tuple[str, ...]
    """Checks of the same component whose failure explains this one's."""
    following: bool = False
    """It judges how the component copies its primary: a primary that is not there explains it."""
    awaited: bool = False
    """It is waited for, as availability is: what it judges takes a while to be true everywhere."""

    def by_hand_for(self, engine: str | None) -> str:
        """The command for a product; empty where there is none for it."""
        return self.by_hand if isinstance(self.by_hand, str) else self.by_hand.get(engine or "", "")


def check(
    check_id: str,
    *,
    severity: Literal["critical", "high", "medium", "low", "info"],
    source: str,
    by_hand: str | Mapping[str, str],
    repair: str,
    expects: str | None = None,
    availability: bool = False,
    after: tuple[str, ...] = (),
    following: bool = False,
    awaited: bool = False,
) -> Callable[[F], F]:
    """Makes a test function a check.

    Args:
        check_id: stable, upper case, e.g. `TLS-EXPIRY`.
        severity: what a broken promise costs.
        source: where the rule comes from (RFC, policy and its date).
        by_hand: a command that shows the same, or one for each product; `{host}`, `{port}`, `{address}` (address:port),
            `{url}`, `{headers}` (those of the request, as curl's options), `{user}` and `{name}` (a database's) are
            filled in.
        repair: what to do, in one or two sentences.
        expects: the component's key that is judged.
        availability: its failure means that the component is not there.
        after: checks of the same component whose failure explains this one's.
        following: it judges how the component copies its primary.
        awaited: it is waited for with `--wait`.

    Raises:
        TypeError: the function has no docstring.
    """

    def mark(function: F) -> F:
        if not function.__doc__:
            raise TypeError(f"{function.__name__}: a check's docstring says why it matters")
        function.__roadworthy__ = Check(  # type: ignore[attr-defined]
            id=check_id,
            severity=Severity[severity.upper()],
            source=source,
            why=" ".join(function.__doc__.split()),
            title=function.__name__.removeprefix("test_").replace("_", " "),
            by_hand=by_hand,
            repair=repair,
            expects=expects,
            availability=availability,
            after=after,
            following=following,
            awaited=awaited,
        )
        return function

    return mark


def check_of(function: object) -> Check | None:
    """What `@check` knows of a test function; None where it is not a check."""
    found = getattr(function, "__roadworthy__", None)
    return found if isinstance(found, Check) else None
