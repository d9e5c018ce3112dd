"""The table of moves: what it allows, and that it allows nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from weir.consent.states import EVENT_OF, MOVES, Move, State, after, in_effect
from weir.consent.words import STATES
from weir.kernel.declares import ILLEGAL_STATE
from weir.kernel.outcomes import Refusal
from weir.kernel.rooms import events

ENDED = (State.REJECTED, State.WITHDRAWN, State.EXPIRED, State.REPLACED)
NOW = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("move", Move)
def test_every_pair_is_either_in_the_table_or_refused(state: State, move: Move) -> None:
    if (state, move) in MOVES:
        assert after(state, move, single_use=True) is MOVES[state, move]
        return
    with pytest.raises(Refusal) as refused:
        after(state, move, single_use=True)
    assert refused.value.outcome is ILLEGAL_STATE
    assert refused.value.public == {"state": state.value}


def test_what_has_ended_stays_ended() -> None:
    assert not [pair for pair in MOVES if pair[0] in ENDED]


def test_there_is_no_way_back_to_granted() -> None:
    assert [pair for pair, to in MOVES.items() if to is State.GRANTED] == [
        (State.AWAITING, Move.GRANT)
    ]


def test_only_a_payment_is_used_up() -> None:
    with pytest.raises(Refusal):
        after(State.GRANTED, Move.USE, single_use=False)


def test_a_date_that_has_passed_ends_a_consent_before_anyone_writes_it_down() -> None:
    ahead, past = NOW + timedelta(seconds=1), NOW
    assert in_effect(State.GRANTED, ahead, NOW) is State.GRANTED
    assert in_effect(State.GRANTED, past, NOW) is State.EXPIRED
    assert in_effect(State.WITHDRAWN, past, NOW) is State.WITHDRAWN


def test_every_move_has_an_event_and_every_state_its_words() -> None:
    assert {EVENT_OF[move] for move in Move} <= set(events())
    assert set(STATES) == {state.value for state in State}
