"""In which order sockets are served, and what a process that did not run may conclude from it."""

from __future__ import annotations

import asyncio
import socket
import time

from weir.wire.deadlines import NEVER, Deadlines
from weir.wire.reactor import IN, Reactor, Watched


class Reading(Watched):
    """Notes its name each time it is found readable, and reads one byte."""

    def __init__(self, reactor: Reactor, name: str, told: list[str], *, ahead: bool) -> None:
        self.reactor, self.name, self.told = reactor, name, told
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        reactor.watch(self.near.fileno(), self, IN, ahead=ahead)

    def ready(self, events: int) -> None:
        self.told.append(self.name)
        self.near.recv(1)

    def close(self) -> None:
        self.reactor.forget(self.near.fileno())
        self.near.close()
        self.far.close()


async def until(told: list[str], count: int) -> None:
    async with asyncio.timeout(20):
        while len(told) < count:
            await asyncio.sleep(0)


async def test_answers_do_not_wait_behind_more_callers_than_a_step_serves() -> None:
    reactor, told = Reactor(asyncio.get_running_loop()), list[str]()
    callers = [Reading(reactor, "caller", told, ahead=False) for _ in range(300)]
    members = [Reading(reactor, "member", told, ahead=True) for _ in range(20)]
    for each in (*callers, *members):
        each.far.send(b"12")  # callers were first, and want two turns each
    await until(told, 2 * 320)
    callers_before = told[: len(told) - told[::-1].index("member")].count("caller")
    assert callers_before <= 256  # two steps at most, of which each serves 128 callers
    assert told.count("member") == 40
    for each in (*callers, *members):
        each.close()


async def test_the_last_socket_leaves_the_loop_and_the_next_one_joins_it() -> None:
    reactor, told = Reactor(asyncio.get_running_loop()), list[str]()
    for ahead in (True, False, True):
        each = Reading(reactor, "again", told, ahead=ahead)
        each.far.send(b"1")
        await until(told, 1)
        each.close()
        told.clear()


class Waiting:
    """Expires unless what it waits for was read."""

    def __init__(self, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        self.expired = 0

    def expire(self) -> None:
        self.expired += 1
        self.deadline_s = NEVER


async def test_after_a_stall_nobody_is_late_before_what_came_meanwhile_was_read() -> None:
    loop = asyncio.get_running_loop()
    reactor, told, deadlines = Reactor(loop), list[str](), Deadlines(loop, 0.05)
    answered, silent = Waiting(loop.time() + 0.2), Waiting(loop.time() + 0.2)
    sockets = [Reading(reactor, "other", told, ahead=True) for _ in range(200)]
    for waiting in (answered, silent):
        deadlines.watch(waiting)
    deadlines.start()

    class Answer(Reading):
        def ready(self, events: int) -> None:
            super().ready(events)
            answered.deadline_s = NEVER

    sockets.append(Answer(reactor, "answer", told, ahead=True))  # not in the first step
    time.sleep(1.0)  # noqa: ASYNC251 - the process does not run; answers come meanwhile
    for each in sockets:
        each.far.send(b"1")
    await until(told, 201)
    async with asyncio.timeout(20):
        while not silent.expired:
            await asyncio.sleep(0.01)
    assert (answered.expired, silent.expired) == (0, 1)
    deadlines.stop()
    for each in sockets:
        each.close()
