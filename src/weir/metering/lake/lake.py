"""The lake: call records as Parquet, by day and hour (UTC), in a folder or an object store.

A segment becomes one file in each hour it touches, under a name made of its stream and number, so
writing it again writes the same thing in the same place. Reading, listing and removing go through
one library (pyarrow's file systems); only making a local file durable is done here.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pyarrow as pa
from fsspec.implementations.arrow import ArrowFSWrapper
from pyarrow import fs
from pyarrow import parquet as pq

from weir.kernel import identifiers
from weir.kernel.declares import SETTING_INVALID
from weir.kernel.outcomes import Refusal
from weir.kernel.seals import Seal
from weir.metering.lake.columns import (
    CALLS,
    Pruned,
    by_hour,
    from_table,
    parquet,
    partition,
    pruned_of,
    seals_of,
    to_table,
)
from weir.metering.records.records import encode, sync_folder
from weir.metering.records.segments import (
    UNREADABLE,
    Damage,
    Remains,
    Segment,
    SegmentDamaged,
    check_remains,
    damage_error,
    parse_segment,
)

_OWN: Final = re.compile(r"(str_[0-9a-z]{26})-([0-9]{10,})\.parquet")
_STORES: Final = ("file", "s3", "gs", "abfs", "abfss", "hdfs", "viewfs")

# Exceptions of reading a file that is not Parquet or not of the lake.
BROKEN: Final = (TypeError, ValueError, *UNREADABLE, pa.ArrowException, OSError)


class Reads(ArrowFSWrapper):  # type: ignore[misc] # fsspec has no types
    """The lake's file system in the form that DuckDB takes."""

    protocol = "lake"

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        return str(path).removeprefix("lake://").rstrip("/")


class Lake:
    """The store of call records. Synchronous: in an event loop, call it from a thread."""

    def __init__(self, url: str) -> None:
        self.filesystem, root = _opened(url)
        self.root = root.rstrip("/")
        self.is_local = isinstance(self.filesystem, fs.LocalFileSystem)
        self._places: dict[tuple[str, int], list[str]] = {}

    # --- segments ----------------------------------------------------------------------------

    def write_segment(self, segment: Segment) -> dict[str, int]:
        """Write a checked segment; return the number of its records in each file written.

        Files are named relative to the root, the oldest hour first. SegmentDamaged when its lines
        are not records the lake can hold.
        """
        if not segment.lines:
            return {}
        seal = segment.seal
        name = f"{seal.stream}-{seal.segment:010d}.parquet"
        files = {}
        for hour_us, table in by_hour(to_table(segment)):
            path = f"{partition(hour_us)}/{name}"
            self.put(path, parquet(table, [seal]))
            files[path] = len(table)
        return files

    def read_segment(self, stream: str, segment: int) -> Segment:
        """Rebuild a segment from its files, with the checks of the sealed file.

        The lines are written anew from the columns and must be under the sealed root, so a value
        changed in the lake is found: SegmentDamaged. FileNotFoundError when no file of it is there,
        or parts of it have expired.
        """
        if not identifiers.is_identifier(stream, "str"):
            raise ValueError("a stream is named by a str_ identifier")
        with suppress(KeyError, SegmentDamaged, FileNotFoundError):
            return self.rebuild(self._places[stream, segment], stream, segment)
        self._places = self._indexed()
        if (stream, segment) not in self._places:
            raise FileNotFoundError(f"{stream} segment {segment} is not in the lake")
        return self.rebuild(self._places[stream, segment], stream, segment)

    def rebuild(self, files: Sequence[str], stream: str, segment: int) -> Segment:
        """Rebuild a segment from these files.

        SegmentDamaged when it is not as it was sealed, FileNotFoundError when parts of it have
        expired.
        """
        remains = self.remains(files, stream, segment)
        if not remains.is_whole:
            raise FileNotFoundError(f"{stream} segment {segment} has expired in part")
        return Segment(remains.seal, [remains.lines[at] for at in range(remains.seal.records)])

    def remains(self, files: Sequence[str], stream: str, segment: int) -> Remains:
        """Return the part of a segment in these files, checked against its root. SegmentDamaged."""
        try:
            parts = [self._part(file, stream, segment) for file in sorted(files)]
            seal = next(seal for seal, _, _ in parts if seal is not None)
            records = [
                record for _, held, _ in parts for record in from_table(held, stream, segment)
            ]
        except (StopIteration, *BROKEN) as error:
            detail = "its file in the lake is not readable"
            raise damage_error(stream, segment, Damage.ALTERED, detail) from error
        nodes = {place: found for _, _, pruned in parts for place, found in pruned.items()}
        records.sort(key=lambda record: record.number)
        lines = [encode(record) for record in records]
        if not nodes:
            whole = parse_segment(b"".join(line + b"\n" for line in lines), seal, stream, segment)
            return Remains(seal, dict(enumerate(whole.lines)))
        return check_remains(seal, lines, nodes)

    def _part(
        self, file: str, stream: str, segment: int
    ) -> tuple[Seal | None, pa.Table, dict[tuple[int, int], bytes]]:
        """Return a segment's seal, its rows and its pruned subtrees, as one file has them."""
        with self._opened(file) as opened:
            stored = pq.ParquetFile(opened)
            metadata = stored.metadata.metadata
            seals = (s for s in seals_of(metadata) if (s.stream, s.segment) == (stream, segment))
            groups = [
                group
                for group in range(stored.num_row_groups)
                if _may_hold(stored.metadata.row_group(group), stream, segment)
            ]
            table = stored.read_row_groups(groups)
        return next(seals, None), table, pruned_of(metadata).get((stream, segment), {})

    def _indexed(self) -> dict[tuple[str, int], list[str]]:
        """Return the files of each segment: by their names, or by the metadata of merged files.

        A segment's own files come first, since they may have been merged a moment ago.
        """
        own: dict[tuple[str, int], list[str]] = {}
        merged: dict[tuple[str, int], list[str]] = {}
        for file in self.files():
            found = _OWN.fullmatch(file.rsplit("/", 1)[-1])
            if found is not None:
                own.setdefault((found[1], int(found[2])), []).append(file)
                continue
            for seal in self.seals(file):
                merged.setdefault((seal.stream, seal.segment), []).append(file)
        return merged | own

    # --- files -------------------------------------------------------------------------------

    def seals(self, file: str) -> list[Seal]:
        """Read from a file's metadata alone the seals of the segments that are in it."""
        with self._opened(file) as opened:
            return seals_of(pq.ParquetFile(opened).metadata.metadata)

    def table(self, file: str) -> tuple[pa.Table, list[Seal], Pruned]:
        """Read a file's rows, seals and pruned subtrees. One of BROKEN when it cannot be read."""
        with self._opened(file) as opened:
            stored = pq.ParquetFile(opened)
            metadata = stored.metadata.metadata
            return stored.read(), seals_of(metadata), pruned_of(metadata)

    def files(self, since: date | None = None, until: date | None = None) -> list[str]:
        """List the files of whole days from `since` up to and including `until`.

        Names are relative to the root. Files that are written and not ingested yet are included,
        and files that were merged a moment ago. The files that are to be read are in PostgreSQL:
        `weir.metering.lake.manifest`.
        """
        days = self._below(CALLS, recursive=False)
        wanted = [day for day in days if _within(day.base_name, since, until)]
        found = (
            each
            for day in wanted
            for each in self._below(f"{CALLS}/{day.base_name}", recursive=True)
        )
        return sorted(
            str(each.path)[len(self.root) + 1 :]
            for each in found
            if each.is_file
            and each.base_name.endswith(".parquet")
            and not each.base_name.startswith(".")
        )

    def files_in(self, folder: str) -> list[str]:
        """List the files in a folder of the lake, relative to the root."""
        found = self._below(folder, recursive=False)
        return [str(each.path)[len(self.root) + 1 :] for each in found if each.is_file]

    def address(self, file: str) -> str:
        """Return a file's address for DuckDB: a path, or a URL of the registered file system."""
        path = f"{self.root}/{file}"
        return path if self.is_local else f"{Reads.protocol}://{path}"

    def reads(self) -> Reads:
        """Return the file system of the URLs that `address` returns."""
        return Reads(self.filesystem)

    def put(self, file: str, data: bytes) -> None:
        """Write a file whole or not at all."""
        path = f"{self.root}/{file}"
        if self.is_local:
            _put_durably(Path(path), data)
            return
        with self.filesystem.open_output_stream(path) as out:
            out.write(data)

    def remove(self, file: str) -> None:
        """Remove a file that may be gone already."""
        with suppress(FileNotFoundError):
            self.filesystem.delete_file(f"{self.root}/{file}")

    def _opened(self, file: str) -> Any:
        return self.filesystem.open_input_file(f"{self.root}/{file}")

    def _below(self, folder: str, *, recursive: bool) -> list[Any]:
        wanted = fs.FileSelector(f"{self.root}/{folder}", allow_not_found=True, recursive=recursive)
        return sorted(self.filesystem.get_file_info(wanted), key=lambda each: str(each.path))


def _opened(url: str) -> tuple[Any, str]:
    """Open the file system of a URL; return it and the path within. Refusal SETTING_INVALID."""
    parts = urlsplit(url)
    if parts.scheme and parts.scheme not in _STORES:
        why = f"not one of {', '.join(_STORES)}"
    elif "@" in parts.netloc:
        why = "credentials do not belong in it: give the store's own environment variables"
    else:
        try:
            opened: tuple[Any, str] = fs.FileSystem.from_uri(url)
            return opened
        except (pa.ArrowException, OSError, ValueError):
            why = "no store can be reached under it"
    raise Refusal(SETTING_INVALID, setting="WEIR_LAKE_URL", why=why)


def _put_durably(final: Path, data: bytes) -> None:
    """Write a local file that is on the disk before it has its name."""
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


def _may_hold(group: Any, stream: str, segment: int) -> bool:
    """Whether a row group may have rows of this segment, by its statistics."""
    wanted = {"stream": stream, "segment": segment}
    for place in range(2):  # the first two columns of the schema
        column = group.column(place)
        statistics = column.statistics
        if statistics is None or not statistics.has_min_max:
            continue
        if not statistics.min <= wanted[column.path_in_schema] <= statistics.max:
            return False
    return True


def _within(name: str, since: date | None, until: date | None) -> bool:
    try:
        day = date.fromisoformat(name.removeprefix("day="))
    except ValueError:
        return False
    return (since is None or day >= since) and (until is None or day <= until)
