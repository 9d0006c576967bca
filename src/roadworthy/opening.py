"""What a run starts from: its options, the target with its secrets, a recording to replay, a folder of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from roadworthy.target.loading import Loaded, TargetError, find_target
from roadworthy.target.models import Target
from roadworthy.target.releases import load_release
from roadworthy.target.values import parse_duration
from roadworthy.verdict.waivers import Waivers, load_waivers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roadworthy.check import Severity
    from roadworthy.target.network import Vantage


class UsageError(Exception):
    """The run can't start as it was asked for: exit code 4."""


class Promises(Protocol):
    """A target with its secrets and the places where its promises stand."""

    @property
    def target(self) -> Target:
        """What is promised."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """What must not be shown: value -> the reference that gave it."""

    def where(self, key: str) -> str | None:
        """file:line:column of a dotted key."""


@dataclass(frozen=True)
class Recorded:
    """The target as a recorded run left it: no secret, no file needed."""

    target: Target
    positions: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)

    def where(self, key: str) -> str | None:
        """As it was: of the key, or of its nearest parent."""
        while key and key not in self.positions:
            key = key.rpartition(".")[0]
        return self.positions.get(key)


@dataclass(frozen=True)
class RunOptions:
    """What a run was asked for."""

    target: str | None
    overlays: tuple[str, ...]
    connect_to: tuple[str, ...]
    resolver: str | None
    expect_version: str | None
    fail_on: Severity
    wait: str | None
    settle: int
    replay: str | None
    reports: Path
    targets: Path
    folder: Path | None
    """Where the run is kept, if another process has already decided it."""
    verdict_only: bool
    quiet: bool
    writes: bool
    selected: bool
    waivers: str | None
    """The file of waivers; None: the one in the working folder, where it is there."""
    no_waivers: bool
    dry_run: bool
    json: bool
    judged_at: datetime | None
    """The moment that waivers hold at, if another process has already decided it."""

    @property
    def speaks_alone(self) -> bool:
        """Whether pytest's own terminal is off, so that nobody else tells what went wrong."""
        return self.verdict_only or self.dry_run

    @property
    def wait_s(self) -> float | None:
        """Seconds to wait for the release and the blockers; None: no waiting.

        Raises:
            UsageError: it is no duration.
        """
        if self.wait is None:
            return None
        try:
            seconds: float = parse_duration(self.wait)
        except ValueError as error:
            raise UsageError(f"--wait {self.wait}: {error}") from error
        return seconds


def load_promises(options: RunOptions, recording: Path | None) -> Promises:
    """The target of a run: from its file, or as a recorded run left it.

    Raises:
        UsageError: with all that is wrong in it.
    """
    try:
        if options.target is None and recording is not None:
            return _recorded(recording)
        path = find_target(options.target or "", options.targets)
        overrides: dict[str, object] = {}
        if options.expect_version is not None:
            overrides["release.version"] = options.expect_version
        if options.resolver is not None:
            overrides["network.resolver"] = options.resolver
        if options.connect_to:
            overrides["network.connect_to"] = list(options.connect_to)
        return _with_files(load_release(path, [Path(file) for file in options.overlays], overrides))
    except TargetError as error:
        raise UsageError(str(error)) from error


def _recorded(recording: Path) -> Recorded:
    try:
        snapshot = json.loads((recording / "target.json").read_text(encoding="utf-8"))
        return Recorded(Target.model_validate(snapshot["target"]), snapshot["positions"])
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise UsageError(f"--replay: {recording} holds no target.json of a run ({error})") from error


FILES = {"ca_file": (b"-----BEGIN CERTIFICATE-----", "PEM certificate"), "trust_anchor": (b" D", "DS or DNSKEY record")}
"""Files that a target's `network` names: what each must hold, and how that is called."""


def _with_files(loaded: Loaded) -> Loaded:
    """The target with the files of its network found from the folder of the file that names them, and seen usable."""
    found = {}
    for key, (mark, holds) in FILES.items():
        named = getattr(loaded.target.network, key)
        if named is None:
            continue
        place = loaded.where(f"network.{key}") or ""
        file = (Path(place.rsplit(":", 2)[0]).parent / named).absolute()
        try:
            usable = mark in file.read_bytes()
        except OSError as error:
            raise UsageError(f"{place}: network.{key}: {file}: {error.strerror}") from error
        if not usable:
            raise UsageError(f"{place}: network.{key}: {file} holds no {holds}")
        found[key] = str(file)
    network = loaded.target.network
    vantages = {name: _with_own_files(loaded, name, vantage) for name, vantage in network.vantages.items()}
    network = network.model_copy(update={**found, "vantages": vantages})
    return replace(loaded, target=loaded.target.model_copy(update={"network": network}))


def _with_own_files(loaded: Loaded, name: str, vantage: Vantage) -> Vantage:
    """A vantage point with its files found; whether they are of use is for those who look from there to say."""
    found = {}
    for key in ("key_file", "known_hosts"):
        named = getattr(vantage, key)
        if named is not None:
            place = loaded.where(f"network.vantages.{name}.{key}") or ""
            found[key] = str((Path(place.rsplit(":", 2)[0]).parent / Path(named).expanduser()).absolute())
    return vantage.model_copy(update=found)


WAIVERS = Path("waivers.yaml")


def find_waivers(options: RunOptions, target: Target, now: datetime) -> Waivers:
    """The waivers of a run that are about its target.

    Raises:
        UsageError: with all that is wrong in their file.
    """
    if options.waivers == "":
        raise UsageError("--waivers is empty: name a file, or leave it out")
    if options.no_waivers or (options.waivers is None and not WAIVERS.exists()):
        return Waivers((), now)
    from roadworthy.catalogue import check_ids  # noqa: PLC0415 - reads every suite, and few runs have waivers

    try:
        standing = load_waivers(Path(options.waivers or WAIVERS), target, check_ids(), datetime.now(UTC))
    except TargetError as error:
        raise UsageError(str(error)) from error
    return Waivers(standing, now)


def recorded_moment(recording: Path) -> datetime | None:
    """When a recorded run began; None where it does not say so."""
    try:
        snapshot = json.loads((recording / "target.json").read_text(encoding="utf-8"))
        return datetime.fromisoformat(snapshot["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_recording(options: RunOptions, replay: str) -> Path:
    """The folder of a recorded run: a path, or a name below reports/.

    Raises:
        UsageError: there is none.
    """
    for candidate in (Path(replay), options.reports / replay):
        if replay and (candidate / "evidence").is_dir():
            return candidate
    raise UsageError(f"--replay {replay!r}: no recorded run there (a folder with evidence/ in it)")


def new_folder(reports: Path, name: str) -> Path:
    """A folder of our own, named by when and what; runs that start together don't meet."""
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}-{name}"
    for number in range(1, 1000):
        folder = reports / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"--reports {reports}: {error.strerror}") from error
        return folder
    raise UsageError(f"--reports {reports}: no free folder name for {stamp}")
