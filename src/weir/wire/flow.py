"""Flow control of one transport: who may read, who may write."""

from __future__ import annotations

import asyncio
from typing import Final

# What a transport may hold unsent before its source is asked to pause.
WRITE_HIGH_BYTES: Final = 65_536


class FlowControl:
    """Remembers whether reading and writing are paused, so that transports hear of changes only."""

    __slots__ = ("_transport", "reading_paused", "writing_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.reading_paused = False
        self.writing_paused = False
        transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)

    def read(self, allowed: bool) -> None:
        """Let the transport read, or stop it."""
        if allowed == self.reading_paused and not self._transport.is_closing():
            self.reading_paused = not allowed
            if allowed:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()
