"""A member's customers."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quoted


class Customers:
    """Operations on customers."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def enrol(self, customer_ref: str, name: str) -> Document:
        """Enrol a customer under one's own reference; `link` is the one-time link to hand over.

        `name` is what the customer will be greeted with.
        """
        given = {"customer_ref": customer_ref, "name": name}
        return await self._requests.post("/v1/customers", given)

    def list(self) -> AsyncIterator[Document]:
        return self._requests.pages("/v1/customers")

    async def detach_records(self, customer: str) -> Document:
        """Cut call records loose from a customer whose consents have all ended. It cannot be
        undone; `consents` says how many led to records.
        """
        return await self._requests.post(f"/v1/customers/{quoted(customer)}/detach-records", {})
