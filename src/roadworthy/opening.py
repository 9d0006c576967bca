"""What a run starts from: its options, the target with its secrets, a recording to replay, a folder of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from roadworthy.target.loading import Loaded, TargetError, find_target, load_target
from roadworthy.target.models import Target
from roadworthy.target.values import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roadworthy.check import Severity


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
        return _with_ca_file(load_target(path, [Path(file) for file in options.overlays], overrides))
    except TargetError as error:
        raise UsageError(str(error)) from error


def _recorded(recording: Path) -> Recorded:
    try:
        snapshot = json.loads((recording / "target.json").read_text(encoding="utf-8"))
        return Recorded(Target.model_validate(snapshot["target"]), snapshot["positions"])
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise UsageError(f"--replay: {recording} holds no target.json of a run ({error})") from error


def _with_ca_file(loaded: Loaded) -> Loaded:
    """The target with `network.ca_file` found from the folder of the file that names it, and seen to be usable."""
    named = loaded.target.network.ca_file
    if named is None:
        return loaded
    place = loaded.where("network.ca_file") or ""
    file = (Path(place.rsplit(":", 2)[0]).parent / named).absolute()
    try:
        usable = b"-----BEGIN CERTIFICATE-----" in file.read_bytes()
    except OSError as error:
        raise UsageError(f"{place}: network.ca_file: {file}: {error.strerror}") from error
    if not usable:
        raise UsageError(f"{place}: network.ca_file: {file} holds no PEM certificate")
    network = loaded.target.network.model_copy(update={"ca_file": str(file)})
    return replace(loaded, target=loaded.target.model_copy(update={"network": network}))


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
