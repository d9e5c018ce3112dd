"""Customers of a member."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quote_segment


class Customers:
    """Operations on customers."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def enrol(self, customer_ref: str, name: str) -> Document:
        """Enrol a customer under one's own reference; `link` is the one-time link to hand over.

        The portal greets the customer by `name`.
        """
        given = {"customer_ref": customer_ref, "name": name}
        return await self._requests.post("/v1/customers", given)

    def list(self) -> AsyncIterator[Document]:
        """List one's own customers."""
        return self._requests.pages("/v1/customers")

    async def detach_records(self, customer: str) -> Document:
        """Cut call records loose from a customer whose consents have all ended, for good.

        `consents` in the answer is the number of consents that led to records.
        """
        return await self._requests.post(
            f"/v1/customers/{quote_segment(customer)}/detach-records", {}
        )
