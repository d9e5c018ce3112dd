"""Spark on this machine, as `make check` installs it: pyspark, and the Java that is here.

pyspark comes as a source package of some 450 MB, so it is no dependency of weir's: it is installed
once, into an environment of its own beside this file, by the hashes of its lock file.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "spark"
LOCK = FOLDER / "requirements.lock"
ENVIRONMENT = FOLDER / ".venv"
JAVA_MAJOR = 17
NEEDED = (
    f"make check needs Java {JAVA_MAJOR} or newer, for Spark, which it rates records with. "
    "On Debian: apt-get install openjdk-17-jre-headless"
)


@contextmanager
def spark_session(scratch: Path) -> Iterator[Any]:
    """Spark with two threads, which keeps what it must in `scratch`."""
    if _java_major() < JAVA_MAJOR:
        pytest.fail(NEEDED, pytrace=False)
    _install()
    packages = str(next(ENVIRONMENT.glob("lib/python*/site-packages")))
    sys.path.append(packages)
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["SPARK_LOCAL_DIRS"] = str(scratch)
    building = importlib.import_module("pyspark.sql").SparkSession.builder.master("local[2]")
    for name, value in {
        # A process that lives for a minute is best off with the first of Java's two compilers.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
    }.items():
        building = building.config(name, value)
    session = building.getOrCreate()
    yield session
    session.stop()
    sys.path.remove(packages)


def _install() -> None:
    """Install what the lock file names, unless that was done."""
    done = ENVIRONMENT / ".installed"
    if done.exists() and done.read_bytes() == LOCK.read_bytes():
        return
    python = str(ENVIRONMENT / "bin" / "python")
    given = ["--require-hashes", "--requirement", str(LOCK)]
    if shutil.which("uv") is not None:
        _run("uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(ENVIRONMENT))
        _run("uv", "pip", "install", "--python", python, *given)
    else:
        _run(sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT))
        _run(python, "-m", "pip", "install", "--disable-pip-version-check", *given)
    done.write_bytes(LOCK.read_bytes())


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _java_major() -> int:
    """The version of the Java that Spark would start; 0 when there is none."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(str(Path(home, "bin", "java")) if home else "java")
    if java is None:
        return 0
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    return int(found[1]) if found else 0
