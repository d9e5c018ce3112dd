"""Each way of forging is found and named; what a dead process left open is brought to its end."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest
from call_records import new_stream, record, write_stream
from hypothesis import given
from hypothesis import strategies as st

from seals import KEY, KEYS, OTHER_KEY, SECRET, seal_all
from weir.kernel import merkle
from weir.kernel.seals import Seal, SealingKey
from weir.metering.records.records import boot_id
from weir.metering.records.sealer import Sealer
from weir.metering.records.segments import (
    Damage,
    SegmentDamaged,
    parse_seal,
    parse_segment,
    pending_records,
    read_seal,
    read_segment,
    streams,
    verify_stream,
)
from weir.metering.records.writer import RecordWriter


@pytest.fixture
def stream(tmp_path: Path) -> str:
    """Three segments of four records each."""
    return write_stream(tmp_path, [[record() for _ in range(4)] for _ in range(3)])


def path_of(folder: Path, stream: str, segment: int, suffix: str = ".records") -> Path:
    return folder / stream / f"{segment:010d}{suffix}"


def damages(folder: Path, stream: str, expected_last: int | None = 3) -> list[tuple[int, Damage]]:
    return [(f.segment, f.damage) for f in verify_stream(folder, stream, expected_last, KEYS)]


def details(folder: Path, stream: str) -> list[str]:
    return [f.detail for f in verify_stream(folder, stream, 3, KEYS)]


def lines_of(folder: Path, stream: str, segment: int) -> list[bytes]:
    return path_of(folder, stream, segment).read_bytes().splitlines(keepends=True)


def write_seal(folder: Path, seal: Seal) -> None:
    path = path_of(folder, seal.stream, seal.segment, ".seal")
    path.write_bytes(msgspec.json.encode(seal))


def reseal(folder: Path, stream: str, segment: int, key: SealingKey, **changed: object) -> Seal:
    """Make the seal fit the lines that are there, as a forger with some key would."""
    lines = path_of(folder, stream, segment).read_bytes().split(b"\n")[:-1]
    root = merkle.Tree([merkle.leaf_hash(line) for line in lines]).root.hex()
    seal = read_seal(folder, stream, segment)
    seal = msgspec.structs.replace(seal, records=len(lines), root=root, **changed)
    path_of(folder, stream, segment, ".leaves").unlink(missing_ok=True)
    write_seal(folder, key.sign_seal(seal))
    return key.sign_seal(seal)


def test_an_untouched_stream_has_no_findings(tmp_path: Path, stream: str) -> None:
    assert damages(tmp_path, stream) == []
    assert streams(tmp_path) == [stream]
    assert [read_seal(tmp_path, stream, n).state for n in (1, 2, 3)] == ["open", "open", "ended"]


def test_a_changed_value_is_named_altered_with_its_record(tmp_path: Path, stream: str) -> None:
    path = path_of(tmp_path, stream, 2)
    path.write_bytes(path.read_bytes().replace(b'"status":200', b'"status":201', 1))
    assert damages(tmp_path, stream) == [(2, Damage.ALTERED)]
    assert details(tmp_path, stream) == ["record 5 not as sealed"]
    path_of(tmp_path, stream, 2, ".leaves").unlink()
    assert details(tmp_path, stream) == ["its lines are not those that were sealed"]


def test_a_changed_value_sealed_anew_breaks_the_next_link(tmp_path: Path, stream: str) -> None:
    """Whoever has the platform's own key can forge one seal, but not what was chained to it."""
    path = path_of(tmp_path, stream, 2)
    path.write_bytes(path.read_bytes().replace(b'"status":200', b'"status":201', 1))
    reseal(tmp_path, stream, 2, KEY)
    assert damages(tmp_path, stream) == [(3, Damage.ALTERED)]


def test_a_seal_of_another_key_is_named_unsigned(tmp_path: Path, stream: str) -> None:
    reseal(tmp_path, stream, 3, OTHER_KEY)
    assert damages(tmp_path, stream) == [(3, Damage.UNSIGNED)]
    assert "not one of the platform's" in details(tmp_path, stream)[0]


def test_a_seal_of_another_key_under_the_platforms_name_is_named_unsigned(
    tmp_path: Path, stream: str
) -> None:
    forged = SealingKey(KEY.kid, OTHER_KEY._private)
    reseal(tmp_path, stream, 3, forged)
    assert damages(tmp_path, stream) == [(3, Damage.UNSIGNED)]


def test_a_backdated_seal_is_named(tmp_path: Path, stream: str) -> None:
    reseal(tmp_path, stream, 3, KEY, sealed_at_us=1_700_000_000_000_000)
    assert damages(tmp_path, stream) == [(3, Damage.BACKDATED)]


def test_a_seal_from_before_its_key_is_named(tmp_path: Path, stream: str) -> None:
    since_us = read_seal(tmp_path, stream, 3).sealed_at_us + 1
    keys = {KEY.kid: KEY.public(since_us)}
    found = verify_stream(tmp_path, stream, 3, keys)
    assert {finding.damage for finding in found} == {Damage.UNSIGNED}


def test_a_removed_record_is_named_dropped(tmp_path: Path, stream: str) -> None:
    lines = lines_of(tmp_path, stream, 2)
    path_of(tmp_path, stream, 2).write_bytes(b"".join(lines[:1] + lines[2:]))
    assert damages(tmp_path, stream) == [(2, Damage.DROPPED)]
    assert details(tmp_path, stream) == ["record 6 missing"]


def test_a_removed_record_sealed_anew_breaks_the_next_link(tmp_path: Path, stream: str) -> None:
    lines = lines_of(tmp_path, stream, 2)
    path_of(tmp_path, stream, 2).write_bytes(b"".join(lines[:-1]))
    reseal(tmp_path, stream, 2, KEY)
    assert damages(tmp_path, stream) == [(3, Damage.DROPPED)]


def test_a_repeated_record_is_named_doubled(tmp_path: Path, stream: str) -> None:
    lines = lines_of(tmp_path, stream, 2)
    path_of(tmp_path, stream, 2).write_bytes(b"".join(lines[:1] + lines))
    assert damages(tmp_path, stream) == [(2, Damage.DOUBLED)]
    assert details(tmp_path, stream) == ["record 5 twice"]


def test_two_records_that_changed_places_are_named_reordered(tmp_path: Path, stream: str) -> None:
    lines = lines_of(tmp_path, stream, 2)
    lines[1], lines[2] = lines[2], lines[1]
    path_of(tmp_path, stream, 2).write_bytes(b"".join(lines))
    assert damages(tmp_path, stream) == [(2, Damage.REORDERED)]
    assert details(tmp_path, stream) == ["record 7 where 6 belongs"]


def test_records_missing_at_the_end_are_named_truncated(tmp_path: Path, stream: str) -> None:
    lines = lines_of(tmp_path, stream, 2)
    path_of(tmp_path, stream, 2).write_bytes(b"".join(lines[:3]))
    assert damages(tmp_path, stream) == [(2, Damage.TRUNCATED)]


@pytest.mark.parametrize("kept_bytes", [0, 5, 300, -3])
def test_a_file_cut_short_is_named_truncated(tmp_path: Path, stream: str, kept_bytes: int) -> None:
    path = path_of(tmp_path, stream, 3)
    path.write_bytes(path.read_bytes()[:kept_bytes])
    assert damages(tmp_path, stream) == [(3, Damage.TRUNCATED)]


def test_a_missing_segment_is_named_dropped(tmp_path: Path, stream: str) -> None:
    path_of(tmp_path, stream, 2).unlink()
    assert damages(tmp_path, stream) == [(2, Damage.DROPPED)]
    path_of(tmp_path, stream, 2, ".seal").unlink()
    assert damages(tmp_path, stream) == [(2, Damage.DROPPED)]


def test_what_follows_the_end_of_a_stream_is_named(tmp_path: Path, stream: str) -> None:
    last = read_seal(tmp_path, stream, 3)
    shutil.copy(path_of(tmp_path, stream, 3), path_of(tmp_path, stream, 4))
    write_seal(
        tmp_path,
        KEY.sign_seal(
            msgspec.structs.replace(last, segment=4, first=last.last + 1, previous=last.sha256)
        ),
    )
    assert damages(tmp_path, stream) == [(4, Damage.DOUBLED)]


def test_two_segments_that_changed_places_are_named_reordered(tmp_path: Path, stream: str) -> None:
    for suffix in (".records", ".seal", ".leaves"):
        first, second = (path_of(tmp_path, stream, n, suffix) for n in (1, 2))
        one, two = first.read_bytes(), second.read_bytes()
        first.write_bytes(two)
        second.write_bytes(one)
    assert damages(tmp_path, stream) == [(1, Damage.REORDERED), (2, Damage.REORDERED)]


def test_a_missing_end_is_named_truncated_by_who_knows_how_far_it_went(
    tmp_path: Path, stream: str
) -> None:
    path_of(tmp_path, stream, 3, ".seal").unlink()
    assert damages(tmp_path, stream, expected_last=None) == []
    assert damages(tmp_path, stream, expected_last=3) == [(3, Damage.TRUNCATED)]


def test_a_segment_of_another_stream_is_found(tmp_path: Path, stream: str) -> None:
    other = write_stream(tmp_path, [[record() for _ in range(4)] for _ in range(3)])
    for suffix in (".records", ".seal", ".leaves"):
        shutil.copy(path_of(tmp_path, other, 2, suffix), path_of(tmp_path, stream, 2, suffix))
    assert damages(tmp_path, stream) == [(2, Damage.REORDERED)]


@given(st.data())
def test_any_single_changed_byte_is_found(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stream = write_stream(folder, [[record(), record()]])
        seal = read_seal(folder, stream, 1)
        raw = bytearray(path_of(folder, stream, 1).read_bytes())
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        with pytest.raises(SegmentDamaged):
            parse_segment(bytes(raw), seal, stream, 1)


@given(st.binary(max_size=400))
def test_any_bytes_at_all_are_a_damaged_segment_and_nothing_worse(raw: bytes) -> None:
    stream = new_stream()
    with pytest.raises(SegmentDamaged):
        parse_seal(raw, stream, 1)
    seal = Seal(
        stream=stream,
        segment=1,
        first=1,
        records=2,
        root="0" * 64,
        previous="0" * 64,
        sealed_at_us=1,
        receipts="",
        key="",
    )
    with pytest.raises(SegmentDamaged):
        parse_segment(raw, seal, stream, 1)


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


def test_a_segment_left_open_is_sealed_and_said_to_be_of_a_killed_process(tmp_path: Path) -> None:
    writer = abandoned(tmp_path, 3, sealed=1)
    assert len(list(pending_records(tmp_path, writer.stream, 0))) == 4
    assert len(list(pending_records(tmp_path, writer.stream, 1))) == 3
    sealed = seal_all(tmp_path)
    assert (sealed.segments, sealed.records, sealed.ended) == (2, 4, 1)
    seal = read_seal(tmp_path, writer.stream, 2)
    assert (seal.state, seal.torn_bytes, seal.gap_from_us) == ("killed", 0, None)
    assert verify_stream(tmp_path, writer.stream, 2, KEYS) == []
    assert seal_all(tmp_path).segments == 0


def test_a_stream_that_was_sealed_to_its_last_record_gets_an_empty_end(tmp_path: Path) -> None:
    writer = RecordWriter.open(tmp_path, new_stream())
    writer.write(record())
    writer.seal()
    sealer = Sealer(tmp_path, KEY, SECRET)
    assert sealer.run().segments == 1
    writer.close()
    assert sealer.run().ended == 1
    end = read_segment(tmp_path, writer.stream, 2)
    assert (end.seal.state, end.seal.records, end.lines) == ("ended", 0, [])
    assert verify_stream(tmp_path, writer.stream, 2, KEYS) == []


def test_the_open_segment_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    writer = RecordWriter.open(tmp_path, new_stream())
    writer.write(record())
    assert seal_all(tmp_path).segments == 0
    writer.close_without_sealing()
    assert seal_all(tmp_path).segments == 1


def test_a_finished_segment_that_was_not_renamed_is_sealed_before_the_open_one(
    tmp_path: Path,
) -> None:
    writer = RecordWriter.open(tmp_path, new_stream())
    writer.write(record())
    writer.finish()
    writer.write(record())
    writer.close_without_sealing()
    assert seal_all(tmp_path).segments == 2
    assert read_seal(tmp_path, writer.stream, 1).state == "open"
    assert verify_stream(tmp_path, writer.stream, 2, KEYS) == []


def test_an_open_segment_with_a_damaged_line_is_named_and_kept(tmp_path: Path) -> None:
    writer = abandoned(tmp_path, 3)
    path = path_of(tmp_path, writer.stream, 1, ".open")
    path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":7'))
    sealed = seal_all(tmp_path)
    assert [f.damage for f in sealed.findings] == [Damage.ALTERED]
    assert sealed.segments == 0
    assert path_of(tmp_path, writer.stream, 1).exists()


def test_two_sealers_at_once_seal_each_segment_once(tmp_path: Path) -> None:
    writer = RecordWriter.open(tmp_path, new_stream())
    sealers = [Sealer(tmp_path, KEY, SECRET) for _ in range(2)]
    for number in range(6):
        writer.write(record())
        writer.seal()
        assert sealers[number % 2].run().segments == 1
        assert sealers[number % 2 - 1].run().segments == 0
    writer.close()
    assert sealers[0].run().ended == 1
    assert verify_stream(tmp_path, writer.stream, 7, KEYS) == []


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
        path.write_bytes(kept + data.draw(st.sampled_from([b"", b"\0\0\0", b'{"number'])))
        whole = kept.count(b"\n")
        sealed = seal_all(folder)
        assert (sealed.findings, sealed.records) == ([], whole)
        assert not path.exists()
        assert len(read_segment(folder, writer.stream, 1).records) == whole
        assert verify_stream(folder, writer.stream, 1, KEYS) == []


@given(
    synced=st.integers(0, 3),
    unsynced=st.integers(0, 3),
    data=st.data(),
)
def test_after_a_power_cut_what_was_synced_is_there_and_the_gap_is_signed(
    synced: int, unsynced: int, data: st.DataObject
) -> None:
    """What was not synced may be there, in part, or as any bytes at all: disks do that."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = abandoned(folder, synced + unsynced + 1)
        path = path_of(folder, writer.stream, 1, ".open")
        lines = path.read_bytes().splitlines(keepends=True)
        sure = b"".join(lines[: synced + 1])
        rest = b"".join(lines[synced + 1 :])
        rest = rest[: data.draw(st.integers(0, len(rest)))]
        path.write_bytes(sure + rest + data.draw(st.sampled_from([b"", b"\0" * 40 + b"\n", b"x"])))
        sealed = seal_all(folder, boot="another-start-of-this-machine")
        assert (sealed.findings, sealed.ended) == ([], 1)
        segment = read_segment(folder, writer.stream, 1)
        assert segment.records[0].number == 1
        assert len(segment.records) == synced + 1 + rest.count(b"\n")
        seal = segment.seal
        assert seal.state == "lost"
        assert seal.gap_from_us is not None
        assert seal.gap_until_us is not None
        assert seal.gap_from_us <= seal.gap_until_us
        assert verify_stream(folder, writer.stream, 1, KEYS) == []


def test_a_power_cut_that_took_a_part_in_the_middle_leaves_no_gap_in_the_numbers(
    tmp_path: Path,
) -> None:
    writer = RecordWriter.open(tmp_path, new_stream())
    for _ in range(3):
        writer.write(record())
        writer.finish()
    writer.close_without_sealing()
    path_of(tmp_path, writer.stream, 2, ".open").write_bytes(b"")
    assert seal_all(tmp_path, boot="another-start").findings == []
    assert boot_id() != "another-start"
    seals = [read_seal(tmp_path, writer.stream, n) for n in (1, 2)]
    assert [(seal.records, seal.state) for seal in seals] == [(1, "open"), (0, "lost")]
    assert seals[1].torn_bytes > 0
    assert verify_stream(tmp_path, writer.stream, 2, KEYS) == []


@pytest.mark.parametrize("missing", [(".seal",), (".seal", ".leaves")])
def test_sealing_is_safe_to_kill_at_any_point(tmp_path: Path, missing: tuple[str, ...]) -> None:
    writer = abandoned(tmp_path, 2, sealed=1)
    seal_all(tmp_path)
    (tmp_path / writer.stream / "ended").unlink()
    for suffix in missing:
        path_of(tmp_path, writer.stream, 2, suffix).unlink()
    assert seal_all(tmp_path).findings == []
    assert read_seal(tmp_path, writer.stream, 2).state == "killed"
    assert verify_stream(tmp_path, writer.stream, 2, KEYS) == []
