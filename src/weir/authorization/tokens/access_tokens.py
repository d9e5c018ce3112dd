"""Access tokens: RFC 9068 JWTs, each bound to one key, by certificate or by DPoP."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from weir.authorization.exchange import Answer, Exchange
from weir.authorization.grammar import scopes
from weir.authorization.grammar.grant_types import REFRESH_TOKEN
from weir.authorization.grammar.openid import OPENID
from weir.authorization.services import Addresses
from weir.kernel.declares import ACCESS_TOKEN_LIFETIME_S

TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - the JWT's media type


async def issue(
    exchange: Exchange,
    *,
    scope: frozenset[str],
    subject: str,
    consented: bool,
    refresh_token: str | None = None,
    id_token: str | None = None,
) -> Answer:
    """Return the token endpoint's success (RFC 6749 section 5.1).

    There is no way through here without a key: no token of this server is a bearer token.
    """
    lifetime_s = _lifetime_s(exchange, consented)
    body: dict[str, Any] = {
        "token_type": "Bearer" if exchange.proof is None else "DPoP",
        "expires_in": lifetime_s,
        "scope": scopes.write_scopes(scope),
    }
    claims = claims_of(
        issuer=exchange.services.addresses.issuer,
        subject=subject,
        audience=audience_of(exchange.services.addresses, scope),
        client=exchange.client.id,
        organisation=exchange.organisation.id,
        now=exchange.now,
        lifetime_s=lifetime_s,
        name=exchange.mint("tok"),
        scope=scope,
        confirmation=_confirmation(exchange),
    )
    if consented:
        details = exchange.details or exchange.consent.granted
        body["authorization_details"] = claims["authorization_details"] = [details]
        body["grant_id"] = claims["grant_id"] = exchange.grant.grant_id
        if exchange.consent.id != exchange.grant.grant_id:
            claims["consent"] = exchange.consent.id  # the grant was changed since it began
        claims["record_name"] = exchange.consent.record_name
    if refresh_token is not None and exchange.client.constraints.uses(REFRESH_TOKEN):
        body["refresh_token"] = refresh_token
    if id_token is not None:
        body["id_token"] = id_token
    body["access_token"] = await exchange.sign(claims, TOKEN_TYPE)
    return Answer(200, body)


def claims_of(
    *,
    issuer: str,
    subject: str,
    audience: list[str],
    client: str,
    organisation: str,
    now: datetime,
    lifetime_s: int,
    name: str,
    scope: frozenset[str],
    confirmation: dict[str, str],
) -> dict[str, Any]:
    """Return every access token's claims (RFC 9068 section 2.2).

    `iat` and `exp` are Unix seconds; `cnf` is `confirmation`, the key it needs.
    """
    issued_at_s = int(now.timestamp())
    return {
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "client_id": client,
        "org": organisation,
        "iat": issued_at_s,
        "exp": issued_at_s + lifetime_s,
        "jti": name,
        "scope": scopes.write_scopes(scope),
        "cnf": confirmation,
    }


def _confirmation(exchange: Exchange) -> dict[str, str]:
    """Return exactly one constraint.

    It is the proof's key (RFC 9449 section 6.1) when there is a proof, else the certificate (RFC
    8705 section 3.1).
    """
    if exchange.proof is not None:
        return {"jkt": exchange.proof.thumbprint}
    assert exchange.certificate is not None, "tokens are bound to a key"
    return {"x5t#S256": exchange.certificate}


def _lifetime_s(exchange: Exchange, consented: bool) -> int:
    """Return the token's lifetime, never longer than its consent's."""
    if not consented:
        return ACCESS_TOKEN_LIFETIME_S
    left_s = int((exchange.consent.expires_at - exchange.now).total_seconds())
    return min(ACCESS_TOKEN_LIFETIME_S, left_s)


def audience_of(addresses: Addresses, scope: frozenset[str]) -> list[str]:
    """Return the one audience of a token: the capabilities, the management API, or our grants.

    With `openid` the UserInfo endpoint, at this server, besides.
    """
    if scopes.GRANT_MANAGEMENT & scope:
        return [addresses.issuer]
    if scopes.MANAGE in scope:
        return [addresses.manage_audience]
    return [addresses.api_audience, *([addresses.issuer] if OPENID in scope else [])]
