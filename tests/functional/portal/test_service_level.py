"""How a product is served, as its page says it: measured from the call records, and the same as
its owner and the operator count.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from consent_world import Browser, World
from staff_world import join

from seals import KEYS, seal_all
from waits import PATIENCE_S
from weir.kernel import identifiers
from weir.metering.lake.ingest import ingest
from weir.metering.lake.lake import Lake
from weir.metering.records.records import CallRecord
from weir.metering.records.writer import RecordWriter
from weir.shelf import products

# Six answers, one that the caller is to blame for, and one that the institution failed to give.
STATUSES = (200, 200, 200, 200, 200, 200, 404, 502)
PAGE = "/shelf/river-bank/accounts?lang=en"


async def page_that_says(browser: Browser, words: str) -> str:
    """The product's page, once the figures it shows are those."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        page = (await browser.get(PAGE)).text
        if words in page:
            return page
        assert time.monotonic() < deadline, page
        await asyncio.sleep(0.05)


async def called(world: World, folder: Path, product: str) -> None:
    writer = RecordWriter.open(
        folder / "records", identifiers.mint("str", time.time_ns() // 1_000_000, os.urandom(10))
    )
    for place, status in enumerate(STATUSES, start=1):
        writer.write(
            CallRecord(
                at_us=time.time_ns() // 1_000,
                duration_us=place * 1_000,
                organisation=world.shop.id,
                member=world.bank.id,
                product=product,
                status=status,
                interaction_id=str(uuid4()),
                method="GET",
            )
        )
    writer.close()
    await asyncio.to_thread(seal_all, folder / "records")
    lake = Lake((folder / "lake").as_uri())
    await ingest(world.services.database, folder / "records", lake, KEYS)


async def test_the_page_shows_what_was_measured_and_so_does_the_owners(
    world: World, portal_app: object, portal_browser: Browser, folder: Path
) -> None:
    await page_that_says(portal_browser, "Nobody called it in the last 7 days")
    operator = await world.organisation_of("operator")
    readers = [
        await join(world, portal_app, world.bank.id, "member", "auditor"),
        await join(world, portal_app, operator, "operator", "auditor"),
    ]
    async with world.services.database.connect() as connection:
        (accounts, *_) = await products.find_by_scope(connection, "river-bank.accounts")
    await called(world, folder, accounts.id)
    world.clock.ahead += timedelta(minutes=6)  # figures are measured anew after five
    page = await page_that_says(portal_browser, "Measured calls")
    assert '87.50<span class="unit">%</span>' in page
    assert "Not a promise." in page
    measured = re.findall(r"<dd>([\d.]+) ms</dd>", page)
    assert len(measured) == 2
    assert "<dt>Measured calls</dt><dd>8</dd>" in page
    for person in readers:
        counted = (await person.get("/desk/traffic?by=product")).text
        figures = re.findall(r'data-label="(Calls|Half|95%)[^"]*">([\d.]+)<', counted)
        assert figures == [("Calls", "8"), ("Half", measured[0]), ("95%", measured[1])]
        await person.browser.close()
