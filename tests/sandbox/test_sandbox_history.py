"""The bank's history as values: the same from the same seed, balanced, within its year."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from weir_sandbox.bank.books import Closed
from weir_sandbox.bank.calendar import DAYS, year_before
from weir_sandbox.bank.history import account_number, history
from weir_sandbox.population import population
from weir_sandbox.preparation import Generation


def made(seed: int, customers: int = 60, first_day: date = date(2026, 3, 3)) -> Closed:
    return history(population(seed, customers), Generation(seed, customers, first_day))


def test_the_same_seed_and_day_make_the_same_history_and_another_seed_another() -> None:
    assert made(1) == made(1)
    assert made(1).transactions != made(2).transactions
    assert made(1).transactions != made(1, first_day=date(2026, 3, 4)).transactions


def test_people_are_the_same_whatever_the_size_of_the_world() -> None:
    assert population(9, 300)[:50] == population(9, 50)


def test_a_thousand_people_are_seven_in_ten_individuals_and_a_few_are_groups() -> None:
    sizes = Counter(person.size for person in population(2026, 1000))
    assert sizes["person"] == 700
    assert 180 <= sizes["micro"] <= 230
    assert 4 <= sizes["group"] <= 10


def test_money_is_neither_made_nor_lost_and_no_customer_is_ever_below_zero() -> None:
    closed = made(3)
    moved: dict[str, int] = defaultdict(int)
    for line in closed.transactions:
        _, name, _, minor, balance, *_ = line.split("\t")
        moved[name] += int(minor)
        assert int(balance) >= 0 or name.startswith("clearing-")
    for account in closed.accounts:
        assert account.balance_minor == account.opening_minor + moved[account.account_id]
    assert sum(account.balance_minor for account in closed.accounts) == 0
    assert sum(moved.values()) == 0


def test_transactions_are_numbered_in_the_order_of_time_within_the_year() -> None:
    lines = [line.split("\t") for line in made(4).transactions]
    assert [int(line[0]) for line in lines] == list(range(1, len(lines) + 1))
    moments = [line[2] for line in lines]
    assert moments == sorted(moments)
    assert moments[0] >= "2025-03-03"
    assert moments[-1] < "2026-03-03"


@given(st.dates(date(2025, 2, 1), date(2040, 1, 1)))
def test_a_history_is_a_year_that_ends_the_day_before_the_first_day(first_day: date) -> None:
    year = year_before(first_day)
    assert (first_day - year.days[-1]).days == 1
    assert len(year.days) == DAYS
    for payday in (5, 10, 15):
        paydays = list(year.paydays(payday))
        assert 11 <= len(paydays) <= 13
        assert not any(year.weekends[day] for day in paydays if day > 0)


@given(st.integers(1, 20_000), st.integers(1, 3), st.integers(1, 20_000), st.integers(1, 3))
def test_account_numbers_are_distinct(one: int, first: int, two: int, second: int) -> None:
    same = (one, first) == (two, second)
    assert (account_number(one, first) == account_number(two, second)) == same
