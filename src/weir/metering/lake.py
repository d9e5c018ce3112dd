"""The lake: call records as Parquet, by day and hour (UTC), wherever fsspec reaches.

A segment becomes one file in each hour it touches, under a name made of its stream and number, so
writing it again writes the same thing in the same place. Local files are renamed into place; an
object store takes a whole object or none.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from weir.kernel import identifiers
from weir.metering.records import CallRecord, SegmentFooter, SegmentHeader, sync_folder
from weir.metering.segments import (
    UNREADABLE,
    Damage,
    Finding,
    Segment,
    SegmentDamaged,
    parse_segment,
)

HOUR_US: Final = 3_600_000_000
END_OF_TIME_US: Final = 253_402_300_800_000_000  # the year 10000
CALLS: Final = "calls"

SCHEMA: Final = pa.schema(
    [
        pa.field("stream", pa.string(), nullable=False),
        pa.field("segment", pa.int64(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("arrived_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("duration_us", pa.int64(), nullable=False),
        pa.field("interaction_id", pa.string(), nullable=False),
        pa.field("application", pa.string()),
        pa.field("organisation", pa.string()),
        pa.field("product", pa.string()),
        pa.field("capability", pa.string()),
        pa.field("member", pa.string()),
        pa.field("subscription", pa.string()),
        pa.field("plan", pa.string()),
        pa.field("consent", pa.string()),
        pa.field("method", pa.string(), nullable=False),
        pa.field("path", pa.string()),
        pa.field("status", pa.int32(), nullable=False),
        pa.field("refusal", pa.string()),
        pa.field("fault", pa.string()),
        pa.field("bytes_in", pa.int64(), nullable=False),
        pa.field("bytes_out", pa.int64(), nullable=False),
        pa.field("amount_minor", pa.int64()),
        pa.field("currency", pa.string()),
        pa.field("reconciled", pa.bool_(), nullable=False),
    ]
)
_HEADER: Final = b"weir.header"
_FOOTER: Final = b"weir.footer"

_encode = msgspec.json.Encoder().encode


class Lake:
    """Where the call records lie. Synchronous: call it from a thread when a loop is running."""

    def __init__(self, url: str) -> None:
        self.filesystem, root = fsspec.core.url_to_fs(url)
        self.root = str(root).rstrip("/")
        protocol = self.filesystem.protocol
        self.protocol: str = protocol if isinstance(protocol, str) else protocol[0]
        self.is_local = self.protocol in ("file", "local")

    def write_segment(self, segment: Segment) -> list[str]:
        """Write a checked segment; returns its files, relative to the root, oldest hour first.

        SegmentDamaged when the records cannot be written so that the same lines can be read back.
        """
        _check_writable(segment)
        name = f"{segment.header.stream}-{segment.header.segment:010d}.parquet"
        files = []
        for hour_us, records in by_hour(segment.records):
            path = f"{_partition(hour_us)}/{name}"
            self._put(path, _parquet(segment, records))
            files.append(path)
        return files

    def read_segment(self, stream: str, segment: int) -> Segment:
        """A segment rebuilt from its files and checked as the sealed file was.

        The lines are written anew from the columns and must have the hash that was sealed, so a
        value changed in the lake is found. FileNotFoundError when no file of it is there.
        """
        if not identifiers.is_identifier(stream, "str"):
            raise ValueError("a stream is named by a str_ identifier")
        pattern = f"{self.root}/{CALLS}/day=*/hour=*/{stream}-{segment:010d}.parquet"
        paths = sorted(self.filesystem.glob(pattern))
        if not paths:
            raise FileNotFoundError(f"{stream} segment {segment} is not in the lake")
        return _rebuilt((self._table(path) for path in paths), stream, segment)

    def files(self, since: date | None = None, until: date | None = None) -> list[str]:
        """All files of whole days from `since` up to and including `until`, relative to the root.

        Files that were written and not yet counted as ingested are among them; what must be exact
        takes its files from the `segments` table.
        """
        days = self.filesystem.glob(f"{self.root}/{CALLS}/day=*")
        wanted = [day for day in sorted(days) if _within(_name(day), since, until)]
        paths = (path for day in wanted for path in self.filesystem.glob(f"{day}/hour=*/*.parquet"))
        return sorted(str(path)[len(self.root) + 1 :] for path in paths)

    def address(self, file: str) -> str:
        """How DuckDB reaches a file: a path, or a URL of the registered file system."""
        path = f"{self.root}/{file}"
        return path if self.is_local else f"{self.protocol}://{path.removeprefix('/')}"

    def _put(self, file: str, data: bytes) -> None:
        path = f"{self.root}/{file}"
        if not self.is_local:
            self.filesystem.pipe_file(path, data)
            return
        final = Path(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{final.name}.{secrets.token_hex(8)}")
        try:
            with temporary.open("wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(final.parent)

    def _table(self, path: str) -> pa.Table:
        with self.filesystem.open(path, "rb") as file:
            return pq.ParquetFile(file).read()


def by_hour(records: Sequence[CallRecord]) -> Iterator[tuple[int, list[CallRecord]]]:
    """The records of each hour they arrived in, oldest hour first, in their own order."""

    def hour(record: CallRecord) -> int:
        return record.at_us // HOUR_US * HOUR_US

    for hour_us, group in groupby(sorted(records, key=hour), key=hour):
        yield hour_us, list(group)


def to_table(records: Iterable[CallRecord], segment: int) -> pa.Table:
    """Records as columns of `SCHEMA`."""
    rows = list(records)
    columns: list[Any] = []
    for field in SCHEMA:
        if field.name == "segment":
            columns.append(pa.array([segment] * len(rows), field.type))
        else:
            name = "at_us" if field.name == "arrived_at" else field.name
            columns.append(pa.array([getattr(row, name) for row in rows], field.type))
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def from_table(table: pa.Table) -> list[CallRecord]:
    """Columns of `SCHEMA` as records."""
    table = table.set_column(
        table.schema.get_field_index("arrived_at"), "at_us", table["arrived_at"].cast(pa.int64())
    )
    rows = table.drop_columns(["segment"]).to_pylist()
    return [CallRecord(**row) for row in rows]


def instant(at_us: int) -> datetime:
    """Unix microseconds as an aware time, exact (a float of seconds would not be)."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)


def _check_writable(segment: Segment) -> None:
    """Refuse what could not be read back as the very lines that were sealed."""
    header = segment.header
    digest = hashlib.sha256(_encode(header) + b"\n")
    for record in segment.records:
        digest.update(_encode(record) + b"\n")
        if not 0 <= record.at_us < END_OF_TIME_US:
            finding = Finding(header.stream, header.segment, Damage.ALTERED, "a time is not one")
            raise SegmentDamaged(finding)
    if digest.hexdigest() != segment.footer.sha256:
        detail = "its lines are not written as a writer of records writes them"
        raise SegmentDamaged(Finding(header.stream, header.segment, Damage.ALTERED, detail))


def _parquet(segment: Segment, records: list[CallRecord]) -> bytes:
    try:
        table = to_table(records, segment.header.segment)
    except (pa.ArrowException, OverflowError) as error:
        header = segment.header
        detail = "a number is larger than the lake can hold"
        damage = Finding(header.stream, header.segment, Damage.ALTERED, detail)
        raise SegmentDamaged(damage) from error
    table = table.replace_schema_metadata(
        {_HEADER: _encode(segment.header), _FOOTER: _encode(segment.footer)}
    )
    out = pa.BufferOutputStream()
    pq.write_table(table, out, compression="zstd")
    return bytes(out.getvalue())


def _rebuilt(parts: Iterable[pa.Table], stream: str, segment: int) -> Segment:
    """The segment whose columns these are, checked line by line against its hash."""
    try:
        tables = list(parts)
        metadata = tables[0].schema.metadata or {}
        header = msgspec.json.decode(metadata[_HEADER], type=SegmentHeader)
        footer = msgspec.json.decode(metadata[_FOOTER], type=SegmentFooter)
        records = [record for table in tables for record in from_table(table)]
    except (KeyError, TypeError, *UNREADABLE, pa.ArrowException, OSError) as error:
        finding = Finding(stream, segment, Damage.ALTERED, "its file in the lake is not readable")
        raise SegmentDamaged(finding) from error
    records.sort(key=lambda record: record.number)
    lines = [_encode(part) + b"\n" for part in (header, *records, footer)]
    return parse_segment(b"".join(lines), stream, segment)


def _partition(hour_us: int) -> str:
    at = instant(hour_us)
    return f"{CALLS}/day={at:%Y-%m-%d}/hour={at:%H}"


def _name(path: Any) -> str:
    return str(path).rstrip("/").rsplit("/", 1)[-1]


def _within(name: str, since: date | None, until: date | None) -> bool:
    try:
        day = date.fromisoformat(name.removeprefix("day="))
    except ValueError:
        return False
    return (since is None or day >= since) and (until is None or day <= until)
