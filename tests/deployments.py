"""A small real deployment on loopback, and what a run over it left behind."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Verify = Callable[..., subprocess.CompletedProcess[str]]


class Service(BaseHTTPRequestHandler):
    """Answers /health; what and how often is kept on the server."""

    status: ClassVar[int] = 200

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Deployment)
        server.asked.append(self.path)
        server.agents.append(self.headers["User-Agent"])
        told = self.path == "/version" and len(server.builds) > 1  # nothing else uses one up: asks go out together
        build = server.builds.pop(0) if told else server.builds[0]
        body = json.dumps({"status": "ok", "version": build, "token": "tok-hunter22"}).encode()
        self.send_response(server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Frame-Options", "DENY")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Says nothing."""


class Deployment(ThreadingHTTPServer):
    """One service; `builds` are the versions that it answers with, the last one for good."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Service)
        self.status = 200
        self.builds = ["1.0"]
        self.asked: list[str] = []
        self.agents: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


def verdict(tmp_path: Path) -> dict[str, object]:
    """The newest run's verdict."""
    newest = max((tmp_path / "reports").glob("*/verdict.json"), key=lambda file: file.stat().st_mtime_ns)
    held: dict[str, object] = json.loads(newest.read_text())
    return held


def outcomes(tmp_path: Path) -> dict[str, str]:
    """Outcome by `CHECK[component]`; advice, which changes with what experts agree on, is left out."""
    results = verdict(tmp_path)["results"]
    assert isinstance(results, list)
    return {
        f"{result['check']}[{result['component']}]": result["outcome"]
        for result in results
        if result["severity"] != "info"
    }
