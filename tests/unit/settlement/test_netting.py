"""Netting settles every position exactly, with fewer payments than parties."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statement_world import (
    BANK,
    INPUTS,
    INSURER,
    MARKET,
    OPERATOR,
    PERIOD,
    SHOP,
    call,
)

from weir.settlement.payment.netting import Payment, debts, net
from weir.settlement.rating.in_force import plans_of
from weir.settlement.rating.usage import Count
from weir.settlement.statements import composition
from weir.settlement.statements.lines import lines

PARTIES = st.sampled_from("abcdefgh")
DEBTS = st.dictionaries(
    st.tuples(PARTIES, PARTIES).filter(lambda pair: pair[0] != pair[1]),
    st.integers(1, 10**12),
    max_size=40,
)


def test_a_ring_of_equal_debts_needs_no_payment() -> None:
    ring = net({("a", "b"): 5, ("b", "c"): 5, ("c", "a"): 5})
    assert (ring.payments, ring.saved_payments, ring.without_minor) == ([], 3, 15)


def test_who_only_passes_money_on_pays_nothing() -> None:
    found = net({("a", "b"): 70, ("b", "c"): 70, ("a", "c"): 30})
    assert found.payments == [Payment("a", "c", 100)]
    assert (found.moved_minor, found.without_minor) == (100, 170)


@pytest.mark.parametrize("owed", [{("a", "a"): 1}, {("a", "b"): 0}, {("a", "b"): -1}])
def test_what_is_no_debt_is_refused(owed: dict[tuple[str, str], int]) -> None:
    with pytest.raises(ValueError, match="debt"):
        net(owed)


@given(DEBTS)
def test_payments_settle_every_position_and_there_are_fewer_than_parties(
    owed: dict[tuple[str, str], int],
) -> None:
    found = net(owed)
    settled: Counter[str] = Counter()
    for payment in found.payments:
        assert payment.amount_minor > 0
        settled[payment.debtor] -= payment.amount_minor
        settled[payment.creditor] += payment.amount_minor
    assert all(settled[party] == position for party, position in found.positions.items())
    assert sum(found.positions.values()) == 0
    assert len(found.payments) <= max(0, len(found.positions) - 1)
    payers = {payment.debtor for payment in found.payments}
    assert payers.isdisjoint(payment.creditor for payment in found.payments)
    assert found.moved_minor <= found.without_minor


@given(DEBTS)
def test_the_same_debts_are_settled_the_same_way(owed: dict[tuple[str, str], int]) -> None:
    assert net(dict(reversed(owed.items()))).payments == net(owed).payments


def test_a_partner_owes_everyone_with_a_share_in_its_calls_but_itself() -> None:
    parts = composition.cut(PERIOD.since, PERIOD.until, INPUTS)
    count = Count(parts, plans_of(INPUTS))
    count.add([call()] * 1000 + [call(organisation=SHOP)] * 500)
    owed = debts(lines(count.result().usage, INPUTS, "CNY", parts))
    assert owed == {
        (MARKET, BANK): 1_050,
        (MARKET, OPERATOR): 375,
        (SHOP, BANK): 525,
        (SHOP, OPERATOR): 188,
    }
    assert INSURER not in net(owed).positions
