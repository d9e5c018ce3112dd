"""Revocations: none is missed while it voids something, and none stays when it no longer does."""

from __future__ import annotations

import math
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from weir.gateway.config.revocations import MINUTE_S, NEVER, SHARDS, Revocations

_KEYS = st.integers(min_value=0, max_value=40).map(lambda number: f"consent:cns_{number}")
_TIMES_S = st.integers(min_value=0, max_value=1_000)
_ACTS = st.one_of(
    st.tuples(st.just("add"), _KEYS, st.one_of(st.none(), _TIMES_S)),
    st.tuples(st.just("discard"), _KEYS, st.none()),
    st.tuples(st.just("sweep"), st.just(""), _TIMES_S),
)


@given(st.lists(_ACTS, max_size=60))
def test_each_is_held_until_its_end_and_gone_a_minute_later(
    acts: list[tuple[str, str, int | None]],
) -> None:
    revocations, ends = Revocations(), {}
    for act, key, at_s in acts:
        if act == "add":
            revocations.add(key, at_s)
            ends[key] = math.inf if at_s is None else float(at_s)
        elif act == "discard":
            revocations.discard(key)
            ends.pop(key, None)
        else:
            assert at_s is not None
            for _ in range(SHARDS):
                revocations.sweep(at_s)
            assert all(key in revocations for key, end_s in ends.items() if end_s > at_s)
            assert not any(
                key in revocations for key, end_s in ends.items() if end_s + MINUTE_S <= at_s
            )
            ends = {key: end_s for key, end_s in ends.items() if key in revocations}
        assert len(revocations) == len(ends)
        assert all(key in revocations for key in ends)


@given(
    st.dictionaries(st.text(max_size=20), st.integers(min_value=0, max_value=5), max_size=50),
    st.integers(min_value=0, max_value=6),
)
@settings(max_examples=30)
def test_taken_all_at_once_they_are_the_same_as_added_one_by_one(
    minutes: dict[str, int], now_minute: int
) -> None:
    at_once, one_by_one = Revocations(), Revocations()
    for minute in set(minutes.values()):
        keys = [key for key, its in minutes.items() if its == minute]
        at_once.take(minute, b"".join(sha256(key.encode()).digest()[:8] for key in keys))
    at_once.settle()
    for key, minute in minutes.items():
        one_by_one.add(key, minute * MINUTE_S)
    for each in (at_once, one_by_one):
        left = sum(each.sweep(now_minute * MINUTE_S) for _ in range(SHARDS))
        assert left == sum(minute <= now_minute for minute in minutes.values())
        assert {key for key in minutes if key in each} == {
            key for key, minute in minutes.items() if minute > now_minute
        }


def test_what_has_no_end_never_leaves() -> None:
    revocations = Revocations()
    revocations.add("certificate:for-ever", None)
    revocations.take(NEVER + 1, sha256(b"certificate:also").digest()[:8])
    revocations.settle()
    for _ in range(SHARDS):
        revocations.sweep(2.0**36)
    assert "certificate:for-ever" in revocations
    assert "certificate:also" in revocations
