"""The process's stream of call records, and the thread that makes finished segments durable."""

from __future__ import annotations

import asyncio

import structlog

from weir.kernel.outcomes import Refusal
from weir.metering.records import CallRecord, RecordWriter

_log = structlog.get_logger("weir.gateway")


class Recording:
    """Writes records in the event loop; seals their segments beside it.

    `failing` is set by a record that could not be written and cleared by the next that could: while
    it is set nothing is forwarded, since it could not be recorded.
    """

    def __init__(self, writer: RecordWriter) -> None:
        self._writer = writer
        self.failing = False
        self.written = 0

    def write(self, record: CallRecord) -> None:
        """Put a record in the kernel's hands. Refusal RECORD_UNWRITABLE."""
        try:
            self._writer.write(record)
        except Refusal as refusal:
            if not self.failing:
                _log.error("record_unwritable", detail=refusal.detail)
            self.failing = True
            raise
        self.failing = False
        self.written += 1

    async def seal(self) -> None:
        """End the open segment and make it durable, without holding the loop up for the disk."""
        try:
            self._writer.finish()
            await asyncio.to_thread(self._writer.settle)
        except (Refusal, OSError) as error:
            _log.error("segment_not_sealed", error=repr(error))

    def close(self) -> None:
        """Seal what is open and end the stream."""
        self._writer.close()
