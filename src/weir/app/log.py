"""The log of a process: one JSON object a line on standard output, bounded in number and length."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO, cast

import structlog

from weir.kernel.log_lines import LogLines, bounded

_LINES: Final = LogLines()  # of this process: a process has one standard output
_SECOND_S: Final = 1.0
_LEFT_OUT: Final = "lines_left_out"


class _Losing:
    """Standard output for the log; drops lines that cannot be written, as on a full disk.

    The work must not fail because of a log line, least of all a refusal that reports the full disk.
    """

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stdout.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stdout.flush()


def log_to_stdout(level: str) -> None:
    """Log to standard output, one JSON object a line, from `level` on.

    Messages of libraries go the same way, from `warning` on. No line holds a secret or a token.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            _admitted,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _bounded,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=cast(TextIO, _Losing())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(cast(TextIO, _Losing()))
    handler.addFilter(lambda record: _LINES.admits(record.name, time.monotonic()))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _bounded,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


async def tell_lines_left_out() -> None:
    """Log one line each second for the lines that the last one left out."""
    log = structlog.get_logger("weir.app")
    while True:
        await asyncio.sleep(_SECOND_S)
        left_out = _LINES.left_out()
        if left_out:
            log.warning(_LEFT_OUT, lines=sum(left_out.values()), kinds=left_out)


def _admitted(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Pass a line on while its kind has lines left in this second."""
    if not _LINES.admits(str(line.get("event")), time.monotonic()):
        raise structlog.DropEvent
    return line


def _bounded(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return bounded(line)
