"""A deployment, its target, and the suites over it through a real pytest run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.deployments import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deployments import Verify

ROOT = Path(__file__).parents[1]


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with Deployment() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path, deployment: Deployment) -> Path:
    file = tmp_path / "shop.yaml"
    file.write_text(
        f"""
schema: 1
name: shop
environment: test
release: {{version: "1.0"}}
network: {{timeout: 2s, deadline: 20s, retries: 0}}
components:
  api:
    url: http://127.0.0.1:{deployment.port}
    health: {{path: /health, json: {{status: ok}}}}
    release: {{path: /version, json: version}}
    headers: {{x-frame-options: DENY}}
"""
    )
    return file


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    def run(
        *options: object,
        suites: object = "suites",
        env: dict[str, str] | None = None,
        cwd: Path = ROOT,
        cache: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        command: list[object] = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", ROOT / str(suites)]
        command += ["--disable-plugin-autoload", "-p", "xdist", "-p", "roadworthy.plugin"]
        command += ["-o", f"cache_dir={cache}"] if cache else ["-p", "no:cacheprovider"]
        command += ["--reports", tmp_path / "reports"]
        return subprocess.run(
            [str(part) for part in (*command, *options)],
            cwd=cwd,
            env={**os.environ, "NO_COLOR": "1", **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
