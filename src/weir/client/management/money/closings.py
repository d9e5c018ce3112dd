"""Closings of periods, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from weir.client.management.requests import Document, Requests, quote_segment

_POLL_S: Final = 0.2


class Closings:
    """Operations on closings."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def close(
        self,
        period: str,
        currency: str,
        *,
        settle: bool = False,
        on_step: Callable[[str], None] | None = None,
    ) -> Document:
        """Close a month (`2026-11`) or an interval of two UTC times, and wait until it is done.

        `on_step` is called with the name of each step that is done. The result has `statements` by
        party, or `failure`, a refusal's code. With `settle`, open debts are netted and payment
        messages are handed over.
        """
        given = {"period": period, "currency": currency, "settle": settle}
        found = await self._requests.post("/v1/closings", given)
        reported = 0
        while True:
            steps = [each["step"] for each in found["steps"]]
            if on_step is not None:
                for step in steps[reported:]:
                    on_step(step)
            reported = len(steps)
            if found["status"] != "open":
                return found
            await asyncio.sleep(_POLL_S)
            found = await self.get(found["job"])

    async def get(self, job: str) -> Document:
        """Get one closing, with the steps done and those still to do."""
        return await self._requests.get(f"/v1/closings/{quote_segment(job)}")

    def list(self) -> AsyncIterator[Document]:
        """List closings, newest first."""
        return self._requests.pages("/v1/closings")

    async def move(self, job: str) -> Document:
        """Let the release that runs now go on with a closing that another one began."""
        return await self._requests.post(f"/v1/closings/{quote_segment(job)}/move")
