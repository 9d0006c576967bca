"""Looking at a host from within: what is sent, how it is answered, and every way in which it is not."""

from __future__ import annotations

import ast
import asyncio
import sys
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts import ASKS, ON_HOSTS
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.host import HostReachAsk, HostReachObservation
from roadworthy.observe.engine import PROBES
from roadworthy.probes.bench import Bench
from roadworthy.probes.host import _observation, observe
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.facts.base import Observation

MODULES = sorted(file.name for file in files("roadworthy.onhost").iterdir() if file.name.endswith(".py"))
ASK = HostReachAsk(host="this machine", via="here")


def network(**vantage: Any) -> Network:
    given = {"local": True, "python": sys.executable} | vantage
    return Network.model_validate({"vantages": {"here": given}, "timeout": "5s"})


def look(settings: Network, *asks: HostReachAsk) -> list[Observation | NotObserved]:
    """What is seen of each ask, all asked at once."""

    async def all_of() -> list[Any]:
        bench = Bench(settings, "test", settings.patience_s)
        async with bench.exits:
            found = await asyncio.gather(*(observe(ask, None, bench) for ask in asks), return_exceptions=True)
        return list(found)

    return asyncio.run(all_of())


def seen(settings: Network, ask: HostReachAsk = ASK) -> HostReachObservation:
    (found,) = look(settings, ask)
    assert isinstance(found, HostReachObservation), found
    return found


def unseen(settings: Network, ask: HostReachAsk = ASK) -> NotObserved:
    (found,) = look(settings, ask)
    assert isinstance(found, NotObserved), found
    return found


def program(folder: Path, text: str) -> str:
    file = folder / "program"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def test_a_host_tells_who_is_there() -> None:
    found = seen(network())
    assert (found.gone, found.user, found.sudo) == ("", "root" if sys.platform and _is_root() else found.user, None)
    assert found.python.startswith("3.")
    assert found.skew_s == 0.0


def test_neither_the_login_nor_the_look_hides_how_far_a_clock_is_behind() -> None:
    sent = datetime.now(UTC) - timedelta(seconds=10.5)
    said = {"seen": {}, "sent": sent, "now": datetime.now(UTC).timestamp() - 2, "took": 10.0}
    found = _observation(ASK, said)
    assert isinstance(found, HostReachObservation)
    assert found.skew_s == pytest.approx(-1.5, abs=0.2)


def _is_root() -> bool:
    import os  # noqa: PLC0415 - one question

    return os.geteuid() == 0


def test_all_asks_of_a_host_are_one_program(tmp_path: Path) -> None:
    count = tmp_path / "count"
    python = program(tmp_path, f'echo x >> {count}; exec {sys.executable} "$@"')
    asks = [ASK.model_copy(update={"port": number}) for number in range(40)]
    found = look(network(python=python), *asks)
    assert all(isinstance(one, HostReachObservation) for one in found)
    assert len(count.read_text().split()) == 1


def test_a_program_runs_in_a_container_by_what_stands_before_it(tmp_path: Path) -> None:
    entering = program(tmp_path, '[ "$1" = app ] && shift && exec "$@"; echo "No such container: $1" >&2; exit 1')
    assert seen(network(local=False, exec=[entering, "app"])).python
    error = unseen(network(local=False, exec=[entering, "other"]))
    assert (error.reason, "No such container: other" in error.detail) == (Reason.VANTAGE, True)


@pytest.mark.parametrize(
    ("text", "reason", "why"),
    [
        ("echo 'sh: python3: not found' >&2; exit 127", Reason.VANTAGE, "there must be a Python 3.7 or newer"),
        ("echo Welcome to app.example", Reason.VANTAGE, "says something of its own"),
        ("cat >/dev/null", Reason.VANTAGE, "ended without an answer"),
        ("kill -9 $$", Reason.VANTAGE, "ended with -9"),
        ("head -c 40000000 /dev/zero; sleep 60", Reason.VANTAGE, "answers more than 16 MiB"),
        ('echo \'{"number": 7, "seen": {}, "now": 1.0, "took": 0.1}\'', Reason.VANTAGE, "says something of its own"),
        ('echo \'{"number": 0, "seen": {"user": 7}, "now": 1.0, "took": 0.1}\'', Reason.VANTAGE, "answer is none"),
        ('echo \'{"number": 0, "seen": {}, "now": 1e99, "took": 0.1}\'', Reason.VANTAGE, "answer is none"),
    ],
    ids=["no-python", "greets", "ends", "killed", "floods", "invents", "misspells", "lives-later"],
)
def test_a_host_that_can_not_look_is_not_observed(tmp_path: Path, text: str, reason: Reason, why: str) -> None:
    error = unseen(network(python=program(tmp_path, text)))
    assert error.reason is reason
    assert why in error.detail


def test_a_program_that_is_not_there_is_not_observed() -> None:
    assert "No such file" in unseen(network(python="/nowhere/python3")).detail


def test_a_dead_host_is_seen_to_be_dead(tmp_path: Path) -> None:
    import asyncssh  # noqa: PLC0415 - for a key alone

    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "known").write_text(f"[127.0.0.1]:1 {key.export_public_key().decode()}")
    settings = network(
        local=False, ssh="deploy@127.0.0.1:1", key_file=str(tmp_path / "key"), known_hosts=str(tmp_path / "known")
    )
    found = seen(settings)
    assert found.gone == "deploy@127.0.0.1:1: connection refused"
    assert found.transient
    with pytest.raises(NotObserved, match="connection refused"):
        _ = found.inside


@pytest.mark.parametrize(
    ("text", "told"),
    [("exec true", ""), ("echo 'sudo: a password is required' >&2; exit 1", "sudo: a password is required")],
    ids=["lets", "refuses"],
)
def test_sudo_is_tried_where_it_is_to_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    (tmp_path / "bin").mkdir()
    sudo = tmp_path / "bin" / "sudo"
    sudo.write_text(f"#!/bin/sh\n{text}\n")
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert seen(network(sudo=True), ASK.model_copy(update={"sudo": True})).sudo == told


def test_every_kind_has_its_module() -> None:
    assert {f"{kind}.py" for kind in ON_HOSTS} <= set(MODULES)
    assert all(PROBES[kind] == "roadworthy.probes.host" for kind in ON_HOSTS)
    assert all(ASKS[kind].many_exchanges for kind in ON_HOSTS)


@pytest.mark.parametrize("name", MODULES)
def test_what_runs_on_a_host_is_of_any_python_from_3_7_on(name: str) -> None:
    text = (files("roadworthy.onhost") / name).read_text("utf-8")
    tree = ast.parse(text, feature_version=(3, 7))
    imported = {
        alias.name.partition(".")[0] if isinstance(node, ast.Import) else (node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    strangers = {one for one in imported if one not in sys.stdlib_module_names} - {"roadworthy"}
    assert not strangers
    own = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("roadw")]
    assert all(f"{module}.".startswith("roadworthy.onhost.") for module in own)
