"""Documents of the change log about organisations and applications, for the gateways."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

OrganisationKind = Literal["operator", "member", "partner"]
PartyStatus = Literal["active", "suspended"]

ORGANISATION: Final = "organisation"  # the change kind of OrganisationDocument, keyed by its id
APPLICATION: Final = "application"  # the change kind of ApplicationDocument, keyed by its id


class OrganisationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as the gateway needs it.

    Calls from a suspended organisation, or to one, are refused.
    """

    id: str
    kind: OrganisationKind
    slug: str
    name: str
    status: PartyStatus


class ApplicationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An application with its certificates and keys.

    `certificates` are the thumbprints (RFC 8705 section 3.1: base64url SHA-256 of the DER, without
    padding) of its valid certificates. `keys` are the public keys that verify its messages. When it
    `rehearses`, announced changes are in force for it now.
    """

    id: str
    organisation: str
    status: PartyStatus
    certificates: list[str]
    rehearses: bool = False
    keys: list[dict[str, str]] = []
