"""The platform's signing keys: announced, signing, superseded, retired or revoked.

A change that these operations report as done is acknowledged by every gateway and every control
process.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import ConfirmedChange, Given, Name, Page, Shown, Text
from weir.api.writes import Writes
from weir.keys import signing_keys
from weir.store.processes import EVERYBODY
from weir.store.unit import UnitOfWork

router = new_router("keys")


class KeyAnnounced(Given):
    """The next signing key: its algorithm, the time from which it may sign, and its purpose.

    The purpose `access_token` covers tokens and all else that the authorization server signs;
    `message` covers answers of gateways (RFC 9421) and needs ES256.
    """

    purpose: Text = signing_keys.TOKENS
    algorithm: Text = "ES256"
    signs_from: AwareDatetime = Field(strict=False)


class SigningKeyView(Shown):
    """A signing key and its state. `public` is its JWK (RFC 7517)."""

    kid: str
    purpose: str
    algorithm: str
    state: Literal["announced", "signing", "superseded", "retired", "revoked"]
    public: dict[str, Any]
    announced_at: datetime
    signs_from: datetime
    activated_at: datetime | None
    superseded_at: datetime | None
    retired_at: datetime | None
    revoked_at: datetime | None


class SigningKeyChanged(ConfirmedChange):
    """A signing key after a change that every process has applied."""

    signing_key: SigningKeyView


@router.get(
    "/signing-keys", operation_id="list_signing_keys", summary="List the platform's signing keys"
)
async def list_signing_keys(services: ServicesDep) -> Page[SigningKeyView]:
    async with services.database.connect() as connection:
        found = [
            each
            for purpose in signing_keys.PURPOSES
            for each in reversed(await signing_keys.read(connection, purpose))
        ]
    return Page(items=[SigningKeyView.model_validate(each) for each in found])


@router.post(
    "/signing-keys",
    operation_id="announce_signing_key",
    status_code=201,
    summary="Make the next signing key, and announce when it begins to sign",
)
async def announce_signing_key(
    given: KeyAnnounced, services: ServicesDep, writing: Writes
) -> SigningKeyChanged:
    async def work(unit: UnitOfWork) -> SigningKeyView:
        made = await signing_keys.announce(
            unit,
            services.sealing,
            algorithm=given.algorithm,
            signs_from=given.signs_from,
            purpose=given.purpose,
        )
        return SigningKeyView.model_validate(made)

    view, at = await writing.run_confirmed(SigningKeyView, work, EVERYBODY)
    return SigningKeyChanged(signing_key=view, effective_at=at)


@router.post(
    "/signing-keys/{key}/revoke",
    operation_id="revoke_signing_key",
    summary="Revoke a signing key everywhere, and with it all that it signed",
)
async def revoke_signing_key(
    key: Name, caller: CallerDep, services: ServicesDep, writing: Writes
) -> SigningKeyChanged:
    database = services.database
    sequence = await signing_keys.revoke(database, caller.actor, services.sealing, key)
    at = await writing.confirm(sequence, EVERYBODY)
    async with database.connect() as connection:
        revoked = await signing_keys.get(connection, key)
    return SigningKeyChanged(signing_key=SigningKeyView.model_validate(revoked), effective_at=at)
