"""Steps of closing jobs, by name: each does its part of a closing and keeps its result in the row.

Payment messages leave the platform, each under an identifier of its own (`weir.jobs.outbox`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select, update

from weir.jobs.jobs import Job
from weir.jobs.outbox import hand_over
from weir.jobs.runner import Step
from weir.kernel.declares import CONFLICT, ILLEGAL_STATE
from weir.kernel.outcomes import Refusal
from weir.metering.lake.lake import Lake
from weir.settlement.closing import closing
from weir.settlement.closing.closing import ClosingDraft
from weir.settlement.job_tables import closing_jobs
from weir.settlement.payment import pain001, rounds
from weir.store.unit import UnitOfWork


class ClosingSteps:
    """The steps of closing jobs; payment messages are handed over in the folder `outbox`."""

    def __init__(self, lake: Lake, outbox: Path) -> None:
        self._lake = lake
        self._outbox = outbox
        self._latest: ClosingDraft | None = None  # spares the next steps its decoding

    def by_name(self) -> dict[str, Step]:
        """Return each step by the name under which the room declares it."""
        return {
            "rated": self._rated,
            "posted": self._drafted(closing.post),
            "stated": self._drafted(closing.state),
            "owed": self._owed,
            "netted": _netted,
            "instructed": _instructed,
            "handed_over": self._handed_over,
        }

    async def _rated(self, unit: UnitOfWork, job: Job) -> None:
        """Count and price the period, and keep the draft with the job."""
        row = await _row(unit, job)
        made = await closing.rate(unit, self._lake, row.period, row.currency)
        if isinstance(made, str):
            await _keep(unit, job, closing=made, is_new=False)
        else:
            self._latest = made
            await _keep(unit, job, closing=made.closing, is_new=True, draft=made.encoded())

    def _drafted(self, write: Callable[[UnitOfWork, ClosingDraft], Awaitable[None]]) -> Step:
        """Make a step of `write`; the step does nothing when the job has no draft."""

        async def step(unit: UnitOfWork, job: Job) -> None:
            draft = await self._draft(unit, job)
            if draft is not None:
                await write(unit, draft)

        return step

    async def _owed(self, unit: UnitOfWork, job: Job) -> None:
        """Write the debts, the last part of the draft, and drop it."""
        await self._drafted(closing.owe)(unit, job)
        await _keep(unit, job, draft=None)
        self._latest = None

    async def _draft(self, unit: UnitOfWork, job: Job) -> ClosingDraft | None:
        """Return the job's draft, None when there was nothing to add.

        A closing's identifier is made anew at each rating, so the latest draft under the row's
        identifier is the one that was committed.
        """
        row = await _row(unit, job)
        if not row.is_new:
            return None
        draft = self._latest
        if draft is None or draft.closing != row.closing:
            kept = select(closing_jobs.c.draft).where(closing_jobs.c.id == job.id)
            raw = (await unit.connection.execute(kept)).scalar_one()
            draft = self._latest = ClosingDraft.decode(raw)
        return draft

    async def _handed_over(self, unit: UnitOfWork, job: Job) -> None:
        """Hand the round's payment messages over to the outbox."""
        row = await _row(unit, job)
        if row.round is not None:
            for message in await pain001.issued_for(unit.connection, row.round):
                key = pain001.key_of(message)
                await asyncio.to_thread(hand_over, self._outbox, key, message)


async def _netted(unit: UnitOfWork, job: Job) -> None:
    """Net all open debts of the currency, also debts of earlier closings."""
    row = await _row(unit, job)
    try:
        settled = await rounds.settle(unit, row.currency)
    except Refusal as refusal:
        if refusal.outcome is not ILLEGAL_STATE:  # no debt is open
            raise
    else:
        await _keep(unit, job, round=settled.id)


async def _instructed(unit: UnitOfWork, job: Job) -> None:
    """Issue a payment message for each debtor, if all parties concerned have named accounts.

    Other debtors request theirs later. Payments received since the round was settled are left out.
    """
    row = await _row(unit, job)
    if row.round is not None:
        settled = await rounds.fetch(unit.connection, row.round)
        owing = {each.debtor for each in settled.payments if each.status == "instructed"}
        for debtor in sorted(owing):
            try:
                await pain001.issue(unit, settled, debtor)
            except Refusal as refusal:
                if refusal.outcome is not CONFLICT:
                    raise


async def _row(unit: UnitOfWork, job: Job) -> Row[Any]:
    """Return the job's own row, without the draft."""
    columns = (each for each in closing_jobs.c if each.name != "draft")
    found = await unit.connection.execute(select(*columns).where(closing_jobs.c.id == job.id))
    return found.one()


async def _keep(unit: UnitOfWork, job: Job, **values: Any) -> None:
    """Set columns of the job's own row."""
    await unit.connection.execute(
        update(closing_jobs).where(closing_jobs.c.id == job.id).values(**values)
    )
