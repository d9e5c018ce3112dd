"""The data plane's sockets in two epoll sets of their own, inside the event loop.

The loop sees two descriptors, the sets themselves, and so does nothing for a single socket: a step
asks the kernel once which sockets are ready and goes through them, and then does the work its
sockets have in common. Everything else (tasks, timers, PostgreSQL, Valkey) is the loop's as ever.

Sockets that we connected are served ahead of those that callers did. Their bytes end calls that
have begun, and are at most as many as were asked for; callers bring as much as they like. In one
queue with 12,000 callers an answer that is there waits for thousands of requests to be taken in,
which then wait for the connection that it would have freed: the process is busy, answers few, and
takes members for slow. Served in this order, requests that are too many stay in the kernel, where
they cost nothing.
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
# Sockets of a set served in one step; the loop's other callers have their turn in between.
_AT_ONCE: Final = 128


@mypyc_attr(allow_interpreted_subclasses=True)
class Watched:
    """A thing with a socket. `ready` is called with epoll's events."""

    __slots__ = ()

    def ready(self, events: int) -> None:
        """Serve the socket; `events` are bits of EPOLLIN, EPOLLOUT, EPOLLHUP and EPOLLERR."""
        raise NotImplementedError


class Reactor:
    """Two epoll sets. Sockets are watched level-triggered, by their descriptors."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        # Bytes are used up in the step they were read in, so one buffer serves all.
        self.buffer = memoryview(bytearray(READ_BYTES))
        self._watched: dict[int, Watched] = {}
        self._ahead: set[int] = set()  # of those, the ones that are served first
        self._sets: _Sets | None = None
        # Watched since the kernel was last asked: its events for their descriptors were about
        # sockets that were closed in the same step.
        self._fresh: set[int] = set()
        self._stepping = False
        self._afterwards: list[Callable[[], None]] = []

    def watch(self, descriptor: int, watched: Watched, events: int, *, ahead: bool = False) -> None:
        """Begin to watch a socket, `ahead` of the others or not.

        The first one joins the sets to the loop.
        """
        if self._sets is None:
            self._sets = _Sets()
            self.loop.add_reader(self._sets.ahead.fileno(), self._step_ahead)
            self.loop.add_reader(self._sets.others.fileno(), self._step)
        self._sets.holding(ahead).register(descriptor, events)
        self._watched[descriptor] = watched
        self._fresh.add(descriptor)
        if ahead:
            self._ahead.add(descriptor)

    def change(self, descriptor: int, events: int) -> None:
        """Wait for other events of a watched socket."""
        if self._sets is not None:
            self._sets.holding(descriptor in self._ahead).modify(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Stop watching, before the descriptor is closed. The last one leaves the loop too."""
        sets = self._sets
        if self._watched.pop(descriptor, None) is None or sets is None:
            return
        sets.holding(descriptor in self._ahead).unregister(descriptor)
        self._ahead.discard(descriptor)
        if not self._watched:
            self.loop.remove_reader(sets.ahead.fileno())
            self.loop.remove_reader(sets.others.fileno())
            sets.close()
            self._sets = None

    def afterwards(self, work: Callable[[], None]) -> None:
        """Do some work once for all sockets of the step under way, or at once when there is none.

        It must not raise.
        """
        if self._stepping:
            self._afterwards.append(work)
        else:
            work()

    def _step_ahead(self) -> None:
        self._serve(others=False)

    def _step(self) -> None:
        self._serve(others=True)

    def _serve(self, *, others: bool) -> None:
        self._stepping = True
        try:
            if self._sets is not None:
                self._serve_set(self._sets.ahead)
            if others and self._sets is not None:
                self._serve_set(self._sets.others)
        finally:
            while self._afterwards:
                self._afterwards.pop()()
            self._stepping = False

    def _serve_set(self, epoll: select.epoll) -> None:
        watched, fresh = self._watched, self._fresh
        reported = epoll.poll(0, _AT_ONCE)
        fresh.clear()
        for descriptor, events in reported:
            # One that was closed earlier in this step is no longer there, or another has its
            # descriptor, of which the kernel speaks in the next step.
            each = watched.get(descriptor)
            if each is not None and not (fresh and descriptor in fresh):
                each.ready(events)


class _Sets:
    """The two epoll sets."""

    __slots__ = ("ahead", "others")

    def __init__(self) -> None:
        self.ahead = select.epoll()
        self.others = select.epoll()

    def holding(self, ahead: bool) -> select.epoll:
        """Return the set that a socket belongs to."""
        return self.ahead if ahead else self.others

    def close(self) -> None:
        self.ahead.close()
        self.others.close()
