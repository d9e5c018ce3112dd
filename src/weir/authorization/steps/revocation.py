"""Revocation of tokens by their client (RFC 7009), done only when every gateway knows."""

from __future__ import annotations

from datetime import UTC, datetime

from weir.authorization.declares import OAUTH_TEMPORARILY_UNAVAILABLE
from weir.authorization.exchange import Answer, Exchange, wrong
from weir.authorization.grants import endings, grants
from weir.authorization.tokens import presented_tokens
from weir.consent.published import revocation
from weir.kernel.outcomes import Refusal
from weir.store.processes import await_acknowledged
from weir.store.unit import Actor

GAVE_BACK = "the application gave back its refresh token"


async def token_is_revoked(exchange: Exchange) -> None:
    """Revoke the token: a refresh token ends its whole grant, an access token ends alone.

    RFC 7009 section 2.1. Another client's token is refused; one that is unknown or has ended is
    answered like one that was revoked (section 2.2), so that a lost answer can be asked for again.
    """
    token = exchange.required("token")
    async with exchange.services.database.connect() as connection:
        grant = await grants.of_refresh_token(connection, token)
    if grant is not None:
        if grant.client != exchange.client.id:
            raise _anothers()
        await end_grant(exchange, grant)
    else:
        await _end_access_token(exchange, token)
    exchange.answer = Answer(200)


async def end_grant(exchange: Exchange, grant: grants.Grant, reason: str = GAVE_BACK) -> None:
    """End the whole grant. OAUTH_TEMPORARILY_UNAVAILABLE while a gateway has not confirmed."""
    database = exchange.services.database
    withdrawal = await endings.end(database, _actor(exchange), grant, "partner", reason)
    if withdrawal is not None and withdrawal.acknowledged_at is None:
        raise Refusal(OAUTH_TEMPORARILY_UNAVAILABLE, "the gateways have not confirmed")


async def _end_access_token(exchange: Exchange, token: str) -> None:
    claims = presented_tokens.claims_of(exchange.services.signer, token)
    if claims is None:
        return
    if claims["client_id"] != exchange.client.id:
        raise _anothers()
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


def _anothers() -> Refusal:
    return wrong("token", "was issued to another client")


def _actor(exchange: Exchange) -> Actor:
    return Actor(exchange.organisation.id, exchange.client.id)
