"""The other end of `bench/load.py`: a load generator in a process of its own, on its own core."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from bench.processes import LOAD_CORE, pin

Outcome = dict[str, Any]


class Place(Protocol):
    """Place of the caller's certificate and of the target's root: a stage's folder."""

    @property
    def folder(self) -> Path: ...

    @property
    def root(self) -> Path: ...


class Load:
    """Calls one port with the caller's certificate."""

    def __init__(
        self, stage: Place, port: int, path: str, token: str | None, *options: str
    ) -> None:
        certificate = stage.folder / "caller"
        command = [
            sys.executable, "-m", "bench.load", f"https://api.localhost:{port}{path}",
            "--ca", str(stage.root), "--certificate", f"{certificate}.pem",
            "--key", f"{certificate}.key", *options,
        ]  # fmt: skip
        if token is not None:
            command += ["--header", f"authorization: Bearer {token}"]
        self.held = 0  # open connections
        self._running = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        pin([self._running.pid], LOAD_CORE)

    def open(self, connections: int) -> Outcome:
        """Open keep-alive connections until there are so many."""
        self.held = connections
        return self._ask(do="open", connections=connections)

    def close(self) -> None:
        """Close all of them."""
        self._ask(do="close")

    def bring(self, requests: Path) -> None:
        """Send the requests of this file from here on, each once."""
        self._ask(do="bring", path=str(requests))

    def call(self, seconds: float, calls: int | None = None) -> Outcome:
        """Closed loop on all of them, at most so many calls."""
        return self._ask(do="call", seconds=seconds, calls=calls)

    def pace(self, rate: float, seconds: float) -> Outcome:
        """Open loop at a rate."""
        return self._ask(do="pace", rate=rate, seconds=seconds)

    def short(self, seconds: float, at_once: int, *, resume: bool) -> Outcome:
        """A new connection for each call."""
        return self._ask(do="short", seconds=seconds, at_once=at_once, resume=resume)

    def _ask(self, **command: Any) -> Outcome:
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        self._running.stdin.write(json.dumps(command) + "\n")
        self._running.stdin.flush()
        line = self._running.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator ended while it was to {command}")
        outcome: Outcome = json.loads(line)
        return outcome

    def end(self) -> None:
        """End the process and its connections."""
        self._running.terminate()
        self._running.wait()


@contextmanager
def load(stage: Place, port: int, path: str, token: str | None, *options: str) -> Iterator[Load]:
    """A load generator for as long as the context lasts."""
    generator = Load(stage, port, path, token, *options)
    try:
        yield generator
    finally:
        generator.end()
