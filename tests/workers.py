"""Worker processes that tests kill: each forked from one that has imported what they need, since
starting an interpreter for each would cost more than what is tried.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final

from sqlalchemy.engine import make_url

_FORKING: Final = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    [
        "pytest",
        "weir.metering.lake.compaction",
        "weir.metering.lake.ingest",
        "weir.app.jobs",
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


class Workers:
    """Worker processes on one database, each by the name PostgreSQL knows it by.

    `work` takes what it calls once it is at work, the database's address, and these arguments.
    """

    def __init__(self, name: str, work: Work, url: str, *arguments: Any) -> None:
        self._name = name
        self._work = work
        self._url = make_url(url)
        self._arguments = arguments
        self._started = 0
        self.running: dict[str, BaseProcess] = {}

    def start(self) -> str:
        """Start one more; its name."""
        self._started += 1
        name = f"{self._name}-{self._started}"
        named = self._url.update_query_dict({"application_name": name})
        url = named.render_as_string(hide_password=False)
        self.running[name] = start(self._work, url, *self._arguments)
        return name

    def kill(self, name: str) -> None:
        kill(self.running.pop(name))

    def end(self) -> None:
        for name in list(self.running):
            self.kill(name)


def _begin(work: Work, told: Connection, *arguments: Any) -> None:
    work(lambda: told.send("at work"), *arguments)
