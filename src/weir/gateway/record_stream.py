"""The process's stream of call records: their numbers, their receipts' names, and their sync."""

from __future__ import annotations

import asyncio
from binascii import b2a_hex
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

import structlog

from weir.kernel.outcomes import Refusal
from weir.kernel.seals import AUTHENTICATOR_BYTES
from weir.metering.records.records import NO_DETAILS
from weir.metering.records.writer import RecordWriter
from weir.wire.reactor import Reactor

# Called with a record's outcome: None when it is in the kernel's hands, or the refusal.
OnWritten = Callable[[Refusal | None], None]

# Records that are written in one piece; more of them would keep the first of their callers waiting.
_AT_ONCE: Final = 16
_log = structlog.get_logger("weir.gateway")


class RecordStream:
    """Batches the records of one reactor step into a single write, and fsyncs in a thread.

    An application's calls are numbered from 1 when their answers begin, since the answer's head
    names the receipt. A number whose record could not be written goes to the application's next
    call, so that none is missing.

    `failing` is set by a record that could not be written and cleared by the next that could: while
    it is set nothing is forwarded, since it could not be recorded.
    """

    def __init__(self, writer: RecordWriter, receipt_key: bytes, reactor: Reactor) -> None:
        self._writer = writer
        self._reactor = reactor
        self._waiting: list[tuple[str, int, OnWritten]] = []  # application, call, callback
        self._telling = False
        self._stream = writer.stream.encode()
        # The beginning of every authenticator: a new hash would take in the key every time.
        self._keyed = blake2b(self._stream + b".", key=receipt_key, digest_size=AUTHENTICATOR_BYTES)
        self._numbers: dict[str, int] = {}
        self._unused: dict[str, list[int]] = {}
        self.failing = False
        self.written = 0

    def number(self, application: str) -> int:
        """Return the number of the application's next call."""
        if self._unused and (unused := self._unused.pop(application, None)):
            number = unused.pop(0)
            if unused:
                self._unused[application] = unused
            return number
        number = self._numbers.get(application, 0) + 1
        self._numbers[application] = number
        return number

    def receipt_line(
        self, application: str, call: int, at_us: int, interaction_id: bytes, status: int
    ) -> bytes:
        """Return the field line that names an answer's receipt; see
        `weir.kernel.seals.authenticator`.
        """
        name = b"%d.%d" % (call, at_us)
        proof = self._keyed.copy()
        proof.update(b"%b %b %b %d" % (name, application.encode(), interaction_id, status))
        return b"weir-receipt: %b.%b.%b\r\n" % (self._stream, name, b2a_hex(proof.digest()))

    def write(
        self,
        on_written: OnWritten,
        application: str,
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
        """Put a record in the kernel's hands by `RecordWriter.put_call` and `flush`.

        `on_written` is called once with the outcome: before this returns, or after the sockets of
        this step were served.
        """
        if self._writer.is_full():
            self.flush()
        try:
            self._writer.put_call(
                call,
                at_us,
                duration_us,
                interaction_id,
                status,
                bytes_in,
                bytes_out,
                terms,
                details,
            )
        except Refusal as refusal:
            self._note(refusal)
            self._notify(application, call, on_written, refusal)
            return
        waiting = self._waiting
        waiting.append((application, call, on_written))
        if len(waiting) == 1:
            self._reactor.afterwards(self.flush)
        elif len(waiting) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write the waiting records, and call `on_written` of each."""
        if self._telling:  # a callback may have the next call refused at once
            return
        self._telling = True
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            refusal = self._flushed()
            for application, call, on_written in waiting:
                self._notify(application, call, on_written, refusal)
        self._telling = False

    def _flushed(self) -> Refusal | None:
        try:
            self._writer.flush()
        except Refusal as refusal:
            self._note(refusal)
            return refusal
        self.failing = False
        return None

    def _note(self, refusal: Refusal) -> None:
        if not self.failing:
            _log.error("record_unwritable", detail=refusal.detail)
        self.failing = True

    def _notify(
        self, application: str, call: int, on_written: OnWritten, refusal: Refusal | None
    ) -> None:
        if refusal is None:
            self.written += 1
        else:
            self._unused.setdefault(application, []).append(call)
        try:
            on_written(refusal)
        except Exception:  # one call's end must not keep the others from theirs
            _log.exception("call_not_ended")

    async def seal(self) -> None:
        """End the open segment and make it durable, without holding the loop up for the disk."""
        try:
            self._writer.finish()
            await asyncio.to_thread(self._writer.settle)
        except (Refusal, OSError) as error:
            _log.error("segment_not_finished", error=repr(error))

    async def sync(self) -> None:
        """Put the written records on the disk, in a thread beside the loop."""
        if self._writer.pending:
            try:
                await asyncio.to_thread(self._writer.sync)
            except OSError as error:
                _log.error("records_not_synced", error=repr(error))

    def close(self) -> None:
        """Finish the open segment and end the stream."""
        self._writer.close()
