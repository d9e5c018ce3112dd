"""The states of a consent and the moves between them, as data.

A consent begins *awaiting* the customer's answer. The customer answers once: *granted* or
*rejected*; without an answer in time it is *expired*. Only a granted consent permits anything. A
consent to one payment becomes *used* by its one call; other consents are never used up. Granted and
used consents end: *withdrawn* by a party, *expired* at their date, or *replaced* by a newer consent
that took their place on a grant. An ended consent never becomes granted again, so a token that
became invalid with it stays invalid.

The gateway does not wait for the move to *expired*: it treats a consent as expired as soon as its
date has passed (`in_effect`), and the move is recorded later.
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

# States in which a client may still get tokens. `used` is one of them, so that a payment whose
# answer was lost can be requested again under its idempotency key; the gateway pays it only once.
TOKENS_FOR: Final = frozenset({State.GRANTED, State.USED})


def after(state: State, move: Move, *, single_use: bool) -> State:
    """Return the state after a move. Refusal ILLEGAL_STATE when the move is not possible."""
    following = MOVES.get((state, move))
    if following is None or (move is Move.USE and not single_use):
        raise Refusal(ILLEGAL_STATE, f"{move} from {state}", state=state.value)
    return following


def in_effect(state: State, expires_at: datetime, now: datetime) -> State:
    """Return the state at `now`: a consent is expired as soon as its date has passed."""
    if (state, Move.EXPIRE) in MOVES and expires_at <= now:
        return State.EXPIRED
    return state
