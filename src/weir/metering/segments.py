"""Reading segments, checking their chain, and sealing what a dead process left open."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from weir.kernel import identifiers, limits
from weir.metering.records import (
    ENDED_NAME,
    FIRST_PREVIOUS_SHA256,
    LOCK_NAME,
    OPEN_SUFFIX,
    SEALED_SUFFIX,
    CallRecord,
    SegmentFooter,
    SegmentHeader,
    segment_path,
    sync_folder,
)

# A full segment, its header and its footer.
SEGMENT_BYTES: Final = (limits.SEGMENT_RECORDS + 2) * limits.RECORD_BYTES

# What msgspec raises for bytes that are not the JSON it wants, or not UTF-8 at all.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError)

_decode_header = msgspec.json.Decoder(SegmentHeader).decode
_decode_record = msgspec.json.Decoder(CallRecord).decode
_decode_footer = msgspec.json.Decoder(SegmentFooter).decode
_encode = msgspec.json.Encoder().encode


class Damage(Enum):
    """What can be wrong with a stream. Each has one name, whoever finds it."""

    ALTERED = "altered"  # bytes are not those that were sealed
    DROPPED = "dropped"  # something is missing between two things that are there
    DOUBLED = "doubled"  # something is there twice
    REORDERED = "reordered"  # everything is there, in another order
    TRUNCATED = "truncated"  # the end is missing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with one segment. `detail` is for people; it holds no record's content."""

    stream: str
    segment: int
    damage: Damage
    detail: str

    def __str__(self) -> str:
        return f"{self.stream} segment {self.segment} {self.damage.value}: {self.detail}"


class SegmentDamaged(Exception):  # noqa: N818 - it names a state of the segment
    """Raised when a segment is not what was sealed."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Segment:
    """A sealed segment whose numbers and hash were checked."""

    header: SegmentHeader
    footer: SegmentFooter
    records: list[CallRecord]


def parse_segment(raw: bytes, stream: str, segment: int) -> Segment:
    """Read a sealed segment that claims to be `segment` of `stream`; SegmentDamaged if it is not.

    Only the segment alone is checked here; `Chain` checks how segments hang together.
    """
    lines = _lines(raw, stream, segment)
    header = _header(lines[0], stream, segment)
    try:
        footer = _decode_footer(lines[-1])
    except UNREADABLE as error:
        raise _damaged(stream, segment, Damage.TRUNCATED, "it has no footer") from error
    records = [
        _record(line, stream, segment, place) for place, line in enumerate(lines[1:-1], start=2)
    ]
    _check_numbers(records, header, footer)
    body = raw[: len(raw) - len(lines[-1]) - 1]
    if hashlib.sha256(body).hexdigest() != footer.sha256:
        raise _damaged(stream, segment, Damage.ALTERED, "the hash does not match its lines")
    return Segment(header, footer, records)


def read_segment(folder: Path, stream: str, segment: int) -> Segment:
    """Read and check one sealed segment under the records folder. OSError when it is not there."""
    path = segment_path(folder, stream, segment, SEALED_SUFFIX)
    if path.stat().st_size > SEGMENT_BYTES:
        raise _damaged(stream, segment, Damage.ALTERED, "it is longer than a segment can be")
    return parse_segment(path.read_bytes(), stream, segment)


class Chain:
    """Checks that segments follow each other. Feed them in order; the first bad link raises."""

    def __init__(self, stream: str, previous_sha256: str, last_segment: int, last_number: int):
        self._stream = stream
        self._sha256 = previous_sha256
        self._segment = last_segment
        self._number = last_number

    @classmethod
    def from_start(cls, stream: str) -> Chain:
        return cls(stream, FIRST_PREVIOUS_SHA256, 0, 0)

    def link(self, segment: Segment) -> None:
        """Accept the next segment, or raise SegmentDamaged."""
        header, footer = segment.header, segment.footer
        damage = self._damage(header)
        if damage is not None:
            raise _damaged(self._stream, header.segment, *damage)
        self._segment, self._number = header.segment, footer.last_number
        self._sha256 = footer.sha256

    def _damage(self, header: SegmentHeader) -> tuple[Damage, str] | None:
        if header.segment != self._segment + 1:
            return Damage.DROPPED, f"it should follow segment {header.segment - 1}"
        if header.first_number > self._number + 1:
            return Damage.DROPPED, f"records {self._number + 1} to {header.first_number - 1}"
        if header.first_number <= self._number:
            return Damage.DOUBLED, f"records from {header.first_number} come twice"
        if header.previous_sha256 != self._sha256:
            return Damage.ALTERED, "the segment before it is not the one it was chained to"
        return None


def streams(folder: Path) -> list[str]:
    """The streams under a records folder, oldest first."""
    if not folder.is_dir():
        return []
    names = (entry.name for entry in folder.iterdir() if entry.is_dir())
    return sorted(name for name in names if identifiers.is_identifier(name, "str"))


def verify_stream(folder: Path, stream: str, expected_last: int | None = None) -> list[Finding]:
    """Everything wrong with the sealed segments of a stream; empty when nothing is.

    `expected_last` is the newest segment known from elsewhere (the database, a statement): without
    it, a stream that lost its newest segments whole looks like one that ended earlier.
    """
    findings: list[Finding] = []
    numbers = _numbered(folder / stream, SEALED_SUFFIX)
    chain: Chain | None = Chain.from_start(stream)
    expected = 1
    for number in numbers:
        for missing in range(expected, min(number, expected + limits.PAGE_ROWS)):
            findings.append(Finding(stream, missing, Damage.DROPPED, "there is no such file"))
            chain = None
        expected = number + 1
        chain = _verify_next(folder, stream, number, chain, findings)
    if expected_last is not None and expected <= expected_last:
        detail = f"the stream should reach segment {expected_last}"
        findings.append(Finding(stream, expected, Damage.TRUNCATED, detail))
    return findings


def _verify_next(
    folder: Path, stream: str, number: int, chain: Chain | None, findings: list[Finding]
) -> Chain | None:
    """Check one more segment; after a damaged one the chain starts anew at the next."""
    try:
        segment = read_segment(folder, stream, number)
        if chain is not None:
            chain.link(segment)
    except SegmentDamaged as damaged:
        findings.append(_named_doubled(folder, damaged.finding))
        return None
    footer = segment.footer
    return Chain(stream, footer.sha256, segment.header.segment, footer.last_number)


def _named_doubled(folder: Path, finding: Finding) -> Finding:
    """A misplaced segment is doubled, not reordered, when its own place holds the same one."""
    if finding.damage is not Damage.REORDERED:
        return finding
    path = segment_path(folder, finding.stream, finding.segment, SEALED_SUFFIX)
    with path.open("rb") as file, contextlib.suppress(*UNREADABLE, OSError):
        first_line = file.readline(limits.RECORD_BYTES)
        claimed = _decode_header(first_line).segment
        own = segment_path(folder, finding.stream, claimed, SEALED_SUFFIX)
        if claimed != finding.segment and own.read_bytes().startswith(first_line):
            detail = f"it is segment {claimed} again"
            return Finding(finding.stream, finding.segment, Damage.DOUBLED, detail)
    return finding


@dataclass(frozen=True, slots=True)
class Recovered:
    """A segment that a dead process had left open and that is sealed now."""

    stream: str
    segment: int
    records: int
    torn_bytes: int


@dataclass(slots=True)
class Recovery:
    """What `recover` did, and what it could not mend and left as it was."""

    sealed: list[Recovered]
    findings: list[Finding]


def recover(folder: Path) -> Recovery:
    """Seal the open segments of every stream whose process is dead.

    A process holds its stream's lock as long as it lives, so a free lock means a dead process. A
    last line that was cut off is removed and counted in the footer. Safe to run at any time, in
    any number of processes, and to be killed at any point.
    """
    recovery = Recovery([], [])
    for stream in streams(folder):
        if (folder / stream / ENDED_NAME).exists():
            continue
        lock_fd = os.open(folder / stream / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o640)
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _recover_stream(folder, stream, recovery)
        except BlockingIOError:
            continue
        finally:
            os.close(lock_fd)
    return recovery


def _recover_stream(folder: Path, stream: str, recovery: Recovery) -> None:
    """Seal all a dead process left, and remember that there is nothing more to come."""
    findings = len(recovery.findings)
    for number in _numbered(folder / stream, OPEN_SUFFIX):
        _recover_segment(folder, stream, number, recovery)
    if len(recovery.findings) == findings:
        (folder / stream / ENDED_NAME).touch()


def open_records(folder: Path, stream: str, segment: int) -> list[CallRecord]:
    """The whole records of a segment that is still open, for looking up, not for counting."""
    raw = segment_path(folder, stream, segment, OPEN_SUFFIX).read_bytes()
    lines = raw[: raw.rfind(b"\n") + 1].split(b"\n")[1:-1]
    if lines and _is_footer(lines[-1]):
        lines.pop()
    return [_record(line, stream, segment, place) for place, line in enumerate(lines, start=2)]


def pending_records(folder: Path, stream: str, after: int) -> Iterator[CallRecord]:
    """The whole records of every segment after `after`, sealed or open, for looking up."""
    number = after
    while True:
        number += 1
        try:
            yield from open_records(folder, stream, number)
            continue
        except FileNotFoundError:
            pass  # sealed, perhaps between this look and the next
        try:
            yield from read_segment(folder, stream, number).records
        except FileNotFoundError:
            return


def _recover_segment(folder: Path, stream: str, number: int, recovery: Recovery) -> None:
    path = segment_path(folder, stream, number, OPEN_SUFFIX)
    raw = path.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    lines = whole.split(b"\n")[:-1]
    if len(lines) < 2:  # nothing, or a header alone: no call was answered from it
        path.unlink()
        return
    torn_bytes = len(raw) - len(whole)
    try:
        footer = _footer_for(lines, whole, stream, number, torn_bytes)
    except SegmentDamaged as damaged:
        recovery.findings.append(damaged.finding)
        return
    _seal_recovered(path, len(whole), footer)
    records = len(lines) - 1 if footer else len(lines) - 2
    recovery.sealed.append(Recovered(stream, number, records, torn_bytes))


def _footer_for(
    lines: list[bytes], whole: bytes, stream: str, number: int, torn_bytes: int
) -> SegmentFooter | None:
    """The footer to append; None when the process wrote its own and died before the rename."""
    header = _header(lines[0], stream, number)
    if _is_footer(lines[-1]):
        parse_segment(whole, stream, number)
        return None
    records = [_record(line, stream, number, place) for place, line in enumerate(lines[1:], 2)]
    footer = SegmentFooter(
        records=len(records),
        last_number=header.first_number + len(records) - 1,
        sha256=hashlib.sha256(whole).hexdigest(),
        recovered=True,
        torn_bytes=torn_bytes,
    )
    _check_numbers(records, header, footer)
    return footer


def _seal_recovered(path: Path, whole_bytes: int, footer: SegmentFooter | None) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.ftruncate(fd, whole_bytes)
        if footer is not None:
            os.write(fd, _encode(footer) + b"\n")
        os.fdatasync(fd)
    finally:
        os.close(fd)
    path.rename(path.with_suffix(SEALED_SUFFIX))
    sync_folder(path.parent)


def _numbered(folder: Path, suffix: str) -> list[int]:
    """The numbers of a stream's segments with this suffix, in order."""
    names = (entry.name.removesuffix(suffix) for entry in folder.glob(f"*{suffix}"))
    return sorted(
        int(name) for name in names if len(name) == 10 and name.isascii() and name.isdigit()
    )


def _lines(raw: bytes, stream: str, segment: int) -> list[bytes]:
    lines = raw.split(b"\n")
    if lines[-1] != b"" or len(lines) < 3:
        raise _damaged(stream, segment, Damage.TRUNCATED, "it ends within a line")
    return lines[:-1]


def _header(line: bytes, stream: str, segment: int) -> SegmentHeader:
    try:
        header = _decode_header(line)
    except UNREADABLE as error:
        raise _damaged(stream, segment, Damage.ALTERED, "the header is not readable") from error
    if header.stream != stream:
        raise _damaged(stream, segment, Damage.REORDERED, "it belongs to another stream")
    if header.segment != segment:
        detail = f"it says it is segment {header.segment}"
        raise _damaged(stream, segment, Damage.REORDERED, detail)
    return header


def _is_footer(line: bytes) -> bool:
    try:
        _decode_footer(line)
    except UNREADABLE:
        return False
    return True


def _record(line: bytes, stream: str, segment: int, place: int) -> CallRecord:
    try:
        record = _decode_record(line)
    except UNREADABLE as error:
        detail = f"line {place} is not a record"
        raise _damaged(stream, segment, Damage.ALTERED, detail) from error
    if record.stream != stream or len(line) >= limits.RECORD_BYTES:
        raise _damaged(stream, segment, Damage.ALTERED, f"line {place} is of another stream")
    return record


def _check_numbers(
    records: Sequence[CallRecord], header: SegmentHeader, footer: SegmentFooter
) -> None:
    numbers = [record.number for record in records]
    damage = numbering_damage(numbers, header.first_number, footer.records)
    if damage is None and footer.last_number != header.first_number + footer.records - 1:
        damage = Damage.ALTERED, "the footer's numbers do not agree"
    if damage is not None:
        raise _damaged(header.stream, header.segment, *damage)


def numbering_damage(numbers: Sequence[int], first: int, count: int) -> tuple[Damage, str] | None:
    """What is wrong with record numbers that should run from `first`, `count` of them."""
    if not 0 < count <= limits.SEGMENT_RECORDS:
        return Damage.ALTERED, "no segment holds so many records"
    expected = range(first, first + count)
    if list(numbers) == list(expected):
        return None
    seen = set(numbers)
    if len(seen) < len(numbers):
        return Damage.DOUBLED, "a record number comes twice"
    if seen == set(expected):
        return Damage.REORDERED, "the records are not in the order of their numbers"
    if list(numbers) == list(expected)[: len(numbers)]:
        return Damage.TRUNCATED, f"{count - len(numbers)} records are missing at its end"
    if seen < set(expected):
        return Damage.DROPPED, f"{count - len(numbers)} records are missing"
    return Damage.ALTERED, "a record number does not belong here"


def _damaged(stream: str, segment: int, damage: Damage, detail: str) -> SegmentDamaged:
    return SegmentDamaged(Finding(stream, segment, damage, detail))
