"""The request to the member, with the platform's own word on the caller.

Nothing of the caller's credentials, hops or pretended identity travels on.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from weir.gateway.call import Call
from weir.gateway.config.snapshot import Snapshot
from weir.gateway.declares import ANSWER_TOO_LARGE, MONEY_CALL_S
from weir.gateway.head_memo import KnownHead, RouteMatch, passed_on
from weir.gateway.observing.trace_context import TRACEPARENT, TRACESTATE
from weir.gateway.phases.signed_answer import HeldAnswer
from weir.gateway.tokens.identities import SignedCall
from weir.kernel.declares import BODY_BYTES, MEMBER_BROKEN_ANSWER, MEMBER_TIMEOUT, OVERLOADED
from weir.metering.declares import CALLER_GONE
from weir.wire.declares import (
    BODY_TOO_LARGE,
    CALL_S,
    MALFORMED_HTTP,
    MEMBER_UNREACHABLE,
    REQUEST_TIMEOUT,
)
from weir.wire.message import IDEMPOTENT_METHODS

# In the order in which they are tried.
REFUSALS: Final = (
    MEMBER_UNREACHABLE,
    MALFORMED_HTTP,
    REQUEST_TIMEOUT,
    BODY_TOO_LARGE,
    OVERLOADED,
    MEMBER_TIMEOUT,
    MEMBER_BROKEN_ANSWER,
    ANSWER_TOO_LARGE,
    CALLER_GONE,
)


if TYPE_CHECKING:
    from weir.gateway.observing.trace import Trace

NOTHING: Final = Snapshot()


def _onward(call: Call, known_head: KnownHead) -> bytes:
    """Return the caller's lines that travel on."""
    if call.trace is not None:
        return _traced_lines(call, call.trace)
    if known_head.onward is None:
        known_head.onward = passed_on(call.exchange.request.fields)
    return known_head.onward


def _traced_lines(call: Call, trace: Trace) -> bytes:
    """Return the caller's lines, with our place in the trace for the caller's."""
    fields = call.exchange.request.fields
    others = [field for field in fields if field[0] not in (TRACEPARENT, TRACESTATE)]
    return passed_on(others) + trace.lines()


def _identity(call: Call, match: RouteMatch) -> bytes:
    """Return the value of `openfinance-identity`, signed for the token, or for this call alone."""
    right, token_rights = call.right, call.token_rights
    assert right is not None
    assert token_rights is not None
    identities = call.parts.identities
    if not right.signs_each_call:
        return identities.of_token(token_rights, right.audience, time.time())
    request, operation = call.exchange.request, match.operation
    query = b"?" + match.query if match.query else b""
    signed = SignedCall(
        method=request.method,
        target_uri=b"https://%b%b%b%b" % (operation.host, operation.base_path, match.path, query),
        body=call.body or b"",
        interaction_id=call.interaction_id,
    )
    return identities.of_call(token_rights.token, right.audience, time.time(), signed)


def _opening(method: str, match: RouteMatch) -> bytes:
    """Return the request line and the host's."""
    operation = match.operation
    query = b"?" + match.query if match.query else b""
    return b"%b %b%b%b HTTP/1.1\r\nhost: %b\r\n" % (
        method.encode(),
        operation.base_path,
        match.path,
        query,
        operation.host,
    )


def head(call: Call) -> bytes:
    """Return request line and fields, without framing and without the empty line."""
    match, known_head = call.match, call.known_head
    assert match is not None
    assert known_head is not None
    if not match.opening:
        match.opening = _opening(call.exchange.request.method, match)
    return b"".join(
        (
            match.opening,
            _onward(call, known_head),
            match.operation.timeout_line,
            b"openfinance-identity: ",
            _identity(call, match),
            b"\r\nx-fapi-interaction-id: ",
            call.interaction_id,
            b"\r\n",
        )
    )


def forward(call: Call) -> None:
    """Send the request to the member. Refusal when it is out of reach, or the body too large."""
    operation = call.operation
    assert operation is not None
    call.forward(
        call.parts.members.pool(operation, call.snapshot),
        head(call),
        body=call.body,
        max_body_bytes=BODY_BYTES,
        repeatable=call.exchange.request.method in IDEMPOTENT_METHODS,
        answer_timeout_s=operation.timeout_s,
        whole_within_s=MONEY_CALL_S if operation.moves_money else CALL_S,
        answering=HeldAnswer(call) if operation.signed else None,
    )
    call.snapshot = NOTHING  # an old one is not kept for as long as the member takes to answer
