"""Turns at what costs much: few at a time, in a bounded queue with a share for each network.

Shares take turns, so that whoever sends many requests waits for itself, and others wait for one
piece of its work at most. Whoever has left loses the turn.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from weir.identity.declares import SIGN_IN_BUSY, SIGN_IN_PAUSE_S
from weir.kernel.outcomes import Refusal
from weir.wire.asgi import LEFT
from weir.wire.networks import wide_network_of


def _stays() -> bool:
    """Return False: an asker without a connection cannot leave."""
    return False


@dataclass(frozen=True, slots=True)
class Asker:
    """The origin of a request for work: the share that it counts for, such as a network, and
    whether it has left, so that the answer would not be read.
    """

    share: str
    has_left: Callable[[], bool] = _stays


def asker_of(scope: Mapping[str, Any], peer: str) -> Asker:
    """Return the asker of an ASGI request from the address `peer`; its network is its share."""
    return Asker(wide_network_of(peer), scope.get(LEFT, _stays))


@dataclass(eq=False, slots=True)
class _Waiting:
    asker: Asker
    turn: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Turns:
    """`at_once` turns at a time; `waiting` askers in the queue, `waiting_each` of one share."""

    def __init__(self, at_once: int, waiting: int, waiting_each: int) -> None:
        self._at_once = at_once
        self._most = waiting
        self._most_each = waiting_each
        self._running = 0
        # By share; the first share has the next turn.
        self._queues: OrderedDict[str, deque[_Waiting]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """The number of askers in the queue."""
        return sum(map(len, self._queues.values()))

    @asynccontextmanager
    async def turn(self, asker: Asker) -> AsyncIterator[None]:
        """Wait for a turn, and hold it as long as the context lasts.

        Refusal SIGN_IN_BUSY when the queue or the share's part of it is full, and for an asker that
        has left.
        """
        if self._running < self._at_once:
            self._running += 1
        else:
            await self._wait(asker)
        try:
            yield
        finally:
            self._running -= 1
            self._next()

    async def _wait(self, asker: Asker) -> None:
        self._make_room(asker.share)
        waiting = _Waiting(asker)
        self._queues.setdefault(asker.share, deque()).append(waiting)
        try:
            await waiting.turn
        except asyncio.CancelledError:
            if not self._forget(waiting) and waiting.turn.done() and not waiting.turn.cancelled():
                self._running -= 1  # the turn came at the same moment
                self._next()
            raise

    def _make_room(self, share: str) -> None:
        """Make room for one more of a share, or raise SIGN_IN_BUSY.

        A full queue drops whoever has left, and then the last of the share that waits most: a share
        with fewer must not be kept out by one with more.
        """
        if len(self._queues.get(share, ())) < self._most_each and self.waiting < self._most:
            return
        self._drop_left()
        own = len(self._queues.get(share, ()))
        if own >= self._most_each:
            raise _busy(f"{own} of this share wait")
        if self.waiting < self._most:
            return
        longest = max(self._queues.values(), key=len)
        if len(longest) <= own + 1:
            raise _busy(f"{self.waiting} wait")
        dropped = longest[-1]
        self._forget(dropped)
        dropped.turn.set_exception(_busy("made room for another share"))

    def _drop_left(self) -> None:
        for waiting in [each for queue in self._queues.values() for each in queue]:
            if waiting.asker.has_left():
                self._forget(waiting)
                waiting.turn.set_exception(_busy("the caller has left"))

    def _next(self) -> None:
        """Give the free turn to the first of the next share, unless it has left."""
        while self._queues:
            share, queue = next(iter(self._queues.items()))
            waiting = queue[0]
            self._forget(waiting)
            if share in self._queues:
                self._queues.move_to_end(share)
            if waiting.asker.has_left():
                waiting.turn.set_exception(_busy("the caller has left"))
                continue
            self._running += 1
            waiting.turn.set_result(None)
            return

    def _forget(self, waiting: _Waiting) -> bool:
        """Take an asker out of the queue; False when it is not in it."""
        queue = self._queues.get(waiting.asker.share)
        if queue is None or waiting not in queue:
            return False
        queue.remove(waiting)
        if not queue:
            del self._queues[waiting.asker.share]
        return True


def _busy(detail: str) -> Refusal:
    return Refusal(SIGN_IN_BUSY, detail, retry_after_s=SIGN_IN_PAUSE_S)
