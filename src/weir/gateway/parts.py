"""The parts of one gateway process that a call may touch, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from weir.gateway.budgets.allowances import Allowances
from weir.gateway.budgets.concurrency import Concurrency
from weir.gateway.config.follower import Follower
from weir.gateway.members.members import Members
from weir.gateway.observing.counts import Counts
from weir.gateway.observing.fault_log import FaultLog
from weir.gateway.observing.stalls import Stalls
from weir.gateway.record_stream import RecordStream
from weir.gateway.tokens.identities import Identities
from weir.gateway.tokens.known_tokens import TokenMemory
from weir.keys.message_key import MessageKeys
from weir.store.cache import Cache
from weir.store.database import Database
from weir.wire.deadlines import Deadlines
from weir.wire.listeners import MemberTls
from weir.wire.reactor import Reactor
from weir.wire.resolver import Reachable
from weir.wire.upstream import Pool

if TYPE_CHECKING:
    from weir.gateway.observing.spans import SpanExporter


class Parts:
    """The working parts that a call reads and writes; `Gateway` above decides which flow answers.

    `span_exporter` is None where no receiver of spans is named.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        database: Database,
        follower: Follower,
        tokens: TokenMemory,
        allowances: Allowances,
        record_stream: RecordStream,
        reactor: Reactor,
        member_tls: MemberTls,
        reachable: Reachable,
        controls: list[Pool],
        in_flight: Deadlines,
        cache: Cache,
        message_keys: MessageKeys,
        identities: Identities,
        span_exporter: SpanExporter | None = None,
    ) -> None:
        self.loop = loop
        self.database = database
        self.follower = follower
        self.tokens = tokens
        self.allowances = allowances
        self.record_stream = record_stream
        self.in_flight = in_flight
        self.cache = cache
        self.span_exporter = span_exporter
        self.message_keys = message_keys
        self.identities = identities
        self.counts = Counts()
        self.concurrency = Concurrency()
        self.faults = FaultLog()
        self.stalls = Stalls(loop, follower)
        self.reactor = reactor
        self.members = Members(loop, in_flight, member_tls, reachable, reactor)
        self.controls = controls
        self._next_control = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def control_pool(self) -> Pool:
        """Return the connections to the next control process, in turn."""
        self._next_control = (self._next_control + 1) % len(self.controls)
        return self.controls[self._next_control]

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work beside the loop's callbacks, and keep hold of it."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish_tasks(self) -> None:
        """Wait for the work that was spawned."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))
