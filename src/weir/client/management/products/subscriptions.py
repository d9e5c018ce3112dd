"""Subscriptions: applications' rights to products under plans."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quote_segment


class Subscriptions:
    """Operations on subscriptions."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def request(self, application: str, plan: str) -> Document:
        """Request a plan of a product for an application of one's own."""
        given = {"application": application, "plan": plan}
        return await self._requests.post("/v1/subscriptions", given)

    def list(self) -> AsyncIterator[Document]:
        """List one's own subscriptions, and those to one's products."""
        return self._requests.pages("/v1/subscriptions")

    async def act(self, subscription: str, act: str) -> Document:
        """Approve, refuse, suspend, resume or end a subscription, as `act` says."""
        return await self._requests.post(
            f"/v1/subscriptions/{quote_segment(subscription)}/{quote_segment(act)}"
        )
