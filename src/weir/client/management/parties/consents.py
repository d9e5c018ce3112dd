"""Consents of customers."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quote_segment


class Consents:
    """Operations on consents."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def lodge(self, application: str, details: Document) -> Document:
        """Lodge the consent that a customer will be asked for within a day.

        An authorization request names it by its `id`, as the claim `openbanking_intent_id`.
        """
        given = {"application": application, "authorization_details": [details]}
        return await self._requests.post("/v1/consents", given)

    def list(self, application: str | None = None) -> AsyncIterator[Document]:
        """List consents: a member's over its customers' data, others' by `application`."""
        return self._requests.pages("/v1/consents", application=application)

    async def withdraw(self, consent: str, reason: str = "") -> Document:
        """Withdraw a consent at every gateway; returns once that is so."""
        given = {"reason": reason}
        return await self._requests.post(f"/v1/consents/{quote_segment(consent)}/withdraw", given)
