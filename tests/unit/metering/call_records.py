"""Call records for the tests of this folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from seals import seal_all
from weir.kernel import identifiers
from weir.metering.records.records import CallRecord
from weir.metering.records.writer import RecordWriter

NOVEMBER_US = 1_793_836_800_000_000  # 2026-11-05T00:00:00Z


def new_stream() -> str:
    return identifiers.mint("str", time.time_ns() // 1_000_000, os.urandom(10))


def record(**fields: Any) -> CallRecord:
    given: dict[str, Any] = {
        "at_us": NOVEMBER_US,
        "duration_us": 1_200,
        "interaction_id": str(uuid4()),
        "method": "GET",
        "status": 200,
    }
    return CallRecord(**(given | fields))


def write_stream(folder: Path, segments: Iterable[Iterable[CallRecord]]) -> str:
    """A stream with these segments, all sealed."""
    writer = RecordWriter.open(folder, new_stream())
    for records in segments:
        for each in records:
            writer.write(each)
        writer.seal()
    writer.close()
    assert seal_all(folder).findings == []
    return writer.stream
