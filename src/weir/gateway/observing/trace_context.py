"""W3C Trace Context, level 1: the fields by which a caller names the trace of its call.

Strictly read, since it is passed on: a `traceparent` that is not one, or that stands twice, begins
a new trace (section 4.3), and then `tracestate` is dropped with it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from weir.gateway.declares import TRACESTATE_CHARACTERS
from weir.wire.message import Field

TRACEPARENT: Final = b"traceparent"
TRACESTATE: Final = b"tracestate"

# traceparent = version "-" trace-id "-" parent-id "-" trace-flags             (section 3.2.1)
_PARENT: Final = re.compile(
    rb"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})"
    rb"-(?P<flags>[0-9a-f]{2})(?P<rest>-[!-~]*)?"
)
# key = simple-key / multi-tenant-key, value = 0*255(chr) nblk-chr             (section 3.3.1.3)
_MEMBER: Final = re.compile(
    rb"(?P<key>[a-z][_0-9a-z*/-]{0,255}|[a-z0-9][_0-9a-z*/-]{0,240}@[a-z][_0-9a-z*/-]{0,13})"
    rb"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_MEMBERS: Final = 32
_SAMPLED: Final = 0x01


class TraceContext(NamedTuple):
    """A trace and the parent span, in hexadecimal. `state` is empty where there is none."""

    trace_id: bytes
    parent_id: bytes
    sampled: bool
    state: bytes


def read(fields: list[Field]) -> TraceContext | None:
    """Return the caller's trace, or None where a new one is to begin."""
    parents = [value for name, value in fields if name == TRACEPARENT]
    if len(parents) != 1:
        return None
    found = _PARENT.fullmatch(parents[0].rstrip(b" \t"))
    if found is None or found["version"] == b"ff":
        return None
    if found["version"] == b"00" and found["rest"] is not None:
        return None
    if not (found["trace"].strip(b"0") and found["parent"].strip(b"0")):
        return None
    sampled = bool(int(found["flags"], 16) & _SAMPLED)
    return TraceContext(found["trace"], found["parent"], sampled, _state(fields))


def _state(fields: list[Field]) -> bytes:
    """Return the members of every `tracestate` in order, or nothing when one is malformed."""
    given = b",".join(value for name, value in fields if name == TRACESTATE)
    members = [each.strip(b" \t") for each in given.split(b",")]
    members = [each for each in members if each]
    keys = set()
    for member in members:
        found = _MEMBER.fullmatch(member)
        if found is None or found["key"] in keys:
            return b""
        keys.add(found["key"])
    if len(members) > _MEMBERS:
        return b""
    while len(b",".join(members)) > TRACESTATE_CHARACTERS:
        members.pop()  # whole ones, from the end (section 3.3.1.5)
    return b",".join(members)


def lines(trace_id: bytes, parent_id: bytes, *, sampled: bool, state: bytes) -> bytes:
    """Return the lines of the two fields as they are passed on."""
    line = b"traceparent: 00-%b-%b-0%d\r\n" % (trace_id, parent_id, sampled)
    return line + b"tracestate: %b\r\n" % state if state else line
