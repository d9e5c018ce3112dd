"""Giving tokens back (RFC 7009): done only when every gateway knows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from weir.authorization import grants
from weir.authorization.exchange import Answer, Exchange
from weir.authorization.tokens import TOKEN_TYPE
from weir.care.vault import ALGORITHM
from weir.consent.published import revocation
from weir.consent.withdrawal import withdraw_and_confirm
from weir.kernel.outcomes import ILLEGAL_STATE, OAUTH_TEMPORARILY_UNAVAILABLE, Refusal
from weir.kernel.strict_json import loads
from weir.store.processes import await_acknowledged
from weir.store.unit import Actor

GAVE_BACK = "the application gave back its refresh token"


async def token_is_revoked(exchange: Exchange) -> None:
    """RFC 7009 section 2.1: a refresh token ends its whole grant; an access token ends alone.

    A token that is unknown or another client's is answered like one that was revoked (section 2.2).
    """
    token = exchange.required("token")
    async with exchange.services.database.connect() as connection:
        grant = await grants.of_refresh_token(connection, token)
    if grant is not None:
        if grant.client == exchange.client.id:
            await _end_grant(exchange, grant.consent)
    else:
        await _end_access_token(exchange, token)
    exchange.answer = Answer(200)


async def _end_grant(exchange: Exchange, consent: str) -> None:
    try:
        withdrawal = await withdraw_and_confirm(
            exchange.services.database, _actor(exchange), consent, "partner", GAVE_BACK
        )
    except Refusal as refusal:
        if refusal.outcome is ILLEGAL_STATE:  # it had ended already
            return
        raise
    if withdrawal.acknowledged_at is None:
        raise Refusal(OAUTH_TEMPORARILY_UNAVAILABLE, "the gateways have not confirmed")


async def _end_access_token(exchange: Exchange, token: str) -> None:
    claims = _own_claims(exchange, token)
    if claims is None or claims["client_id"] != exchange.client.id:
        return
    dies_at = datetime.fromtimestamp(claims["exp"], UTC)
    if dies_at <= exchange.now:
        return
    database = exchange.services.database
    async with database.unit(_actor(exchange)) as unit:
        unit.publish(revocation("token", claims["jti"], unit.now, dies_at))
        unit.audit("token.revoked", claims["jti"], {"client": exchange.client.id})
    assert unit.sequence is not None
    if await await_acknowledged(database, unit.sequence) is None:
        raise Refusal(OAUTH_TEMPORARILY_UNAVAILABLE, "the gateways have not confirmed")


def _own_claims(exchange: Exchange, token: str) -> dict[str, Any] | None:
    """The claims of an access token this server signed, or None."""
    keys = KeySet.import_key_set(exchange.services.signer.public_jwks())  # type: ignore[arg-type]
    try:
        signed = jws.deserialize_compact(token, keys, algorithms=[ALGORITHM])
        claims = loads(signed.payload)
    except (JoseError, ValueError):
        return None
    return claims if signed.headers().get("typ") == TOKEN_TYPE else None


def _actor(exchange: Exchange) -> Actor:
    return Actor(exchange.organisation.id, exchange.client.id)
