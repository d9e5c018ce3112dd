"""A small alliance for the money tests: an operator, two members, a partner, products and plans.

Parties and shelf are written to their tables directly: what is tested here begins with records.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import insert

from seals import KEYS, seal_all
from weir.app.jobs import works_of
from weir.client.pricing import per_call
from weir.jobs.runner import Works
from weir.kernel import identifiers
from weir.metering.lake import manifest
from weir.metering.lake.ingest import IngestCounts, ingest
from weir.metering.lake.lake import Lake
from weir.metering.records.records import CallRecord
from weir.metering.records.writer import RecordWriter
from weir.partners.tables import applications, organisations
from weir.settlement.periods.periods import interval
from weir.shelf.tables import plans, products
from weir.store.database import Database
from weir.store.unit import Actor

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NOVEMBER_US = 1_793_836_800_000_000  # 2026-11-05T00:00:00Z


def _around(now: datetime) -> str:
    """Two days with now in the middle, as a period."""
    return interval(now - timedelta(days=1), now + timedelta(days=1))


def mint(prefix: str) -> str:
    return identifiers.mint(prefix, time.time_ns() // 1_000_000, os.urandom(10))


@dataclass
class World:
    """The parties' identifiers, the records folder and the lake."""

    database: Database
    records: Path
    lake: Lake
    operator: str = field(default_factory=lambda: mint("org"))
    bank: str = field(default_factory=lambda: mint("org"))
    insurer: str = field(default_factory=lambda: mint("org"))
    partner: str = field(default_factory=lambda: mint("org"))
    application: str = field(default_factory=lambda: mint("app"))
    accounts: str = field(default_factory=lambda: mint("prd"))
    policies: str = field(default_factory=lambda: mint("prd"))
    accounts_plan: str = field(default_factory=lambda: mint("pln"))
    policies_plan: str = field(default_factory=lambda: mint("pln"))
    period: str = field(default_factory=lambda: _around(datetime.now(UTC)))

    @property
    def outbox(self) -> Path:
        return self.records.parent / "instructions"

    @property
    def works(self) -> Works:
        """What a worker of this world closes with."""
        return works_of(self.database, self.lake, self.outbox, "release-of-the-test")

    def actor(self, organisation: str) -> Actor:
        return Actor(organisation, "usr_of_the_test")

    def record(self, **fields: Any) -> CallRecord:
        """A billable call of the partner to the bank's product, unless told otherwise."""
        given: dict[str, Any] = {
            "at_us": NOVEMBER_US,
            "duration_us": 900,
            "interaction_id": str(uuid4()),
            "application": self.application,
            "organisation": self.partner,
            "product": self.accounts,
            "plan": self.accounts_plan,
            "member": self.bank,
            "method": "GET",
            "status": 200,
        }
        return CallRecord(**(given | fields))

    def write(self, *segments: Iterable[CallRecord]) -> str:
        """A sealed stream of these segments."""
        writer = RecordWriter.open(self.records, mint("str"))
        for records in segments:
            for each in records:
                writer.write(each)
            writer.seal()
        writer.close()
        assert seal_all(self.records).findings == []
        return writer.stream

    async def files(self) -> list[str]:
        """The files of the lake that are to be read."""
        async with self.database.connect() as connection:
            return await manifest.list_files(connection)

    async def ingest(self, lake: Lake | None = None) -> IngestCounts:
        """Seal what is there and bring it into the lake."""
        await asyncio.to_thread(seal_all, self.records)
        return await ingest(self.database, self.records, lake or self.lake, KEYS)


async def found_alliance(database: Database, folder: Path) -> World:
    """The world, in an empty database and folder."""
    (folder / "records").mkdir()
    world = World(database, folder / "records", Lake(str(folder / "lake")))
    async with database.unit(world.actor(world.operator)) as unit:
        await unit.connection.execute(insert(organisations), _organisations(world))
        await unit.connection.execute(insert(applications), [_application(world)])
        await unit.connection.execute(insert(products), _products(world))
        await unit.connection.execute(insert(plans), _plans(world))
    return world


def _organisations(world: World) -> list[dict[str, Any]]:
    parties = [
        (world.operator, "operator", "estuary", None, None),
        (world.bank, "member", "river-bank", None, "bank"),
        (world.insurer, "member", "lake-insurance", None, "insurer"),
        (world.partner, "partner", "market", "internet-platform", None),
    ]
    return [
        {
            "id": identifier,
            "kind": kind,
            "slug": slug,
            "name_en": slug,
            "name_zh": slug,
            "partner_class": partner_class,
            "licence_kind": licence_kind,
            "status": "active",
            "admitted_at": NOW,
            "admitted_by": "usr_of_the_test",
            "changed_at": NOW,
        }
        for identifier, kind, slug, partner_class, licence_kind in parties
    ]


def _application(world: World) -> dict[str, Any]:
    return {
        "id": world.application,
        "organisation": world.partner,
        "name": "Market",
        "token_endpoint_auth_method": "tls_client_auth",
        "jwks": {"keys": []},
        "redirect_uris": [],
        "roles": [],
        "status": "active",
        "registered_at": NOW,
        "changed_at": NOW,
    }


def _products(world: World) -> list[dict[str, Any]]:
    return [
        {
            "id": identifier,
            "owner": owner,
            "owner_slug": owner_slug,
            "slug": slug,
            "version": 1,
            "direction": "go-out",
            "title_en": slug,
            "title_zh": slug,
            "description": "",
            "status": "published",
            "drafted_at": NOW,
            "published_at": NOW,
        }
        for identifier, owner, owner_slug, slug in [
            (world.accounts, world.bank, "river-bank", "accounts"),
            (world.policies, world.insurer, "lake-insurance", "policies"),
        ]
    ]


def _plans(world: World) -> list[dict[str, Any]]:
    return [
        {
            "id": identifier,
            "product": product,
            "name": "Standard",
            "currency": "CNY",
            "pricing": per_call(price),
            "auto_approve": True,
            "status": "offered",
            "offered_at": NOW,
        }
        for identifier, product, price in [
            (world.accounts_plan, world.accounts, "0.015"),
            (world.policies_plan, world.policies, "0.2"),
        ]
    ]
