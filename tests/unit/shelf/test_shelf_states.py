"""Moves of products and subscriptions: those in the table happen, all others are refused."""

from __future__ import annotations

from itertools import product

import pytest

from weir.kernel.declares import ILLEGAL_STATE
from weir.kernel.outcomes import Refusal
from weir.kernel.rooms import events
from weir.shelf.states import (
    PRODUCT_MOVES,
    SUBSCRIPTION_EVENTS,
    SUBSCRIPTION_MOVES,
    SUBSCRIPTION_SIDES,
    move,
)

TABLES = {"product": PRODUCT_MOVES, "subscription": SUBSCRIPTION_MOVES}


@pytest.mark.parametrize("name", TABLES)
def test_every_move_outside_the_table_is_refused_with_the_present_state(name: str) -> None:
    table = TABLES[name]
    states = {state for state, _ in table} | set(table.values())
    acts = {act for _, act in table}
    for state, act in product(sorted(states), sorted(acts)):
        if (state, act) in table:
            assert move(table, state, act) == table[state, act]
            continue
        with pytest.raises(Refusal) as refused:
            move(table, state, act)
        assert refused.value.outcome is ILLEGAL_STATE
        assert refused.value.public == {"state": state}


def test_nothing_leads_out_of_an_end() -> None:
    assert all(state != "ended" for state, _ in SUBSCRIPTION_MOVES)
    assert all(state != "retired" for state, _ in PRODUCT_MOVES)


def test_every_act_has_a_side_and_an_event() -> None:
    acts = {act for _, act in SUBSCRIPTION_MOVES}
    assert acts == SUBSCRIPTION_SIDES.keys() == SUBSCRIPTION_EVENTS.keys()
    assert set(SUBSCRIPTION_EVENTS.values()) <= events().keys()
