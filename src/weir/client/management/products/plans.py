"""Plans: prices and limits of products."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from weir.client.management.requests import Document, Requests, quote_segment


class Plans:
    """Operations on plans."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def offer(
        self,
        product: str,
        *,
        name: str,
        currency: str,
        pricing: Mapping[str, Any],
        rate_per_s: int | str = "unlimited",
        quota: int | str = "unlimited",
        quota_period: str | None = None,
        auto_approve: bool = False,
    ) -> Document:
        """Offer a product under a plan.

        `pricing` as in docs/money.md. A limit of 0 allows no call, `unlimited` any number.
        """
        given: Mapping[str, Any] = {
            "name": name,
            "currency": currency,
            "pricing": pricing,
            "rate_per_s": rate_per_s,
            "quota": quota,
            "quota_period": quota_period,
            "auto_approve": auto_approve,
        }
        return await self._requests.post(f"/v1/products/{quote_segment(product)}/plans", given)

    def list(self, product: str) -> AsyncIterator[Document]:
        """List a product's plans."""
        return self._requests.pages(f"/v1/products/{quote_segment(product)}/plans")

    async def withdraw(self, plan: str) -> Document:
        """Take no new subscriptions under a plan; present ones go on."""
        return await self._requests.post(f"/v1/plans/{quote_segment(plan)}/withdraw")

    async def change(self, plan: str, pricing: Mapping[str, Any], effective_from: str) -> Document:
        """Announce a price from a day on; subscribers keep theirs for the notice of 30 days."""
        given = {"pricing": pricing, "effective_from": effective_from}
        return await self._requests.post(f"/v1/plans/{quote_segment(plan)}/changes", given)

    async def take_back_change(self, plan: str) -> Document:
        """Take back the newest price before it is in force."""
        return await self._requests.post(f"/v1/plans/{quote_segment(plan)}/changes/take-back")
