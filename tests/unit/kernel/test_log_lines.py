"""Lines of a log: how many of a kind, and what a value in one may be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.declares import (
    LOG_KINDS,
    LOG_LINES_A_SECOND,
    LOG_TRACE_CHARACTERS,
    LOG_VALUE_CHARACTERS,
)
from weir.kernel.log_lines import LogLines, bounded


def test_a_second_has_so_many_lines_of_a_kind_and_counts_the_others() -> None:
    lines = LogLines()
    flood = 100 * LOG_LINES_A_SECOND
    assert sum(lines.admits("refused", 7.5) for _ in range(flood)) == LOG_LINES_A_SECOND
    assert lines.admits("failed", 7.5), "a flood of one kind silences no other"
    assert lines.left_out() == {"refused": flood - LOG_LINES_A_SECOND}
    assert lines.left_out() == {}
    assert lines.admits("refused", 8.6), "the next second has lines of its own"


def test_kinds_that_nobody_foresaw_share_one_bound() -> None:
    lines = LogLines()
    flood = 100 * LOG_KINDS
    written = sum(lines.admits(f"kind {number}", 7.5) for number in range(flood))
    assert written == LOG_KINDS + LOG_LINES_A_SECOND
    assert len(lines.left_out()) == 1


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)


@given(st.dictionaries(st.sampled_from(["event", "detail", "faults"]), _VALUES))
def test_every_text_of_a_line_is_short_and_to_be_seen(line: dict[str, Any]) -> None:
    for text in _texts(bounded(line)):
        assert len(text) <= 6 * LOG_VALUE_CHARACTERS + 40
        text.encode("utf-8")
        assert not set("\0\n\r\x1b\x7f\x85\u202e\u2028\u200b") & set(text)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("river bank", "river bank"),
        ("河岸", "河岸"),
        ("a\0b\nc\u202ed", "a\\u0000b\\u000ac\\u202ed"),
        ("\ud800", "\\ud800"),
        (b"\0", "b'\\x00'"),
        ({"a": 1, "b": "x\n"}, {"a": 1, "b": "x\\u000a"}),
        ("a" * 70_000, "a" * LOG_VALUE_CHARACTERS + "... (70000 characters)"),
    ],
)
def test_a_value_is_cut_and_its_controls_are_escaped(given: Any, shown: Any) -> None:
    assert bounded({"detail": given})["detail"] == shown


def test_a_trace_keeps_its_end() -> None:
    trace = "\n".join(f"  line {number}" for number in range(100_000)) + "\nValueError: why"
    kept = bounded({"exception": trace})["exception"]
    assert kept.endswith("\nValueError: why")
    assert len(kept) <= LOG_TRACE_CHARACTERS


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for name, each in value.items() for text in [name, *_texts(each)]]
    return [value] if isinstance(value, str) else []
