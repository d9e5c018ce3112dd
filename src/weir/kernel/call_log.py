"""The call log of a party: its own calls, a JSON line each, chained by digests.

A line repeats the digest of the line before it, so an altered or removed line breaks the chain.
docs/receipts.md gives the format.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, Literal

import msgspec

BEGINNING: Final = "0" * 64

Side = Literal["caller", "member"]


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call as one side saw it.

    `party` is the calling application or the serving organisation. `number` counts the lines of
    the log from 1. `previous` is the SHA-256 of the line before, in hexadecimal. `at_us` is the
    time at which the request was sent or received, in Unix microseconds. `path` has no query.
    `receipt` is the `weir-receipt` field of the answer; a member's log has none, since members do
    not see it.
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
    """Return the line of an entry, without its line feed."""
    return _encode(entry)


def digest_of(line: bytes) -> str:
    """Return the SHA-256 of a line in hexadecimal, which the next line repeats as `previous`."""
    return sha256(line).hexdigest()


def read(raw: bytes) -> list[LogEntry]:
    """Read a whole log and check its chain. ValueError names the first line that breaks it."""
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
