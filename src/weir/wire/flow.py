"""Flow control of one transport: whether its reading and its writing are paused."""

from __future__ import annotations

import asyncio

from weir.wire.declares import UNSENT_BYTES


class FlowControl:
    """Remembers whether reading and writing are paused, so that transports hear of changes only."""

    __slots__ = ("_transport", "reading_paused", "writing_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport: asyncio.Transport | None = transport
        self.reading_paused = False
        self.writing_paused = False
        transport.set_write_buffer_limits(high=UNSENT_BYTES)

    def read(self, allowed: bool) -> None:
        """Let the transport read, or stop it."""
        transport = self._transport
        if transport is None or allowed != self.reading_paused or transport.is_closing():
            return
        self.reading_paused = not allowed
        if allowed:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def let_go(self) -> None:
        """Drop the transport of a lost connection; it and the protocol refer to each other."""
        self._transport = None
