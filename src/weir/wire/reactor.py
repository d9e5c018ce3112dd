"""The data plane's sockets in one epoll set of their own, inside the event loop.

The loop sees one descriptor, the set itself, and so does nothing for a single socket: a step asks
the kernel once which sockets are ready and goes through them, and then does what its sockets have
in common. Everything else (tasks, timers, PostgreSQL, Valkey) is the loop's as ever.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Final

from mypy_extensions import mypyc_attr

IN: Final = select.EPOLLIN
OUT: Final = select.EPOLLOUT
GONE: Final = select.EPOLLHUP | select.EPOLLERR  # always reported, whatever was asked for
READ_BYTES: Final = 65_536
# Sockets served in one step; the loop's other callers have their turn in between.
_AT_ONCE: Final = 128


@mypyc_attr(allow_interpreted_subclasses=True)
class Watched:
    """Something with a socket. `ready` is told what epoll reported."""

    __slots__ = ()

    def ready(self, events: int) -> None:
        raise NotImplementedError


class Reactor:
    """One epoll set. Sockets are watched level-triggered, by their descriptors."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        # What is read is used up in the step it was read in, so one buffer serves all.
        self.buffer = memoryview(bytearray(READ_BYTES))
        self._watched: dict[int, Watched] = {}
        self._epoll: select.epoll | None = None
        # Watched since the kernel was last asked: what it said of their descriptors then was about
        # sockets that were closed in the same step.
        self._fresh: set[int] = set()
        self._stepping = False
        self._afterwards: list[Callable[[], None]] = []

    def watch(self, descriptor: int, watched: Watched, events: int) -> None:
        """Begin to watch a socket. The first one joins the set to the loop."""
        if self._epoll is None:
            self._epoll = select.epoll()
            self.loop.add_reader(self._epoll.fileno(), self._step)
        self._watched[descriptor] = watched
        self._fresh.add(descriptor)
        self._epoll.register(descriptor, events)

    def change(self, descriptor: int, events: int) -> None:
        """Wait for something else on a watched socket."""
        if self._epoll is not None:
            self._epoll.modify(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Stop watching, before the descriptor is closed. The last one leaves the loop too."""
        if self._watched.pop(descriptor, None) is None or self._epoll is None:
            return
        self._epoll.unregister(descriptor)
        if not self._watched:
            self.loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def afterwards(self, work: Callable[[], None]) -> None:
        """Do some work once for all sockets of the step under way, or at once when there is none.

        It must not raise.
        """
        if self._stepping:
            self._afterwards.append(work)
        else:
            work()

    def _step(self) -> None:
        if self._epoll is None:
            return
        self._stepping = True
        try:
            self._serve(self._epoll)
        finally:
            while self._afterwards:
                self._afterwards.pop()()
            self._stepping = False

    def _serve(self, epoll: select.epoll) -> None:
        watched, fresh = self._watched, self._fresh
        reported = epoll.poll(0, _AT_ONCE)
        fresh.clear()
        for descriptor, events in reported:
            # One that was closed earlier in this step is no longer there, or another has its
            # descriptor, of which the kernel speaks in the next step.
            each = watched.get(descriptor)
            if each is not None and not (fresh and descriptor in fresh):
                each.ready(events)
