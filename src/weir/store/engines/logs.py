"""Logs of the processes of a home: files that are cut while their processes write on.

A process writes to the file it was started with, and an engine's log cannot be told to begin
another one. So a file that has grown is copied to NAME.1, of which there is one, and then emptied:
the process, which appends, goes on at its beginning. Lines that arrive between the last piece of
the copy and the cut are lost.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from weir.store.declares import LOGS_BYTES, PROCESS_LOG_BYTES
from weir.store.engines.files import PRIVATE_FILE

_PIECE_BYTES: Final = 1024 * 1024
_EARLIER: Final = ".1"


def tend(folder: Path) -> None:
    """Cut each log of a folder that is longer than PROCESS_LOG_BYTES, or than its share of
    LOGS_BYTES when the folder holds the logs of many processes.

    A log that cannot be read or copied, as on a full disk, is emptied all the same.
    """
    found = sorted(folder.glob("*.log"))
    for path in found:
        cut(path, min(PROCESS_LOG_BYTES, LOGS_BYTES // (2 * len(found))))


def cut(path: Path, most_bytes: int) -> None:
    """Move the last `most_bytes` of a longer log to NAME.1, and empty it; leave a shorter one."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(OSError), _opened(path, flags) as log:
        if os.fstat(log).st_size <= most_bytes:
            return
        with contextlib.suppress(OSError):
            _copy_end(log, path.with_name(path.name + _EARLIER), most_bytes)
        os.ftruncate(log, 0)


def _copy_end(log: int, earlier: Path, most_bytes: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    at = max(0, os.fstat(log).st_size - most_bytes)
    end = at + most_bytes
    with _opened(earlier, flags) as kept:
        while at < end and (piece := os.pread(log, min(_PIECE_BYTES, end - at), at)):
            os.write(kept, piece)
            at += len(piece)


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, PRIVATE_FILE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
