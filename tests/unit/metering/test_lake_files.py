"""Parquet in the lake: what goes in comes out, under names that do not depend on who writes."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from call_records import NOVEMBER_US, record, write_stream
from hypothesis import given, settings
from hypothesis import strategies as st

from weir.kernel.declares import SETTING_INVALID
from weir.kernel.outcomes import Refusal
from weir.metering.lake import queries
from weir.metering.lake.columns import HOUR_US, SCHEMA, from_table, to_table
from weir.metering.lake.lake import Lake
from weir.metering.records.records import CallRecord
from weir.metering.records.segments import Damage, Segment, SegmentDamaged, read_segment

TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WHOLE = st.integers(0, 2**63 - 1)
RECORDS = st.lists(
    st.builds(
        CallRecord,
        at_us=st.integers(NOVEMBER_US, NOVEMBER_US + 3 * HOUR_US),
        duration_us=WHOLE,
        interaction_id=st.uuids().map(str),
        application=TEXT,
        product=TEXT,
        consent=TEXT,
        method=st.sampled_from(["GET", "POST"]),
        path=TEXT,
        status=st.integers(100, 599),
        refusal=TEXT,
        bytes_in=WHOLE,
        amount_minor=st.none() | st.integers(-(2**63), 2**63 - 1),
        currency=TEXT,
        reconciled=st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def segment_of(folder: Path, *records: CallRecord) -> Segment:
    return read_segment(folder, write_stream(folder, [records]), 1)


@settings(max_examples=40)
@given(records=RECORDS)
def test_a_segment_read_from_the_lake_is_the_one_that_was_sealed(records: list[CallRecord]) -> None:
    with tempfile.TemporaryDirectory() as name:
        segment = segment_of(Path(name), *records)
        lake = Lake(f"file://{name}/lake")
        files = lake.write_segment(segment)
        assert lake.read_segment(segment.seal.stream, 1) == segment
        assert lake.write_segment(segment) == files
        assert lake.files() == sorted(files)


@given(records=RECORDS)
def test_columns_and_records_say_the_same(records: list[CallRecord]) -> None:
    with tempfile.TemporaryDirectory() as name:
        segment = segment_of(Path(name), *records)
    table = to_table(segment)
    assert table.schema == SCHEMA
    assert from_table(table, segment.seal.stream, 1) == segment.records


def test_a_segment_lies_in_every_hour_its_calls_arrived_in(tmp_path: Path, lake: Lake) -> None:
    late = record(at_us=NOVEMBER_US + 23 * HOUR_US)
    segment = segment_of(tmp_path, late, record(at_us=NOVEMBER_US), record(at_us=NOVEMBER_US + 1))
    name = f"{segment.seal.stream}-0000000001.parquet"
    assert lake.write_segment(segment) == {
        f"calls/day=2026-11-05/hour=00/{name}": 2,
        f"calls/day=2026-11-05/hour=23/{name}": 1,
    }
    assert lake.files(date(2026, 11, 6)) == []
    assert len(lake.files(date(2026, 11, 5), date(2026, 11, 5))) == 2


def test_a_value_changed_in_the_lake_is_named_altered(tmp_path: Path, lake: Lake) -> None:
    segment = segment_of(tmp_path, record(status=500), record())
    (file,) = lake.write_segment(segment)
    path = lake.address(file)
    table = pq.ParquetFile(path).read()
    place = table.schema.get_field_index("status")
    changed = pa.array([200, 200], pa.int32())
    pq.write_table(table.set_column(place, table.schema.field("status"), changed), path)
    with pytest.raises(SegmentDamaged) as damaged:
        lake.read_segment(segment.seal.stream, 1)
    assert damaged.value.finding.damage is Damage.ALTERED


def test_a_file_that_is_not_parquet_is_named_altered(tmp_path: Path, lake: Lake) -> None:
    segment = segment_of(tmp_path, record())
    (file,) = lake.write_segment(segment)
    Path(lake.address(file)).write_bytes(b"not parquet")
    with pytest.raises(SegmentDamaged):
        lake.read_segment(segment.seal.stream, 1)


def test_a_segment_that_is_not_in_the_lake_is_not_found(tmp_path: Path, lake: Lake) -> None:
    stream = write_stream(tmp_path, [[record()]])
    with pytest.raises(FileNotFoundError):
        lake.read_segment(stream, 1)
    with pytest.raises(ValueError, match="str_"):
        lake.read_segment("*", 1)


def test_a_number_the_lake_cannot_hold_is_found_before_anything_is_written(
    tmp_path: Path, lake: Lake
) -> None:
    segment = segment_of(tmp_path, record(bytes_in=2**63))
    with pytest.raises(SegmentDamaged):
        lake.write_segment(segment)
    with pytest.raises(SegmentDamaged):
        lake.write_segment(segment_of(tmp_path, record(at_us=2**62)))
    assert lake.files() == []


@pytest.mark.parametrize("url", ["http://store/lake", "s3://key:secret@records/lake", "a/path"])
def test_what_is_no_store_or_bears_credentials_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        Lake(url)
    assert refused.value.outcome is SETTING_INVALID
    assert "secret" not in str(refused.value.public)


def test_an_empty_lake_answers_every_question(lake: Lake) -> None:
    assert queries.count_records(lake, lake.files()) == 0
    assert queries.usage(lake, lake.files()) == []
    assert queries.doubled_numbers(lake, lake.files()) == []
    assert queries.compare(lake, lake.files(), ["one"]) == queries.Tally(1, 0, 1, 0)
    assert queries.payments(lake, [], ["cns_1"]) == {}


def test_usage_is_counted_by_application_product_status_and_refusal(
    tmp_path: Path, lake: Lake
) -> None:
    mine = {"application": "app_1", "product": "prd_1"}
    refused = record(**mine, status=429, refusal="rate_exceeded", fault="caller")
    lake.write_segment(segment_of(tmp_path, record(**mine), refused, record(**mine)))
    assert queries.usage(lake, lake.files()) == [
        queries.Usage("app_1", "prd_1", 200, None, 2),
        queries.Usage("app_1", "prd_1", 429, "rate_exceeded", 1),
    ]


def test_doubled_records_are_found(tmp_path: Path, lake: Lake) -> None:
    segment = segment_of(tmp_path, record(interaction_id="one"), record(interaction_id="one"))
    (file,) = lake.write_segment(segment)
    assert queries.doubled_interactions(lake, lake.files()) == [("one", 2)]
    assert queries.compare(lake, lake.files(), ["one"]) == queries.Tally(1, 1, 0, 1)
    assert queries.doubled_numbers(lake, lake.files()) == []
    copy = Path(lake.address(file)).with_name("copy.parquet")
    copy.write_bytes(Path(lake.address(file)).read_bytes())
    stream = segment.seal.stream
    assert queries.doubled_numbers(lake, lake.files()) == [(stream, 1, 2), (stream, 2, 2)]


def test_payments_are_found_by_their_consent(tmp_path: Path, lake: Lake) -> None:
    paid = record(consent="cns_1", status=201)
    refused = record(consent="cns_1", status=502, refusal="member_unreachable")
    failed = record(consent="cns_2", status=500)
    lake.write_segment(segment_of(tmp_path, paid, refused, failed, record(consent="cns_3")))
    found = queries.payments(lake, lake.files(), ["cns_1", "cns_2"])
    assert found == {"cns_1": [201], "cns_2": [500]}
