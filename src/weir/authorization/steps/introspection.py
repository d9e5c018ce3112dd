"""Introspection (RFC 7662), signed where it is asked for so (RFC 9701): for members' own systems.

A member hears of a token what concerns that member, and nothing of what it is worth elsewhere. A
partner's application is never answered, not about its own tokens either: it has nothing to check.
"""

from __future__ import annotations

from typing import Any, Final

from weir.authorization.declares import OAUTH_UNAUTHORIZED_CLIENT
from weir.authorization.exchange import Answer, Exchange
from weir.authorization.tokens import presented_tokens
from weir.authorization.tokens.presented_tokens import ActiveToken
from weir.kernel.outcomes import Refusal
from weir.partners.classes import INTROSPECT

SIGNED: Final = "application/token-introspection+jwt"
_TYPE: Final = "token-introspection+jwt"
_UNKNOWN: Final[dict[str, Any]] = {"active": False}


def caller_may_ask(exchange: Exchange) -> None:
    """RFC 7662 section 2.1, RFC 9701 section 4: a member's application registered for it."""
    if INTROSPECT not in exchange.client.roles or exchange.organisation.kind != "member":
        raise Refusal(OAUTH_UNAUTHORIZED_CLIENT, "not a resource server")


async def token_is_introspected(exchange: Exchange) -> None:
    """RFC 7662 section 2.2: anything not good for this member is inactive, and no more is said."""
    claims = presented_tokens.claims_of(exchange.services.signer, exchange.required("token"))
    told = _UNKNOWN
    addresses = exchange.services.addresses
    if claims is not None and addresses.api_audience in claims["aud"]:
        async with exchange.services.database.connect() as connection:
            found = await presented_tokens.find_active(connection, claims, exchange.now)
        if found is not None:
            told = concerning(found, exchange.organisation.slug, addresses.api_audience)
    await _answer(exchange, told)


def concerning(token: ActiveToken, member: str, audience: str) -> dict[str, Any]:
    """What a member is told of a token that stands: its own scopes and details, or nothing."""
    claims = token.claims
    scopes = [name for name in claims["scope"].split(" ") if name.startswith(f"{member}.")]
    details = [each for each in claims.get("authorization_details", ()) if each["member"] == member]
    if not scopes or (token.consent is not None and not details):
        return _UNKNOWN
    told = {
        "active": True,
        "iss": claims["iss"],
        "aud": audience,
        "client_id": claims["client_id"],
        "token_type": "DPoP" if "jkt" in claims["cnf"] else "Bearer",
        "scope": " ".join(scopes),
        "iat": claims["iat"],
        "exp": claims["exp"],
        "cnf": claims["cnf"],
    }
    if token.consent is not None:
        told |= {"grant_id": token.claims["grant_id"], "authorization_details": details}
    return told


async def _answer(exchange: Exchange, told: dict[str, Any]) -> None:
    """RFC 9701 section 5: a JWT for the one who asked, whose content cannot pass for a token."""
    if not exchange.accepts_signed:
        exchange.answer = Answer(200, told)
        return
    signed = {
        "iss": exchange.services.addresses.issuer,
        "aud": exchange.client.id,
        "iat": int(exchange.now.timestamp()),
        "token_introspection": told,
    }
    text = await exchange.sign(signed, _TYPE)
    exchange.answer = Answer(200, text=text, media_type=SIGNED)
