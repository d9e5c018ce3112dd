"""Money is exact: parts sum to the whole, strings are read in one way only."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.money import Money, allocate, parse_amount, parse_price, round_to_minor

weights = st.lists(st.integers(0, 10_000), min_size=1, max_size=8).filter(any)


@given(st.integers(-(10**15), 10**15), weights)
def test_the_parts_sum_to_the_whole(total: int, shares: list[int]) -> None:
    assert sum(allocate(total, shares)) == total


@given(st.integers(0, 10**12), weights)
def test_each_part_is_within_one_unit_of_its_exact_share(total: int, shares: list[int]) -> None:
    for part, weight in zip(allocate(total, shares), shares, strict=True):
        assert abs(part * sum(shares) - total * weight) < sum(shares)


@given(st.integers(0, 10**9), weights)
def test_a_party_without_weight_gets_nothing(total: int, shares: list[int]) -> None:
    parts = allocate(total, [*shares, 0])
    assert parts[-1] == 0


def test_the_left_over_unit_goes_to_the_largest_fraction_then_the_earlier_party() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(10, [1, 2]) == [3, 7]
    assert allocate(-100, [1, 1, 1]) == [-34, -33, -33]


@pytest.mark.parametrize("bad", [[], [0], [0, 0], [1, -1]])
def test_weights_that_cannot_divide_are_refused(bad: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        allocate(1, bad)


@given(st.integers(0, 10**14))
def test_an_amount_reads_back_from_its_own_decimal(minor: int) -> None:
    money = Money(minor, "CNY")
    assert parse_amount(f"{money.decimal():.2f}", "CNY") == money


@pytest.mark.parametrize(
    "text",
    ["", "-1.00", "+1", "01.00", "1.", ".5", "1e3", "1,000", " 1", "1 ", "1.001", "１", "NaN",
     "1" * 16, "0x1", "1.0\n"],
)  # fmt: skip
def test_whatever_two_parsers_could_read_differently_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimal"):
        parse_amount(text, "CNY")


def test_an_amount_has_no_more_places_than_its_currency() -> None:
    assert parse_amount("5", "JPY") == Money(5, "JPY")
    assert parse_amount("1.005", "KWD") == Money(1005, "KWD")
    with pytest.raises(ValueError, match="decimal"):
        parse_amount("5.0", "JPY")


@pytest.mark.parametrize("text", ["0.123456789", "-1", "1e-3", "", ".1", "00.1"])
def test_a_price_has_at_most_eight_places_and_one_form(text: str) -> None:
    with pytest.raises(ValueError, match="price"):
        parse_price(text)
    assert parse_price("0.00125000") == Decimal("0.00125")


def test_a_line_is_rounded_once_half_to_even() -> None:
    assert round_to_minor(Decimal("0.125"), "CNY") == Money(12, "CNY")
    assert round_to_minor(Decimal("0.135"), "CNY") == Money(14, "CNY")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="do not add"):
        Money(1, "CNY") + Money(1, "USD")
    with pytest.raises(ValueError, match="unknown currency"):
        Money(1, "XXX")


def test_a_negative_amount_is_shown_with_a_true_minus() -> None:
    assert str(Money(-123456, "CNY")) == "CNY \u22121,234.56"
