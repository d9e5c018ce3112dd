"""Access tokens shown to this server again: their claims, and whether they are still active.

A gateway knows from the change log; here it is read from PostgreSQL at the moment of asking.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.authorization.declares import ACCESS_TOKEN_CHARACTERS
from weir.authorization.tokens.access_tokens import TOKEN_TYPE
from weir.consent import consents
from weir.consent.consents import Consent
from weir.consent.published import REVOCATION, revocation_key
from weir.consent.states import TOKENS_FOR, State
from weir.kernel.strict_json import loads
from weir.keys.jose import ALGORITHMS
from weir.keys.vault import Signer
from weir.partners import applications
from weir.store.schema import changes


@dataclass(frozen=True, slots=True)
class ActiveToken:
    """An active token (RFC 7662): its claims, its consent if it has one, and its application."""

    claims: dict[str, Any]
    consent: Consent | None
    holder: applications.KnownApplication


def claims_of(signer: Signer, token: str) -> dict[str, Any] | None:
    """Return the claims of an access token this server signed; None for any other text."""
    if len(token) > ACCESS_TOKEN_CHARACTERS:
        return None
    keys = KeySet.import_key_set(signer.public_jwks())  # type: ignore[arg-type]
    try:
        signed = jws.deserialize_compact(token, keys, algorithms=list(ALGORITHMS))
        claims = loads(signed.payload)
    except (JoseError, ValueError):
        return None
    return claims if signed.headers().get("typ") == TOKEN_TYPE else None


async def find_active(
    connection: AsyncConnection, claims: dict[str, Any], now: datetime
) -> ActiveToken | None:
    """Return the token with its consent and holder, or None when it is not active.

    RFC 7662 section 2.2. A token is not active when it has expired or was revoked, or when its
    application, organisation, certificate, key or consent has ended.
    """
    if datetime.fromtimestamp(claims["exp"], UTC) <= now:
        return None
    thumbprint = claims["cnf"].get("x5t#S256")
    holder = await applications.find_known(connection, claims["client_id"], thumbprint or "")
    if holder is None or {holder.application.status, holder.organisation.status} != {"active"}:
        return None
    if thumbprint is not None and (not holder.certificate_known or holder.certificate_revoked):
        return None
    if claims["cnf"].get("jkt") in holder.application.revoked_keys:
        return None
    if await _is_revoked(connection, revocation_key("token", claims["jti"])):
        return None
    if "grant_id" not in claims:
        return ActiveToken(claims, None, holder)
    consent = await consents.find(connection, claims.get("consent", claims["grant_id"]))
    if consent is None or not await _still_opens(connection, consent, now):
        return None
    return ActiveToken(claims, consent, holder)


async def _still_opens(connection: AsyncConnection, consent: Consent, now: datetime) -> bool:
    """Whether the consent stands, or was widened: then its last tokens live their minutes out."""
    if consent.state is State.REPLACED and consent.expires_at > now:
        return not await _is_revoked(connection, revocation_key("consent", consent.id))
    return consent.state_at(now) in TOKENS_FOR


async def _is_revoked(connection: AsyncConnection, key: str) -> bool:
    found = await connection.execute(
        select(changes.c.key).where(changes.c.kind == REVOCATION, changes.c.key == key)
    )
    return found.first() is not None
