"""The alliance behind the generated day: parties, products, prices, agreements, segments."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
from sqlalchemy import insert, text

from bench import generated_day
from weir.agreements.tables import agreements
from weir.app.jobs import works_of
from weir.audit.chain import AuditJournal
from weir.kernel.clock import SystemClock
from weir.metering.lake.lake import Lake
from weir.partners.tables import organisations
from weir.settlement.closing.requests import close
from weir.settlement.periods.periods import interval
from weir.settlement.statements import statements
from weir.shelf.tables import plans, products
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.unit import Actor

_OPERATOR = "org_" + "0" * 26
_PRODUCTS = 60
_PARTNERS = 134
_DAY = datetime.fromisoformat(generated_day.DAY).replace(tzinfo=UTC)
_SINCE = _DAY - timedelta(days=30)
# A quarter of the plans ask for more than the number of calls.
_TIERS = {
    "kind": "tiered",
    "tiers": [{"up_to": 100_000, "price": "0.02"}, {"up_to": None, "price": "0.01"}],
}
_VALUE = {"kind": "value", "rate": "0.001", "floor": "0.1", "cap": "50"}
_HOURS = {
    "kind": "hours",
    "utc_offset_hours": 8,
    "bands": [{"since": 8, "price": "0.02"}, {"since": 22, "price": "0.01"}],
}
_PRICES = [_TIERS, {"kind": "per_call", "price": "0.015"}] * 3 + [_VALUE, _HOURS]
_SHARES = [
    {"party": "member", "weight": 7_000},
    {"party": "operator", "weight": 2_500},
    {"party": "partner", "weight": 500},
]


def _named(prefix: str, number: int) -> str:
    return f"{prefix}_01k9v7p8r3e5xa2m4n6q8s{number:04d}"


def fill(url: str, valkey_url: str, files: Sequence[str], hours: Sequence[int]) -> None:
    """Fill in all that is there before the day is closed."""
    asyncio.run(_fill(url, valkey_url, files, hours))


async def _fill(url: str, valkey_url: str, files: Sequence[str], hours: Sequence[int]) -> None:
    database = _database(url, valkey_url)
    async with database.unit(Actor(_OPERATOR, "bench")) as unit:
        await unit.connection.execute(insert(organisations), _organisations())
        await unit.connection.execute(insert(products), [_product(n) for n in range(_PRODUCTS)])
        await unit.connection.execute(insert(plans), [_plan(n) for n in range(_PRODUCTS)])
        await unit.connection.execute(insert(agreements), [_agreement(n) for n in range(_PRODUCTS)])
        for file, hour in zip(files, hours, strict=True):
            await unit.connection.execute(_SEGMENTS, _segments_of(file, hour))
    await database.close()


# Eight gateways seal twice a second; the files are those of the whole hour, as after compaction.
_SEGMENTS = text(
    """
    INSERT INTO segments (stream, segment, first_number, last_number, records, sha256,
                          previous_sha256, first_at, last_at, files, ingested_at, state, seal, leaf)
    SELECT 'str_01k9v7p8r3e5xa2m4n6q8s' || lpad(gateway::text, 4, '0'), :first + part, 1, 1,
           CASE WHEN gateway = 0 AND part = 1 THEN :records ELSE 0 END,
           md5(part::text) || md5(gateway::text), md5((part - 1)::text) || md5(gateway::text),
           :since + (part - 1) * interval '0.5 second', :since + part * interval '0.5 second',
           CAST(:files AS jsonb), now(), 'sealed', '{}', (:first + part) * 8 + gateway
      FROM generate_series(0, 7) AS gateway, generate_series(1, 7200) AS part
    """
)


def _segments_of(file: str, hour: int) -> dict[str, Any]:
    relative = file[len(str(generated_day.FOLDER)) + 1 :]
    return {
        "first": hour * 7_200,
        "records": generated_day.counts()[hour],
        "since": _DAY + timedelta(hours=hour),
        "files": f'["{relative}"]',
    }


def close_day(url: str, valkey_url: str) -> int:
    """Close the day; how many lines its statement has."""
    return asyncio.run(_close_day(url, valkey_url))


async def _close_day(url: str, valkey_url: str) -> int:
    database = _database(url, valkey_url)
    lake = Lake(generated_day.FOLDER.as_uri())
    period = interval(_DAY, _DAY + timedelta(days=1))
    actor = Actor(_OPERATOR, "bench")
    works = works_of(database, lake, generated_day.FOLDER / "instructions", "bench")
    closed = await close(works, actor, period=period, currency="CNY")
    async with database.connect() as connection:
        held = await statements.document(connection, closed.statements[_OPERATOR], _OPERATOR)
    await database.close()
    return len(held["lines"])


def aggregate(question: str, files: Sequence[str]) -> int:
    """Ask DuckDB alone the same of the same files."""
    with duckdb.connect(":memory:") as connection:
        connection.read_parquet(list(files)).create_view("calls")
        return len(connection.execute(question).fetchall())


def _database(url: str, valkey_url: str) -> Database:
    journal = AuditJournal(bytes(32))
    return Database(url, clock=SystemClock(), journal=journal, cache=Cache(valkey_url))


def _organisations() -> list[dict[str, Any]]:
    members = [_named("org", 900 + number) for number in range(_PRODUCTS // 2)]
    partners = [_named("org", number) for number in range(_PARTNERS)]
    kinds: list[tuple[str, str, str | None, str | None]] = [(_OPERATOR, "operator", None, None)]
    kinds += [(each, "member", None, "bank") for each in members]
    kinds += [(each, "partner", "software_vendor", None) for each in partners]
    return [
        {
            "id": identifier,
            "kind": kind,
            "slug": f"{kind}-{number}",
            "name_en": identifier,
            "name_zh": identifier,
            "partner_class": partner_class,
            "licence_kind": licence_kind,
            "status": "active",
            "admitted_at": _SINCE,
            "admitted_by": _OPERATOR,
            "changed_at": _SINCE,
        }
        for number, (identifier, kind, partner_class, licence_kind) in enumerate(kinds)
    ]


def _product(number: int) -> dict[str, Any]:
    owner = 900 + number // 2
    return {
        "id": _named("prd", number),
        "owner": _named("org", owner),
        "owner_slug": f"member-{owner}",
        "slug": f"product-{number}",
        "version": 1,
        "direction": "go-out",
        "title_en": f"Product {number}",
        "title_zh": f"产品 {number}",
        "description": "",
        "status": "published",
        "drafted_at": _SINCE,
        "published_at": _SINCE,
    }


def _plan(number: int) -> dict[str, Any]:
    return {
        "id": _named("pln", number),
        "product": _named("prd", number),
        "name": "Standard",
        "currency": "CNY",
        "pricing": {"components": [_PRICES[number % len(_PRICES)]]},
        "auto_approve": True,
        "status": "offered",
        "offered_at": _SINCE,
    }


def _agreement(number: int) -> dict[str, Any]:
    return {
        "id": _named("agr", number),
        "product": _named("prd", number),
        "owner": _named("org", 900 + number // 2),
        "version": 1,
        "currency": "CNY",
        "shares": _SHARES,
        "billable": "succeeded",
        "rounding": "half_even",
        "needed": [],
        "proposed_by": _OPERATOR,
        "proposed_at": _SINCE,
        "effective_from": _SINCE,
        "effective_at": _SINCE,
    }
