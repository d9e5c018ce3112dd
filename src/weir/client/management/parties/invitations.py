"""Invitations of people to work for an organisation."""

from __future__ import annotations

from collections.abc import Sequence

from weir.client.management.requests import Document, Requests, quote_segment


class Invitations:
    """Operations on invitations."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def list(self) -> Sequence[Document]:
        """List open invitations."""
        items: Sequence[Document] = (await self._requests.get("/v1/invitations"))["items"]
        return items

    async def invite(
        self, invitee: str, role: str = "owner", *, organisation: str | None = None
    ) -> Document:
        """Invite a person; `link` in the answer is the link to hand over, once.

        `organisation` is for the operator, who invites the first owner of another.
        """
        given = {"invitee": invitee, "role": role}
        if organisation is not None:
            given["organisation"] = organisation
        return await self._requests.post("/v1/invitations", given)

    async def withdraw(self, invitation: str) -> Document:
        """End an open invitation."""
        return await self._requests.post(f"/v1/invitations/{quote_segment(invitation)}/withdraw")
