"""Refusals of a rate come late, so many at a time, and all other answers at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from weir.app.declares import LATE_REFUSALS
from weir.app.late_refusals import LateRefusals

pytestmark = pytest.mark.asyncio


async def ask(application: LateRefusals, status: int) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await application({"status": status}, None, send)
    return sent


async def answer(scope: Any, _: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": scope["status"]})
    await send({"type": "http.response.body"})


async def test_refusals_of_a_rate_wait_and_others_do_not() -> None:
    application = LateRefusals(answer, late_s=3_600)
    late = [asyncio.create_task(ask(application, 429)) for _ in range(LATE_REFUSALS)]
    for status in (200, 303, 401, 503):
        assert len(await ask(application, status)) == 2
    await asyncio.sleep(0)
    assert application.waiting == LATE_REFUSALS
    assert not any(each.done() for each in late)
    for each in late:
        each.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    assert application.waiting == 0


async def test_more_than_may_wait_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.app.late_refusals.LATE_REFUSALS", 5)
    application = LateRefusals(answer, late_s=3_600)
    flood = [asyncio.create_task(ask(application, 429)) for _ in range(500)]
    done, late = await _settled(flood)
    assert (len(done), len(late)) == (495, 5)
    for each in late:
        each.cancel()
    await asyncio.gather(*late, return_exceptions=True)


async def _settled(tasks: list[asyncio.Task[Any]]) -> tuple[list[Any], list[Any]]:
    for _ in range(5):
        await asyncio.sleep(0)
    return [each for each in tasks if each.done()], [each for each in tasks if not each.done()]


async def test_the_answer_comes_whole_after_its_time() -> None:
    sent = await ask(LateRefusals(answer, late_s=0.001), 429)
    assert [each["type"] for each in sent] == ["http.response.start", "http.response.body"]
