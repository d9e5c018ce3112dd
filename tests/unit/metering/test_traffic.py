"""Traffic by its dimensions: counts that add up, percentiles that are never far off."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

from call_records import NOVEMBER_US, record, write_stream
from hypothesis import given
from hypothesis import strategies as st

from weir.metering.lake import traffic
from weir.metering.lake.lake import Lake
from weir.metering.lake.traffic import Traffic
from weir.metering.records.segments import read_segment

SINCE = datetime(2026, 11, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def asked(folder: Path, by: list[str], only: dict[str, str], party: str | None) -> list[Traffic]:
    mine = {"product": "prd_1", "organisation": "org_1", "member": "org_2", "scene": "checkout"}
    records = [record(**mine, duration_us=1_000) for _ in range(3)]
    records.append(record(**mine, status=429, refusal="rate_exceeded"))
    records.append(record(product="prd_2", organisation="org_3", member="org_3"))
    records.append(record(at_us=NOVEMBER_US + 86_400_000_000))
    lake = Lake(str(folder / "lake"))
    files = lake.write_segment(read_segment(folder, write_stream(folder, [records]), 1))
    text, values = traffic.question(by, only, SINCE, SINCE + DAY, party)
    return traffic.ask(lake, list(files), by, text, values)


def test_calls_are_counted_by_what_was_asked_for(tmp_path: Path) -> None:
    found = asked(tmp_path, ["product", "status"], {}, None)
    assert [(each.by, each.calls, each.refused) for each in found] == [
        ({"product": "prd_1", "status": "200"}, 3, 0),
        ({"product": "prd_1", "status": "429"}, 1, 1),
        ({"product": "prd_2", "status": "200"}, 1, 0),
    ]


def test_a_party_sees_its_own_sides_alone_and_values_are_never_sql(tmp_path: Path) -> None:
    found = asked(tmp_path, ["hour"], {"scene": "checkout"}, "org_2")
    assert [(each.by, each.calls) for each in found] == [({"hour": "2026-11-05 00:00:00+00"}, 4)]
    (tmp_path / "again").mkdir()
    assert asked(tmp_path / "again", ["scene"], {"scene": "x' OR '1'='1"}, None) == []


@given(st.lists(st.integers(0, 60_000_000), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_percentile_is_at_most_one_bucket_too_high(durations_us: list[int], part: float) -> None:
    kind = Traffic({}, calls=len(durations_us))
    for each in durations_us:
        bucket = math.floor(math.log(each + 1) / math.log(2) * traffic.BUCKETS_A_DOUBLING)
        kind.buckets[bucket] = kind.buckets.get(bucket, 0) + 1
    true_us = sorted(durations_us)[math.ceil(len(durations_us) * part) - 1]
    assert true_us <= kind.percentile_us(part) <= (true_us + 1) * 1.1 + 1
