"""The refresh token grant (RFC 6749 section 6), without rotation (FAPI 2.0 5.3.2.1 item 9).

The refresh token lives as long as its consent, and asking again after a lost answer just works.
"""

from __future__ import annotations

from weir.authorization.exchange import Exchange, not_granted
from weir.authorization.grammar import scopes
from weir.authorization.grants import grants
from weir.authorization.tokens import access_tokens


async def token_is_found(exchange: Exchange) -> None:
    """Find the refresh token, issued by this server to this client (RFC 6749 section 6)."""
    token = exchange.required("refresh_token")
    found = await grants.find_by_refresh_token(exchange.services.database, token)
    if found is None or found[0].client != exchange.client.id:
        raise not_granted("the refresh token is unknown, or another client's")
    exchange.grant, exchange.consent = found


async def newest_is_the_only_one(exchange: Exchange) -> None:
    """Keep of a changed grant the last change's refresh token (Grant Management section 5.2).

    The older ones end when the newest is used first, and not before: an answer that was lost on its
    way must not leave its client without any.
    """
    grant = exchange.grant
    if grant.consent == grant.current != grant.grant_id:
        await grants.end_older_refresh_tokens(exchange.services.database, grant)


async def token_is_refreshed(exchange: Exchange) -> None:
    """Issue a token of the same scope, or less of it if asked (RFC 6749 section 6)."""
    granted = scopes.read_scopes(exchange.grant.scope)
    asked = granted
    if "scope" in exchange.parameters:
        asked = scopes.read_scopes(exchange.parameters["scope"])
        scopes.require_within(asked, granted)
    exchange.answer = await access_tokens.issue(
        exchange, scope=asked, subject=exchange.grant.subject, consented=True
    )
