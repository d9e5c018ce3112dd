"""Netting rounds: open debts become few payments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from weir.client.management.requests import Document, Requests, quote_segment


class Rounds:
    """Operations on netting rounds. Amounts are whole minor units."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def settle(self, currency: str, converting: Sequence[str] = ()) -> Document:
        """Net all open debts of `currency` into payments; debts in others are converted into it."""
        given = {"currency": currency, "converting": list(converting)}
        return await self._requests.post("/v1/netting-rounds", given)

    def list(self) -> AsyncIterator[Document]:
        """List the rounds that one took part in, newest first."""
        return self._requests.pages("/v1/netting-rounds")

    async def get(self, identifier: str) -> Document:
        """Get one round: its positions, its payments, and what netting saved."""
        return await self._requests.get(f"/v1/netting-rounds/{quote_segment(identifier)}")

    async def instructions(self, identifier: str) -> Document:
        """Get one's payments of a round for one's bank: `message` is ISO 20022 pain.001."""
        return await self._requests.post(
            f"/v1/netting-rounds/{quote_segment(identifier)}/instructions"
        )
