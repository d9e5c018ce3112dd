"""The answer's head for the caller, without traces of the member's servers or cookies."""

from __future__ import annotations

from typing import Final

from weir.gateway.call import Call
from weir.gateway.phases.record import receipt_line
from weir.wire.heads import AnswerHead
from weir.wire.message import HOP_BY_HOP, KnownNames

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


def filter_fields(call: Call, head: AnswerHead) -> bytes:
    """Return the answer's field lines for the caller.

    They are the member's fields that are shown, the interaction's identifier and the receipt's
    name.
    """
    shown: bytes | None = head.noted
    if shown is None:
        shown = b"".join([b"%b: %b\r\n" % field for field in head.fields if _SHOWN[field[0]]])
        head.noted = shown
    return b"%bx-fapi-interaction-id: %b\r\n%b" % (shown, call.interaction_id, receipt_line(call))
