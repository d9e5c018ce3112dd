"""The answer's head as the caller gets it: nothing about the member's servers, no cookies."""

from __future__ import annotations

from typing import Final

from weir.gateway.call import Call
from weir.gateway.phases.record import receipt_line
from weir.wire.message import HOP_BY_HOP, Field, KnownNames

_KEPT_BACK: Final = HOP_BY_HOP | {
    b"content-length",
    b"server",
    b"x-powered-by",
    b"x-aspnet-version",
    b"via",
    b"set-cookie",
    b"strict-transport-security",
    b"public-key-pins",
    b"alt-svc",
    b"x-fapi-interaction-id",
}
_OURS: Final = (b"weir-", b"openfinance-")


def is_shown(name: bytes) -> bool:
    """Whether a field of the member's answer reaches the caller."""
    return not (name in _KEPT_BACK or name.startswith(_OURS))


_SHOWN: Final = KnownNames(is_shown)


def filtered(call: Call, fields: list[Field]) -> bytes:
    """The lines of the member's fields that reach the caller, the interaction's identifier and the
    receipt's name."""
    lines = [b"%b: %b\r\n" % field for field in fields if _SHOWN[field[0]]]
    lines.append(b"x-fapi-interaction-id: %b\r\n" % call.interaction_id)
    lines.append(receipt_line(call))
    return b"".join(lines)
