"""OpenID Connect's additions to a request: the sign-in, the names, and a lodged consent."""

from __future__ import annotations

from weir.authorization.exchange import Exchange, wrong
from weir.authorization.grammar import openid
from weir.consent import consents
from weir.consent.states import State
from weir.kernel.identifiers import is_identifier


def sign_in_is_described(exchange: Exchange) -> None:
    """Read the wishes of a request of the scope `openid` (OpenID Connect Core 3.1.2.1 and 5.5)."""
    exchange.openid = openid.read(
        exchange.parameters, exchange.scope, exchange.client.constraints.default_max_age
    )


async def intent_is_recalled(exchange: Exchange) -> None:
    """Find the consent that this application lodged and that awaits an answer.

    Any other consent is refused as unknown.
    """
    intent = exchange.openid.intent if exchange.openid else None
    if intent is None:
        return
    found = None
    if is_identifier(intent, "cns"):
        async with exchange.services.database.connect() as connection:
            found = await consents.find_of_application(connection, intent, exchange.client.id)
    if found is None or found.state_at(exchange.now) is not State.AWAITING:
        raise wrong("claims", "names no consent that this application lodged and that awaits")
    exchange.lodged = found
