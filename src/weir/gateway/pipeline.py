"""The whole flow of a call, a phase a row.

| phase | finds or does | may wait for | file in phases/ |
| --- | --- | --- | --- |
| identify | token, certificate, application | - | identify.py |
| admit | a slot among the calls in flight | - | admit.py |
| route | operation and parameters | - | route.py |
| authorize | subscription, scope, consent | the body, if a consent is about it | authorize.py |
| limit | takes one call from rate and quota | a lease, when what was leased is used up | limit.py |
| prove | records writable, signature, intent | the nonce, the commit, if there is one | prove.py |
| forward | the request to the member | the member | forward.py |
| filter | the answer's head | - | filter.py |
| record | the call record | - | record.py |
| respond | the last byte, or the refusal | - | respond.py |

The first seven run in the order of `BEFORE`; the answer's events run the last three.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from weir.gateway.call import Call
from weir.gateway.observing.trace import CallFacts, Trace
from weir.gateway.phases.admit import REFUSALS as OF_ADMIT
from weir.gateway.phases.admit import admit
from weir.gateway.phases.authorize import REFUSALS as OF_AUTHORIZE
from weir.gateway.phases.authorize import authorize
from weir.gateway.phases.filter import filter_fields
from weir.gateway.phases.forward import REFUSALS as OF_FORWARD
from weir.gateway.phases.forward import forward
from weir.gateway.phases.identify import REFUSALS as OF_IDENTIFY
from weir.gateway.phases.identify import identify
from weir.gateway.phases.limit import REFUSALS as OF_LIMIT
from weir.gateway.phases.limit import limit
from weir.gateway.phases.prove import REFUSALS as OF_PROVE
from weir.gateway.phases.prove import prove
from weir.gateway.phases.recheck import recheck
from weir.gateway.phases.record import receipt_line, record
from weir.gateway.phases.respond import PROBLEM_TYPE, refusal_body, refusal_lines
from weir.gateway.phases.route import REFUSALS as OF_ROUTE
from weir.gateway.phases.route import route
from weir.gateway.phases.signed_answer import signature_lines
from weir.kernel.declares import MEMBER_BROKEN_ANSWER, MEMBER_TIMEOUT, OVERLOADED, PLATFORM_ERROR
from weir.kernel.outcomes import Fault, Outcome, Refusal
from weir.metering.counters import payment_intents
from weir.metering.declares import CALLER_GONE
from weir.store.database import Database
from weir.wire.declares import MEMBER_UNREACHABLE
from weir.wire.heads import AnswerHead
from weir.wire.member_connection import Failure

_log = structlog.get_logger("weir.gateway")
Phase = Callable[[Call], Awaitable[None] | None]

BEFORE: Final[tuple[Phase, ...]] = (
    identify,
    admit,
    route,
    authorize,
    limit,
    prove,
    forward,
)

# Every refusal of a call after its message was read, phase by phase, in the order they are tried.
REFUSALS: Final[dict[str, tuple[Outcome, ...]]] = {
    "identify": OF_IDENTIFY,
    "admit": OF_ADMIT,
    "route": OF_ROUTE,
    "authorize": OF_AUTHORIZE,
    "limit": OF_LIMIT,
    "prove": OF_PROVE,
    "forward": OF_FORWARD,
}

_FAILURES: Final[dict[Failure, Outcome]] = {
    Failure.UNREACHABLE: MEMBER_UNREACHABLE,
    Failure.BUSY: OVERLOADED,
    Failure.TIMEOUT: MEMBER_TIMEOUT,
    Failure.BROKEN: MEMBER_BROKEN_ANSWER,
    Failure.CALLER_SLOW: CALLER_GONE,
}


class Then(Enum):
    """The next act on the connection, once the record is written."""

    END = "end"  # the answer is whole but for its last byte
    ABORT = "abort"  # the answer is broken off
    NOTHING = "nothing"  # the caller has left


class Flow(Call):
    """A call on its way through the phases."""

    __slots__ = ("_phase", "_then")

    def run(self, phase: int = 0) -> None:
        """Run the phases from `phase` on, until one waits, refuses, or the request is forwarded."""
        try:
            for at in range(phase, len(BEFORE)):
                self._phase = at
                waiting = BEFORE[at](self)
                if waiting is not None:
                    self.parts.spawn(self._wait(waiting))
                    return
        except Refusal as refusal:
            self.refuse(refusal)
        except Exception as error:  # a fault of ours must not leave the caller without an answer
            self._break_down(error)

    async def _wait(self, waiting: Awaitable[None]) -> None:
        """Await the phase's awaitable and run the phase again.

        The caller may have left meanwhile; a payment whose intent is committed is forwarded all the
        same, because it was asked for in full.
        """
        try:
            await waiting
            if self.exchange.ended and not self.claimed:
                return
            recheck(self)
        except Refusal as refusal:
            self.refuse(refusal)
        except Exception as error:
            self._break_down(error)
        else:
            self.run(self._phase)

    # --- the answer's events: filter, record, respond ------------------------------------------

    def still_allowed(self) -> bool:
        try:
            recheck(self)
        except Refusal as refusal:
            if self.outgoing is not None:
                self.outgoing.cancel()
            self.refuse(refusal)
            return False
        return True

    def head_lines(self, head: AnswerHead) -> bytes:
        return filter_fields(self, head)

    def answer_head(self, head: AnswerHead, length: int | None) -> None:
        self.status = head.status  # also when the caller has left
        super().answer_head(head, length)

    def answer_end(self) -> None:
        self.outgoing = None  # call and request refer to each other; free both
        self._record(Then.END)

    def _answer_unrecorded(self, refusal: Refusal) -> None:
        """Keep an answer that cannot be recorded from the caller.

        The intent of a payment stays open, so reconciliation will find the payment.
        """
        if self.exchange.retract():
            self._begin_refusal(refusal, b"")  # without a record there is no receipt
            self.exchange.end()
        elif not self.exchange.ended:
            self.exchange.abort()

    def failed(self, failure: Failure | Refusal, detail: str) -> None:
        if self.recorded:  # the answer came before the request's end, and is whole
            return
        refusal = failure
        if isinstance(refusal, Failure):
            refusal = Refusal(_FAILURES[refusal], detail)
        if not self.exchange.begun or self.exchange.retract():
            self.refuse(refusal)
            return
        self.refusal = refusal.outcome
        self._record(Then.ABORT)

    def caller_gone(self) -> None:
        """End the call of a caller who has left; a call that moves money is carried to its end.

        That begins with the writing of its intent: whether the intent is committed then is not for
        the caller to decide.
        """
        if self.recorded:
            return
        if self.idempotency_key is not None:
            self.writing(True)  # the answer may have waited for the caller to read on
            return
        if self.outgoing is not None:
            self.outgoing.cancel()
        self.status = CALLER_GONE.status
        self.refusal = CALLER_GONE
        self._record(Then.NOTHING)

    # --- refusals ------------------------------------------------------------------------------

    def refuse(self, refusal: Refusal) -> None:
        """Record the refusal and answer it. A refusal that cannot be recorded becomes another."""
        if self.recorded:
            return
        self.refusal = refusal.outcome
        self.status = refusal.outcome.status
        self._log_fault(refusal.outcome, refusal.detail)
        if not self.exchange.ended:
            self._begin_refusal(refusal, receipt_line(self))
        self._record(Then.END)

    def _log_fault(self, outcome: Outcome, detail: str) -> None:
        """Log a refusal by the platform's or a member's fault.

        Callers' own faults are in the records; a log of them would be the callers' to fill.
        """
        if outcome.fault is not Fault.CALLER:
            faults = self.parts.faults
            faults.warn("call_refused", outcome.code, detail, self.interaction_id)

    def _begin_refusal(self, refusal: Refusal, receipt: bytes) -> None:
        body = refusal_body(refusal, self.interaction_id)
        lines = refusal_lines(refusal, self.interaction_id) + receipt
        if self.operation is not None and self.operation.signed:
            status = refusal.outcome.status
            lines += signature_lines(self, status, PROBLEM_TYPE, body)
        self.exchange.begin(refusal.outcome.status, lines, len(body))
        self.exchange.send(body)

    def _break_down(self, error: Exception) -> None:
        faults, code = self.parts.faults, PLATFORM_ERROR.code
        faults.warn("call_broke_down", code, repr(error), self.interaction_id, error)
        if self.outgoing is not None:
            self.outgoing.cancel()
        if self.exchange.begun and not self.exchange.retract():
            self.refusal = PLATFORM_ERROR
            self._record(Then.ABORT)
        else:
            self.refuse(Refusal(PLATFORM_ERROR, repr(error)))

    # --- the record ----------------------------------------------------------------------------

    def _record(self, then: Then) -> None:
        """Have the record written, once, and do the rest afterwards.

        A call without an identified application is only counted, or anonymous requests could fill
        the disk.
        """
        if self.recorded:
            return
        self.recorded = True
        self._then = then
        self._leave()
        if self.application is None:
            self.duration_us = self.lasted_us()
            self.parts.counts.count_unidentified(self.code)
            self._recorded(None)
        else:
            record(self, self.application, self._recorded)

    def _leave(self) -> None:
        """Give back the slot among the calls in flight."""
        if self.admitted and self.application is not None:
            self.admitted = False
            self.parts.concurrency.leave(self.application.id)

    def _recorded(self, refusal: Refusal | None) -> None:
        """Go on when the record is in the kernel's hands, or the refusal says why it is not."""
        if refusal is None:
            self._count()
        elif self._then is Then.END:
            self._answer_unrecorded(refusal)
            return
        else:
            code = refusal.outcome.code
            self.parts.faults.warn("call_not_recorded", code, refusal.detail, self.interaction_id)
        if self.exchange.ended:
            return
        if self._then is Then.END:
            self.exchange.end()
        elif self._then is Then.ABORT:
            self.exchange.abort()

    def _was_sent(self) -> bool:
        """Whether a byte of a refused call may have reached the member."""
        return self.outgoing is not None and self.outgoing.sent

    @property
    def code(self) -> str:
        """The refusal's code, or nothing."""
        return "" if self.refusal is None else self.refusal.code

    def _count(self) -> None:
        self.parts.counts.count_call(self.status, self.code, self.duration_us)
        if self.claimed and self.refusal is None:
            self._close_intent(self.status)
        elif self.payment_name is not None and not self._was_sent():
            self._close_intent(None)
        if self.trace is not None:
            self._end_trace(self.trace)

    def _close_intent(self, status: int | None) -> None:
        """Close the intent of a payment that was answered with `status` and recorded.

        With None, undo the intent of a recurring payment that was recorded as refused and never
        left. When this is lost, reconciliation finds the record, or asks the member, and does the
        same.
        """
        if self.token is not None and self.idempotency_key is not None:
            closing = close_intent(
                self.parts.database, self.token.client_id, self.idempotency_key, status
            )
            self.parts.spawn(closing)

    def _end_trace(self, trace: Trace) -> None:
        """Hand the spans of a recorded call over; a failure is logged and does not touch it."""
        try:
            if self.parts.span_exporter is not None:
                self.parts.span_exporter.end(trace, self._facts())
        except Exception:
            _log.exception("spans_lost")

    def _facts(self) -> CallFacts:
        operation, application = self.operation, self.application
        return CallFacts(
            method=self.exchange.request.method,
            route=None if operation is None else operation.template,
            status=self.status,
            code=self.code or None,
            interaction_id=self.interaction_id.decode(),
            application=None if application is None else application.id,
            product=None if operation is None else operation.product,
            member=None if operation is None else operation.member,
            arrived_ns=self.exchange.arrived_ns,
        )


async def close_intent(database: Database, client_id: str, key: str, status: int | None) -> None:
    """Note a member's answer in a payment's intent; None when the member was not asked."""
    try:
        async with database.connect() as connection:
            if status is None:
                await payment_intents.release_unsent(connection, client_id, key)
            else:
                await payment_intents.record_answer(connection, client_id, key, status)
            await connection.commit()
    except (Refusal, SQLAlchemyError, OSError) as error:
        _log.warning("intent_left_open", client=client_id, error=repr(error))
