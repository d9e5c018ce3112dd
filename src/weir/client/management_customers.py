"""A member's customers, and the consents they gave."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management_requests import Asker, Document, place


class People:
    """Operations on customers and consents."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def enrol(self, customer_ref: str, name: str) -> Document:
        """Enrol a customer under one's own reference; `link` is the one-time link to hand over.

        `name` is what the customer will be greeted with.
        """
        given = {"customer_ref": customer_ref, "name": name}
        return await self._asker.post("/v1/customers", given)

    def customers(self) -> AsyncIterator[Document]:
        return self._asker.pages("/v1/customers")

    async def offer_test_customer(self, customer_ref: str, name: str) -> Document:
        """Let developers try consents with a person of the model world."""
        given = {"customer_ref": customer_ref, "name": name}
        return await self._asker.post("/v1/test-customers", given)

    async def test_customers(self, member: str) -> Document:
        """Whom a member offers, as `items`."""
        return await self._asker.get("/v1/test-customers", member=member)

    async def end_test_customer(self, customer_ref: str) -> Document:
        """Offer the person no more; sign-ins that developers took end."""
        return await self._asker.post(f"/v1/test-customers/{place(customer_ref)}/end")

    async def take_test_customer(
        self, application: str, product: str, customer_ref: str
    ) -> Document:
        """Your own sign-in as a test customer of the product's institution, with a new
        passphrase each time.
        """
        path = f"/v1/applications/{place(application)}/test-customers"
        return await self._asker.post(path, {"product": product, "customer_ref": customer_ref})

    async def detach_records(self, customer: str) -> Document:
        """Cut call records loose from a customer whose consents have all ended. It cannot be
        undone; `consents` says how many led to records.
        """
        return await self._asker.post(f"/v1/customers/{place(customer)}/detach-records", {})

    async def lodge_consent(self, application: str, details: Document) -> Document:
        """Write down what a customer will be asked within a day. Its `id` is what an authorization
        request names it by, as the claim `openbanking_intent_id`.
        """
        given = {"application": application, "authorization_details": [details]}
        return await self._asker.post("/v1/consents", given)

    def consents(self, application: str | None = None) -> AsyncIterator[Document]:
        """For a member those over its customers' data; else those given to an application."""
        return self._asker.pages("/v1/consents", application=application)

    async def withdraw_consent(self, consent: str, reason: str = "") -> Document:
        """Withdraw it at every gateway; answers when that is so."""
        given = {"reason": reason}
        return await self._asker.post(f"/v1/consents/{place(consent)}/withdraw", given)
