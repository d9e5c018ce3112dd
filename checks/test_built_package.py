"""The package that `pip install .` gives: alone, in an environment of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ports import own_ports

ROOT = Path(__file__).parents[1]
PATIENCE_S = 120


@dataclass(frozen=True)
class Installed:
    """The command as installed, a folder to run it in, and free ports."""

    weir: Path
    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.weir, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def up(self) -> subprocess.Popen[str]:
        log = (self.folder / "up.log").open("w")
        process = subprocess.Popen(
            [self.weir, "up", "--home", self.folder / "home"],
            cwd=self.folder,
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        deadline = time.monotonic() + PATIENCE_S
        while "weir is running." not in (said := (self.folder / "up.log").read_text()):
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        return process


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    folder = Path(tempfile.mkdtemp(prefix="weir-check-", dir="/tmp"))
    folder.chmod(0o755)  # the engines' user must be able to pass
    venv.create(folder / "venv", with_pip=True)
    pip = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, str(ROOT)], check=True)
    public, mtls = own_ports(2)
    environment = {
        "PATH": os.environ["PATH"],
        "WEIR_PUBLIC_PORT": str(public),
        "WEIR_MTLS_PORT": str(mtls),
    }
    yield Installed(folder / "venv" / "bin" / "weir", folder, environment)
    shutil.rmtree(folder, ignore_errors=True)


def test_it_starts_says_it_is_well_and_ends_when_told(installed: Installed) -> None:
    process = installed.up()
    status = installed.run("status", "--home", str(installed.folder / "home"))
    assert status.returncode == 0, status.stdout + status.stderr
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert installed.run("status", "--home", str(installed.folder / "home")).returncode == 1


def test_after_a_kill_it_starts_again_on_the_same_data(installed: Installed) -> None:
    installed.up().kill()
    process = installed.up()
    second = installed.run("up", "--home", str(installed.folder / "home"))
    assert second.returncode == 1
    assert "already runs" in second.stderr
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0


def test_a_taken_port_is_one_clear_sentence(installed: Installed) -> None:
    with socket.create_server(("127.0.0.1", int(installed.environment["WEIR_MTLS_PORT"]))):
        refused = installed.run("up", "--home", str(installed.folder / "home"))
    assert refused.returncode == 1
    assert "already in use" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_the_model_institutions_come_with_it(installed: Installed) -> None:
    sandbox = installed.weir.with_name("weir-sandbox")
    shown = subprocess.run([sandbox, "--help"], capture_output=True, text=True, check=False)
    assert shown.returncode == 0
    assert "bank" in shown.stdout
