"""The call record and the hot-path writer of its segments.

A stream is the life of one process: its records are numbered from 1 without a gap. A segment is a
file of a stream: a header line, one JSON line a record, and, once sealed, a footer line. The
SHA-256 over header and records stands in the footer and in the next segment's header, so that the
segments of a stream form a chain. `docs/records.md` gives the format line by line.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections import deque
from pathlib import Path
from typing import Final

import msgspec

from weir.kernel import identifiers, limits, outcomes
from weir.kernel.outcomes import Refusal

FIRST_PREVIOUS_SHA256: Final = "0" * 64  # what the first segment of a stream chains to
OPEN_SUFFIX: Final = ".open"
SEALED_SUFFIX: Final = ".sealed"
LOCK_NAME: Final = "lock"
ENDED_NAME: Final = "ended"  # marks a stream whose process is dead and whose segments are sealed


class CallRecord(
    msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """The measured fact of one call. A field that is absent in the line has its default.

    `at_us` is the arrival in Unix microseconds; `path` is the template, never the concrete path,
    so that no account number enters a record. `refusal` and `fault` come from
    `weir.kernel.outcomes` and are absent when the member's own answer was passed on.
    `amount_minor` and `currency` are those of a payment the call asked for.
    """

    stream: str = ""
    number: int = 0
    at_us: int
    duration_us: int
    interaction_id: str
    application: str | None = None
    organisation: str | None = None
    product: str | None = None
    capability: str | None = None
    member: str | None = None
    subscription: str | None = None
    plan: str | None = None
    consent: str | None = None
    method: str
    path: str | None = None
    status: int
    refusal: str | None = None
    fault: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    amount_minor: int | None = None
    currency: str | None = None
    reconciled: bool = False


class SegmentHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """First line of a segment. `previous_sha256` is the footer's of the segment before it."""

    stream: str
    segment: int
    first_number: int
    previous_sha256: str


class SegmentFooter(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Last line of a sealed segment. `recovered` says that its process died before sealing it."""

    records: int
    last_number: int
    sha256: str
    recovered: bool = False
    torn_bytes: int = 0


def segment_path(folder: Path, stream: str, segment: int, suffix: str) -> Path:
    """Where a segment lies under the records folder."""
    return folder / stream / f"{segment:010d}{suffix}"


_encode = msgspec.json.Encoder().encode


class RecordWriter:
    """Writes the records of one process. Every method is synchronous; one thread calls them.

    A record is in the kernel's page cache when `write` returns, so it outlives a `kill -9` of the
    process. Only `settle` may run in another thread, next to `write`, because it touches finished
    segments alone. Every method that writes raises Refusal(RECORD_UNWRITABLE) when the disk does
    not take the bytes; the file then still ends with a whole line and the call must not be served.
    """

    def __init__(self, folder: Path, stream: str, lock_fd: int) -> None:
        self.stream = stream
        self._folder = folder
        self._lock_fd = lock_fd
        self._fd: int | None = None
        self._torn = False
        self._size = 0
        self._segment = 0
        self._records = 0
        self._number = 0
        self._previous_sha256 = FIRST_PREVIOUS_SHA256
        self._hash = hashlib.sha256()
        self._finished: deque[tuple[int, Path]] = deque()

    @classmethod
    def open(cls, folder: Path, stream: str) -> RecordWriter:
        """Start a new stream under `folder`. A stream that exists already is refused."""
        if not identifiers.is_identifier(stream, "str"):
            raise ValueError("a stream is named by a str_ identifier")
        # The folder gets its name only once the lock is held, so that nobody ever sees a stream
        # of a living process with its lock free.
        unnamed = folder / f".{stream}"
        try:
            unnamed.mkdir(parents=True, mode=0o750)
            lock_fd = os.open(unnamed / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o640)
            fcntl.flock(lock_fd, fcntl.LOCK_EX)
            unnamed.rename(folder / stream)
        except OSError as error:
            raise Refusal(outcomes.RECORD_UNWRITABLE, f"stream: {error.strerror}") from error
        return cls(folder, stream, lock_fd)

    @property
    def last_number(self) -> int:
        """Number of the newest record; 0 before the first."""
        return self._number

    @property
    def pending(self) -> int:
        """How many records the open segment holds."""
        return self._records

    def write(self, record: CallRecord) -> int:
        """Number the record, put it in the kernel's hands, and return its number."""
        if self._fd is None or self._torn or self._records >= limits.SEGMENT_RECORDS:
            self._make_room()
        record.stream = self.stream
        record.number = self._number + 1
        line = _encode(record) + b"\n"
        if len(line) > limits.RECORD_BYTES:
            line = _without_path(record)
        self._append(line)
        self._number += 1
        self._records += 1
        return self._number

    def finish(self) -> None:
        """Close the open segment for writing, if it holds records. `settle` makes it `.sealed`."""
        if self._fd is None or self._records == 0:
            return
        if self._torn:
            self._mend()
        sha256 = self._hash.hexdigest()
        footer = SegmentFooter(records=self._records, last_number=self._number, sha256=sha256)
        self._append(_encode(footer) + b"\n")
        self._finished.append((self._fd, self._path(OPEN_SUFFIX)))
        self._fd = None
        self._previous_sha256 = sha256

    def settle(self) -> int:
        """Make the finished segments durable and rename them; returns how many. May block on disk.

        A segment bears the name `.sealed` only once its bytes are on the disk, so a power cut
        cannot leave a sealed segment that is short.
        """
        settled = 0
        while self._finished:
            fd, path = self._finished[0]
            os.fdatasync(fd)
            path.rename(path.with_suffix(SEALED_SUFFIX))
            sync_folder(path.parent)
            self._finished.popleft()
            os.close(fd)
            settled += 1
        return settled

    def seal(self) -> int:
        """`finish` and `settle` in one step. An empty segment is not sealed."""
        self.finish()
        return self.settle()

    def sync(self) -> None:
        """Wait until every record written so far is on the disk."""
        for fd, _ in tuple(self._finished):
            os.fdatasync(fd)
        if self._fd is not None:
            os.fdatasync(self._fd)

    def close(self) -> None:
        """Seal what is open, drop an empty segment, and let the stream's lock go."""
        self.seal()
        if self._fd is not None:
            self._path(OPEN_SUFFIX).unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = None
        os.close(self._lock_fd)

    def close_without_sealing(self) -> None:
        """Let go of everything as a dying process does; `recover` seals what is left."""
        for fd, _ in self._finished:
            os.close(fd)
        self._finished.clear()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        os.close(self._lock_fd)

    def _make_room(self) -> None:
        if self._torn:
            self._mend()
        if self._fd is not None and self._records >= limits.SEGMENT_RECORDS:
            self.finish()
        if self._fd is None:
            self._begin()

    def _begin(self) -> None:
        path = segment_path(self._folder, self.stream, self._segment + 1, OPEN_SUFFIX)
        # The name is ours alone: after a header that did not fit, the same file is begun again.
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_TRUNC
        try:
            self._fd = os.open(path, flags, 0o640)
        except OSError as error:
            raise Refusal(outcomes.RECORD_UNWRITABLE, f"segment: {error.strerror}") from error
        self._size = self._records = 0
        self._hash = hashlib.sha256()
        header = SegmentHeader(
            self.stream, self._segment + 1, self._number + 1, self._previous_sha256
        )
        try:
            self._append(_encode(header) + b"\n")
        except Refusal:
            os.close(self._fd)
            self._fd, self._torn = None, False
            raise
        self._segment += 1

    def _append(self, line: bytes) -> None:
        """Write one whole line or none."""
        assert self._fd is not None
        try:
            written = os.write(self._fd, line)
        except OSError as error:
            self._torn = True
            self._mend()
            raise Refusal(outcomes.RECORD_UNWRITABLE, f"write: {error.strerror}") from error
        if written != len(line):
            self._torn = True
            self._mend()
            raise Refusal(outcomes.RECORD_UNWRITABLE, "the disk took part of a record")
        self._hash.update(line)
        self._size += written

    def _mend(self) -> None:
        """Cut the file back to its last whole line; refuse as long as that fails."""
        assert self._fd is not None
        try:
            os.ftruncate(self._fd, self._size)
        except OSError as error:
            raise Refusal(outcomes.RECORD_UNWRITABLE, f"truncate: {error.strerror}") from error
        self._torn = False

    def _path(self, suffix: str) -> Path:
        return segment_path(self._folder, self.stream, self._segment, suffix)


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` durable (POSIX leaves it to an fsync of the folder)."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _without_path(record: CallRecord) -> bytes:
    """The line of a record whose path template is too long to keep: counts do not hang on it."""
    record.path = None
    line = _encode(record) + b"\n"
    if len(line) > limits.RECORD_BYTES:
        raise Refusal(outcomes.RECORD_UNWRITABLE, "the record is longer than its limit")
    return line
