"""The writer: numbering, sealing, refusing, and never leaving half a line."""

from __future__ import annotations

import errno
import os
import resource
import signal
import tempfile
from pathlib import Path

import msgspec
import pytest
from call_records import new_stream, record
from hypothesis import given
from hypothesis import strategies as st

from seals import seal_all
from weir.kernel.outcomes import Refusal
from weir.metering.declares import RECORD_BYTES, RECORD_UNWRITABLE
from weir.metering.records import records
from weir.metering.records.records import CallRecord, Details, Terms, encoded_details, encoded_terms
from weir.metering.records.segments import read_segment, verify_stream
from weir.metering.records.writer import RecordWriter


@pytest.fixture
def writer(tmp_path: Path) -> RecordWriter:
    return RecordWriter.open(tmp_path, new_stream())


def open_file(folder: Path, writer: RecordWriter, segment: int = 1) -> Path:
    return folder / writer.stream / f"{segment:010d}.open"


def test_a_record_is_in_the_file_when_write_returns(tmp_path: Path, writer: RecordWriter) -> None:
    assert writer.write(record(interaction_id="one")) == 1
    (line,) = open_file(tmp_path, writer).read_bytes().splitlines()
    held = msgspec.json.decode(line, type=CallRecord)
    assert (held.number, held.interaction_id) == (1, "one")


TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(
    call=st.integers(1, 10**9),
    sizes=st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)),
    terms=st.builds(Terms, application=TEXT, plan=TEXT, method=st.just("GET"), path=TEXT),
    details=st.builds(
        Details,
        refusal=TEXT,
        amount_minor=st.none() | st.integers(0, 9),
        scene=TEXT,
        reconciled=st.booleans(),
    ),
)
def test_a_record_in_parts_is_the_same_line_as_the_whole(
    call: int, sizes: tuple[int, int], terms: Terms, details: Details
) -> None:
    with tempfile.TemporaryDirectory() as name:
        writer = RecordWriter.open(Path(name), new_stream())
        one = (call, 1_793_836_800_000_000, 77, b"11111111-1111-4111-8111-111111111111", 200)
        writer.put_call(*one, *sizes, encoded_terms(terms), encoded_details(details))
        assert not open_file(Path(name), writer).exists()
        writer.flush()
        line = open_file(Path(name), writer).read_bytes()
        whole = CallRecord(
            number=1,
            call=call,
            at_us=one[1],
            duration_us=77,
            status=200,
            interaction_id=one[3].decode(),
            bytes_in=sizes[0],
            bytes_out=sizes[1],
            **msgspec.structs.asdict(terms),
            **msgspec.structs.asdict(details),
        )
        assert line == records.encode(whole) + b"\n"
        writer.close_without_sealing()


def test_numbers_run_without_a_gap_across_segments(tmp_path: Path, writer: RecordWriter) -> None:
    for _ in range(3):
        writer.write(record())
        writer.write(record())
        assert writer.seal() == 1
    writer.close()
    seal_all(tmp_path)
    numbers = [
        each.number
        for segment in (1, 2, 3)
        for each in read_segment(tmp_path, writer.stream, segment).records
    ]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert verify_stream(tmp_path, writer.stream, expected_last=3) == []


def test_an_empty_segment_is_not_sealed(tmp_path: Path, writer: RecordWriter) -> None:
    assert writer.seal() == 0
    writer.write(record())
    assert writer.seal() == 1
    assert writer.seal() == 0
    writer.close()
    names = sorted(p.name for p in (tmp_path / writer.stream).iterdir())
    assert names == ["0000000001.records", "boot", "closed", "lock"]


def test_a_full_segment_makes_room_by_itself(tmp_path: Path) -> None:
    writer = RecordWriter.open(tmp_path, new_stream(), segment_records=2)
    for _ in range(5):
        writer.write(record())
    writer.close()
    seal_all(tmp_path)
    assert verify_stream(tmp_path, writer.stream, expected_last=3) == []


def test_a_finished_segment_is_named_finished_only_when_settled(
    tmp_path: Path, writer: RecordWriter
) -> None:
    writer.write(record())
    writer.finish()
    assert open_file(tmp_path, writer).exists()
    writer.write(record())
    assert writer.settle() == 1
    assert not open_file(tmp_path, writer).exists()
    assert open_file(tmp_path, writer, 2).exists()
    writer.sync()
    writer.close()
    seal_all(tmp_path)
    assert verify_stream(tmp_path, writer.stream, expected_last=2) == []


def test_a_stream_that_exists_is_not_written_again(tmp_path: Path, writer: RecordWriter) -> None:
    with pytest.raises(Refusal) as refused:
        RecordWriter.open(tmp_path, writer.stream)
    assert refused.value.outcome is RECORD_UNWRITABLE


def test_a_stream_must_be_named_by_an_identifier(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="str_"):
        RecordWriter.open(tmp_path, "../elsewhere")


def test_a_failed_write_refuses_the_call_and_keeps_whole_lines(
    tmp_path: Path, writer: RecordWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.write(record())
    before = open_file(tmp_path, writer).read_bytes()

    def no_space(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", no_space)
        with pytest.raises(Refusal) as refused:
            writer.write(record())
    assert refused.value.outcome is RECORD_UNWRITABLE
    assert open_file(tmp_path, writer).read_bytes() == before
    assert writer.write(record()) == 2
    writer.close()
    seal_all(tmp_path)
    assert verify_stream(tmp_path, writer.stream, expected_last=1) == []


@given(
    st.lists(st.sampled_from(["put", "put", "put", "flush", "fail", "half", "finish"]), max_size=40)
)
def test_however_records_are_put_and_writes_fail_numbers_have_no_gap(steps: list[str]) -> None:
    """What a failed write was to hold is as if it had never been put; all else is there, once."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as broken:
        writer = RecordWriter.open(Path(name), new_stream(), segment_records=4)
        how = ""
        kernel = os.write

        def write(fd: int, data: bytes) -> int:
            if how == "fail":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return kernel(fd, data[: len(data) // 2] if how == "half" else data)

        broken.setattr(os, "write", write)
        safe = put = 0
        for how in steps:
            if how == "put":
                if writer.is_full():
                    safe, put = safe + put, 0
                writer.put_line(b'{"number":%d}\n' % (writer.last_number + 1))
                put += 1
            elif put and how in {"fail", "half"}:
                with pytest.raises(Refusal) as refused:
                    writer.flush()
                assert refused.value.outcome is RECORD_UNWRITABLE
                put = 0
            else:
                (writer.finish if how == "finish" else writer.flush)()
                safe, put = safe + put, 0
            assert writer.last_number == safe + put
        how = ""
        writer.finish()
        writer.settle()
        files = sorted((Path(name) / writer.stream).glob("*.records"))
        lines = [line for file in files for line in file.read_bytes().splitlines(keepends=True)]
        assert lines == [b'{"number":%d}\n' % (at + 1) for at in range(writer.last_number)]
        writer.close_without_sealing()


def test_a_disk_that_takes_half_a_record_gets_it_cut_off_again(tmp_path: Path) -> None:
    """A real limit on the file's size, in a process of its own: the kernel writes a part."""
    stream = new_stream()
    child = os.fork()
    if child == 0:
        os._exit(_write_until_refused(tmp_path, stream))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert seal_all(tmp_path).findings == []
    segment = read_segment(tmp_path, stream, 1)
    assert (segment.seal.torn_bytes, segment.seal.state) == (0, "killed")
    assert verify_stream(tmp_path, stream, expected_last=1) == []


def _write_until_refused(folder: Path, stream: str) -> int:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writer = RecordWriter.open(folder, stream)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
    for _ in range(50):
        try:
            writer.write(record())
        except Refusal as refusal:
            return 0 if refusal.outcome is RECORD_UNWRITABLE else 2
    return 1


def test_a_path_too_long_to_record_is_left_out(tmp_path: Path, writer: RecordWriter) -> None:
    writer.write(record(path="/" + "x" * RECORD_BYTES))
    writer.close()
    seal_all(tmp_path)
    assert read_segment(tmp_path, writer.stream, 1).records[0].path is None


def test_a_record_too_long_without_its_path_is_refused(writer: RecordWriter) -> None:
    with pytest.raises(Refusal):
        writer.write(record(interaction_id="x" * RECORD_BYTES))
    assert writer.write(record()) == 1
