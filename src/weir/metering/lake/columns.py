"""Conversion between a segment's lines and the lake's columns, and the Parquet files of them.

Each file's metadata holds the seals of the segments whose records are in it, so that the lake can
prove itself without the database.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as paj
import pyarrow.parquet as pq

from weir.kernel.seals import Seal
from weir.metering.records.records import CallRecord, encode
from weir.metering.records.segments import Damage, Segment, damage_error

CALLS: Final = "calls"
HOUR_US: Final = 3_600_000_000
END_OF_TIME_US: Final = 253_402_300_800_000_000  # the year 10000
ROW_GROUP_RECORDS: Final = 65_536  # in a row group of a merged file, the least that is read

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
# The columns as they are in a line of JSON.
_LINE: Final = pa.schema(
    [
        pa.field("at_us", pa.int64()) if field.name == "arrived_at" else field.with_nullable(True)
        for field in SCHEMA
        if field.name not in ("stream", "segment")
    ]
)
# Values of fields that are absent in a line, where the value is not null.
_ABSENT: Final = {"bytes_in": 0, "bytes_out": 0, "reconciled": False}
_SEALS: Final = b"weir.seals"
_PRUNED: Final = b"weir.pruned"
_METADATA_BYTES: Final = 256 * 1024 * 1024

# By (stream, segment), the hashes of the subtrees that stand for its expired records, by (level,
# position).
Pruned = dict[tuple[str, int], dict[tuple[int, int], bytes]]


def to_table(segment: Segment) -> pa.Table:
    """Convert a segment's lines to columns of `SCHEMA`. SegmentDamaged when one does not fit."""
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
        raise damage_error(seal.stream, seal.segment, Damage.ALTERED, detail) from error
    times = lines["at_us"]
    if not (pc.min(times).as_py() >= 0 and pc.max(times).as_py() < END_OF_TIME_US):
        raise damage_error(seal.stream, seal.segment, Damage.ALTERED, "a time is not one")
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
    """Yield each hour of arrival with its rows, the oldest hour first, rows in their own order.

    An hour is given by its start in Unix microseconds.
    """
    at_us = table["arrived_at"].cast(pa.int64())
    hours = pc.multiply(pc.divide(at_us, HOUR_US), HOUR_US)
    for hour_us in sorted(pc.unique(hours).to_pylist()):
        yield hour_us, table.filter(pc.equal(hours, hour_us))


def from_table(table: pa.Table, stream: str, segment: int) -> list[CallRecord]:
    """Return the rows of one segment as records."""
    mine = pc.and_(pc.equal(table["stream"], stream), pc.equal(table["segment"], segment))
    table = table.filter(mine)
    table = table.set_column(
        table.schema.get_field_index("arrived_at"), "at_us", table["arrived_at"].cast(pa.int64())
    )
    rows = table.drop_columns(["stream", "segment"]).to_pylist()
    return [CallRecord(**row) for row in rows]


def parquet(table: pa.Table, seals: Sequence[Seal]) -> bytes:
    """Return a file of the lake, with the seals of the segments that are in it."""
    return merge([table], seals)[1]


def merge(
    tables: Iterable[pa.Table], seals: Sequence[Seal], pruned: Pruned | None = None
) -> tuple[int, bytes]:
    """Write many tables into one file, in their order; return its number of rows and its bytes.

    One row group is held at a time. `seals` and `pruned` are read last, so the caller may fill them
    while the tables are read.
    """
    out = pa.BufferOutputStream()
    rows = 0
    with pq.ParquetWriter(out, SCHEMA, compression="zstd") as writer:
        for group in _row_groups(tables):
            writer.write_table(group, row_group_size=ROW_GROUP_RECORDS)
            rows += len(group)
        writer.add_key_value_metadata(_metadata(seals, pruned or {}))
    return rows, bytes(out.getvalue())


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the rows of the tables in groups of at least ROW_GROUP_RECORDS, but the last."""
    held: list[pa.Table] = []
    rows = 0
    for table in tables:
        held.append(table.cast(SCHEMA))
        rows += len(table)
        if rows >= ROW_GROUP_RECORDS:
            yield pa.concat_tables(held)
            held, rows = [], 0
    if held:
        yield pa.concat_tables(held)


def _metadata(seals: Sequence[Seal], pruned: Pruned) -> dict[bytes, bytes]:
    nodes = [
        (stream, segment, level, position, found.hex())
        for (stream, segment), found_by_place in sorted(pruned.items())
        for (level, position), found in sorted(found_by_place.items())
    ]
    held = {_SEALS: _packed(list(seals))}
    return held | {_PRUNED: _packed(nodes)} if nodes else held


def seals_of(metadata: Mapping[bytes, bytes] | None) -> list[Seal]:
    """Return the seals in a file's metadata; none for a file that is not of the lake."""
    found: list[Seal] = _unpacked((metadata or {}).get(_SEALS), list[Seal])
    return found


def pruned_of(metadata: Mapping[bytes, bytes] | None) -> Pruned:
    """Return the subtrees that stand for expired records, by the segments in a file."""
    found: Pruned = {}
    rows = _unpacked((metadata or {}).get(_PRUNED), list[tuple[str, int, int, int, str]])
    for stream, segment, level, position, text in rows:
        found.setdefault((stream, segment), {})[level, position] = bytes.fromhex(text)
    return found


def _packed(value: list[Any]) -> bytes:
    """Encode as JSON, Zstandard and base64: Parquet readers expect text in the metadata."""
    raw = encode(value)
    head = len(raw).to_bytes(4, "big")
    return base64.b64encode(head + pa.compress(raw, codec="zstd", asbytes=True))


def _unpacked(packed: bytes | None, form: Any) -> Any:
    if packed is None:
        return []
    raw = base64.b64decode(packed, validate=True)
    size = int.from_bytes(raw[:4], "big")
    if size > _METADATA_BYTES:
        raise msgspec.DecodeError("no file of the lake holds so much beside its records")
    plain = pa.decompress(raw[4:], decompressed_size=size, codec="zstd", asbytes=True)
    return msgspec.json.decode(plain, type=form)


def to_datetime(at_us: int) -> datetime:
    """Convert Unix microseconds to an aware time, exactly (a float of seconds would not be)."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)


def partition(hour_us: int) -> str:
    """Return the folder of an hour's files, relative to the lake's root."""
    at = to_datetime(hour_us)
    return f"{CALLS}/day={at:%Y-%m-%d}/hour={at:%H}"


def hour_of(file: str) -> datetime:
    """Return the hour that a file's path names. ValueError when the file is not of the lake."""
    _, day, hour, _ = file.split("/")
    named = f"{day.removeprefix('day=')}T{hour.removeprefix('hour=')}:00:00+00:00"
    return datetime.fromisoformat(named)
