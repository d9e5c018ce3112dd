"""Exchange rates, each with its source and time."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests


class ExchangeRates:
    """Operations on exchange rates."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def record(
        self, *, base: str, quote: str, rate: str, source: str, observed_at: str
    ) -> Document:
        """Record the value of one major unit of `base` in `quote`, with its source and time."""
        given = {
            "base": base, "quote": quote, "rate": rate, "source": source,
            "observed_at": observed_at,
        }  # fmt: skip
        return await self._requests.post("/v1/exchange-rates", given)

    def list(self) -> AsyncIterator[Document]:
        """List exchange rates, newest recorded first."""
        return self._requests.pages("/v1/exchange-rates")
