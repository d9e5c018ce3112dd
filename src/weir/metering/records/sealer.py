"""Sealing: the lines gateways wrote become segments that are hashed, chained and signed.

This runs in workers, beside the path of a call, and the key stays out of the processes that face
the network. It may run in several workers at once (a lock a stream) and be killed at any point: a
seal is written whole or not at all, and its content follows from the records alone.

The stream of a dead process is brought to its end here: a last line that was cut off is removed,
and a last seal, over the rest or over nothing, says how the stream ended.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from weir.kernel import identifiers, merkle
from weir.kernel.identifiers import minted_ms
from weir.kernel.seals import NO_PREVIOUS, Seal, SealingKey, State
from weir.metering.declares import SEGMENT_RECORDS
from weir.metering.records.records import (
    BOOT_NAME,
    CLOSED_NAME,
    FINISHED_SUFFIX,
    LOCK_NAME,
    OPEN_SUFFIX,
    CallRecord,
    boot_id,
    encode,
    segment_path,
    sync_folder,
)
from weir.metering.records.segments import (
    LEAVES_SUFFIX,
    SEAL_SUFFIX,
    UNREADABLE,
    Damage,
    Finding,
    SegmentDamaged,
    damage_error,
    decode_lines,
    list_numbers,
    numbering_damage,
    read_seal,
    streams,
)

SEALING_LOCK_NAME: Final = "sealing"
ENDED_NAME: Final = "ended"  # the stream has its last seal

_decode_record = msgspec.json.Decoder(CallRecord).decode


def stream_key(secret: bytes, stream: str) -> bytes:
    """Derive the key of a stream's receipts, 32 bytes, from the platform's secret."""
    return hmac.digest(secret, stream.encode(), "sha256")


@dataclass(slots=True)
class SealCounts:
    """Counts of one run, and the segments it could not seal and left as they were."""

    segments: int = 0
    records: int = 0
    ended: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class _Mark:
    """The end of a stream's sealed part."""

    segment: int = 0
    last: int = 0
    sha256: str = NO_PREVIOUS
    sealed_at_us: int = 0
    answered_us: int = 0  # when the newest sealed call was answered
    ended: bool = False


@dataclass(slots=True)
class _End:
    """The end of a stream, as its last seal states it."""

    state: State
    torn_bytes: int = 0
    gap_until_us: int | None = None


class Sealer:
    """Sealer of the streams under one records folder. Synchronous: call `run` from a thread."""

    def __init__(
        self, folder: Path, key: SealingKey, receipt_secret: bytes, boot: str | None = None
    ) -> None:
        self._folder = folder
        self._key = key
        self._secret = receipt_secret
        self._boot = boot or boot_id()
        self._marks: dict[str, _Mark] = {}
        self._ended: set[str] = set()

    def run(self) -> SealCounts:
        """Seal every finished segment, and bring streams of dead processes to their end."""
        report = SealCounts()
        for stream in streams(self._folder):
            if stream in self._ended:
                continue
            if (self._folder / stream / ENDED_NAME).exists():
                self._ended.add(stream)
                self._marks.pop(stream, None)
                continue
            with _alone(self._folder / stream / SEALING_LOCK_NAME) as alone:
                if alone:
                    self._stream(stream, report)
        return report

    def _stream(self, stream: str, report: SealCounts) -> None:
        try:
            # First whether the process is dead, then its files: the next run sees a process that
            # ends in between, with all it wrote.
            with _alone(self._folder / stream / LOCK_NAME) as dead:
                mark = self._mark(stream)
                end = self._end_of(stream) if dead else None
                while not mark.ended and self._next(stream, mark, end, report):
                    pass
                if mark.ended:
                    (self._folder / stream / ENDED_NAME).touch()
        except SegmentDamaged as found:
            report.findings.append(found.finding)
        except OSError as error:  # a full disk, say: the next run tries again
            detail = f"it cannot be sealed now: {error.strerror}"
            report.findings.append(Finding(stream, 0, Damage.TRUNCATED, detail))

    def _mark(self, stream: str) -> _Mark:
        """Return the end of the stream's sealed part, also if another worker sealed it."""
        mark = self._marks.get(stream)
        if mark is None:
            mark = self._marks[stream] = _Mark()
            sealed = list_numbers(self._folder / stream, SEAL_SUFFIX)
            mark.segment = sealed[-1] - 1 if sealed else 0
        while segment_path(self._folder, stream, mark.segment + 1, SEAL_SUFFIX).exists():
            _advance(mark, read_seal(self._folder, stream, mark.segment + 1))
        return mark

    def _next(self, stream: str, mark: _Mark, end: _End | None, report: SealCounts) -> bool:
        """Seal the next segment, or the stream's end. False when there is nothing to seal now."""
        finished = self._path(stream, mark.segment + 1, FINISHED_SUFFIX)
        if end is not None and not finished.exists():
            end.torn_bytes += self._cut_off(stream, mark, lost=end.state == "lost")
        try:
            raw = finished.read_bytes()
        except FileNotFoundError:
            if end is None:
                return False
            raw = b""
            end.torn_bytes += self._drop_rest(stream)
        following = (
            self._path(stream, mark.segment + 2, suffix)
            for suffix in (OPEN_SUFFIX, FINISHED_SUFFIX)
        )
        is_last = end is not None and (not raw or not any(path.exists() for path in following))
        self._seal(stream, mark, raw, end if is_last else None, report)
        report.ended += is_last
        return True

    def _path(self, stream: str, segment: int, suffix: str) -> Path:
        return segment_path(self._folder, stream, segment, suffix)

    def _seal(
        self, stream: str, mark: _Mark, raw: bytes, end: _End | None, report: SealCounts
    ) -> None:
        lines = raw.split(b"\n")[:-1]
        hashes, answered_us = _hashed(lines, stream, mark)
        mark.answered_us = max(mark.answered_us, answered_us, minted_ms(stream) * 1000)
        end = end or _End("open")
        until_us = end.gap_until_us
        seal = Seal(
            stream=stream,
            segment=mark.segment + 1,
            first=mark.last + 1,
            records=len(lines),
            root=merkle.Tree(hashes).root.hex(),
            previous=mark.sha256,
            sealed_at_us=max(time.time_ns() // 1000, mark.sealed_at_us),
            state=end.state,
            torn_bytes=end.torn_bytes,
            gap_from_us=None if until_us is None else min(mark.answered_us, until_us),
            gap_until_us=until_us,
            receipts=sha256(stream_key(self._secret, stream)).hexdigest(),
            key="",
        )
        signed = self._key.sign_seal(seal)
        place = (self._folder, stream, seal.segment)
        _write_whole(segment_path(*place, LEAVES_SUFFIX), b"".join(hashes))
        _write_whole(segment_path(*place, SEAL_SUFFIX), encode(signed))
        _advance(mark, signed)
        report.segments += 1
        report.records += len(lines)

    def _end_of(self, stream: str) -> _End:
        """Return the end of a stream whose process is dead."""
        folder = self._folder / stream
        if (folder / CLOSED_NAME).exists():
            return _End("ended")
        if _read(folder / BOOT_NAME) == self._boot:
            return _End("killed")
        return _End("lost", gap_until_us=_machine_started_us())

    def _drop_rest(self, stream: str) -> int:
        """Remove open segments after a gap in the stream; return their size in bytes.

        Only a machine that stopped can leave such segments: a later part was on the disk, and an
        earlier one was not.
        """
        dropped = 0
        for number in list_numbers(self._folder / stream, OPEN_SUFFIX):
            path = self._path(stream, number, OPEN_SUFFIX)
            dropped += path.stat().st_size
            path.unlink()
        return dropped

    def _cut_off(self, stream: str, mark: _Mark, *, lost: bool) -> int:
        """Finish the open segment of a dead process; return the bytes cut off its end.

        A process that was killed can have left one line without its end. After a machine stopped,
        only the bytes that were synced are sure.
        """
        path = self._path(stream, mark.segment + 1, OPEN_SUFFIX)
        if not path.exists():
            return 0
        raw = path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        if lost:
            whole = _readable(whole, mark.last + 1)
        fd = os.open(path, os.O_WRONLY)
        try:
            os.ftruncate(fd, len(whole))
            os.fdatasync(fd)
        finally:
            os.close(fd)
        if whole:
            path.rename(path.with_suffix(FINISHED_SUFFIX))
        else:
            path.unlink()
        sync_folder(path.parent)
        return len(raw) - len(whole)


def remove_sealed(folder: Path, kept: Mapping[str, int]) -> int:
    """Remove each stream's sealed files before the first segment kept; return the number of
    segments.

    They are in the lake, or have expired. The newest seal of a stream that continues stays, since
    the next one is chained to it; a stream that has ended is removed whole.
    """
    removed = 0
    for stream, first in kept.items():
        place = folder / stream
        if not identifiers.is_identifier(stream, "str") or not place.is_dir():
            continue
        with _alone(place / SEALING_LOCK_NAME) as alone:
            if alone:
                removed += _forget(folder, stream, first)
    return removed


def _forget(folder: Path, stream: str, first: int) -> int:
    sealed = list_numbers(folder / stream, SEAL_SUFFIX)
    has_ended = (folder / stream / ENDED_NAME).exists()
    if has_ended and sealed and sealed[-1] < first:
        gone = folder / f".{stream}.gone"  # hidden at once, even if this is killed now
        (folder / stream).rename(gone)
        shutil.rmtree(gone)
        return len(sealed)
    over = [number for number in sealed[:-1] if number < first]
    for number in over:
        for suffix in (FINISHED_SUFFIX, LEAVES_SUFFIX, SEAL_SUFFIX):
            segment_path(folder, stream, number, suffix).unlink(missing_ok=True)
    return len(over)


def _hashed(lines: list[bytes], stream: str, mark: _Mark) -> tuple[list[bytes], int]:
    """Return the lines' hashes, and the time the newest call was answered (Unix microseconds).

    SegmentDamaged when a line is not exactly as a writer writes the record with the next number.
    """
    segment = mark.segment + 1
    records = decode_lines(lines, stream, segment)
    if len(lines) > SEGMENT_RECORDS:
        raise damage_error(stream, segment, Damage.ALTERED, "no segment holds so many records")
    for record, line in zip(records, lines, strict=True):
        if encode(record) != line:
            detail = f"record {record.number} is not written as a writer writes it"
            raise damage_error(stream, segment, Damage.ALTERED, detail)
    numbers = [record.number for record in records]
    if damage := numbering_damage(numbers, mark.last + 1, len(lines)):
        raise damage_error(stream, segment, *damage)
    answered_us = max((each.at_us + each.duration_us for each in records), default=0)
    return [merkle.leaf_hash(line) for line in lines], answered_us


def _readable(whole: bytes, first: int) -> bytes:
    """Return the beginning of the bytes that is records with the right numbers."""
    size = 0
    for number, line in enumerate(whole.split(b"\n")[:-1], start=first):
        try:
            record = _decode_record(line)
        except UNREADABLE:
            break
        if record.number != number:
            break
        size += len(line) + 1
    return whole[:size]


def _advance(mark: _Mark, seal: Seal) -> None:
    mark.segment, mark.last, mark.sha256 = seal.segment, seal.last, seal.sha256
    mark.sealed_at_us = seal.sealed_at_us
    mark.ended = seal.state != "open"


def _machine_started_us() -> int:
    """Return the start of this machine in Unix microseconds (proc(5), `btime`)."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return int(line.split()[1]) * 1_000_000
    return time.time_ns() // 1000


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all, even after a crash."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Try to take a lock file, for the time of the context; False when it is taken."""
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o640)
    try:
        yield _taken(fd)
    finally:
        os.close(fd)


def _taken(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
