"""One demo for all tests of the group "story": the real command, kept up, and ended by SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo_process import Demo
from logs import logs_of

START_TIMEOUT_S = 240


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder the databases' user can pass when the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="weir-story-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def demo(place: Path) -> Iterator[Demo]:
    with kept_up(place) as demo:
        yield demo


@contextmanager
def kept_up(folder: Path) -> Iterator[Demo]:
    """A demo in this folder that has told its story, until the end of the block."""
    home, figures, said = folder / "demo", folder / "figures.json", folder / "output"
    command = [sys.executable, "-m", "weir", "demo", "--calls", "600", "--keep"]
    environment = {name: v for name, v in os.environ.items() if not name.startswith("WEIR_")}
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--json", str(figures), "--home", str(home)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
        )
    try:
        _await(process, said)
        yield Demo(home, json.loads(figures.read_text()), said.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(120)
    assert status == 0, said.read_text()
    assert not _left_over(home), "the demo left processes behind"


def _await(process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while "Everything stays up" not in said.read_text(errors="replace"):
        assert process.poll() is None, said.read_text() + logs_of(said.parent)
        assert time.monotonic() < deadline, said.read_text() + logs_of(said.parent)
        time.sleep(0.1)


def _left_over(home: Path) -> list[str]:
    """Processes that still name the home on their command line or work in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or entry.name == str(os.getpid()):
            continue
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            within = str((entry / "cwd").readlink())
        except OSError:
            continue
        if within.startswith(str(home)) or f"{home}/" in words:
            found.append(words)
    return found
