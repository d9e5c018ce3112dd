"""The people who work for an organisation, and the invitations that bring them in."""

from __future__ import annotations

from weir.client.management_requests import Asker, Document, place


class Team:
    """Operations on one's own people. They sign in at the portal, each in one role."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def people(self) -> list[Document]:
        """Who works for you now."""
        items: list[Document] = (await self._asker.get("/v1/people"))["items"]
        return items

    async def change_role(self, person: str, role: str) -> Document:
        """Give somebody another role: owner, developer, finance or auditor."""
        return await self._asker.put(f"/v1/people/{place(person)}/role", {"role": role})

    async def renew_sign_in(self, person: str) -> Document:
        """A one-time `link` by which a person sets a new passphrase and second factor."""
        return await self._asker.post(f"/v1/people/{place(person)}/renewal")

    async def remove(self, person: str) -> Document:
        """End somebody's work for you, signed out everywhere at once."""
        return await self._asker.post(f"/v1/people/{place(person)}/remove")

    async def invitations(self) -> list[Document]:
        """Those that were not used yet."""
        items: list[Document] = (await self._asker.get("/v1/invitations"))["items"]
        return items

    async def invite(
        self, invitee: str, role: str = "owner", *, organisation: str | None = None
    ) -> Document:
        """Invite somebody; `link` is what to hand over, once.

        `organisation` is for the operator, who invites the first owner of another.
        """
        given = {"invitee": invitee, "role": role}
        if organisation is not None:
            given["organisation"] = organisation
        return await self._asker.post("/v1/invitations", given)

    async def withdraw(self, invitation: str) -> Document:
        """End an invitation that was not used."""
        return await self._asker.post(f"/v1/invitations/{place(invitation)}/withdraw")
