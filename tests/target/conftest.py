"""A small healthy target; each test changes one thing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from roadworthy.target.loading import Loaded, TargetError, load_target

HEALTHY = """\
schema: 1
name: shop
environment: staging
components:
  api:
    url: https://api.shop.example
    health: {path: /up}
    tls: {min_days_left: 14}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file below the working directory; without text, the healthy target."""
    monkeypatch.chdir(tmp_path)

    def written(text: str | bytes = HEALTHY, name: str = "x.yaml") -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


@pytest.fixture
def load(write: Write) -> Callable[..., Loaded]:
    """Loads a target from its text; the environment is what the test gives."""

    def loaded(text: str = HEALTHY, *overlays: str, environ: dict[str, str] | None = None, **keys: object) -> Loaded:
        files = [write(overlay, f"over{index}.yaml") for index, overlay in enumerate(overlays)]
        return load_target(write(text), files, keys.pop("overrides", {}), environ or {})

    return loaded


@pytest.fixture
def refused(load: Callable[..., Loaded]) -> Callable[..., list[str]]:
    """The lines of the TargetError that a text is refused with."""

    def lines(*args: str, **keys: object) -> list[str]:
        with pytest.raises(TargetError) as caught:
            load(*args, **keys)
        return str(caught.value).splitlines()

    return lines
