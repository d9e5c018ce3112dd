"""Lines of an institution's own log, bounded in number a second and each in length.

A caller that finds a fault could otherwise fill the disk with the lines that tell of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from weir_sandbox.limits import LOG_LINE_CHARACTERS, LOG_LINES_A_SECOND

_FORM = "%(levelname)s %(name)s %(message)s"


class LinesASecond(logging.Filter):
    """A filter that lets LOG_LINES_A_SECOND through, and tells how many it left out before."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now_s = now_s
        self._began_s = now_s()
        self._written = self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; the first one of a second says how many were not."""
        now_s = self._now_s()
        if now_s - self._began_s >= 1.0:
            self._began_s, self._written = now_s, 0
        if self._written >= LOG_LINES_A_SECOND:
            self._left_out += 1
            return False
        self._written += 1
        if self._left_out:
            record.msg = f"({self._left_out} lines left out before) {record.msg}"
            self._left_out = 0
        return True


class ShortLines(logging.Formatter):
    """A formatter that keeps the end of a line, where an exception's trace has its reason."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with its beginning cut off beyond LOG_LINE_CHARACTERS."""
        line = super().format(record)
        return line if len(line) <= LOG_LINE_CHARACTERS else f"...{line[-LOG_LINE_CHARACTERS:]}"


def log_to_stderr() -> None:
    """Log warnings and errors to standard error, within the bounds."""
    handler = logging.StreamHandler()
    handler.addFilter(LinesASecond())
    handler.setFormatter(ShortLines(_FORM))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
