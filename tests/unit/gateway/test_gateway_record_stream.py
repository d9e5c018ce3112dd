"""Records of one step of the reactor are written together, and each caller is told of its own."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from weir.gateway.record_stream import RecordStream
from weir.kernel import identifiers
from weir.kernel.outcomes import Refusal
from weir.metering.declares import RECORD_UNWRITABLE
from weir.metering.records.records import Terms, encoded_terms
from weir.metering.records.writer import RecordWriter
from weir.wire.reactor import IN, Reactor, Watched

APPLICATION = "app_01k9v7p8r3e5xa2m4n6q8s0t1v"
TERMS = encoded_terms(Terms(application=APPLICATION, method="GET"))
STREAM = identifiers.mint("str", 1_793_836_800_000, bytes(10))


class Socket(Watched):
    """Does something when the reactor finds that it can be read."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.ours, self.theirs = socket.socketpair()

    def ready(self, events: int) -> None:
        self.ours.recv(1)
        self.work()


class Desk:
    """A recording whose writes are watched where they reach the kernel."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reactor = Reactor(asyncio.get_running_loop())
        self.writer = RecordWriter.open(folder, STREAM, segment_records=20)
        self.record_stream = RecordStream(self.writer, bytes(32), self.reactor)
        self.written: list[bytes] = []
        self.broken = False
        self.told: list[Refusal | None] = []
        self.sockets: list[Socket] = []
        self._kernel = os.write
        monkeypatch.setattr(os, "write", self._write)

    def _write(self, fd: int, data: bytes) -> int:
        if self.broken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.written.append(data)
        return self._kernel(fd, data)

    def record(self) -> None:
        self.record_stream.write(
            self.told.append,
            APPLICATION,
            self.record_stream.number(APPLICATION),
            1_793_836_800_000_000,
            77,
            b"11111111-1111-4111-8111-111111111111",
            200,
            0,
            0,
            TERMS,
        )

    async def step(self, *works: Callable[[], None]) -> None:
        """Sockets that can all be read when the reactor is next asked."""
        sockets = [Socket(work) for work in works]
        for each in sockets:
            self.reactor.watch(each.ours.fileno(), each, IN)
            each.theirs.send(b"x")
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        for each in sockets:
            self.reactor.forget(each.ours.fileno())
            each.ours.close()
            each.theirs.close()


async def test_records_of_a_step_are_one_write_and_told_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, monkeypatch)
    told_before: list[int] = []

    def record_and_look() -> None:
        desk.record()
        told_before.append(len(desk.told))

    await desk.step(*[record_and_look] * 5)
    assert told_before == [0] * 5
    assert desk.told == [None] * 5
    assert [data.count(b"\n") for data in desk.written] == [5]
    assert desk.record_stream.written == 5


async def test_a_record_outside_of_a_step_is_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, monkeypatch)
    desk.record()
    assert desk.told == [None]
    assert len(desk.written) == 1


async def test_nobody_waits_for_more_than_a_few_and_segments_end_where_they_should(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, monkeypatch)
    await desk.step(*[desk.record] * 40)
    assert [data.count(b"\n") for data in desk.written] == [16, 4, 16, 4]
    assert desk.told == [None] * 40
    await desk.record_stream.seal()
    files = sorted((tmp_path / STREAM).glob("*.records"))
    assert [file.read_bytes().count(b"\n") for file in files] == [20, 20]


async def test_a_write_that_fails_is_told_to_all_and_their_numbers_are_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, monkeypatch)
    desk.record()
    desk.broken = True
    await desk.step(*[desk.record] * 3)
    assert [each.outcome for each in desk.told if each] == [RECORD_UNWRITABLE] * 3
    assert desk.record_stream.failing
    desk.broken = False
    await desk.step(*[desk.record] * 3)
    assert not desk.record_stream.failing
    data = b"".join(desk.written)
    for name in (b"number", b"call"):
        found = [line.split(b'"%b":' % name)[1].split(b",")[0] for line in data.splitlines()]
        assert found == [b"1", b"2", b"3", b"4"]


async def test_who_stumbles_over_the_news_does_not_keep_it_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, monkeypatch)

    def stumble(_: Refusal | None) -> None:
        raise RuntimeError("mine")

    def bad() -> None:
        desk.record_stream.write(stumble, APPLICATION, 9, 1, 1, b"-", 404, 0, 0, TERMS)

    await desk.step(bad, desk.record)
    assert desk.told == [None]
    assert desk.record_stream.written == 2


async def test_a_record_that_is_asked_for_while_others_are_told_is_written_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of an answer lets the next request of its connection begin, and be refused."""
    desk = Desk(tmp_path, monkeypatch)

    def next_one(_: Refusal | None) -> None:
        desk.record()

    def first() -> None:
        desk.record_stream.write(next_one, APPLICATION, 9, 1, 1, b"-", 200, 0, 0, TERMS)

    await desk.step(first)
    assert desk.told == [None]
    assert [data.count(b"\n") for data in desk.written] == [1, 1]
