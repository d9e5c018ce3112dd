"""The life of a consent, as data.

A consent begins *awaiting*: a customer is being asked. The customer answers once: *granted* or
*rejected*; a question nobody answers in time is *expired*. Only a granted consent opens anything.
A payment's is *used* by the one call it was for; other consents are never used up. Granted and
used ones end: *withdrawn* by somebody, *expired* at their date, or *replaced* by a newer consent
that took their place on a grant. What has ended stays ended; there is no way back to granted, so a
token that was voided once is void for ever.

The gateway does not wait for the move to *expired*: a consent whose date has passed is treated as
expired at once (`in_effect`), and the move is written down later.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from weir.kernel.declares import ILLEGAL_STATE
from weir.kernel.outcomes import Refusal


class State(StrEnum):
    AWAITING = "awaiting"
    GRANTED = "granted"
    USED = "used"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REPLACED = "replaced"


class Move(StrEnum):
    GRANT = "grant"
    REJECT = "reject"
    USE = "use"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    REPLACE = "replace"


MOVES: Final[dict[tuple[State, Move], State]] = {
    (State.AWAITING, Move.GRANT): State.GRANTED,
    (State.AWAITING, Move.REJECT): State.REJECTED,
    (State.AWAITING, Move.EXPIRE): State.EXPIRED,
    (State.GRANTED, Move.USE): State.USED,
    (State.GRANTED, Move.WITHDRAW): State.WITHDRAWN,
    (State.GRANTED, Move.EXPIRE): State.EXPIRED,
    (State.GRANTED, Move.REPLACE): State.REPLACED,
    (State.USED, Move.WITHDRAW): State.WITHDRAWN,
    (State.USED, Move.EXPIRE): State.EXPIRED,
}

# The audit event of each move.
EVENT_OF: Final[dict[Move, str]] = {
    Move.GRANT: "consent.granted",
    Move.REJECT: "consent.rejected",
    Move.USE: "consent.used",
    Move.WITHDRAW: "consent.withdrawn",
    Move.EXPIRE: "consent.expired",
    Move.REPLACE: "consent.replaced",
}

# For these a client may still get tokens. A used payment consent stays, so that a payment whose
# answer was lost can be asked again under its idempotency key; the gateway pays it only once.
TOKENS_FOR: Final = frozenset({State.GRANTED, State.USED})


def after(state: State, move: Move, *, single_use: bool) -> State:
    """The state a move leads to. ILLEGAL_STATE when there is no such move."""
    following = MOVES.get((state, move))
    if following is None or (move is Move.USE and not single_use):
        raise Refusal(ILLEGAL_STATE, f"{move} from {state}", state=state.value)
    return following


def in_effect(state: State, expires_at: datetime, now: datetime) -> State:
    """The state as of `now`: a date that has passed ends a consent before anyone writes it down."""
    if (state, Move.EXPIRE) in MOVES and expires_at <= now:
        return State.EXPIRED
    return state
