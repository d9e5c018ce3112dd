"""Each way of tampering is found and named; what a dead process left open is sealed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest
from call_records import new_stream, record, write_stream
from hypothesis import given
from hypothesis import strategies as st

from weir.metering.records import CallRecord, RecordWriter, SegmentFooter
from weir.metering.segments import (
    Damage,
    SegmentDamaged,
    parse_segment,
    pending_records,
    read_segment,
    recover,
    streams,
    verify_stream,
)


@pytest.fixture
def stream(tmp_path: Path) -> str:
    """Three segments of four records each."""
    return write_stream(tmp_path, [[record() for _ in range(4)] for _ in range(3)])


def path_of(folder: Path, stream: str, segment: int, suffix: str = ".sealed") -> Path:
    return folder / stream / f"{segment:010d}{suffix}"


def damages(folder: Path, stream: str, expected_last: int | None = 3) -> list[tuple[int, Damage]]:
    return [(f.segment, f.damage) for f in verify_stream(folder, stream, expected_last)]


def reseal(path: Path, body: list[bytes]) -> None:
    """Write header and records back with a footer that fits them, as a forger would."""
    raw = b"".join(line + b"\n" for line in body)
    numbers = [msgspec.json.decode(line, type=CallRecord).number for line in body[1:]]
    footer = SegmentFooter(
        records=len(numbers), last_number=numbers[-1], sha256=hashlib.sha256(raw).hexdigest()
    )
    path.write_bytes(raw + msgspec.json.encode(footer) + b"\n")


def test_an_untouched_stream_has_no_findings(tmp_path: Path, stream: str) -> None:
    assert damages(tmp_path, stream) == []
    assert streams(tmp_path) == [stream]


def test_a_changed_value_is_named_altered(tmp_path: Path, stream: str) -> None:
    path = path_of(tmp_path, stream, 2)
    path.write_bytes(path.read_bytes().replace(b'"status":200', b'"status":201', 1))
    assert damages(tmp_path, stream) == [(2, Damage.ALTERED)]


def test_a_changed_value_with_a_new_footer_breaks_the_next_link(
    tmp_path: Path, stream: str
) -> None:
    path = path_of(tmp_path, stream, 2)
    lines = path.read_bytes().replace(b'"status":200', b'"status":201', 1).splitlines()
    reseal(path, lines[:-1])
    assert damages(tmp_path, stream) == [(3, Damage.ALTERED)]


def test_a_removed_record_is_named_dropped(tmp_path: Path, stream: str) -> None:
    path = path_of(tmp_path, stream, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert damages(tmp_path, stream) == [(2, Damage.DROPPED)]


def test_a_repeated_record_is_named_doubled(tmp_path: Path, stream: str) -> None:
    path = path_of(tmp_path, stream, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[1:]))
    assert damages(tmp_path, stream) == [(2, Damage.DOUBLED)]


def test_two_records_that_changed_places_are_named_reordered(tmp_path: Path, stream: str) -> None:
    path = path_of(tmp_path, stream, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1], lines[2] = lines[2], lines[1]
    path.write_bytes(b"".join(lines))
    assert damages(tmp_path, stream) == [(2, Damage.REORDERED)]


def test_records_missing_at_the_end_are_named_truncated(tmp_path: Path, stream: str) -> None:
    path = path_of(tmp_path, stream, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4] + lines[5:]))
    assert damages(tmp_path, stream) == [(2, Damage.TRUNCATED)]


@pytest.mark.parametrize("kept_bytes", [0, 5, 300, -3])
def test_a_file_cut_short_is_named_truncated(tmp_path: Path, stream: str, kept_bytes: int) -> None:
    path = path_of(tmp_path, stream, 3)
    path.write_bytes(path.read_bytes()[:kept_bytes])
    assert damages(tmp_path, stream) == [(3, Damage.TRUNCATED)]


def test_a_missing_segment_is_named_dropped(tmp_path: Path, stream: str) -> None:
    path_of(tmp_path, stream, 2).unlink()
    assert damages(tmp_path, stream) == [(2, Damage.DROPPED)]


def test_a_segment_put_in_twice_is_named_doubled(tmp_path: Path, stream: str) -> None:
    shutil.copy(path_of(tmp_path, stream, 3), path_of(tmp_path, stream, 4))
    assert damages(tmp_path, stream) == [(4, Damage.DOUBLED)]


def test_two_segments_that_changed_places_are_named_reordered(tmp_path: Path, stream: str) -> None:
    first, second = path_of(tmp_path, stream, 1), path_of(tmp_path, stream, 2)
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    assert damages(tmp_path, stream) == [(1, Damage.REORDERED), (2, Damage.REORDERED)]


def test_a_missing_end_is_named_truncated_by_who_knows_how_far_it_went(
    tmp_path: Path, stream: str
) -> None:
    path_of(tmp_path, stream, 3).unlink()
    assert damages(tmp_path, stream, expected_last=None) == []
    assert damages(tmp_path, stream, expected_last=3) == [(3, Damage.TRUNCATED)]


def test_a_segment_of_another_stream_is_found(tmp_path: Path, stream: str) -> None:
    other = write_stream(tmp_path, [[record() for _ in range(4)] for _ in range(3)])
    shutil.copy(path_of(tmp_path, other, 2), path_of(tmp_path, stream, 2))
    assert damages(tmp_path, stream) == [(2, Damage.REORDERED)]


@given(st.data())
def test_any_single_changed_byte_is_found(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stream = write_stream(folder, [[record(), record()]])
        raw = bytearray(path_of(folder, stream, 1).read_bytes())
        footer_at = raw.rindex(b"\n", 0, len(raw) - 1) + 1
        place = data.draw(st.integers(0, footer_at - 1))
        raw[place] ^= data.draw(st.integers(1, 255))
        with pytest.raises(SegmentDamaged):
            parse_segment(bytes(raw), stream, 1)


@given(st.binary(max_size=400))
def test_any_bytes_at_all_are_a_damaged_segment_and_nothing_worse(raw: bytes) -> None:
    with pytest.raises(SegmentDamaged):
        parse_segment(raw, new_stream(), 1)


def abandoned(folder: Path, count: int, sealed: int = 0) -> RecordWriter:
    """A stream whose process is gone: its lock is free, and its last segment was left open."""
    writer = RecordWriter.open(folder, new_stream())
    for _ in range(sealed):
        writer.write(record())
        writer.seal()
    for _ in range(count):
        writer.write(record())
    writer.close_without_sealing()
    return writer


def test_a_segment_left_open_is_sealed_and_marked_recovered(tmp_path: Path) -> None:
    writer = abandoned(tmp_path, 3, sealed=1)
    assert len(list(pending_records(tmp_path, writer.stream, 0))) == 4
    assert len(list(pending_records(tmp_path, writer.stream, 1))) == 3
    recovery = recover(tmp_path)
    assert [(r.segment, r.records, r.torn_bytes) for r in recovery.sealed] == [(2, 3, 0)]
    assert read_segment(tmp_path, writer.stream, 2).footer.recovered
    assert verify_stream(tmp_path, writer.stream, expected_last=2) == []
    assert recover(tmp_path).sealed == []


def test_the_segment_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    writer = RecordWriter.open(tmp_path, new_stream())
    writer.write(record())
    assert recover(tmp_path).sealed == []
    writer.close_without_sealing()
    assert len(recover(tmp_path).sealed) == 1


def test_a_finished_segment_that_was_not_renamed_keeps_its_own_footer(tmp_path: Path) -> None:
    writer = RecordWriter.open(tmp_path, new_stream())
    writer.write(record())
    writer.finish()
    writer.write(record())
    writer.close_without_sealing()
    assert [r.segment for r in recover(tmp_path).sealed] == [1, 2]
    assert not read_segment(tmp_path, writer.stream, 1).footer.recovered
    assert verify_stream(tmp_path, writer.stream, expected_last=2) == []


def test_an_open_segment_with_a_damaged_line_is_named_and_kept(tmp_path: Path) -> None:
    writer = abandoned(tmp_path, 3)
    path = path_of(tmp_path, writer.stream, 1, ".open")
    path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":7'))
    recovery = recover(tmp_path)
    assert [f.damage for f in recovery.findings] == [Damage.ALTERED]
    assert recovery.sealed == []
    assert path.exists()


@given(count=st.integers(1, 4), data=st.data())
def test_whatever_is_cut_off_the_end_every_whole_record_is_kept(
    count: int, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = abandoned(folder, count)
        path = path_of(folder, writer.stream, 1, ".open")
        raw = path.read_bytes()
        kept = raw[: data.draw(st.integers(0, len(raw)))]
        path.write_bytes(kept + data.draw(st.sampled_from([b"", b"\0\0\0", b'{"stream'])))
        whole = max(0, kept.count(b"\n") - 1)
        recovery = recover(folder)
        assert recovery.findings == []
        assert sum(each.records for each in recovery.sealed) == whole
        assert not path.exists()
        if whole:
            assert len(read_segment(folder, writer.stream, 1).records) == whole
            assert verify_stream(folder, writer.stream, expected_last=1) == []


@given(data=st.data())
def test_recovering_is_safe_to_kill_at_any_point(data: st.DataObject) -> None:
    """Recovery truncates, appends its footer, renames: a file cut anywhere in that is recovered."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = abandoned(folder, 2)
        path = path_of(folder, writer.stream, 1, ".open")
        before = path.stat().st_size
        recover(folder)
        sealed = path_of(folder, writer.stream, 1)
        raw = sealed.read_bytes()
        sealed.unlink()
        (path.parent / "ended").unlink()
        path.write_bytes(raw[: data.draw(st.integers(before, len(raw)))])
        assert recover(folder).findings == []
        assert len(read_segment(folder, writer.stream, 1).records) == 2
