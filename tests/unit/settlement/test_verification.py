"""Verifying: what was closed holds, and whatever was changed since is named."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statement_world import (
    BANK,
    INSURER,
    MARKET,
    OPERATOR,
    POLICIES,
    PREMIUM,
    SHOP,
    SINCE_US,
    STREAM,
    call,
    statement,
    write,
)

from weir.metering.lake.lake import Lake
from weir.metering.records.records import CallRecord
from weir.metering.records.segments import read_segment
from weir.settlement.documents import digest_of, parse, runs_digest, to_document
from weir.settlement.statements.verification import RecordsFolder, verify

DAY_US = 86_400_000_000


def calls() -> list[list[CallRecord]]:
    """Three segments; some calls are not billable and some lie outside of the period."""
    policies = {"product": POLICIES, "plan": PREMIUM, "member": INSURER}
    return [
        [call(), call(), call(status=500), call(organisation=SHOP)],
        [call(**policies), call(at_us=SINCE_US - 1), call(at_us=SINCE_US + 20 * DAY_US)],
        [call(**policies, organisation=SHOP), call(product=None, plan=None, status=404)],
    ]


def closed(folder: Path, party: str = OPERATOR) -> dict[str, Any]:
    runs = write(folder, calls())
    return to_document(statement([each for part in calls() for each in part], runs, party))


def resealed(document: dict[str, Any]) -> dict[str, Any]:
    """A document whose forger knew how to make its digest fit."""
    document = copy.deepcopy(document)
    document["sha256"] = digest_of(document)
    return document


@pytest.mark.parametrize("party", [OPERATOR, BANK, INSURER, MARKET, SHOP])
def test_a_statement_holds_over_the_records_it_was_made_of(tmp_path: Path, party: str) -> None:
    verification = verify(closed(tmp_path, party), RecordsFolder(tmp_path))
    assert verification.difference is None
    assert (verification.holds, verification.records, verification.segments) == (True, 8, 3)


def test_the_lake_serves_as_well_as_the_segments(tmp_path: Path) -> None:
    document = closed(tmp_path)
    lake = Lake(str(tmp_path / "lake"))
    for number in (1, 2, 3):
        lake.write_segment(read_segment(tmp_path, STREAM, number))
    assert verify(document, lake).holds


def test_a_statement_is_read_from_its_file(tmp_path: Path) -> None:
    document = closed(tmp_path)
    made = parse(json.dumps(document, indent=2).encode())
    assert verify(made, RecordsFolder(tmp_path)).holds
    for raw in (b"", b"[]", b'{"form": 1, "form": 1}', b"\xff", b"[" * 100_000):
        with pytest.raises(ValueError, match=r".+"):
            parse(raw)


def test_a_changed_document_is_found_by_its_digest(tmp_path: Path) -> None:
    document = closed(tmp_path)
    document["gross_minor"] += 1
    difference = verify(document, RecordsFolder(tmp_path)).difference
    assert difference == "sha256: the document was changed after it was closed"


def figures(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every whole number a statement states, with where it stands."""
    for name in ("gross_minor", "sum_of_shares_minor", "owes_minor", "is_owed_minor"):
        yield name, document, name
    yield "balance_minor", document, "balance_minor"
    yield "records.records", document["records"], "records"
    yield "shares[0].amount_minor", document["shares"][0], "amount_minor"
    for index, line in enumerate(document["lines"]):
        for name in ("calls", "billable_calls", "gross_minor"):
            yield f"lines[{index}].{name}", line, name
        for place, share in enumerate(line["shares"]):
            yield f"lines[{index}].shares[{place}].amount_minor", share, "amount_minor"


def test_every_figure_that_was_changed_is_named(tmp_path: Path) -> None:
    document = closed(tmp_path)
    places = [place for place, _, _ in figures(document)]
    assert len(places) > 20
    for index, place in enumerate(places):
        forged = copy.deepcopy(document)
        _, holder, name = list(figures(forged))[index]
        holder[name] += 1
        difference = verify(resealed(forged), RecordsFolder(tmp_path)).difference
        assert difference is not None
        assert difference.startswith(f"{place}: the statement says"), difference


def test_a_line_that_was_left_out_is_noticed(tmp_path: Path) -> None:
    document = closed(tmp_path)
    document["lines"].pop()
    difference = verify(resealed(document), RecordsFolder(tmp_path)).difference
    assert difference is not None
    assert difference.startswith("lines: the statement has")


def test_a_plan_that_was_left_out_with_its_lines_is_noticed(tmp_path: Path) -> None:
    document = closed(tmp_path, INSURER)
    document["inputs"]["plans"] = []
    document["lines"] = []
    difference = verify(resealed(document), RecordsFolder(tmp_path)).difference
    assert difference == f"inputs.plans: calls were made under {PREMIUM}, not listed"


def tampered(folder: Path, how: str) -> str:
    """Damage the records in one way; returns the word the verification must say."""
    paths = [folder / STREAM / f"{number:010d}.records" for number in (1, 2, 3)]
    lines = paths[1].read_bytes().splitlines(keepends=True)
    if how == "altered":
        paths[1].write_bytes(b"".join(lines).replace(b'"status":200', b'"status":201', 1))
    elif how == "dropped":
        paths[1].unlink()
    elif how == "doubled":
        paths[1].write_bytes(b"".join(lines[:1] + lines))
    elif how == "reordered":
        paths[1].write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    elif how == "truncated":
        paths[1].write_bytes(b"".join(lines[:-1]))
    return how


@pytest.mark.parametrize("how", ["altered", "dropped", "doubled", "reordered", "truncated"])
def test_tampering_with_the_records_is_found_and_named(tmp_path: Path, how: str) -> None:
    document = closed(tmp_path)
    word = tampered(tmp_path, how)
    difference = verify(document, RecordsFolder(tmp_path)).difference
    assert difference is not None
    assert f"{STREAM} segment 2 {word}" in difference


def test_a_whole_stream_rewritten_with_a_new_chain_is_found(tmp_path: Path) -> None:
    document = closed(tmp_path)
    other = tmp_path / "rewritten"
    write(other, [[call()], [call()], [call()]])
    difference = verify(document, RecordsFolder(other)).difference
    assert difference is not None
    assert f"{STREAM} segment 3 altered" in difference


def test_records_cannot_be_counted_twice_by_naming_them_twice(tmp_path: Path) -> None:
    document = closed(tmp_path)
    runs = document["records"]["segments"]
    document["records"]["segments"] = [*runs, *runs]
    difference = verify(resealed(document), RecordsFolder(tmp_path)).difference
    assert difference == "records.digest: it is not that of records.segments"
    document["records"]["digest"] = runs_digest(document["records"]["segments"])
    difference = verify(resealed(document), RecordsFolder(tmp_path)).difference
    assert difference == f"records.segments: {STREAM} is counted twice"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["form"], 2),
        (["lines"], None),
        (["gross_minor"], 1.5),
        (["since"], "yesterday"),
        (["since"], "2026-11-01T00:00:00"),
        (["until"], "2026-11-01T00:00:00Z"),
        (["inputs", "plans", 0, "pricing"], {"components": [{"kind": "per_call", "price": "1e9"}]}),
        (["inputs", "plans", 0, "pricing"], {"components": [{"kind": "tiered", "tiers": []}]}),
        (["inputs", "agreements", 0, "rounding"], "my way"),
        (["inputs", "agreements", 0, "effective_at"], "2026-11-01T00:00:00"),
        (["inputs", "agreements", 0, "shares"], []),
        (["inputs", "agreements", 0, "shares", 0, "weight"], -1),
    ],
)
def test_what_is_not_a_statement_is_refused_whole(
    tmp_path: Path, path: list[Any], value: Any
) -> None:
    document = closed(tmp_path)
    holder: Any = document
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    assert refused(document, RecordsFolder(tmp_path))


def refused(document: dict[str, Any], source: RecordsFolder) -> bool:
    """Whether verifying says that it is not a statement, or not one that holds."""
    try:
        return not verify(resealed(document), source).holds
    except ValueError:
        return True


@settings(max_examples=25)
@given(
    st.lists(
        st.lists(
            st.builds(
                call,
                at_us=st.integers(SINCE_US - DAY_US, SINCE_US + 31 * DAY_US),
                organisation=st.sampled_from([MARKET, SHOP]),
                status=st.sampled_from([200, 404, 500]),
            ),
            min_size=1,
            max_size=5,
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([OPERATOR, BANK, MARKET, SHOP]),
)
def test_whatever_was_called_a_statement_can_be_recomputed(
    segments: list[list[CallRecord]], party: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        runs = write(Path(name), segments)
        made = statement([each for part in segments for each in part], runs, party)
        assert verify(to_document(made), RecordsFolder(Path(name))).difference is None
