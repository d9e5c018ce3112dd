"""People who work for an organisation, and their roles."""

from __future__ import annotations

from collections.abc import Sequence

from weir.client.management.requests import Document, Requests, quote_segment


class People:
    """Operations on one's own people. They sign in at the portal, each in one role."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def list(self) -> Sequence[Document]:
        """List the people who work for one's organisation."""
        items: Sequence[Document] = (await self._requests.get("/v1/people"))["items"]
        return items

    async def change_role(self, person: str, role: str) -> Document:
        """Give a person another role: owner, developer, finance or auditor."""
        return await self._requests.put(f"/v1/people/{quote_segment(person)}/role", {"role": role})

    async def renew_sign_in(self, person: str) -> Document:
        """Make a one-time `link` by which a person sets a new passphrase and second factor."""
        return await self._requests.post(f"/v1/people/{quote_segment(person)}/renewal")

    async def remove(self, person: str) -> Document:
        """End a person's work for the organisation, signed out everywhere at once."""
        return await self._requests.post(f"/v1/people/{quote_segment(person)}/remove")
