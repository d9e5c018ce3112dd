"""Folders for homes of tests: by a short path, and open enough for the engines' own user."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


def roomiest() -> str:
    """In memory if a few homes fit: a kill loses nothing there, and deleting one is quick."""
    memory = Path("/dev/shm")
    room = os.statvfs(memory) if os.access(memory, os.W_OK) else None
    return str(memory) if room and room.f_bavail * room.f_frsize > 1 << 30 else "/tmp"


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """pytest's own folders are closed to the engine user, and their paths are long."""
    folder = Path(tempfile.mkdtemp(prefix="wt-", dir=roomiest()))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
