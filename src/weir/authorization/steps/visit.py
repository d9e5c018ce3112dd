"""The authorization endpoint: a pushed request becomes a visit to the consent pages."""

from __future__ import annotations

from weir.authorization.declares import (
    OAUTH_AUTHENTICATION_UNMET,
    OAUTH_INVALID_REQUEST_URI,
    OAUTH_REQUEST_NOT_PUSHED,
)
from weir.authorization.exchange import Answer, Exchange
from weir.authorization.visits import interactions, pushed_requests
from weir.consent import consents
from weir.consent.states import State
from weir.kernel.outcomes import Refusal


def client_is_named(exchange: Exchange) -> None:
    """Read `client_id` (RFC 9126 section 4); other parameters but `request_uri` do not count."""
    exchange.client_id = exchange.required("client_id")


async def request_is_recalled(exchange: Exchange) -> None:
    """Find the pushed request of this very client (FAPI 2.0 section 5.3.2.2 items 2 to 4).

    OAUTH_REQUEST_NOT_PUSHED for the ordinary authorization URL of a library that does not push.
    """
    request_uri = exchange.parameters.get("request_uri")
    if request_uri is None:
        raise Refusal(OAUTH_REQUEST_NOT_PUSHED, "no request_uri")
    found = await pushed_requests.recall(exchange.services.cache, request_uri)
    if found is None or found[1].client != exchange.client.id:
        raise Refusal(OAUTH_INVALID_REQUEST_URI, "unknown, expired or another client's")
    exchange.request_key, exchange.pushed = found


async def request_is_unanswered(exchange: Exchange) -> None:
    """Refuse a request that was answered (FAPI 2.0 section 5.3.2.2).

    Loading the page does not use it up.
    """
    async with exchange.services.database.connect() as connection:
        consent = await consents.find(connection, exchange.pushed.consent)
    if consent is not None and consent.state_at(exchange.now) != State.AWAITING:
        raise Refusal(OAUTH_INVALID_REQUEST_URI, f"answered: {consent.state}")


async def visit_begins(exchange: Exchange) -> None:
    """Begin the visit, by a 303, so that nothing of this request is sent along.

    RFC 9700 section 4.12.
    """
    assert exchange.visit is not None, "the endpoint gives every browser a visit"
    wanted = exchange.pushed.openid
    if wanted is not None and wanted.unattainable:  # OpenID Connect Core section 5.5.1.1
        exchange.answer = Answer(303, location=await _turned_away(exchange))
        return
    interaction = await pushed_requests.begin(
        exchange.services.cache,
        exchange.mint("int"),
        exchange.visit,
        exchange.request_key,
        exchange.pushed,
        exchange.now,
    )
    exchange.answer = Answer(303, location=f"/interactions/{interaction.id}")


async def _turned_away(exchange: Exchange) -> str:
    """Return the address that refuses a sign-in of a kind that does not exist here."""
    return await interactions.refusal_address(
        exchange.services, exchange.pushed, OAUTH_AUTHENTICATION_UNMET
    )
