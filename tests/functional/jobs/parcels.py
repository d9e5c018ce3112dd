"""A small kind of job that only tests have: a parcel is packed, weighed and sent.

Each step writes a row, and before that a line in a file, which no crash takes back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from weir.jobs import jobs
from weir.jobs.jobs import Job
from weir.jobs.runner import Step, Works
from weir.kernel.outcomes import Refusal
from weir.store.database import Database
from weir.store.unit import Actor, UnitOfWork

KIND = "parcel"
STEPS = ("packed", "weighed", "sent")
SENDER = Actor("org_of_the_test", "usr_of_the_test")


async def create_tables(database: Database) -> None:
    """Without any key, so that what is done twice is seen."""
    async with database.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE parcels (job text, step text, sender text)"))
        await connection.execute(text("CREATE TABLE returns (job text, reason text)"))


async def request(
    database: Database, subject: str, kind: str = KIND, steps: Sequence[str] = STEPS
) -> str:
    async with database.unit(SENDER) as unit:
        return await jobs.request(unit, kind=kind, subject=subject, steps=steps)


async def fetch(database: Database, job: str) -> Job:
    async with database.connect() as connection:
        return await jobs.fetch(connection, job, KIND)


def works_of(database: Database, begun: Path, release: str = "one", **other: Step) -> Works:
    """What a worker does parcels with; `other` steps stand in the place of the usual ones."""
    steps = {name: step_of(begun, name) for name in STEPS} | other
    return Works(database, steps, {KIND: _return}, release)


def step_of(begun: Path, name: str) -> Step:
    async def step(unit: UnitOfWork, job: Job) -> None:
        with begun.open("a") as out:
            out.write(f"{name}\n")
        await unit.connection.execute(
            text("INSERT INTO parcels VALUES (:job, :step, :sender)"),
            {"job": job.id, "step": name, "sender": unit.actor.subject},
        )

    return step


def failing(begun: Path, name: str, error: Exception, subject: str | None = None) -> Step:
    """A step that does all of its work, and raises the error; for one subject, or for any."""

    async def step(unit: UnitOfWork, job: Job) -> None:
        await step_of(begun, name)(unit, job)
        if subject in (None, job.subject):
            raise error

    return step


async def _return(unit: UnitOfWork, job: Job, refusal: Refusal) -> None:
    await unit.connection.execute(
        text("INSERT INTO returns VALUES (:job, :reason)"),
        {"job": job.id, "reason": refusal.outcome.code},
    )


async def written(database: Database, job: str) -> list[str]:
    """The steps whose rows are there, in the order in which they were written."""
    async with database.connect() as connection:
        rows = await connection.execute(
            text("SELECT step FROM parcels WHERE job = :job ORDER BY ctid"), {"job": job}
        )
        return [str(row.step) for row in rows]


async def returned(database: Database) -> list[tuple[Any, ...]]:
    async with database.connect() as connection:
        rows = await connection.execute(text("SELECT job, reason FROM returns"))
        return [tuple(row) for row in rows]


def begins(begun: Path) -> Counter[str]:
    """How often each step was begun, whether or not it was finished."""
    return Counter(begun.read_text().split()) if begun.exists() else Counter()
