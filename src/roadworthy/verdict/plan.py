"""What a run would send: every ask of the selected checks, where it would go, and how often each name is asked.

Made before anything is sent, and without looking up a name. It is what `--dry-run` lists, and what `network.budget` is
held against: a run that needs more than its budget is refused as a whole, as half a run would be no verdict.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from roadworthy.check import check_of
from roadworthy.facts.base import Ask, Lane, Moment
from roadworthy.facts.http import HttpAsk
from roadworthy.target.routes import plain_name, routed
from roadworthy.verdict.judging import Subject, looks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from roadworthy.target.network import Network

    Checked = tuple[Callable[..., None], Subject]

COMMON = frozenset(Ask.model_fields) | {"url"}
HTTP = COMMON | {"method", "headers"}
"""Fields of an ask that are told in another way."""


EVERYWHERE, AT_IT = "at every address", "at that address"


@dataclass(frozen=True)
class Planned:
    """One ask, and the checks that need it."""

    ask: Ask
    checks: tuple[str, ...]
    """`CHECK [component]`"""
    is_waited_for: bool
    """It is asked in every round of waiting, too."""

    @property
    def what(self) -> str:
        """The ask in a line: what is sent where, and all that is particular about it."""
        ask = self.ask
        place = getattr(ask, "url", ask.place)
        if isinstance(ask, HttpAsk):
            told = [*(f"{name}: {value}" for name, value in ask.headers), *self._details(HTTP)]
            words = f"{ask.method} {place}"
        else:
            told, words = self._details(COMMON), f"{ask.kind} {place}"
        return words + (f" ({', '.join(told)})" if told else "")

    def _details(self, but: frozenset[str]) -> list[str]:
        given = self.ask.model_dump(mode="json", exclude_defaults=True, exclude=set(but))
        body = given.pop("content", None)
        sent = [f"body of {len(body.encode())} bytes"] if isinstance(body, str) else []
        return [*(f"{name}: {_told(value)}" for name, value in given.items()), *sent]

    @property
    def when(self) -> str:
        """The lane, or that it is one of the last looks."""
        return "end" if self.ask.moment is Moment.END else self.ask.lane.value


@dataclass(frozen=True)
class Plan:
    """All that a run would send."""

    asks: tuple[Planned, ...]
    network: Network

    @property
    def of_hosts(self) -> Mapping[str, int]:
        """Exchanges with each name at each of its addresses, the most asked first."""
        counted: Counter[str] = Counter()
        for planned in self.asks:
            counted[planned.ask.host] += planned.ask.exchanges
        return dict(counted.most_common())

    @property
    def of_a_round(self) -> int:
        """Exchanges of one round of waiting, at each address."""
        return sum(planned.ask.exchanges for planned in self.asks if planned.is_waited_for)

    @property
    def looked_up(self) -> tuple[str, ...]:
        """Names that a resolver is asked for: all that are no address, and led nowhere else."""
        found = (name for planned in self.asks for name in self._names_of(planned.ask))
        return tuple(dict.fromkeys(found))

    def _names_of(self, ask: Ask) -> Iterable[str]:
        leads = routed(self.network.connect_to, ask.host, ask.port) or ((ask.host, ask.port),)
        for host, _ in leads:
            name = plain_name(host)
            if ask.via is None and (ask.per_address or ask.kind == "name") and not _is_address(name):
                yield name

    def where(self, ask: Ask) -> str:
        """At which addresses it would be asked."""
        if not ask.per_address:
            return "once"
        if ask.via is not None:
            return f"from {ask.via}"
        leads = routed(self.network.connect_to, ask.host, ask.port)
        if leads:
            told = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in leads)
            return f"at {', '.join(told)}"
        return AT_IT if _is_address(plain_name(ask.host)) else EVERYWHERE

    @property
    def excess(self) -> str | None:
        """Why the run is refused; None where every name stays within the budget."""
        over = {host: count for host, count in self.of_hosts.items() if count > self.network.budget}
        if not over:
            return None
        told = "; ".join(
            f"{count} exchanges with {host}, of which {', '.join(self._heaviest(host))}" for host, count in over.items()
        )
        return (
            f"the budget is {self.network.budget} exchanges of one run with one name, and this one needs {told}. "
            "Raise network.budget if the host can take it, or verify less at once (-m 'not rough', -k)"
        )

    def _heaviest(self, host: str, at_most: int = 3) -> Iterable[str]:
        """What the most is spent on, by kind of ask and the checks behind it."""
        kinds: Counter[str] = Counter()
        checks: dict[str, dict[str, None]] = {}
        for planned in self.asks:
            if planned.ask.host == host:
                kinds[planned.ask.kind] += planned.ask.exchanges
                names = (name.partition(" ")[0] for name in planned.checks)
                checks.setdefault(planned.ask.kind, {}).update(dict.fromkeys(names))
        for kind, count in kinds.most_common(at_most):
            yield f"{count} of {kind} ({', '.join(checks[kind])})"


def plan(checked: Iterable[Checked], network: Network, *, is_blocker: Callable[[Callable[..., None]], bool]) -> Plan:
    """What checks need, each ask once, in the order in which it would be sent."""
    needs: dict[Ask, list[str]] = {}
    waited: set[Ask] = set()
    for function, subject in checked:
        check = check_of(function)
        name = f"{check.id if check else function.__name__} [{subject.name}]"
        for _, ask in looks_of(function, subject):
            needs.setdefault(ask, []).append(name)
            if is_blocker(function) and ask.moment is not Moment.END:
                waited.add(ask)
    order = [*Lane]
    asks = sorted(needs, key=lambda ask: (ask.moment is Moment.END, order.index(ask.lane)))
    return Plan(tuple(Planned(ask, tuple(dict.fromkeys(needs[ask])), ask in waited) for ask in asks), network)


def _told(value: object) -> str:
    """A field's value as text; of what is in a list, everything."""
    if isinstance(value, list):
        return " ".join(map(_told, value))
    if isinstance(value, dict):
        return " ".join(_told(held) for held in value.values() if held not in (None, ""))
    return str(value)


def _is_address(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
