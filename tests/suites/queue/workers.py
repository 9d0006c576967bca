"""Workers as promised; a test changes one thing of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.pm2 import Instance, Pm2Observation, Saved, Start, Unit
from roadworthy.facts.store import Unseen
from roadworthy.facts.supervisor import Configured, Exit, Log, Process, SupervisorObservation
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from roadworthy.cases.base import Case

C = TypeVar("C", bound="Case[Any, Any, Any]")

HIDDEN = Unseen(unseen="not permitted", detail="Permission denied")
COMMAND = "/usr/bin/php /srv/artisan queue:work redis --sleep=3"
CONFIGURED = Configured(command=COMMAND, user="www-data", autostart=True, autorestart="true")
HOME = "/home/deploy/.pm2"
START = Start(script="/srv/server.js", mode="cluster", words="a1")
UNIT = Unit(name="pm2-deploy.service", user="deploy", home=HOME, resurrects=True)


def ago(seconds: float) -> Any:
    """A time before the look."""
    return NOW - timedelta(seconds=seconds)


def case(kind: type[C], seen: object, **blocks: Any) -> C:
    """The case of a host that promises this."""
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"vantages": {"app": {"ssh": "deploy@app.shop.test", "sudo": True}}},
            "components": {"app": {"host": "app", **blocks}},
        }
    )
    component = target.components["app"]
    expected, ask = next(iter(kind.looks(target, component)))
    return kind(target=target, name="app", component=component, expected=expected, ask=ask, address=None, seen=seen)


def program(kind: type[C], seen: object, **promised: Any) -> C:
    """The case of a program of which this is promised."""
    return case(kind, seen, supervisor={"programs": {"worker": {"processes": 2} | promised}})


def process(number: int = 0, **changes: Any) -> Process:
    """A process that runs."""
    given: dict[str, Any] = {
        "group": "worker",
        "name": f"worker_{number:02d}",
        "state": "RUNNING",
        "said": "pid 7, uptime 0:10:00",
    }
    given |= {"started": ago(600), "user": "www-data", "configured": CONFIGURED}
    return Process(**given | changes)


def supervised(*processes: Process, **changes: Any) -> SupervisorObservation:
    """Two processes, or these."""
    given = {"processes": processes or (process(0), process(1)), "log": logged(), "drift": ()}
    return SupervisorObservation(observed_at=NOW, now=NOW, config="/etc/supervisord.conf", **given | changes)


def logged(*ends: float, begins: float = 7200, started: bool = False) -> Log:
    """A log in which the first worker ended so many seconds ago, each."""
    exits = tuple(Exit(name="worker_00", at=ago(end), how="exit status 1; not expected") for end in ends)
    return Log(begins=ago(begins), started=started, exits=exits)


def app(kind: type[C], seen: object, **promised: Any) -> C:
    """The case of an application of which this is promised."""
    return case(kind, seen, pm2={"user": "deploy", "apps": {"admin": {"instances": 2} | promised}})


def instance(**changes: Any) -> Instance:
    """An instance that is online."""
    given = {"name": "admin", "status": "online", "started": ago(600), "restarts": 1, "unstable": 0, "user": "deploy"}
    return Instance(**{**given, "start": START, **changes})


def saved(**changes: Any) -> Saved:
    """An instance that was saved."""
    return Saved(**{"name": "admin", "status": "online", "start": START, **changes})


def kept(*instances: Instance, **changes: Any) -> Pm2Observation:
    """Two instances, or these."""
    given = {"instances": instances or (instance(), instance()), "saved": (saved(), saved()), "units": (UNIT,)}
    return Pm2Observation(observed_at=NOW, now=NOW, home=HOME, **given | changes)
