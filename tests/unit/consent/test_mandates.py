"""A consent to recurring payments: its bounds are read exactly, and make sense together."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.consent import recurring_payments
from weir.consent.declares import OAUTH_INVALID_AUTHORIZATION_DETAILS
from weir.consent.types import granted_details, parse_details
from weir.kernel.limit_periods import PERIODS
from weir.kernel.money import Money
from weir.kernel.outcomes import Refusal

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def limit(period: str, amount: str, alignment: str = "calendar") -> dict[str, str]:
    return {"period": period, "alignment": alignment, "amount": amount}


RENT: dict[str, Any] = {
    "type": "urn:weir:recurring-payment:v1",
    "member": "river-bank",
    "payee": {"account": "6222000011112222", "name": "East Market"},
    "currency": "CNY",
    "maximum_individual_amount": "300.00",
    "periodic_limits": [limit("month", "1000.00"), limit("day", "300.00", "consent")],
    "purpose": "Vegetables every week",
    "valid_from": "2027-03-02T00:00:00+08:00",
    "expires_at": "2027-12-01T00:00:00+08:00",
}


def test_the_bounds_are_read_in_order_of_their_periods() -> None:
    asked = parse_details(json.dumps([RENT]), NOW)
    assert (asked.pays, asked.single_use) == (True, False)
    assert asked.expires_at == datetime(2027, 11, 30, 16, tzinfo=UTC)
    mandate = recurring_payments.read(asked.details)
    assert mandate.maximum == Money(30_000, "CNY")
    assert [each.period for each in mandate.limits] == ["day", "month"]
    assert granted_details(asked.type, asked.details, ["a"])["debtor_account"] == "a"
    with pytest.raises(AssertionError):
        granted_details(asked.type, asked.details, ["a", "b"])


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"periodic_limits": []}, "/periodic_limits"),
        ({"periodic_limits": [limit("day", "300")] * 5}, "/periodic_limits"),
        ({"periodic_limits": [limit("hour", "300")]}, "/periodic_limits/0/period"),
        ({"periodic_limits": [limit("day", "300", "moon")]}, "/periodic_limits/0/alignment"),
        ({"periodic_limits": [limit("day", "299.99")]}, "/periodic_limits/0/amount"),
        ({"periodic_limits": [limit("day", "0.00")]}, "/periodic_limits/0/amount"),
        ({"periodic_limits": [limit("day", "3e2")]}, "/periodic_limits/0/amount"),
        ({"periodic_limits": [limit("day", "400") | {"x": 1}]}, "/periodic_limits/0"),
        (
            {"periodic_limits": [limit("day", "400"), limit("day", "500", "consent")]},
            "/periodic_limits/1/period",
        ),
        (
            {"periodic_limits": [limit("month", "400"), limit("week", "500")]},
            "/periodic_limits/0/amount",
        ),
        ({"maximum_individual_amount": "0"}, "/maximum_individual_amount"),
        ({"maximum_individual_amount": "1.005"}, "/maximum_individual_amount"),
        ({"maximum_individual_amount": 300}, "/maximum_individual_amount"),
        ({"currency": "XXX"}, "/currency"),
        ({"valid_from": "2027-03-02T00:00:00"}, "/valid_from"),
        ({"valid_from": "0001-01-01T00:00:00+14:00"}, "/valid_from"),
        ({"valid_from": RENT["expires_at"]}, "/valid_from"),
        ({"expires_at": (NOW + timedelta(days=366)).isoformat()}, "/expires_at"),
        ({"expires_at": None}, "/expires_at"),
        ({"payee": {"account": "6222"}}, "/payee"),
        ({"amount": {"amount": "1", "currency": "CNY"}}, ""),
    ],
)
def test_each_fault_of_the_bounds_is_named_by_its_place(
    changed: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Refusal) as caught:
        parse_details(json.dumps([RENT | changed]), NOW)
    assert caught.value.outcome is OAUTH_INVALID_AUTHORIZATION_DETAILS
    assert caught.value.public["pointer"] == f"/0{pointer}"


@given(st.integers(0, 10**12), st.sampled_from(["CNY", "USD"]), st.sampled_from(["6222", "7"]))
def test_one_payment_is_allowed_up_to_the_maximum_to_the_payee(
    amount_minor: int, currency: str, payee: str
) -> None:
    mandate = recurring_payments.read(RENT | {"payee": {"account": "6222", "name": "E"}})
    within = 0 < amount_minor <= 30_000 and currency == "CNY" and payee == "6222"
    assert mandate.allows(Money(amount_minor, currency), payee) is within


@given(st.timedeltas(timedelta(days=1), timedelta(days=270)).map(lambda after: NOW + after))
def test_two_periods_are_one_if_and_only_if_their_names_are(at: datetime) -> None:
    limits = [limit(period, "1000.00") for period in PERIODS]
    mandate = recurring_payments.read(RENT | {"periodic_limits": limits})
    for each in mandate.limit_periods_at(at):
        inside = mandate.limit_periods_at(each.span.ends_at - timedelta(microseconds=1))
        assert next(one for one in inside if one.limit == each.limit).name == each.name
        after = mandate.limit_periods_at(each.span.ends_at)
        assert next(one for one in after if one.limit == each.limit).name != each.name
    assert len({each.name for each in mandate.limit_periods_at(at)}) == len(PERIODS)
