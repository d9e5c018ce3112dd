"""kill -9 at random moments: every record that was acknowledged is there, and none twice."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from random import Random

import pytest
from call_records import new_stream, record

from seals import KEYS, seal_all
from weir.metering.records.segments import read_segment, verify_stream
from weir.metering.records.writer import RecordWriter

SEGMENT_RECORDS = 5  # few, so that kills meet every moment of a segment's life


def write_for_ever(folder: Path, stream: str, acknowledge_fd: int) -> None:
    writer = RecordWriter.open(folder, stream, SEGMENT_RECORDS)
    while True:
        number = writer.write(record())
        os.write(acknowledge_fd, number.to_bytes(8, "big"))
        if number % 7 == 0:
            writer.seal()


@pytest.mark.parametrize("seed", range(8))
def test_every_acknowledged_record_survives_a_kill(tmp_path: Path, seed: int) -> None:
    stream = new_stream()
    told, tells = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        write_for_ever(tmp_path, stream, tells)
    os.close(tells)
    acknowledged = os.read(told, 8)  # the child is at work from here on
    time.sleep(Random(seed).uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while part := os.read(told, 65_536):
        acknowledged += part
    os.close(told)
    assert seal_all(tmp_path).findings == []
    sealed = sorted((tmp_path / stream).glob("*.seal"))
    numbers = [
        each.number
        for segment in range(1, len(sealed) + 1)
        for each in read_segment(tmp_path, stream, segment).records
    ]
    count = len(acknowledged) // 8
    assert int.from_bytes(acknowledged[8 * count - 8 : 8 * count], "big") == count
    # The last record may have been written and not acknowledged.
    assert numbers in (list(range(1, count + 1)), list(range(1, count + 2)))
    assert verify_stream(tmp_path, stream, expected_last=len(sealed), keys=KEYS) == []
