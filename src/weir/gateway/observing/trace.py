"""A call's place in its trace, and the facts of the call that its spans tell."""

from __future__ import annotations

import time
from typing import NamedTuple

from weir.gateway.observing import trace_context
from weir.gateway.observing.trace_context import TraceContext


class Trace:
    """One call's place in its trace."""

    __slots__ = ("call_id", "forwarded_ns", "given", "member_id", "sampled", "trace_id")

    def __init__(self, given: TraceContext | None, trace_id: bytes, bits: int, sampled: bool):
        self.given = given
        self.trace_id = trace_id
        self.sampled = sampled
        ids = b"%032x" % bits
        self.call_id = ids[:16]  # the span of the call here
        self.member_id = ids[16:]  # the span of the member's part in it, the member's parent
        self.forwarded_ns = 0

    def lines(self) -> bytes:
        """Return the member's trace fields, and note that the member's part begins now."""
        self.forwarded_ns = time.time_ns()
        state = b"" if self.given is None else self.given.state
        return trace_context.lines(self.trace_id, self.member_id, sampled=self.sampled, state=state)


class CallFacts(NamedTuple):
    """The facts of a recorded call, in the words of its call record; None where there is none."""

    method: str
    route: str | None  # the operation's path template
    status: int
    code: str | None  # of the refusal
    interaction_id: str
    application: str | None
    product: str | None
    member: str | None
    arrived_ns: int
