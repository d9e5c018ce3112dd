"""A partner's own log of its calls, to compare with the platform's records."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from weir.client.errors import WeirError
from weir.client.exchange import INTERACTION, Answer
from weir.kernel.call_log import BEGINNING, LogEntry, digest_of, line_of, read

RECEIPT: Final = "weir-receipt"


class CallLog:
    """A log with a line for each answered call. One process writes it; close it, or use `with`.

    A line is in the operating system's hands when `add` returns. A last line that a crash cut off
    is removed at the next opening. WeirError when another process has the log, or it was changed.
    """

    def __init__(self, path: Path, application: str) -> None:
        self._application = application
        self._fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raw = path.read_bytes()
            whole = raw[: raw.rfind(b"\n") + 1]
            entries = read(whole)
            os.ftruncate(self._fd, len(whole))
        except BlockingIOError as error:
            os.close(self._fd)
            raise WeirError(f"{path} is written by another process.") from error
        except ValueError as error:
            os.close(self._fd)
            raise WeirError(f"{path} was changed: {error}.") from error
        self._number = len(entries)
        self._previous = digest_of(line_of(entries[-1])) if entries else BEGINNING

    def add(self, method: str, path: str, sent_ns: int, answer: Answer) -> None:
        """Append an answered call. `sent_ns` is Unix time in nanoseconds."""
        entry = LogEntry(
            side="caller",
            party=self._application,
            number=self._number + 1,
            previous=self._previous,
            at_us=sent_ns // 1000,
            interaction_id=answer.headers.get(INTERACTION, ""),
            method=method,
            path=path.partition("?")[0],
            status=answer.status,
            receipt=answer.headers.get(RECEIPT),
        )
        line = line_of(entry)
        os.write(self._fd, line + b"\n")
        self._number += 1
        self._previous = digest_of(line)

    def close(self) -> None:
        """Sync the log to disk and close it."""
        os.fsync(self._fd)
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def now_ns() -> int:
    """Return the present Unix time in nanoseconds, for `CallLog.add`."""
    return time.time_ns()
