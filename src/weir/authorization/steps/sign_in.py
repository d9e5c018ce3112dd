"""What OpenID Connect adds to a request: the sign-in, the names, and a consent lodged before."""

from __future__ import annotations

from weir.authorization.exchange import Exchange, wrong
from weir.authorization.grammar import openid
from weir.consent import consents
from weir.consent.states import State
from weir.kernel.identifiers import is_identifier


def sign_in_is_described(exchange: Exchange) -> None:
    """OpenID Connect Core sections 3.1.2.1 and 5.5, for requests of the scope `openid`."""
    exchange.openid = openid.read(exchange.parameters, exchange.scope)


async def intent_is_recalled(exchange: Exchange) -> None:
    """A consent lodged by this very application, and not answered yet; no other exists for it."""
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
