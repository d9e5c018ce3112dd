"""Introspection (RFC 7662), signed on request (RFC 9701): for members' own systems.

A member learns of a token the part that concerns that member, and nothing of its worth elsewhere. A
partner's application is never answered, not about its own tokens either: it has nothing to check.
"""

from __future__ import annotations

from typing import Any, Final

from weir.authorization.exchange import Answer, Exchange, not_open
from weir.authorization.tokens import presented_tokens
from weir.authorization.tokens.presented_tokens import ActiveToken
from weir.partners.classes import INTROSPECT

SIGNED: Final = "application/token-introspection+jwt"
_TYPE: Final = "token-introspection+jwt"
_UNKNOWN: Final[dict[str, Any]] = {"active": False}


def caller_may_ask(exchange: Exchange) -> None:
    """Require a member's application registered to introspect.

    RFC 7662 section 2.1, RFC 9701 section 4.
    """
    if INTROSPECT not in exchange.client.roles or exchange.organisation.kind != "member":
        raise not_open("introspection is for members' resource servers")


async def token_is_introspected(exchange: Exchange) -> None:
    """Answer whether the token is active for this member (RFC 7662 section 2.2).

    Of any other token the answer says inactive, and no more.
    """
    claims = presented_tokens.claims_of(exchange.services.signer, exchange.required("token"))
    told = _UNKNOWN
    addresses = exchange.services.addresses
    if claims is not None and addresses.api_audience in claims["aud"]:
        async with exchange.services.database.connect() as connection:
            found = await presented_tokens.find_active(connection, claims, exchange.now)
        if found is not None:
            told = describe_token(found, exchange.organisation.slug, addresses.api_audience)
    await _answer(exchange, told)


def describe_token(token: ActiveToken, member: str, audience: str) -> dict[str, Any]:
    """Return the introspection of an active token for one member.

    Its members are of RFC 7662 section 2.2, with the member's own scopes and
    `authorization_details`; without any it is `{"active": false}`.
    """
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
    """Answer in JSON, or in a JWT for this caller that cannot pass for a token.

    RFC 9701 section 5.
    """
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
