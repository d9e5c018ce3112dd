"""Payments of netting rounds."""

from __future__ import annotations

from weir.client.management.requests import Document, Requests, quote_segment


class Payments:
    """Operations on payments."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def receive(self, payment: str) -> Document:
        """Confirm that a payment to oneself has come."""
        return await self._requests.post(f"/v1/payments/{quote_segment(payment)}/receive")
