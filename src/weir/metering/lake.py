"""The lake: call records as Parquet, by day and hour (UTC), wherever fsspec reaches.

A segment becomes one file in each hour it touches, under a name made of its stream and number, so
writing it again writes the same thing in the same place. Local files are renamed into place; an
object store takes a whole object or none. Each file's metadata holds the seals of its segments.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as paj
import pyarrow.parquet as pq

from weir.kernel import identifiers
from weir.kernel.seals import Seal
from weir.metering.records import CallRecord, encode, sync_folder
from weir.metering.segments import UNREADABLE, Damage, Segment, damaged, parse_segment

HOUR_US: Final = 3_600_000_000
END_OF_TIME_US: Final = 253_402_300_800_000_000  # the year 10000
CALLS: Final = "calls"
MERGED: Final = "merged"  # how the names of files begin that hold many segments

SCHEMA: Final = pa.schema(
    [
        pa.field("stream", pa.string(), nullable=False),
        pa.field("segment", pa.int64(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("call", pa.int64()),
        pa.field("arrived_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("duration_us", pa.int64(), nullable=False),
        pa.field("interaction_id", pa.string(), nullable=False),
        pa.field("status", pa.int32(), nullable=False),
        pa.field("bytes_in", pa.int64(), nullable=False),
        pa.field("bytes_out", pa.int64(), nullable=False),
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
        pa.field("refusal", pa.string()),
        pa.field("fault", pa.string()),
        pa.field("amount_minor", pa.int64()),
        pa.field("currency", pa.string()),
        pa.field("scene", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("referrer", pa.string()),
        pa.field("reconciled", pa.bool_(), nullable=False),
    ]
)
# The columns of a line as they stand in it.
_LINE: Final = pa.schema(
    [
        pa.field("at_us", pa.int64()) if field.name == "arrived_at" else field.with_nullable(True)
        for field in SCHEMA
        if field.name not in ("stream", "segment")
    ]
)
# What a field that is absent in a line stands for, where that is not nothing.
_ABSENT: Final = {"bytes_in": 0, "bytes_out": 0, "reconciled": False}
_SEALS: Final = b"weir.seals"


class Lake:
    """Where the call records lie. Synchronous: call it from a thread when a loop is running."""

    def __init__(self, url: str) -> None:
        self.filesystem, root = fsspec.core.url_to_fs(url)
        self.root = str(root).rstrip("/")
        protocol = self.filesystem.protocol
        self.protocol: str = protocol if isinstance(protocol, str) else protocol[0]
        self.is_local = self.protocol in ("file", "local")
        self._merged_files: dict[tuple[str, int], list[str]] | None = None

    def write_segment(self, segment: Segment) -> list[str]:
        """Write a checked segment; returns its files, relative to the root, oldest hour first.

        SegmentDamaged when its lines are not records the lake can hold.
        """
        if not segment.lines:
            return []
        seal = segment.seal
        name = f"{seal.stream}-{seal.segment:010d}.parquet"
        files = []
        for hour_us, table in by_hour(to_table(segment)):
            path = f"{partition(hour_us)}/{name}"
            self.put(path, parquet(table, [seal]))
            files.append(path)
        return files

    def read_segment(self, stream: str, segment: int) -> Segment:
        """A segment rebuilt from its files and checked as the sealed file was.

        The lines are written anew from the columns and must be those under the sealed root, so a
        value changed in the lake is found. FileNotFoundError when no file of it is there.
        """
        if not identifiers.is_identifier(stream, "str"):
            raise ValueError("a stream is named by a str_ identifier")
        pattern = f"{self.root}/{CALLS}/day=*/hour=*/{stream}-{segment:010d}.parquet"
        paths = [str(path)[len(self.root) + 1 :] for path in self.filesystem.glob(pattern)]
        if not paths:
            paths = self._merged().get((stream, segment), [])
        if not paths:
            raise FileNotFoundError(f"{stream} segment {segment} is not in the lake")
        return self.rebuilt(paths, stream, segment)

    def rebuilt(self, files: Sequence[str], stream: str, segment: int) -> Segment:
        """The segment that is in these files; SegmentDamaged when it is not as it was sealed."""
        try:
            tables = [self.table(path) for path in sorted(files)]
            seals = [seal for table in tables for seal in seals_of(table)]
            seal = next(each for each in seals if (each.stream, each.segment) == (stream, segment))
            records = [record for table in tables for record in from_table(table, stream, segment)]
        except (StopIteration, TypeError, *UNREADABLE, pa.ArrowException, OSError) as error:
            detail = "its file in the lake is not readable"
            raise damaged(stream, segment, Damage.ALTERED, detail) from error
        records.sort(key=lambda record: record.number)
        raw = b"".join(encode(record) + b"\n" for record in records)
        return parse_segment(raw, seal, stream, segment)

    def _merged(self) -> dict[tuple[str, int], list[str]]:
        """Which merged files hold which segments: read once from the files' own metadata."""
        if self._merged_files is None:
            self._merged_files = {}
            found = self.filesystem.glob(f"{self.root}/{CALLS}/day=*/hour=*/{MERGED}-*.parquet")
            for path in found:
                file = str(path)[len(self.root) + 1 :]
                for seal in self.seals(file):
                    self._merged_files.setdefault((seal.stream, seal.segment), []).append(file)
        return self._merged_files

    def seals(self, file: str) -> list[Seal]:
        """The seals of the segments that are in a file, read from its metadata alone."""
        with self.filesystem.open(f"{self.root}/{file}", "rb") as opened:
            return seals_of(pq.ParquetFile(opened).schema_arrow)

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

    def put(self, file: str, data: bytes) -> None:
        """Write a file whole or not at all."""
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

    def remove(self, file: str) -> None:
        """Remove a file that may be gone already."""
        with suppress(FileNotFoundError):
            self.filesystem.rm_file(f"{self.root}/{file}")

    def table(self, file: str) -> pa.Table:
        """A file's rows. OSError when it cannot be read."""
        with self.filesystem.open(f"{self.root}/{file}", "rb") as opened:
            return pq.ParquetFile(opened).read()


def to_table(segment: Segment) -> pa.Table:
    """A segment's lines as columns of `SCHEMA`. SegmentDamaged when one does not fit them."""
    seal = segment.seal
    raw = b"\n".join(segment.lines) + b"\n"
    try:
        lines = paj.read_json(
            pa.BufferReader(raw),
            read_options=paj.ReadOptions(use_threads=False, block_size=max(len(raw), 1)),
            parse_options=paj.ParseOptions(
                explicit_schema=_LINE, unexpected_field_behavior="error"
            ),
        )
        columns = [_column(lines, field, seal) for field in SCHEMA]
        table = pa.Table.from_arrays(columns, schema=SCHEMA)
        table.validate(full=True)
    except (pa.ArrowException, KeyError, OverflowError) as error:
        detail = "a value is not one the lake can hold"
        raise damaged(seal.stream, seal.segment, Damage.ALTERED, detail) from error
    times = lines["at_us"]
    if not (pc.min(times).as_py() >= 0 and pc.max(times).as_py() < END_OF_TIME_US):
        raise damaged(seal.stream, seal.segment, Damage.ALTERED, "a time is not one")
    return table


def _column(lines: pa.Table, field: pa.Field, seal: Seal) -> Any:
    if field.name == "stream":
        return pa.repeat(pa.scalar(seal.stream, pa.string()), len(lines))
    if field.name == "segment":
        return pa.repeat(pa.scalar(seal.segment, pa.int64()), len(lines))
    if field.name == "arrived_at":
        return lines["at_us"].cast(field.type)
    values = lines[field.name].cast(field.type)
    return pc.fill_null(values, _ABSENT[field.name]) if field.name in _ABSENT else values


def by_hour(table: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each hour they arrived in, oldest hour first, in their own order."""
    at_us = table["arrived_at"].cast(pa.int64())
    hours = pc.multiply(pc.divide(at_us, HOUR_US), HOUR_US)
    for hour_us in sorted(pc.unique(hours).to_pylist()):
        yield hour_us, table.filter(pc.equal(hours, hour_us))


def from_table(table: pa.Table, stream: str, segment: int) -> list[CallRecord]:
    """The rows of one segment as records."""
    mine = pc.and_(pc.equal(table["stream"], stream), pc.equal(table["segment"], segment))
    table = table.filter(mine)
    table = table.set_column(
        table.schema.get_field_index("arrived_at"), "at_us", table["arrived_at"].cast(pa.int64())
    )
    rows = table.drop_columns(["stream", "segment"]).to_pylist()
    return [CallRecord(**row) for row in rows]


def parquet(table: pa.Table, seals: Sequence[Seal]) -> bytes:
    """A file of the lake, with the seals of the segments that are in it."""
    table = table.replace_schema_metadata({_SEALS: encode(list(seals))})
    out = pa.BufferOutputStream()
    pq.write_table(table, out, compression="zstd")
    return bytes(out.getvalue())


def seals_of(held: pa.Table | pa.Schema) -> list[Seal]:
    """The seals in a file's metadata; none in a file that is not ours."""
    schema = held.schema if isinstance(held, pa.Table) else held
    return msgspec.json.decode((schema.metadata or {}).get(_SEALS, b"[]"), type=list[Seal])


def instant(at_us: int) -> datetime:
    """Unix microseconds as an aware time, exact (a float of seconds would not be)."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)


def partition(hour_us: int) -> str:
    """Where the files of an hour lie."""
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
