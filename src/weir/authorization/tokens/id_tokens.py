"""ID tokens (OpenID Connect Core section 2): the customer who agreed, and the sign-in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from weir.authorization.declares import ID_TOKEN_LIFETIME_S, OAUTH_INVALID_GRANT
from weir.authorization.exchange import Exchange
from weir.authorization.grammar.openid import INTENT, OPENID
from weir.identity import customers
from weir.kernel.outcomes import Refusal
from weir.store.database import Database

_TYPE: Final = "JWT"


async def make_id_token(exchange: Exchange) -> str | None:
    """Return the ID token of a code's grant; None when its request had not the scope `openid`."""
    authentication = exchange.grant.authentication
    if authentication is None or OPENID not in exchange.grant.scope.split(" "):
        return None
    now_s = int(exchange.now.timestamp())
    optional = {"nonce": authentication.nonce, INTENT: authentication.intent}
    claims: dict[str, Any] = {
        "iss": exchange.services.addresses.issuer,
        "sub": exchange.grant.subject,
        "aud": exchange.client.id,
        "iat": now_s,
        "exp": now_s + ID_TOKEN_LIFETIME_S,
        "auth_time": authentication.at_s,
        "acr": authentication.acr,
        "amr": list(authentication.amr),
        **{name: value for name, value in optional.items() if value is not None},
        **await names(
            exchange.services.database, exchange.consent.customer, authentication.id_token
        ),
    }
    return await exchange.sign(claims, _TYPE)


async def names(
    database: Database, customer_id: str | None, wanted: Collection[str]
) -> dict[str, str]:
    """Return the identity claims wanted, from the books of the customer's institution.

    OAUTH_INVALID_GRANT when there is no customer.
    """
    if not wanted:
        return {}
    async with database.connect() as connection:
        customer = await customers.find(connection, customer_id or "")
    if customer is None:
        raise Refusal(OAUTH_INVALID_GRANT, "a consent without a customer")
    known = {"name": customer.display_name}
    return {name: known[name] for name in wanted}
