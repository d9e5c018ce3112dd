"""The authorization code grant (RFC 6749 section 4.1.3)."""

from __future__ import annotations

from weir.authorization.exchange import Exchange, not_granted
from weir.authorization.grammar import pkce, scopes
from weir.authorization.grants import endings, grants
from weir.authorization.tokens import access_tokens, id_tokens
from weir.consent.states import TOKENS_FOR
from weir.keys.vault import PLATFORM

REUSED = "the authorization code was presented twice"


async def code_is_found(exchange: Exchange) -> None:
    """Find the code, issued to this client (RFC 6749 section 4.1.3)."""
    found = await grants.find_by_code(exchange.services.database, exchange.required("code"))
    if found is None or found[0].client != exchange.client.id:
        raise not_granted("the code is unknown, or another client's")
    exchange.grant, exchange.consent = found


async def code_is_unused(exchange: Exchange) -> None:
    """Refuse a used code and end its grant: the code may be stolen (RFC 6749 section 4.1.2)."""
    if exchange.grant.code_used_at is not None:
        await _revoke(exchange)
        raise not_granted("the code was presented twice, so its grant has ended")


def code_is_in_time(exchange: Exchange) -> None:
    """Refuse a code older than 60 seconds (FAPI 2.0 section 5.3.2.1 item 11)."""
    expires_at = exchange.grant.code_expires_at
    if expires_at is None or exchange.now >= expires_at:
        raise not_granted("the code has expired")


def address_is_the_same(exchange: Exchange) -> None:
    """Require the `redirect_uri` of the authorization request (RFC 6749 section 4.1.3)."""
    if exchange.required("redirect_uri") != exchange.grant.redirect_uri:
        raise not_granted("redirect_uri is not the one of the authorization request")


def verifier_fits(exchange: Exchange) -> None:
    """Require the verifier of the code's challenge (RFC 7636 section 4.6).

    One that is missing proves as little as a wrong one, so the code is refused for both.
    """
    challenge = exchange.grant.code_challenge or ""
    verifier = exchange.parameters.get("code_verifier")
    if verifier is None:
        raise not_granted("code_verifier is missing")
    if not pkce.proves(verifier, challenge):
        raise not_granted("code_verifier does not fit the code_challenge")


def consent_stands(exchange: Exchange) -> None:
    """Refuse tokens for a consent that was withdrawn or has ended."""
    if exchange.consent.state_at(exchange.now) not in TOKENS_FOR:
        raise not_granted("the consent was withdrawn or has ended")


async def code_is_spent(exchange: Exchange) -> None:
    """Use the code up and issue tokens (RFC 6749 section 4.1.2).

    Of two requests at once, one gets tokens; then the grant ends, so that neither has any.
    """
    id_token = await id_tokens.make_id_token(exchange)
    refresh_token = await grants.use_code(
        exchange.services.database, exchange.grant.consent, exchange.required("code")
    )
    if refresh_token is None:
        await _revoke(exchange)
        raise not_granted("the code was presented twice, so its grant has ended")
    exchange.answer = await access_tokens.issue(
        exchange,
        scope=scopes.read_scopes(exchange.grant.scope),
        subject=exchange.grant.subject,
        consented=True,
        refresh_token=refresh_token,
        id_token=id_token,
    )


async def _revoke(exchange: Exchange) -> None:
    """End the consent everywhere before the second request is answered."""
    await endings.end(exchange.services.database, PLATFORM, exchange.grant, "platform", REUSED)
