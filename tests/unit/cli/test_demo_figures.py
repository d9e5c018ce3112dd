"""What the demo judges: each figure that is not as it must be has its sentence."""

from collections.abc import Callable
from typing import Any

import pytest

from weir_demo.figures import Figures
from weir_demo.tally import Seen, Tally


def good() -> Figures:
    return Figures(
        calls={"sent": 3, "answered": 2, "refused": {"token_missing": 1}},
        consent={"served_after_withdrawal": 0},
        payment={"amount_minor": 5, "moved_minor": 5},
        records={
            "expected": 2,
            "of_nobody": 1,
            "stored": 2,
            "missing": 0,
            "duplicated": 0,
            "in_the_lake": 2,
            "refusals_that_differ": 0,
        },
        institutions={"bank": {"callers": 2, "records": 2, "own_log": 2}},
        statement={
            "gross_minor": 7,
            "brought_in_minor": 2,
            "sum_of_shares_minor": 7,
            "verified_offline": True,
            "difference": None,
        },
        netting={"parties": 3, "payments": [{}, {}], "left_over_minor": 0},
        audit={"verified": True},
    )


def test_nothing_is_wrong_when_all_figures_are_as_they_must_be() -> None:
    assert list(good().wrong()) == []


def _set(part: str, name: str, value: Any) -> Callable[[Figures], None]:
    return lambda figures: getattr(figures, part).__setitem__(name, value)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_set("calls", "sent", 4), "Calls sent are not"),
        (_set("records", "missing", 1), "1 call records are missing"),
        (_set("records", "duplicated", 2), "2 call records are duplicated"),
        (_set("records", "stored", 1), "not as many as the calls"),
        (_set("records", "in_the_lake", 4), "not as many as the calls"),
        (_set("records", "of_nobody", 2), "neither recorded nor refused before"),
        (_set("records", "refusals_that_differ", 1), "not those the callers saw"),
        (_set("consent", "served_after_withdrawal", 1), "1 calls were served after"),
        (_set("payment", "moved_minor", 6), "did not change by the amount"),
        (_set("statement", "sum_of_shares_minor", 6), "do not add up"),
        (_set("statement", "brought_in_minor", 0), "a partner brought in"),
        (_set("statement", "verified_offline", False), "does not follow from the records"),
        (_set("netting", "left_over_minor", 1), "do not add up to nothing"),
        (_set("netting", "parties", 2), "as many payments as there are parties"),
        (_set("audit", "verified", False), "does not verify"),
        (lambda f: f.institutions["bank"].__setitem__("own_log", 1), "disagree about bank"),
        (lambda f: f.surprises.append("no token: an answer"), "no token: an answer"),
    ],
)
def test_a_wrong_figure_has_its_sentence(spoil: Callable[[Figures], None], said: str) -> None:
    figures = good()
    spoil(figures)
    assert any(said in sentence for sentence in figures.wrong())


def test_a_run_without_figures_is_wrong_about_all_of_them() -> None:
    assert len(list(Figures().wrong())) >= 6


def seen(refusal: str | None, latency_ms: float = 1.0) -> Seen:
    return Seen(f"i-{latency_ms}", 403 if refusal else 200, refusal, 0.0, latency_ms)


def test_the_tally_counts_what_was_seen_and_notes_what_was_not_expected() -> None:
    tally = Tally()
    tally.add("fine", seen(None, 1), (None,), "bank")
    tally.add("wrong on purpose", seen("token_missing", 2), ("token_missing",), None)
    tally.add("served by mistake", seen(None, 3), ("token_missing",), "bank")
    assert (tally.sent, tally.answered, dict(tally.refused)) == (3, 2, {"token_missing": 1})
    assert tally.interactions == ["i-1", "i-3"]  # who has no token is nobody, and has no record
    assert not tally.recorded_refusals
    assert tally.answered_by == {"bank": {"i-1", "i-3"}}
    assert tally.surprises == ["served by mistake: 200, expected token_missing [i-3]"]


def test_percentiles_are_ranks_of_the_calls_that_were_made() -> None:
    tally = Tally()
    assert tally.percentile_ms(0.5) == 0.0
    for number in range(1, 101):
        tally.add("x", seen(None, float(number)), (None,), None)
    assert tally.percentile_ms(0) == 1.0
    assert tally.percentile_ms(0.5) == 51.0
    assert tally.percentile_ms(0.99) == 100.0
