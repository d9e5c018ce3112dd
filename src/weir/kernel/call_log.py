"""The log that a party keeps of its own calls, a JSON line each, chained so that it cannot be
mended afterwards without a trace. docs/receipts.md gives the format.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, Literal

import msgspec

BEGINNING: Final = "0" * 64

Side = Literal["caller", "member"]


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call as one side saw it.

    `party` is the application that called, or the organisation that served. `number` counts the
    log's lines from 1, `previous` is the SHA-256 of the line before. `at_us` is when the request
    was sent or received, Unix microseconds. `path` has no query. `receipt` is the answer's
    `weir-receipt`, which members do not see.
    """

    side: Side
    party: str
    number: int
    previous: str
    at_us: int
    interaction_id: str
    method: str
    path: str
    status: int
    receipt: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LogEntry).decode


def line_of(entry: LogEntry) -> bytes:
    """The entry's line, without its line feed."""
    return _encode(entry)


def digest_of(line: bytes) -> str:
    """What the next line repeats."""
    return sha256(line).hexdigest()


def read(raw: bytes) -> list[LogEntry]:
    """A whole log, its chain checked. ValueError names the first line that does not hold."""
    entries: list[LogEntry] = []
    previous = BEGINNING
    lines = raw.split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            entry = _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ValueError(f"line {number} is not an entry") from error
        if entry.number != number:
            raise ValueError(f"line {number} says it is number {entry.number}")
        if entry.previous != previous:
            raise ValueError(f"line {number - 1} is not the one that line {number} followed")
        entries.append(entry)
        previous = digest_of(line)
    return entries
