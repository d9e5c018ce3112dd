"""The round trips to the counters of record in PostgreSQL, each within LEASE_TIMEOUT_S."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from weir.kernel.outcomes import Refusal
from weir.metering.counters import budgets
from weir.metering.counters.budgets import Unused, Want
from weir.store.database import Database

LEASE_TIMEOUT_S: Final = 2.0


class DatabaseCounters:
    """Implements `allowances.Counters`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease(self, wants: Sequence[Want]) -> list[int]:
        """Return how many calls are granted for each want, committed."""
        async with asyncio.timeout(LEASE_TIMEOUT_S), self._database.connect() as connection:
            granted = await budgets.lease(connection, wants)
            await connection.commit()
        return granted

    async def give_back(self, unused: Sequence[Unused]) -> None:
        """Return unused calls. A failure loses them to their window."""
        try:
            async with asyncio.timeout(LEASE_TIMEOUT_S), self._database.connect() as connection:
                await budgets.give_back(connection, unused)
                await connection.commit()
        except (Refusal, SQLAlchemyError, TimeoutError, OSError):
            return
