"""The request as the member gets it: the platform's word on who calls, and nothing of the
caller's credentials, hops or pretended identity.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from weir.gateway.call import Call
from weir.gateway.signing import HeldAnswer
from weir.gateway.snapshot import Snapshot
from weir.gateway.trace_context import TRACEPARENT, TRACESTATE
from weir.kernel import limits
from weir.wire.message import HOP_BY_HOP, IDEMPOTENT_METHODS, Field, KnownNames

if TYPE_CHECKING:
    from weir.gateway.tracing import Trace

# What the gateway sets itself, or what is between caller and platform only.
_KEPT_BACK: Final = HOP_BY_HOP | {
    b"host",
    b"content-length",
    b"authorization",
    b"dpop",
    b"cookie",
    b"expect",
    b"x-fapi-interaction-id",
    b"forwarded",
    b"via",
    b"x-real-ip",
}
NOTHING: Final = Snapshot()
_PRETENDED: Final = (b"weir-", b"openfinance-", b"x-forwarded-")


def is_passed_on(name: bytes) -> bool:
    """Whether a field travels on. A name with `_` does not: some servers read it as `-`."""
    return not (name in _KEPT_BACK or name.startswith(_PRETENDED) or b"_" in name)


_PASSED_ON: Final = KnownNames(is_passed_on)


def field_lines(fields: list[Field]) -> list[bytes]:
    """The lines of the fields that travel on."""
    return [b"%b: %b\r\n" % field for field in fields if _PASSED_ON[field[0]]]


def _traced_lines(call: Call, trace: Trace) -> list[bytes]:
    """The same, with our place in the trace for the caller's."""
    fields = call.exchange.request.fields
    others = [field for field in fields if field[0] not in (TRACEPARENT, TRACESTATE)]
    return [*field_lines(others), trace.lines()]


def identity(prefix: bytes, interaction_id: bytes) -> bytes:
    """The value of `openfinance-identity`: base64url of a JSON object, without padding.

    `prefix` is the encoded beginning, of a whole number of 3-byte groups (see tokens.py).
    """
    return prefix + base64.urlsafe_b64encode(b'%b"}' % interaction_id).rstrip(b"=")


def head(call: Call) -> bytes:
    """Request line and fields, without framing and without the empty line."""
    operation, token = call.operation, call.token
    assert operation is not None
    assert token is not None
    fields = call.exchange.request.fields
    lines = field_lines(fields) if call.trace is None else _traced_lines(call, call.trace)
    query = b"?" + call.query if call.query else b""
    return b"".join(
        (
            b"%b %b%b%b HTTP/1.1\r\nhost: %b\r\n"
            % (
                call.exchange.request.method.encode(),
                operation.base_path,
                call.path,
                query,
                operation.host,
            ),
            *lines,
            operation.timeout_line,
            b"openfinance-identity: %b\r\nx-fapi-interaction-id: %b\r\n"
            % (identity(token.identity, call.interaction_id), call.interaction_id),
        )
    )


def forward(call: Call) -> None:
    """Send the request to the member. Refusal when it is out of reach, or the body too large."""
    operation = call.operation
    assert operation is not None
    call.forward(
        call.gateway.members.pool(operation, call.snapshot),
        head(call),
        body=call.body,
        max_body_bytes=limits.BODY_BYTES,
        repeatable=call.exchange.request.method in IDEMPOTENT_METHODS,
        answer_timeout_s=operation.timeout_s,
        whole_within_s=limits.MONEY_CALL_S if operation.moves_money else None,
        answering=HeldAnswer(call) if operation.signed else None,
    )
    call.snapshot = NOTHING  # an old one is not kept for as long as the member takes to answer
