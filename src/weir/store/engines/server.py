"""The base of both engines: end servers of an earlier run, start, wait, stop.

A server of an earlier run is always ended and never adopted. A process asks the kernel itself, at
its start, to die with its parent; an adopted server would be tied to a parent that is gone, and
would keep running when weir dies the next time.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from weir.kernel.outcomes import Refusal
from weir.store.declares import ENGINE_START_TIMEOUT_S, ENGINE_UNAVAILABLE
from weir.store.engines.binaries import Engine, make_reachable
from weir.store.engines.home import Home, explain_errors
from weir.store.engines.process import (
    Child,
    Ending,
    ProcessIdentity,
    ProcessView,
    end_family,
    list_processes,
    spawn,
)

# Engines get this environment only, so that nothing in our own can reach or change them.
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

_POLL_S: Final = 0.02
_LOG_TAIL_BYTES: Final = 2_000


class NotReady(Exception):  # noqa: N818 - a state on the way, not an error
    """The server does not answer yet, or does not answer any more."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The present state of one engine.

    `version` is the one that the server states, None unless it answers.
    """

    name: str
    pid: int | None
    version: str | None

    @property
    def running(self) -> bool:
        return self.pid is not None

    @property
    def answering(self) -> bool:
        return self.version is not None


class EngineServer(ABC):
    """One engine of one home. `start` and `stop` need the home's lock; other methods do not."""

    title: ClassVar[str]  # for people: "PostgreSQL"
    name: ClassVar[str]  # its folder in the home, its log
    short: ClassVar[str]  # its folder of sockets
    executable: ClassVar[str]
    ending: ClassVar[Ending]

    def __init__(self, home: Home, engine: Engine) -> None:
        self.home = home
        self.mark = f"{home.mark}-{self.short}"
        self.data = home.path / self.name / "data"
        self._installed = engine
        self._child: Child | None = None

    # --- For callers --------------------------------------------------------------------------

    def start(self) -> str:
        """Start the server unless it runs, wait until it answers, and return its URL.

        Refusal ENGINE_UNAVAILABLE, HOME_UNUSABLE or SCHEMA_NEWER, with `why` for people.
        RuntimeError when the home's lock is not held or this is not the main thread.
        """
        self._require_lock()
        if self.alive():
            return self.url()
        with explain_errors(self.home.path):
            self._end_leftovers()
            self._prepare(self._engine())
            self._child = self._spawn(self._argv(self._engine()), self._configuration())
        try:
            self._await_answer()
            self._settle()
        except BaseException:
            self.stop()
            raise
        return self.url()

    def stop(self) -> None:
        """Stop the server in good order, or else by force; its data stays complete either way.

        RuntimeError when the home's lock is not held.
        """
        self._require_lock()
        if self._child is not None:
            self._child.end(self.ending)
            self._child = None
        self._end_leftovers()
        self._identity_path().unlink(missing_ok=True)

    def alive(self) -> bool:
        """Whether the server that this object started still runs; `start` can start it again."""
        return self._child is not None and self._child.alive()

    def status(self) -> EngineStatus:
        """Return the state of this home's server, whichever process started it."""
        identity = ProcessIdentity.load(self._identity_path())
        if identity is None or not identity.alive():
            return EngineStatus(self.name, None, None)
        try:
            return EngineStatus(self.name, identity.pid, self.server_version())
        except Refusal:
            return EngineStatus(self.name, identity.pid, None)

    def server_version(self) -> str:
        """Ask the running server for its version. Refusal ENGINE_UNAVAILABLE without an answer."""
        try:
            return self._ask_version()
        except NotReady as error:
            why = f"{self.title} does not answer."
            raise Refusal(ENGINE_UNAVAILABLE, str(error), why=why) from error

    @abstractmethod
    def url(self) -> str:
        """Return the URL for clients, with the password. The server need not run."""

    # --- For the two engines ------------------------------------------------------------------

    @abstractmethod
    def _prepare(self, engine: Engine) -> None:
        """Prepare the files that a start needs. No process of this engine is alive then."""

    @abstractmethod
    def _argv(self, engine: Engine) -> list[str]:
        """Return the command line of the server, which contains `self.mark`."""

    def _configuration(self) -> bytes:
        """Return the bytes that the server reads from its standard input."""
        return b""

    @abstractmethod
    def _ask_version(self) -> str:
        """Connect and ask the server for its version. NotReady when it does not answer."""

    def _settle(self) -> None:  # noqa: B027 - not every engine has something to do here
        """Set up a server that answers, before its first use."""

    def _engine(self) -> Engine:
        copies = self.home.passable_folder("engines")
        return make_reachable(self._installed, self.home.engine_user, copies)

    def _spawn(self, argv: list[str], configuration: bytes) -> Child:
        child = spawn(
            argv,
            user=self.home.engine_user,
            env=ENVIRONMENT,
            cwd=self.data,
            log_path=self.home.log_path(self.name),
            death_signal=self.ending[0][0],
            stdin=configuration,
        )
        if child.identity:
            child.identity.save(self._identity_path())
        return child

    def _failed(self, what: str, cause: BaseException | None = None) -> Refusal:
        log = self.home.log_path(self.name)
        detail = f"{cause!r} " if cause else ""
        detail += log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
        return Refusal(ENGINE_UNAVAILABLE, detail, why=f"{self.title} {what}; see {log}.")

    # --- Inside -------------------------------------------------------------------------------

    def _require_lock(self) -> None:
        if not self.home.held:
            raise RuntimeError("acquire the home before starting or stopping its engines")

    def _identity_path(self) -> Path:
        return self.home.path / self.name / "server.json"

    def _await_answer(self) -> None:
        assert self._child is not None
        deadline = time.monotonic() + ENGINE_START_TIMEOUT_S
        while True:
            try:
                self._ask_version()
            except NotReady as error:
                if self._child.wait(_POLL_S) is not None:
                    raise self._failed("ended while it was starting", error) from error
                if time.monotonic() >= deadline:
                    raise self._failed("did not answer in time", error) from error
            else:
                return

    def _end_leftovers(self) -> None:
        """End every process of this engine and home; on return there is none."""
        if not end_family(self._family, self.ending):
            raise self._failed("of an earlier run cannot be ended")

    def _family(self) -> Iterator[ProcessView]:
        uid = self.home.engine_user.uid if self.home.engine_user else os.geteuid()
        mark, folder = self.mark.encode(), str(self.data)
        for view in list_processes():
            if view.uid != uid:
                continue
            # Where the kernel hides folder and executable, mark and user alone identify it.
            if view.executable and Path(view.executable).name != self.executable:
                continue
            if mark in view.arguments or (view.executable and view.folder == folder):
                yield view
