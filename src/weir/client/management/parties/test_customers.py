"""Test customers: people of a model world, with whom developers try consents."""

from __future__ import annotations

from weir.client.management.requests import Document, Requests, quote_segment


class TestCustomers:
    """Operations on test customers."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def offer(self, customer_ref: str, name: str) -> Document:
        """Let developers try consents with a person of the model world."""
        given = {"customer_ref": customer_ref, "name": name}
        return await self._requests.post("/v1/test-customers", given)

    async def of_member(self, member: str) -> Document:
        """Get the test customers that a member offers, as `items`."""
        return await self._requests.get("/v1/test-customers", member=member)

    async def end(self, customer_ref: str) -> Document:
        """End the offer of a test customer; sign-ins that developers took end too."""
        return await self._requests.post(f"/v1/test-customers/{quote_segment(customer_ref)}/end")

    async def take(self, application: str, product: str, customer_ref: str) -> Document:
        """Take a sign-in as a test customer of the product's institution.

        Each time it has a new passphrase.
        """
        path = f"/v1/applications/{quote_segment(application)}/test-customers"
        return await self._requests.post(path, {"product": product, "customer_ref": customer_ref})
