"""Cost of a call record: at the gateway, sealed, in the lake; and the size of a proof.

The gateway's part is measured as it is on the path of a call: the application's number, the
receipt's name, the line, and the write; each record alone, as where one caller calls, and those of
TOGETHER sockets that were ready at once, as where many do. Ingest stands beside bare DuckDB that
turns the same lines into the same columns of Parquet, without checking anything.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import duckdb
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.report import Goal, Result, Spread
from weir.gateway.record_stream import RecordStream
from weir.kernel import identifiers, merkle
from weir.kernel.outcomes import Refusal
from weir.kernel.seals import Receipt, ReceiptName, SealingKey, authenticator, receipt_fault
from weir.metering.lake.lake import Lake
from weir.metering.records.records import Terms, encoded_terms
from weir.metering.records.sealer import Sealer, stream_key
from weir.metering.records.segments import Segment, read_segment
from weir.metering.records.writer import RecordWriter
from weir.wire.reactor import IN, Reactor, Watched

ROUNDS = 5
RECORDS = 20_000
TOGETHER = 8
FIRST_US = 1_793_836_800_000_000
REQUIRED_US, STRETCH_US = 5.0, 3.5
SECRET = bytes(32)
INTERACTION = b"0b0e7a4e-5f1f-4a62-8a77-4b3cf1d9b1a0"
APPLICATION = "app_01k9v7p8r3e5xa2m4n6q8s0t1v"
_NAMES = ("organisation", "product", "capability", "member", "subscription", "plan", "consent")
_BARE = """
    COPY (SELECT '{stream}' AS stream, 1 AS segment, * FROM read_json('{lines}',
          format = 'newline_delimited')) TO '{out}' (FORMAT parquet, COMPRESSION zstd)
"""


def run() -> Result:
    """Rounds of everything, one after the other."""
    key = SealingKey("key_of_the_benchmark", Ed25519PrivateKey.generate())
    took: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        folder = Path(tempfile.mkdtemp(prefix="weir-bench-"))
        try:
            _round(folder, key, took)
        finally:
            shutil.rmtree(folder)
    return _result({name: Spread.of(values) for name, values in took.items()})


def _round(folder: Path, key: SealingKey, took: dict[str, list[float]]) -> None:
    stream = identifiers.mint("str", time.time_ns() // 1_000_000, uuid4().bytes)
    writer = RecordWriter.open(folder / "records", stream)
    beside = RecordWriter.open(folder / "beside", stream)
    loop = asyncio.new_event_loop()

    def note(name: str, work: Callable[[], object], scale: float = 1e6 / RECORDS) -> None:
        before_s = time.process_time()
        work()
        took.setdefault(name, []).append((time.process_time() - before_s) * scale)

    note("gateway_us", lambda: _calls(Calls(writer, stream, Reactor(loop))))
    note("gateway_together_us", lambda: loop.run_until_complete(_together(beside, stream, loop)))
    loop.close()
    writer.close()
    beside.close()
    note("sealing_us", Sealer(folder / "records", key, SECRET).run)
    lake = Lake(str(folder / "lake"))
    segment = read_segment(folder / "records", stream, 1)
    note("ingest_us", lambda: lake.write_segment(read_segment(folder / "records", stream, 1)))
    note("bare_duckdb_us", lambda: _bare(folder, stream))
    took.setdefault("line_bytes", []).append(sum(map(len, segment.lines)) / RECORDS)
    receipt = _receipt(segment)
    took.setdefault("receipt_bytes", []).append(len(msgspec.json.encode(receipt)))
    took.setdefault("path_bytes", []).append(len(receipt.path) * merkle.HASH_BYTES)
    keys = {key.kid: key.public()}
    assert receipt_fault(receipt, keys) is None
    note("verify_us", lambda: [receipt_fault(receipt, keys) for _ in range(200)], 1e6 / 200)


class Calls:
    """Work of the gateway's phases for a record, once a call."""

    def __init__(self, writer: RecordWriter, stream: str, reactor: Reactor) -> None:
        self.record_stream = RecordStream(writer, stream_key(SECRET, stream), reactor)
        self.made = 0
        named = {name: f"{name[:3]}_01k9v7p8r3e5xa2m4n6q8s0t1v" for name in _NAMES}
        path = "/river-bank/accounts/v1/accounts/{account}/balances"
        self._terms = encoded_terms(
            Terms(application=APPLICATION, method="GET", path=path, **named)
        )

    def make(self) -> None:
        """Record one call."""
        at_us = FIRST_US + self.made
        self.made += 1
        recording = self.record_stream
        call = recording.number(APPLICATION)
        recording.receipt_line(APPLICATION, call, at_us, INTERACTION, 200)
        recording.write(
            _written, APPLICATION, call, at_us, 1_200, INTERACTION, 200, 0, 312, self._terms
        )


def _written(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise refusal


def _calls(calls: Calls) -> None:
    for _ in range(RECORDS):
        calls.make()


class _Ready(Watched):
    """A socket that can always be read: it records TOGETHER calls in every step of the reactor."""

    def __init__(self, calls: Calls, done: asyncio.Future[None]) -> None:
        self.calls = calls
        self.done = done

    def ready(self, events: int) -> None:  # noqa: ARG002 - the reactor's word
        for _ in range(TOGETHER):
            self.calls.make()
        if self.calls.made >= RECORDS and not self.done.done():
            self.done.set_result(None)


async def _together(writer: RecordWriter, stream: str, loop: asyncio.AbstractEventLoop) -> None:
    reactor = Reactor(loop)
    ours, theirs = socket.socketpair()
    theirs.send(b"x")
    done: asyncio.Future[None] = loop.create_future()
    reactor.watch(ours.fileno(), _Ready(Calls(writer, stream, reactor), done), IN)
    await done
    reactor.forget(ours.fileno())
    ours.close()
    theirs.close()


def _bare(folder: Path, stream: str) -> None:
    connection = duckdb.connect(":memory:", config={"threads": 1})
    lines = folder / "records" / stream / "0000000001.records"
    connection.execute(_BARE.format(stream=stream, lines=lines, out=folder / "bare.parquet"))
    connection.close()


def _receipt(segment: Segment) -> Receipt:
    tree = merkle.Tree([merkle.leaf_hash(line) for line in segment.lines])
    record, stream = segment.records[7], segment.seal.stream
    assert record.call is not None
    said = (stream, record.call, record.at_us, APPLICATION, record.interaction_id, record.status)
    proof = authenticator(stream_key(SECRET, stream), *said)
    return Receipt(
        receipt=str(ReceiptName(stream, record.call, record.at_us, proof)),
        line=segment.lines[7].decode(),
        index=7,
        path=[each.hex() for each in tree.inclusion(7)],
        seal=segment.seal,
    )


def _result(took: dict[str, Spread]) -> Result:
    gateway = took["gateway_us"]
    beside = took["ingest_us"].median / took["bare_duckdb_us"].median
    took["ingest_records_per_s_a_core"] = Spread.of([1e6 / took["ingest_us"].median])
    took["bare_duckdb_records_per_s_a_core"] = Spread.of([1e6 / took["bare_duckdb_us"].median])
    goals = [
        Goal(
            f"CPU a record at the gateway, with the write{name}",
            f"< {most} us",
            gateway.low,
            "us",
            gateway.low < most,
        )
        for name, most in (("", REQUIRED_US), (", stretch", STRETCH_US))
    ]
    return Result({"weir": took}, _notes(), goals, {"ingest / bare DuckDB": Spread.of([beside])})


def _notes() -> list[str]:
    return [
        f"{RECORDS} records of one stream a round, on the disk under the temporary folder.",
        "gateway_us is process time of number, receipt name, line and write(2), a record that is"
        f" written alone; gateway_together_us of {TOGETHER} that were written in one piece. The"
        " goal is held against the fastest round of the first, since neighbours only add to it.",
        "sealing_us and ingest_us are the worker's: they are beside the path of a call. Ingest"
        " reads, hashes and checks every line against the sealed root, and writes Parquet.",
        "Bare DuckDB reads the same lines and writes the same columns; it checks nothing.",
    ]
