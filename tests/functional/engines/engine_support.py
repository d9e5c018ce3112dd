"""What the tests of the engines share: homes, a process to be killed, and data to be kept."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import valkey

from weir.store.engines import EmbeddedPostgres, EmbeddedValkey, Home, ProcessIdentity
from weir.store.engines.server import EngineServer

HOLDER = Path(__file__).with_name("holder.py")


def engines_of(home: Home) -> tuple[EngineServer, EngineServer]:
    return EmbeddedPostgres(home), EmbeddedValkey(home)


@contextlib.contextmanager
def holding(path: Path) -> Iterator[Holder]:
    """Another process that starts both engines of the home at `path` and waits to be killed."""
    process = subprocess.Popen([sys.executable, str(HOLDER), str(path)], stdout=subprocess.PIPE)
    try:
        yield Holder(process)
    finally:
        process.kill()
        process.communicate()


class Holder:
    """What a test asks of the other process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def started(self) -> list[ProcessIdentity]:
        """Wait until both engines run; their identities, PostgreSQL's first."""
        assert self.process.stdout is not None
        pids = json.loads(self.process.stdout.readline())
        found = [ProcessIdentity.read(pid) for pid in pids]
        return [identity for identity in found if identity]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def modes_of(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Mode and owner of every folder from the root down to `folder`, and of what is beside it."""
    around = [*folder.parents, *folder.parent.iterdir()]
    entries = {str(path): os.lstat(path) for path in around if path != folder}
    return {name: (entry.st_mode, entry.st_uid, entry.st_gid) for name, entry in entries.items()}


# --- One committed row and one synced key, by the URLs that callers get --------------------------


def connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)


def write_row(postgres: EmbeddedPostgres, text: str) -> None:
    with connect(postgres.url()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (words text)")
        connection.execute("INSERT INTO kept VALUES (%s)", (text,))


def rows(postgres: EmbeddedPostgres) -> list[str]:
    with connect(postgres.url()) as connection:
        return [row[0] for row in connection.execute("SELECT words FROM kept ORDER BY words")]


def write_key(server: EmbeddedValkey, text: str) -> None:
    """Returns once the append-only file with the key is on the disk (WAITAOF)."""
    with valkey.Valkey.from_url(server.url(), decode_responses=True) as client:
        client.set("kept", text)
        assert client.execute_command("WAITAOF", 1, 0, 10_000)[0] == 1


def key(server: EmbeddedValkey) -> str | None:
    with valkey.Valkey.from_url(server.url(), decode_responses=True) as client:
        value: str | None = client.get("kept")
        return value
