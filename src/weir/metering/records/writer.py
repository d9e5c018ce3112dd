"""Hot-path writer of call records: one line a record, into the segments of one stream.

The file's format is `weir.metering.records.records`'; docs/receipts.md gives it exactly.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections import deque
from pathlib import Path
from typing import final

from weir.kernel import identifiers
from weir.kernel.outcomes import Refusal
from weir.metering.declares import RECORD_BYTES, RECORD_UNWRITABLE, SEGMENT_RECORDS
from weir.metering.records.records import (
    BOOT_NAME,
    CLOSED_NAME,
    FINISHED_SUFFIX,
    LOCK_NAME,
    NO_DETAILS,
    OPEN_SUFFIX,
    CallRecord,
    boot_id,
    encode,
    segment_path,
    sync_folder,
)


@final
class RecordWriter:
    """Writer of one process's records. One thread writes; `settle` and `sync` may run in another.

    A record is in the kernel's page cache when `write` or `flush` returns, so it outlives a `kill
    -9` of the process. Both raise Refusal(RECORD_UNWRITABLE) when the disk does not take the bytes;
    the file then still ends with a whole line, the records not written have no number, and their
    calls must not be served.
    """

    def __init__(
        self, folder: Path, stream: str, lock_fd: int, segment_records: int = SEGMENT_RECORDS
    ) -> None:
        self.stream = stream
        self.segment_records = segment_records  # at most in one segment
        self.pending = 0  # records of the open segment
        self.last_number = 0  # of the newest record; 0 before the first
        self._folder = folder
        self._lock_fd = lock_fd
        self._fd = -1
        self._torn = False
        self._size = 0
        self._lines: list[bytes] = []  # lines with numbers, not written yet
        self._segment = 0
        self._finished: deque[tuple[int, Path]] = deque()
        self._settling = threading.Lock()

    @classmethod
    def open(
        cls, folder: Path, stream: str, segment_records: int = SEGMENT_RECORDS
    ) -> RecordWriter:
        """Start a new stream under `folder`.

        Refusal RECORD_UNWRITABLE when the folder cannot be made, for example if the stream exists
        already.
        """
        if not identifiers.is_identifier(stream, "str"):
            raise ValueError("a stream is named by a str_ identifier")
        # The folder gets its name only once the lock is held, so that a living process's stream is
        # never seen with its lock free.
        unnamed = folder / f".{stream}"
        try:
            unnamed.mkdir(parents=True, mode=0o750)
            lock_fd = os.open(unnamed / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o640)
            fcntl.flock(lock_fd, fcntl.LOCK_EX)
            _write_synced(unnamed / BOOT_NAME, boot_id())
            unnamed.rename(folder / stream)
            sync_folder(folder)
        except OSError as error:
            raise Refusal(RECORD_UNWRITABLE, f"stream: {error.strerror}") from error
        return cls(folder, stream, lock_fd, segment_records)

    def write(self, record: CallRecord) -> int:
        """Number the record, write it to the kernel's page cache, and return its number."""
        record.number = self.last_number + 1
        line = encode(record) + b"\n"
        if len(line) > RECORD_BYTES:
            record.path = None  # no count depends on the path
            line = encode(record) + b"\n"
        self.put_line(line)
        self.flush()
        return self.last_number

    def put_call(
        self,
        call: int,
        at_us: int,
        duration_us: int,
        interaction_id: bytes,
        status: int,
        bytes_in: int,
        bytes_out: int,
        terms: bytes,
        details: bytes = NO_DETAILS,
    ) -> None:
        """Number a record given in parts, for the next `flush`: exactly the line that `write`
        makes.

        `interaction_id` is a UUID; `terms` and `details` are from `encoded_terms` and
        `encoded_details`.
        """
        sizes = b',"bytes_out":%d' % bytes_out if bytes_out else b""
        if bytes_in:
            sizes = b',"bytes_in":%d%b' % (bytes_in, sizes)
        self.put_line(
            b'{"number":%d,"call":%d,"at_us":%d,"duration_us":%d,"interaction_id":"%b","status":%d%b,%b%b'
            % (
                self.last_number + 1,
                call,
                at_us,
                duration_us,
                interaction_id,
                status,
                sizes,
                terms,
                details,
            )
        )

    def put_line(self, line: bytes) -> None:
        """Take one whole line, which has the next number, for the next `flush`.

        Refusal RECORD_UNWRITABLE for a line over RECORD_BYTES. A segment that is full is finished
        first, with all lines put before.
        """
        if len(line) > RECORD_BYTES:
            raise Refusal(RECORD_UNWRITABLE, "the record is longer than its limit")
        if self.is_full():
            self.finish()
        self._lines.append(line)
        self.pending += 1
        self.last_number += 1

    def is_full(self) -> bool:
        """Whether the next record belongs to the next segment."""
        return self.pending >= self.segment_records

    def flush(self) -> None:
        """Write all lines put so far in one piece: all of them or none."""
        lines = self._lines
        if not lines:
            return
        self._lines = []
        try:
            self._write(lines[0] if len(lines) == 1 else b"".join(lines))
        except Refusal:
            self.pending -= len(lines)
            self.last_number -= len(lines)
            raise

    def finish(self) -> None:
        """Close the open segment for writing, if it holds records. `settle` names it finished."""
        self.flush()
        if self._fd < 0 or self.pending == 0:
            return
        if self._torn:
            self._mend()
        self._finished.append((self._fd, self._path()))
        self._fd = -1
        self.pending = 0

    def settle(self) -> int:
        """Make the finished segments durable and rename them; return their number. May block on
        disk.

        A segment is named `.records` only once its bytes are on the disk, so a power cut cannot
        leave a sealed segment that is short.
        """
        settled = 0
        with self._settling:
            while self._finished:
                fd, path = self._finished[0]
                os.fdatasync(fd)
                path.rename(path.with_suffix(FINISHED_SUFFIX))
                sync_folder(path.parent)
                self._finished.popleft()
                os.close(fd)
                settled += 1
        return settled

    def sync(self) -> None:
        """Wait until every record written before is on the disk. May run in another thread."""
        self.settle()
        with self._settling:
            fd = self._fd
            if fd >= 0:
                os.fdatasync(fd)  # only `settle` closes it, under the same lock
                sync_folder(self._folder / self.stream)

    def seal(self) -> int:
        """Finish and settle in one step: all records written so far are ready to be sealed."""
        self.finish()
        return self.settle()

    def close(self) -> None:
        """Finish the open segment, mark the stream as ended in order, and release its lock."""
        self.seal()
        if self._fd >= 0:
            self._path().unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = -1
        _write_synced(self._folder / self.stream / CLOSED_NAME, "")
        sync_folder(self._folder / self.stream)
        os.close(self._lock_fd)

    def close_without_sealing(self) -> None:
        """Close all files as a dying process does."""
        for fd, _ in self._finished:
            os.close(fd)
        self._finished.clear()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        os.close(self._lock_fd)

    def _write(self, data: bytes) -> None:
        if self._torn:
            self._mend()
        if self._fd < 0:
            self._begin()
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            self._torn = True
            self._mend()
            raise Refusal(RECORD_UNWRITABLE, f"write: {error.strerror}") from error
        if written != len(data):
            self._torn = True
            self._mend()
            raise Refusal(RECORD_UNWRITABLE, "the disk took part of a record")
        self._size += written

    def _begin(self) -> None:
        path = segment_path(self._folder, self.stream, self._segment + 1, OPEN_SUFFIX)
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_TRUNC
        try:
            self._fd = os.open(path, flags, 0o640)
        except OSError as error:
            raise Refusal(RECORD_UNWRITABLE, f"segment: {error.strerror}") from error
        self._segment += 1
        self._size = 0

    def _mend(self) -> None:
        """Cut the file back to its last whole line; refuse as long as that fails."""
        try:
            os.ftruncate(self._fd, self._size)
        except OSError as error:
            raise Refusal(RECORD_UNWRITABLE, f"truncate: {error.strerror}") from error
        self._torn = False

    def _path(self) -> Path:
        return segment_path(self._folder, self.stream, self._segment, OPEN_SUFFIX)


def _write_synced(path: Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
