"""What the gateway is told of the parties: one document an organisation, one an application."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

OrganisationKind = Literal["operator", "member", "partner"]
PartyStatus = Literal["active", "suspended"]

ORGANISATION: Final = "organisation"  # the change kind of OrganisationDocument, keyed by its id
APPLICATION: Final = "application"  # the change kind of ApplicationDocument, keyed by its id


class OrganisationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as the gateway needs it. Calls of a suspended one, or to one, are refused."""

    id: str
    kind: OrganisationKind
    slug: str
    name: str
    status: PartyStatus


class ApplicationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An application and the certificates it may call with.

    `certificates` are RFC 8705 section 3.1 thumbprints (base64url SHA-256 of the DER, no padding)
    of those issued to it and not revoked; `keys` are its public keys, which messages are signed by.
    One that `rehearses` meets announced changes now.
    """

    id: str
    organisation: str
    status: PartyStatus
    certificates: list[str]
    rehearses: bool = False
    keys: list[dict[str, str]] = []
