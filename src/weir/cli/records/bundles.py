"""Bundles for offline verification, fetched over the management API."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from weir.client.errors import RefusedError
from weir.client.management.management import Management
from weir.kernel.seals import Seal
from weir.metering.records import bundles
from weir.metering.records.records import FINISHED_SUFFIX, segment_path
from weir.metering.records.segments import PRUNED_SUFFIX, SEAL_SUFFIX
from weir.settlement.statements import party_bundles


async def fetch(management: Management, folder: Path, authority: Path) -> tuple[int, int]:
    """Write the bundle into a new folder; return the numbers of its seals and of its segments.

    Only the operator may fetch the lines of segments. Other parties get keys, seals and roots, and
    add their own log and receipts.
    """
    _make(folder, authority)
    keys = await management.seals.keys()
    _write(folder / bundles.KEYS, list(keys.values()))
    _write(folder / bundles.EXPIRIES, [each async for each in management.expiries.list()])
    _write(folder / bundles.ROOTS, [each async for each in management.roots.list()])
    seals = [msgspec.convert(each, Seal) async for each in management.seals.list()]
    lines = b"".join(msgspec.json.encode(seal) + b"\n" for seal in seals)
    (folder / bundles.SEALS).write_bytes(lines)
    return len(seals), await _segments(management, folder / bundles.RECORDS, seals)


async def fetch_statement(
    management: Management, statement: str, folder: Path, authority: Path
) -> int:
    """Write the bundle of one statement; return how many calls it holds.

    An agreement that the party is not part of is left out.
    """
    await fetch(management, folder, authority)
    document = await management.statements.get(statement)
    used = document["inputs"]
    _write(folder / party_bundles.STATEMENT, document)
    agreements = [await _agreement(management, each["agreement"]) for each in used["agreements"]]
    _write(folder / party_bundles.AGREEMENTS, [each for each in agreements if each is not None])
    products = sorted({each["product"] for each in used["plans"]})
    plans = [each for product in products async for each in management.plans.list(product)]
    _write(folder / party_bundles.PLANS, plans)
    wanted = {each["id"] for each in used.get("rates", [])}
    rates = [each async for each in management.exchange_rates.list() if each["id"] in wanted]
    _write(folder / party_bundles.RATES, rates)
    return await _calls(management, document, folder / party_bundles.CALLS)


async def _agreement(management: Management, agreement: str) -> dict[str, Any] | None:
    """Return an agreement, or None when the party may not see it."""
    try:
        return await management.agreements.get(agreement)
    except RefusedError as refused:
        if refused.code == "not_found":
            return None
        raise


async def _calls(management: Management, document: dict[str, Any], path: Path) -> int:
    """Write the calls behind every line of a statement, a line each; return how many."""
    written = 0
    with path.open("wb") as file:
        for number in range(1, len(document["lines"]) + 1):
            async for call in management.statements.calls(document["statement"], number):
                file.write(msgspec.json.encode({"line": number, **call}) + b"\n")
                written += 1
    return written


async def _segments(management: Management, folder: Path, seals: list[Seal]) -> int:
    """Write the segments of seals; return how many, 0 for a party that may not fetch them."""
    fetched = 0
    for seal in seals:
        try:
            raw = await management.segments.get(seal.stream, seal.segment)
        except RefusedError as refused:
            if refused.code == "forbidden":
                return 0
            raise
        _keep(folder, seal, raw)
        if raw.count(b"\n") < seal.records:
            pruned = [each async for each in management.segments.pruned(seal.stream, seal.segment)]
            _write(segment_path(folder, seal.stream, seal.segment, PRUNED_SUFFIX), pruned)
        fetched += 1
    return fetched


def _make(folder: Path, authority: Path) -> None:
    for name in (bundles.LOGS, bundles.RECEIPTS):
        (folder / name).mkdir(parents=True)
    shutil.copy(authority, folder / bundles.AUTHORITY)


def _keep(folder: Path, seal: Seal, raw: bytes) -> None:
    (folder / seal.stream).mkdir(parents=True, exist_ok=True)
    place = (folder, seal.stream, seal.segment)
    segment_path(*place, FINISHED_SUFFIX).write_bytes(raw)
    _write(segment_path(*place, SEAL_SUFFIX), seal)


def _write(path: Path, value: Any) -> None:
    path.write_bytes(msgspec.json.encode(value))
