"""The call record: its fields, its line, and the names of a stream's files.

A stream is the life of one process: its records are numbered from 1 without a gap. A segment is a
file of a stream, one JSON line a record. The process only writes lines;
`weir.metering.records.sealer` hashes, chains and signs them, beside the path of a call.
docs/receipts.md gives the format.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from weir.metering.declares import TERMS_BYTES

OPEN_SUFFIX: Final = ".open"  # being written
FINISHED_SUFFIX: Final = ".records"  # whole and on the disk
LOCK_NAME: Final = "lock"  # held by the process as long as it lives
BOOT_NAME: Final = "boot"  # the boot identifier of the machine when the process began
CLOSED_NAME: Final = "closed"  # the process ended in order
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Terms(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True, gc=False):
    """The part of a record that follows from the caller's rights, the same for many calls.

    `path` is the template, never the concrete path, so that no account number enters a record.
    """

    application: str | None = None
    organisation: str | None = None
    product: str | None = None
    capability: str | None = None
    member: str | None = None
    subscription: str | None = None
    plan: str | None = None
    consent: str | None = None
    method: str
    path: str | None = None


class Details(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True, gc=False):
    """The part of a record that most calls do not have.

    `refusal` and `fault` come from `weir.kernel.outcomes` and are absent when the member's own
    answer was passed on. `amount_minor` and `currency` are of a payment that the call requested.
    `scene`, `channel` and `referrer` say, in the application's words, where the customer is.
    """

    refusal: str | None = None
    fault: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    scene: str | None = None
    channel: str | None = None
    referrer: str | None = None
    reconciled: bool = False


class CallRecord(
    msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """The measured fact of one call. A field that is absent in the line has its default.

    `number` counts the stream's records from 1, `call` the application's own calls in the stream.
    `at_us` is the arrival in Unix microseconds. The line is this struct in the order of its fields;
    `Terms` and `Details` explain the others.
    """

    number: int = 0
    call: int | None = None
    at_us: int
    duration_us: int
    interaction_id: str
    status: int
    bytes_in: int = 0
    bytes_out: int = 0
    application: str | None = None
    organisation: str | None = None
    product: str | None = None
    capability: str | None = None
    member: str | None = None
    subscription: str | None = None
    plan: str | None = None
    consent: str | None = None
    method: str
    path: str | None = None
    refusal: str | None = None
    fault: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    scene: str | None = None
    channel: str | None = None
    referrer: str | None = None
    reconciled: bool = False


encode: Final = msgspec.json.Encoder().encode
NO_DETAILS: Final = b"}\n"


def encoded_terms(terms: Terms) -> bytes:
    """Encode the terms as a part of a line, without braces; without a path if over TERMS_BYTES."""
    inner = encode(terms)[1:-1]
    if len(inner) <= TERMS_BYTES:
        return inner
    return encode(msgspec.structs.replace(terms, path=None))[1:-1]  # no count depends on the path


def encoded_details(details: Details) -> bytes:
    """Encode the end of a line: the details, if there are any, and the line's end."""
    inner = encode(details)[1:-1]
    return b",%b}\n" % inner if inner else NO_DETAILS


def segment_path(folder: Path, stream: str, segment: int, suffix: str) -> Path:
    """Return the path of a segment's file under the records folder."""
    return folder / stream / f"{segment:010d}{suffix}"


def boot_id() -> str:
    """Return the identifier of this machine's boot.

    Data that a process wrote under another boot may be lost.
    """
    return _BOOT_ID.read_text().strip()


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` durable (POSIX leaves it to an fsync of the folder)."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
