"""Comparison of all sides: records, institutions' logs, the statement, the audit chain."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from weir.app.settings import Settings
from weir.client.management.requests import collect
from weir.metering.lake import queries
from weir.metering.lake.lake import Lake
from weir.settlement.statements.verification import RecordsFolder, Verification, verify
from weir_demo.cast import CURRENCY
from weir_demo.stage import Member, Stage

_INGEST_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.25
_LOG_DELAY_S: Final = 0.4  # institutions log their answers every tenth of a second
_ROWS: Final = 1_000

# The calls that each member answered, as the gateways recorded them.
_BY_MEMBER: Final = """
    SELECT member, interaction_id FROM calls WHERE refusal IS NULL AND member IS NOT NULL
"""


async def count(stage: Stage) -> None:
    """Compare the caller's own count with the records, and those with the institutions' logs."""
    tally = stage.tally
    lake = _lake(stage)
    expected = len(set(tally.interactions))
    files = await _await_ingest(stage, lake, expected)
    compared = await asyncio.to_thread(queries.compare, lake, files, tally.interactions)
    stage.figures.records = {
        "expected": expected,
        "of_nobody": (tally.refused - tally.recorded_refusals).total(),
        "stored": compared.stored,
        "missing": compared.missing,
        "duplicated": compared.duplicated + len(tally.interactions) - expected,
        "in_the_lake": await asyncio.to_thread(queries.count_records, lake, files),
        "refusals_that_differ": await _refusals_that_differ(stage),
    }
    await _compare_institutions(stage, lake, files)


async def _refusals_that_differ(stage: Stage) -> int:
    """Return the number of refusals that the management API counts otherwise than the callers."""
    stored: Counter[str] = Counter()
    async for row in stage.operating.records.count():
        if row["refusal"] is not None:
            stored[row["refusal"]] += row["calls"]
    own = stage.tally.recorded_refusals
    return sum(stored[code] != own[code] for code in stored.keys() | own.keys())


async def _compare_institutions(stage: Stage, lake: Lake, files: list[str]) -> None:
    """Compare three sides: callers' answers, gateways' records and institutions' logs."""
    recorded = await asyncio.to_thread(queries.ask, lake, files, _BY_MEMBER)
    organisations = {member.organisation: slug for slug, member in stage.providers.items()}
    by_slug: dict[str, set[str]] = {slug: set() for slug in stage.providers}
    for organisation, interaction in recorded:
        by_slug[organisations[organisation]].add(interaction)
    for slug, member in stage.providers.items():
        logged = await _logged(member)
        stage.figures.institutions[slug] = {
            "callers": len(stage.tally.answered_by.get(slug, set())),
            "records": len(by_slug[slug]),
            "own_log": len(logged),
        }


async def _await_ingest(stage: Stage, lake: Lake, expected: int) -> list[str]:
    """Wait until the lake holds `expected` records; return the files that hold them.

    After _INGEST_TIMEOUT_S it returns the files there are.
    """
    deadline = time.monotonic() + _INGEST_TIMEOUT_S
    while True:
        files = await collect(stage.operating.records.files())
        held = await asyncio.to_thread(queries.count_records, lake, files)
        if held >= expected or time.monotonic() > deadline:
            return files
        await asyncio.sleep(_POLL_S)


async def _logged(member: Member) -> set[str]:
    """Return the interaction identifiers in an institution's own log of answers to partners."""
    await asyncio.sleep(_LOG_DELAY_S)
    interactions: set[str] = set()
    after = 0
    while True:
        answer = await member.staff.send(
            "GET",
            f"{member.running.url}/directory/answers",
            params={"after_id": str(after), "limit": str(_ROWS)},
        )
        rows = answer.object()["answers"]
        interactions |= {row["interaction_id"] for row in rows if row["interaction_id"]}
        if not rows:
            return interactions
        after = rows[-1]["id"]


async def close(stage: Stage) -> None:
    """Close the period of the story and read the operator's statement, which has every line."""
    assert stage.opened_at is not None
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    await asyncio.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()) + 0.05)
    period = "/".join(f"{end:%Y-%m-%dT%H:%M:%SZ}" for end in (stage.opened_at, until))
    closed = await stage.operating.closings.close(period, CURRENCY)
    document = await stage.operating.statements.get(
        closed["statements"][stage.operator_organisation]
    )
    found = await asyncio.to_thread(verify, document, RecordsFolder(_records(stage)))
    brought = {member.organisation for member in stage.brought_in.values()}
    stage.figures.statement = _statement_figures(document, found, brought)


def _statement_figures(
    document: dict[str, Any], found: Verification, brought: set[str]
) -> dict[str, Any]:
    """Return the statement's figures; amounts are in minor units.

    `brought` are the identifiers of partners whose services members use.
    """
    brought_in = [line for line in document["lines"] if line["member"] in brought]
    return {
        "statement": document["statement"],
        "period": document["period"],
        "currency": document["currency"],
        "calls": sum(line["calls"] for line in document["lines"]),
        "billable_calls": sum(line["billable_calls"] for line in document["lines"]),
        "gross_minor": document["gross_minor"],
        "brought_in_calls": sum(line["billable_calls"] for line in brought_in),
        "brought_in_minor": sum(line["gross_minor"] for line in brought_in),
        "shares": document["shares"],
        "sum_of_shares_minor": sum(share["amount_minor"] for share in document["shares"]),
        "verified_offline": found.holds,
        "difference": found.difference,
    }


async def audit(stage: Stage) -> None:
    """Verify every audit chain."""
    report = await stage.operating.audit.verify()
    stage.figures.audit = {"verified": report["intact"], "chains": report["chains"]}


def _lake(stage: Stage) -> Lake:
    settings: Settings = stage.installation.settings
    return Lake(settings.lake_url or stage.installation.home.folder("lake").as_uri())


def _records(stage: Stage) -> Any:
    return stage.installation.home.folder("records")
