"""Worker processes that tests kill: each forked from one that has imported what they need, since
starting an interpreter for each would cost more than what is tried.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final

_FORKING: Final = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    [
        "pytest",
        "weir.metering.lake.compaction",
        "weir.metering.lake.ingest",
        "weir.settlement.closing.runner",
    ]
)

Work = Callable[..., None]  # takes what it calls once it is at work, then its arguments


def start(work: Work, *arguments: Any) -> BaseProcess:
    """A process that does this work until it is killed; it is at it already."""
    ours, theirs = _FORKING.Pipe(duplex=False)
    process = _FORKING.Process(target=_begin, args=(work, theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    assert ours.recv() == "at work"
    return process


def kill(process: BaseProcess) -> None:
    """`kill -9`."""
    process.kill()
    process.join()


def _begin(work: Work, told: Connection, *arguments: Any) -> None:
    work(lambda: told.send("at work"), *arguments)
