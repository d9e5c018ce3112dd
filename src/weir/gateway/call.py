"""One call: everything its phases find out, typed, in one place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from weir.gateway.config.snapshot import Application, Operation, Snapshot
from weir.gateway.declares import BOUND_BODY_BYTES
from weir.gateway.head_memo import KnownHead, RouteMatch
from weir.gateway.parts import Parts
from weir.kernel.money import Money
from weir.kernel.outcomes import Outcome, Refusal
from weir.wire.exchange import Exchange
from weir.wire.relay import Relay

if TYPE_CHECKING:
    from weir.gateway.labels import Labels
    from weir.gateway.observing.trace import Trace
    from weir.gateway.signed_request import SignedRequest
    from weir.gateway.tokens.known_tokens import Grant, KnownToken, Right, TokenRights
    from weir.shelf.published import SubscriptionDocument


class Call(Relay):
    """The context of one call. A phase reads what earlier ones found and adds its own.

    It is also the receiver of the caller's body: collected whole when a phase needs it, else
    relayed as it comes.
    """

    __slots__ = (
        "_collected",
        "_pieces",
        "admitted",
        "amount",
        "application",
        "body",
        "claimed",
        "duration_us",
        "grant",
        "idempotency_key",
        "interaction_id",
        "json",
        "known_head",
        "labels",
        "match",
        "now_s",
        "number",
        "operation",
        "parts",
        "payment_name",
        "possessed",
        "recorded",
        "refusal",
        "right",
        "signed",
        "snapshot",
        "started_s",
        "status",
        "subscription",
        "token",
        "token_rights",
        "trace",
    )

    def __init__(self, parts: Parts, exchange: Exchange, interaction_id: bytes) -> None:
        super().__init__(exchange)
        exchange.receiver = self
        self.parts = parts
        self.snapshot: Snapshot = parts.follower.snapshot
        self.interaction_id = interaction_id
        self.started_s = time.perf_counter()
        self.now_s = exchange.arrived_ns / 1e9
        self.trace: Trace | None = None  # only where spans are sent
        self.known_head: KnownHead | None = None  # as read; None for a malformed request
        # identify
        self.token_rights: TokenRights | None = None
        self.token: KnownToken | None = None
        self.application: Application | None = None
        self.possessed = False  # a proof for this very call was taken
        # admit
        self.admitted = False  # counted among the calls in flight
        # route
        self.match: RouteMatch | None = None
        self.operation: Operation | None = None
        self.labels: Labels | None = None  # the application's labels of the call's place
        # authorize
        self.right: Right | None = None
        self.subscription: SubscriptionDocument | None = None
        self.grant: Grant | None = None
        self.body: bytes | None = None  # only where a phase needs it whole
        self.json: object = None
        self.amount: Money | None = None
        # prove
        self.signed: SignedRequest | None = None
        self.idempotency_key: str | None = None
        self.claimed = False  # an intent stands for this call
        self.payment_name: str | None = None  # in records, of a recurring payment
        # record and respond
        self.status = 0
        self.refusal: Outcome | None = None
        self.recorded = False  # its record is written, or about to be
        self.duration_us = 0  # as recorded
        self.number = 0  # among its application's calls; 0 until the answer begins
        self._pieces: list[bytes] | None = None
        self._collected: asyncio.Future[None] | None = None

    def lasted_us(self) -> int:
        """Return the microseconds since the call's head was read."""
        return int((time.perf_counter() - self.started_s) * 1e6)

    # --- collecting the body -------------------------------------------------------------------

    def collect(self, max_bytes: int = BOUND_BODY_BYTES) -> Awaitable[None] | None:
        """Read the body whole into `body`. Return None when it is there, else an awaitable.

        Refusal BODY_TOO_LARGE for more than `max_bytes`.
        """
        if self.body is None:
            self._pieces = []
            self.exchange.receive(self, max_bytes)
        return self._until_collected()

    def _until_collected(self) -> Awaitable[None] | None:
        if self.body is not None:
            return None
        self._collected = self.parts.loop.create_future()
        return self._collected

    def body_arrived(self, data: bytes) -> None:
        """Take a piece of the request's body."""
        if self._pieces is not None:
            self._pieces.append(data)
        else:
            super().body_arrived(data)

    def body_end(self) -> None:
        if self._pieces is None:
            super().body_end()
            return
        self.body, self._pieces = b"".join(self._pieces), None
        self._settle(None)

    def body_failed(self, refusal: Refusal) -> None:
        if self._collected is not None and not self._collected.done():
            self._pieces = None
            self._settle(refusal)
        else:
            super().body_failed(refusal)

    def gone(self) -> None:
        if self._collected is not None and not self._collected.done():
            self._collected.cancel()
        super().gone()

    def _settle(self, refusal: Refusal | None) -> None:
        if self._collected is None or self._collected.done():
            return
        if refusal is None:
            self._collected.set_result(None)
        else:
            self._collected.set_exception(refusal)
