"""A plan's pricing is read by a closed grammar; what could be priced in two ways is refused."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.shelf.declares import PLAN_COMPONENTS
from weir.shelf.pricing import Hours, PerCall, Pricing, Value, read_pricing, to_document

EVERY_KIND: dict[str, Any] = {
    "components": [
        {"kind": "per_call", "price": "0.05"},
        {"kind": "tiered", "tiers": [{"up_to": 10, "price": "1"}, {"up_to": None, "price": "0.5"}]},
        {"kind": "volume", "tiers": [{"up_to": None, "price": "0"}]},
        {"kind": "package", "price": "100", "calls": 1000, "overage": "0.12"},
        {"kind": "value", "rate": "0.006", "floor": "0.1", "cap": "50"},
        {"kind": "fixed", "price": "300"},
        {
            "kind": "hours",
            "utc_offset_hours": 8,
            "bands": [{"since": 8, "price": "0.05"}, {"since": 20, "price": "0.02"}],
        },
    ]
}


def one(**component: Any) -> dict[str, Any]:
    return {"components": [component]}


def test_every_kind_is_read_and_written_back() -> None:
    assert read_pricing(to_document(read_pricing(EVERY_KIND))) == read_pricing(EVERY_KIND)
    assert read_pricing({"components": []}) == Pricing([])


def test_a_component_is_found_by_its_kind() -> None:
    found = read_pricing(EVERY_KIND).find(Value)
    assert isinstance(found, Value)
    assert (found.floor, found.cap) == ("0.1", "50")


def test_the_hours_before_the_first_band_belong_to_the_last() -> None:
    hours = read_pricing(EVERY_KIND).find(Hours)
    assert isinstance(hours, Hours)
    by_day = [hours.step_at((local - 8) % 24) for local in range(24)]
    assert by_day == [1] * 8 + [0] * 12 + [1] * 4


@given(st.decimals(min_value=0, max_value=999_999_999_999, places=8))
def test_every_price_up_to_eight_places_is_kept_exactly(price: Decimal) -> None:
    (component,) = read_pricing(one(kind="per_call", price=format(price, "f"))).components
    assert isinstance(component, PerCall)
    assert Decimal(component.price) == price


@pytest.mark.parametrize(
    "price", ["", "-1", "1e2", "01", "1.", ".5", "0.123456789", "1,5", "NaN", "١", " 1"]
)
def test_what_could_be_read_two_ways_is_no_price(price: str) -> None:
    with pytest.raises(Refusal):
        read_pricing(one(kind="per_call", price=price))


RISING = [{"up_to": 5, "price": "1"}, {"up_to": 5, "price": "1"}, {"up_to": None, "price": "1"}]
TWO = [{"since": 0, "price": "1"}, {"since": 1, "price": "1"}]
REFUSED = [
    (None, "/pricing"),
    ({}, "/pricing"),
    (one(kind="gift"), "/pricing"),
    (one(kind="per_call"), "/pricing"),
    (one(kind="per_call", price=0.05), "/pricing"),
    (one(kind="per_call", price="0.05", more=1), "/pricing"),
    (one(kind="per_call", price="-1"), "/pricing/components/0/price"),
    (one(kind="per_call", price="1e3"), "/pricing/components/0/price"),
    (one(kind="per_call", price="0.123456789"), "/pricing/components/0/price"),
    (one(kind="tiered", tiers=[]), "/pricing/components/0/tiers"),
    (one(kind="tiered", tiers=RISING), "/pricing/components/0/tiers"),
    (one(kind="tiered", tiers=RISING[:1]), "/pricing/components/0/tiers/0/up_to"),
    (one(kind="volume", tiers=[*RISING[2:], *RISING[2:]]), "/pricing/components/0/tiers"),
    (
        one(kind="tiered", tiers=[{"up_to": None, "price": "x"}]),
        "/pricing/components/0/tiers/0/price",
    ),
    (one(kind="package", price="1", calls=0, overage="1"), "/pricing"),
    (one(kind="package", price="1", calls=1, overage="?"), "/pricing/components/0/overage"),
    (one(kind="value", rate="1.01"), "/pricing/components/0/rate"),
    (one(kind="value", rate="0.1", floor="2", cap="1"), "/pricing/components/0/cap"),
    (one(kind="hours", utc_offset_hours=15, bands=TWO), "/pricing"),
    (one(kind="hours", utc_offset_hours=0, bands=TWO[:1]), "/pricing/components/0/bands"),
    (one(kind="hours", utc_offset_hours=0, bands=TWO[::-1]), "/pricing/components/0/bands"),
    ({"components": [{"kind": "fixed", "price": "1"}] * 2}, "/pricing/components"),
    (
        {"components": [{"kind": "per_call", "price": "1"}] * (PLAN_COMPONENTS + 1)},
        "/pricing/components",
    ),
]


@pytest.mark.parametrize(("document", "pointer"), REFUSED)
def test_what_has_no_one_price_is_refused_and_named(document: Any, pointer: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_pricing(document)
    assert refused.value.outcome is INVALID_INPUT
    assert refused.value.public["pointer"] == pointer
    assert re.search("[一-鿿]", str(refused.value.public["why_zh"]))
