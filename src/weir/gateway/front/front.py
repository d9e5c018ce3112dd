"""The gateway's shared state, and who answers a request: the pipeline, or control."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from weir.gateway.budgets.allowances import Allowances
from weir.gateway.budgets.concurrency import Concurrency
from weir.gateway.call import Call
from weir.gateway.config.follower import Following
from weir.gateway.front.head_memo import Said
from weir.gateway.front.interaction_ids import Interactions
from weir.gateway.front.passthrough import Passing
from weir.gateway.members.members import Members
from weir.gateway.members.upkeep import Tending
from weir.gateway.observing.counts import Counts
from weir.gateway.observing.fault_log import FaultLines
from weir.gateway.observing.stalls import Pauses
from weir.gateway.pipeline import Flow
from weir.gateway.record_stream import Recording
from weir.gateway.tokens.known_tokens import TokenMemory
from weir.kernel.declares import UNKNOWN_HOST
from weir.kernel.outcomes import Refusal
from weir.keys.message_key import MessageKeys
from weir.metering.counters import payment_intents
from weir.store.cache import Cache
from weir.store.database import Database
from weir.wire import grammar
from weir.wire.deadlines import Deadlines
from weir.wire.downstream import Listener
from weir.wire.exchange import Exchange
from weir.wire.listeners import MemberTls
from weir.wire.peer import PeerCertificate
from weir.wire.reactor import Reactor
from weir.wire.resolver import Reachable
from weir.wire.upstream import Pool

if TYPE_CHECKING:
    from weir.gateway.observing.spans import Trace, Tracing

API: Final = "api"
FOUNDING: Final = b"/v1/founding"
# Which host answers on which port. The management API takes no caller without a certificate, but
# for the founding, by which the first certificate of an alliance comes about.
ROLES: Final = {
    "public": frozenset({"portal", "auth", API}),
    "mtls": frozenset({"auth", "manage", API}),
}
_log = structlog.get_logger("weir.gateway")


class Gateway:
    """One gateway process's working parts. Implements `wire.downstream.Handler`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        domain: str,
        database: Database,
        following: Following,
        tokens: TokenMemory,
        allowances: Allowances,
        recording: Recording,
        reactor: Reactor,
        member_tls: MemberTls,
        reachable: Reachable,
        control_sockets: list[Path],
        in_flight: Deadlines,
        cache: Cache,
        message_keys: MessageKeys,
        tracing: Tracing | None = None,
    ) -> None:
        self.loop = loop
        self.database = database
        self.following = following
        self.tokens = tokens
        self.allowances = allowances
        self.recording = recording
        self.in_flight = in_flight
        self.cache = cache
        self.tracing = tracing
        self.message_keys = message_keys
        self.counts = Counts()
        self.concurrency = Concurrency()
        self.faults = FaultLines()
        self.pauses = Pauses(loop, following)
        self.listeners: list[Listener] = []
        self._roles = {
            kind: {f"{role}.{domain}".encode(): role for role in roles}
            for kind, roles in ROLES.items()
        }
        self.reactor = reactor
        self.members = Members(loop, in_flight, member_tls, reachable, self.reactor)
        self.tending = Tending(loop, self.members)
        self._controls = [Pool(loop, in_flight, unix_path=str(path)) for path in control_sockets]
        self._next_control = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._identifiers = Interactions()

    # --- who answers ---------------------------------------------------------------------------

    def begin(self, exchange: Exchange) -> None:
        """Answer a well-formed request."""
        section = exchange.request.section
        said: Said | None = section.noted
        if said is None:
            said = section.noted = Said(section, self._role(exchange))
        role = said.role
        if role is None:
            role = self._founding(exchange)
        interaction_id = said.interaction_id or self._identifiers.next()
        if exchange.connection.certifies:
            try:
                exchange.certificate = self._told_certificate(exchange, said)
            except Refusal as refusal:
                Flow(self, exchange, interaction_id).refuse(refusal)
                return
        if role == API:
            flow = Flow(self, exchange, interaction_id)
            flow.said = said
            if self.tracing is not None:
                flow.trace = self.tracing.begin(exchange)
            flow.run()
        elif role is not None:
            Passing(self, exchange, role, interaction_id).run()
        else:
            Flow(self, exchange, interaction_id).refuse(Refusal(UNKNOWN_HOST))

    def _told_certificate(self, exchange: Exchange, said: Said) -> PeerCertificate | None:
        """Whom a balancer has verified: its own certificate speaks for no caller."""
        if not said.told_is_read:
            value = exchange.request.single.get(b"client-cert")
            if value is not None:
                said.told = exchange.connection.listener.balancers.certificate(value)
            said.told_is_read = True
        told = said.told
        return told if told is not None and told.in_time(exchange.arrived_ns / 1e9) else None

    def malformed(self, exchange: Exchange, refusal: Refusal) -> None:
        """Refuse what is not a request. Nobody can say for which host it was, so it is recorded."""
        said = Said(exchange.request.section, None)
        Flow(self, exchange, said.interaction_id or self._identifiers.next()).refuse(refusal)

    def _role(self, exchange: Exchange) -> str | None:
        roles = self._roles[exchange.connection.listener.kind]
        host = exchange.request.host
        return roles.get(host) or roles.get(grammar.host_name(host) or b"")

    def _founding(self, exchange: Exchange) -> str | None:
        """The one path of `manage.` that is served without a certificate."""
        if exchange.request.target != FOUNDING:
            return None
        anywhere, host = self._roles["mtls"], exchange.request.host
        role = anywhere.get(host) or anywhere.get(grammar.host_name(host) or b"")
        return role if role == "manage" else None

    def end_trace(self, call: Call, trace: Trace) -> None:
        """Hand the spans of a recorded call over. Their fate is none of the call's."""
        try:
            if self.tracing is not None:
                self.tracing.end(call, trace)
        except Exception:
            _log.exception("spans_lost")

    # --- pools ---------------------------------------------------------------------------------

    def control_pool(self) -> Pool:
        """The connections to the next control process, in turn."""
        self._next_control = (self._next_control + 1) % len(self._controls)
        return self._controls[self._next_control]

    async def sweep_connections(self) -> None:
        """Close connections that were not used for long; look after the members' endpoints."""
        await self.tending.sweep()
        for pool in self._controls:
            pool.close_idle()

    def close_connections(self) -> None:
        """Close every connection to members and control."""
        self.tending.close()
        self.members.close()
        for pool in self._controls:
            pool.close()

    # --- tasks ---------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the loop's callbacks, and keep hold of it."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish_tasks(self) -> None:
        """Wait for what was spawned."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def note_answered(self, call: Call) -> None:
        """Close the intent of a payment that was answered and recorded.

        When this is lost, reconciliation finds the record and closes it.
        """
        if call.token is not None and call.idempotency_key is not None:
            self.spawn(self._note(call.token.client_id, call.idempotency_key, call.status))

    def note_unsent(self, call: Call) -> None:
        """Undo the intent of a recurring payment that was recorded as refused and never left.

        When this is lost, reconciliation asks the member and does the same.
        """
        if call.token is not None and call.idempotency_key is not None:
            self.spawn(self._note(call.token.client_id, call.idempotency_key, None))

    async def _note(self, client_id: str, key: str, status: int | None) -> None:
        """Note a member's answer; None: that there was none, because it was not asked."""
        try:
            async with self.database.connect() as connection:
                if status is None:
                    await payment_intents.unsent(connection, client_id, key)
                else:
                    await payment_intents.answered(connection, client_id, key, status)
                await connection.commit()
        except (Refusal, SQLAlchemyError, OSError) as error:
            _log.warning("intent_left_open", client=client_id, error=repr(error))
