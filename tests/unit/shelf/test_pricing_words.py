"""A pricing in words, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from weir.shelf.pricing import read_pricing
from weir.shelf.pricing_words import words

TIERS = [{"up_to": 1000, "price": "0.050"}, {"up_to": None, "price": "0.03"}]
BANDS = [{"since": 8, "price": "0.05"}, {"since": 20, "price": "0.02"}]
SAID = [
    ({"kind": "per_call", "price": "1200.50"}, "CNY 1,200.5 a call", "CNY 1,200.5 / 次"),
    (
        {"kind": "tiered", "tiers": TIERS},
        "each call: CNY 0.05 up to 1,000, CNY 0.03 above",
        "逐档计价：至 1,000 次 CNY 0.05，以上 CNY 0.03",
    ),
    (
        {"kind": "volume", "tiers": TIERS[1:]},
        "all calls: CNY 0.03",
        "按总量计价：CNY 0.03",
    ),
    (
        {"kind": "package", "price": "100", "calls": 10000, "overage": "0.02"},
        "CNY 100 a month with 10,000 calls, then 0.02 a call",
        "每月 CNY 100，含 10,000 次，超出每次 0.02",
    ),
    (
        {"kind": "value", "rate": "0.006", "floor": "0.1", "cap": "50"},
        "0.6% of the amount, at least CNY 0.1, at most CNY 50",
        "金额的 0.6%，最低 CNY 0.1，最高 CNY 50",
    ),
    ({"kind": "fixed", "price": "300"}, "CNY 300 a month", "CNY 300 / 月"),
    (
        {"kind": "hours", "utc_offset_hours": 8, "bands": BANDS},
        "CNY 0.05 a call from 08:00 (UTC+8); CNY 0.02 a call from 20:00 (UTC+8)",
        "08:00 起每次 CNY 0.05（UTC+8）；20:00 起每次 CNY 0.02（UTC+8）",
    ),
]


@pytest.mark.parametrize(("component", "english", "chinese"), SAID)
def test_each_component_is_said(component: dict[str, Any], english: str, chinese: str) -> None:
    pricing = read_pricing({"components": [component]})
    assert words(pricing, "CNY", "en") == [english]
    assert words(pricing, "CNY", "zh") == [chinese]


def test_nothing_to_pay_is_free_and_tax_is_on_top() -> None:
    assert words(read_pricing({"components": []}), "CNY", "zh") == ["免费"]
    taxed = {"components": [SAID[0][0]], "tax": {"name": "VAT", "rate": "0.06"}}
    assert words(read_pricing(taxed), "CNY", "en")[-1] == "plus 6% VAT"
    assert words(read_pricing(taxed), "CNY", "zh")[-1] == "另计 VAT 6%"
