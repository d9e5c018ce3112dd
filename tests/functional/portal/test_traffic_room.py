"""The traffic room: the figures of the management API, each party's own, drawn by the server."""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from consent_world import World
from staff_world import join

from seals import KEYS, seal_all
from weir.kernel import identifiers
from weir.metering.lake.ingest import ingest
from weir.metering.lake.lake import Lake
from weir.metering.records.records import CallRecord
from weir.metering.records.writer import RecordWriter


async def called(world: World, folder: Path) -> None:
    """Three calls of the shop to the bank, one of them refused, and one between others."""
    writer = RecordWriter.open(
        folder / "records", identifiers.mint("str", time.time_ns() // 1_000_000, os.urandom(10))
    )
    ours = {"organisation": world.shop.id, "member": world.bank.id, "scene": "checkout"}
    refused = {"status": 429, "refusal": "rate_exceeded", "fault": "caller"}
    for given in (ours, ours, ours | refused, {"organisation": "org_1", "scene": "<b>lottery"}):
        said: dict[str, Any] = {"status": 200, "interaction_id": str(uuid4()), "method": "GET"}
        writer.write(CallRecord(at_us=time.time_ns() // 1_000, duration_us=2_000, **(said | given)))
    writer.close()
    await asyncio.to_thread(seal_all, folder / "records")
    lake = Lake((folder / "lake").as_uri())
    report = await ingest(world.services.database, folder / "records", lake, KEYS)
    assert report.records == 4


async def test_a_party_counts_its_own_calls_and_narrows_them(
    world: World, portal_app: Any, folder: Path
) -> None:
    await called(world, folder)
    person = await join(world, portal_app, world.shop.id, "partner", "auditor")

    async def page(query: str) -> str:
        answer = await person.browser.http.get(f"/desk/traffic?{query}")
        return f"{answer.status_code} {answer.text}"

    by_scene = await page("by=scene")
    assert "checkout" in by_scene
    assert "lottery" not in by_scene
    assert '<td class="figure" data-label="Calls">3</td>' in by_scene
    assert by_scene.count("<rect") == 7 + 1  # a column a day, and one bar
    assert "style=" not in by_scene
    assert re.search(r"\d\.\d ms", by_scene)
    assert re.search(r"\d\.\d\d", by_scene.partition("<main")[2]) is None  # no digits of floats
    narrowed = await page("by=member&status=429")
    assert '<td class="figure" data-label="Calls">1</td>' in narrowed
    assert "River Bank" in narrowed
    assert "按八分之一倍程" in await page("lang=zh-Hans")
    for query in ("by=consent", "since=yesterday", "since=2026-13-01", "until=0001-01-01"):
        assert (await page(f"lang=en&{query}")).startswith("422 ")
    odd = await page("since=2020-01-01&until=2020-01-02&scene=%27%22%3C")
    assert "No calls in this time." in odd
    assert "'\"<" not in odd
