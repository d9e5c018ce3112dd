"""Proposed splits: what is refused, and whose acceptance one needs."""

from __future__ import annotations

from typing import Any

import pytest

from weir.agreements.shares import Share, needed_parties, read_shares
from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Refusal

OWNER, OPERATOR, OTHER = ("org_" + digit * 26 for digit in "012")


def shares(**weights: Any) -> list[dict[str, Any]]:
    return [{"party": party, "weight": weight} for party, weight in weights.items()]


def test_a_split_is_read_in_its_order() -> None:
    given = [*shares(member=7_000, operator=2_000), {"party": OTHER, "weight": 1_000}]
    assert read_shares(given, "CNY") == [
        Share("member", 7_000),
        Share("operator", 2_000),
        Share(OTHER, 1_000),
    ]


@pytest.mark.parametrize(
    "given",
    [
        [],
        shares(member=9_999),
        shares(member=10_001),
        shares(member=10_000, operator=0),
        shares(member=10_500, operator=-500),
        shares(member=5_000) * 2,
        shares(member=True, operator=9_999),
        shares(member=5_000.0, operator=5_000),
        shares(member="5000", operator=5_000),
        shares(somebody=10_000),
        [{"party": "member"}],
        [{"party": "member", "weight": 10_000, "cap": 1}],
        [{"party": 1, "weight": 10_000}],
        [{"party": f"org_{n:026}", "weight": 500} for n in range(20)],
    ],
)
def test_a_split_that_is_not_one_is_refused(given: list[dict[str, Any]]) -> None:
    with pytest.raises(Refusal) as refused:
        read_shares(given, "CNY")
    assert refused.value.outcome is INVALID_INPUT
    assert {"pointer", "why", "why_zh"} <= set(refused.value.public)


def test_everyone_a_split_names_and_the_owner_must_accept_it() -> None:
    split = [Share("member", 5_000), Share("operator", 2_000), Share(OTHER, 3_000)]
    assert needed_parties(split, OWNER, OPERATOR) == [OWNER, OPERATOR, OTHER]
    assert needed_parties([Share("partner", 10_000)], OWNER, OPERATOR) == [OWNER]
