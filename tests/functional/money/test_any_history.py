"""Whatever happens, in whatever order: books balance, each call is billed once, statements hold."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from money_world import World
from sqlalchemy import select, update
from test_agreements import accept as sign
from test_agreements import counter, propose
from test_closing import balances, bring, close, now_us
from test_plan_changes import change, subscribe
from test_reopenings import reopen
from test_settlement import pay, settle

from weir.kernel.outcomes import Refusal
from weir.metering.records.records import CallRecord
from weir.settlement.closing import closing
from weir.settlement.statements.line_calls import list_calls
from weir.settlement.statements.verification import verify
from weir.settlement.tables import closings, statements
from weir.shelf.tables import plans

SPLIT = [{"party": "member", "weight": 8_000}, {"party": "operator", "weight": 2_000}]


def tier(up_to: int | None, price: str) -> dict[str, Any]:
    return {"up_to": up_to, "price": price}


def band(since: int, price: str) -> dict[str, Any]:
    return {"since": since, "price": price}


EXTRAS: list[dict[str, Any]] = [
    {"party": "partner", "fixed": "0.003", "per": "call", "scene": "checkout"},
    {"party": "partner", "fixed": "0.5", "per": "customer", "days": 1},
    {"party": "operator", "fixed": "0.002", "per": "call"},
    {"party": "member", "minimum": "40", "paid_by": "operator"},
]


# What the calls of a history are priced by.
PRICINGS: list[list[dict[str, Any]]] = [
    [
        {"kind": "tiered", "tiers": [tier(30, "0.07"), tier(None, "0.03")]},
        {"kind": "value", "rate": "0.0061", "floor": "0.02", "cap": "1.5"},
    ],
    [
        {"kind": "volume", "tiers": [tier(60, "0.05"), tier(None, "0.02")]},
        {"kind": "fixed", "price": "31.07"},
    ],
    [
        {"kind": "hours", "utc_offset_hours": 8, "bands": [band(0, "0.01"), band(9, "0.033")]},
        {"kind": "package", "price": "20", "calls": 50, "overage": "0.011"},
    ],
    [{"kind": "per_call", "price": "0.015"}],
]


class CrashError(Exception):
    """The process dies here."""


class History:
    """A random history of one alliance; `made` are the calls there are to be billed."""

    def __init__(self, world: World, seed: int, patch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.dice = Random(seed)
        self.patch = patch
        self.made: list[CallRecord] = []

    async def begin(self) -> None:
        """The plan that calls are made under, with a tax or without, and somebody who took it."""
        pricing: dict[str, Any] = {"components": self.dice.choice(PRICINGS)}
        if self.dice.random() < 0.5:
            pricing["tax"] = {"name": "VAT", "rate": "0.06"}
        own = plans.c.id == self.world.accounts_plan
        async with self.world.database.unit(self.world.actor(self.world.bank)) as unit:
            await unit.connection.execute(update(plans).where(own).values(pricing=pricing))
        await subscribe(self.world)

    async def call(self) -> None:
        at_us = now_us(self.world)
        statuses = [200, 200, 200, 404, 502]
        records = [
            self.world.record(
                at_us=at_us + n,
                status=self.dice.choice(statuses),
                scene=self.dice.choice(["checkout", None]),
                consent=self.dice.choice(["cns_1", "cns_2", None]),
                amount_minor=self.dice.choice([None, 1, 99_999, 10**9]),
                currency=self.dice.choice(["CNY", "CNY", "USD"]),
            )
            for n in range(self.dice.randint(1, 40))
        ]
        self.made += records
        await bring(self.world, *records)

    async def agree(self) -> None:
        """A proposal, perhaps countered, signed by both."""
        extras = self.dice.sample(EXTRAS, self.dice.randint(0, 3))
        made = await propose(self.world, self.world.operator, shares=[*SPLIT, *extras])
        if self.dice.random() < 0.5:
            billable = self.dice.choice(["succeeded", "answered"])
            shares = [*SPLIT, *extras[:1]]
            made = await counter(
                self.world, self.world.bank, made, shares=shares, billable=billable
            )
            await sign(self.world, self.world.operator, made)
        else:
            await sign(self.world, self.world.bank, made)

    async def reprice(self) -> None:
        at = self.world.database.clock.now()
        price = {"kind": "per_call", "price": f"0.0{self.dice.randint(1, 9)}"}
        await change(self.world, at.replace(year=at.year + 1), {"components": [price]})

    async def close(self) -> None:
        await close(self.world, self.world.period)

    async def crash(self) -> None:
        """The closing dies when its statements are written; the retry is a later closing."""
        with self.patch.context() as broken:

            async def dies(*_: Any) -> None:
                raise CrashError

            broken.setattr(closing, "_write_statements", dies)
            with suppress(CrashError):  # which there is none of when nothing is to be written
                await close(self.world, self.world.period)

    async def reopen(self) -> None:
        await reopen(self.world)

    async def settle(self) -> None:
        await pay(self.world, await settle(self.world))


STEPS = ("call", "call", "agree", "close", "close", "crash", "reopen", "settle")


@pytest.mark.parametrize("seed", [2, 3, 5])
async def test_any_history_balances_and_bills_each_call_once(
    world: World, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    history = History(world, seed, monkeypatch)
    await history.begin()
    await history.reprice()
    for _ in range(9):
        assert await _try(history, history.dice.choice(STEPS)) in (None, "illegal_state")
        assert sum(m.amount_minor for (m,) in (await balances(world)).values()) == 0
    await history.call()
    while (await close(world, world.period)).is_new:
        pass  # a closing that had died is finished first, and what came since is in the next
    await _each_call_is_billed_once(world, history.made)
    await _every_statement_holds(world)


async def _try(history: History, step: str) -> str | None:
    """The refusal when there is nothing to re-open or settle just now."""
    try:
        await getattr(history, step)()
    except Refusal as refusal:
        return refusal.outcome.code
    return None


async def _each_call_is_billed_once(world: World, made: list[CallRecord]) -> None:
    """Over the closings that count, the lines' own calls are the calls there are."""
    billed: Counter[str] = Counter()
    async with world.database.connect() as connection:
        rows = await connection.execute(
            select(statements.c.id)
            .join(closings, closings.c.id == statements.c.closing)
            .where(closings.c.reopening.is_(None), statements.c.party == world.operator)
        )
        live = list(rows.scalars())
    for name in live:
        document = await _document(world, name)
        for number, line in enumerate(document["lines"], start=1):
            if line["calls"]:
                found = await list_calls(world.database, world.lake, name, number, world.operator)
                billed.update(each.interaction_id for each in found)
    assert billed == Counter({record.interaction_id: 1 for record in made})


async def _document(world: World, name: str) -> dict[str, Any]:
    async with world.database.connect() as connection:
        found = await connection.scalar(
            select(statements.c.document).where(statements.c.id == name)
        )
    assert isinstance(found, dict)
    return found


async def _every_statement_holds(world: World) -> None:
    async with world.database.connect() as connection:
        rows = await connection.execute(select(statements.c.id, statements.c.document))
        held = [(row.id, row.document) for row in rows]
    for name, document in held:
        assert verify(document, world.lake).difference is None, name
        for line in document["lines"]:
            shares = sum(share["amount_minor"] for share in line["shares"])
            assert shares == line["gross_minor"] + line["tax_minor"]
