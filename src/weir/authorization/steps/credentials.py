"""The client credentials grant (RFC 6749 section 4.4): the application acts for itself."""

from __future__ import annotations

from weir.authorization.declares import OAUTH_INVALID_SCOPE
from weir.authorization.exchange import Exchange
from weir.authorization.grammar import scopes
from weir.authorization.tokens import access_tokens
from weir.consent.declares import OAUTH_INVALID_AUTHORIZATION_DETAILS
from weir.kernel.outcomes import Refusal


def asks_no_customer(exchange: Exchange) -> None:
    """Refuse authorization details: there is no customer to grant them (RFC 9396 section 2)."""
    if "authorization_details" in exchange.parameters:
        raise Refusal(
            OAUTH_INVALID_AUTHORIZATION_DETAILS,
            "client_credentials with authorization_details",
            why="only a customer can grant this: use the authorization code grant",
        )


def stays_within_its_rights(exchange: Exchange) -> None:
    """Require scopes of the application's own rights (RFC 6749 section 3.3).

    They are its subscriptions, or `manage` alone, or the scopes over its grants. A token is for one
    audience (RFC 9068 section 3), so they do not mix.
    """
    asked = scopes.read_scopes(exchange.parameters.get("scope"))
    if scopes.MANAGE in asked:
        if len(asked) > 1 or "manage" not in exchange.client.roles:
            reason = "manage stands alone, and only for applications registered for it"
            raise Refusal(OAUTH_INVALID_SCOPE, reason, why=reason)
        if exchange.proof is not None:  # the management API answers only under mutual TLS
            reason = "a token for manage is bound to a certificate: send no DPoP proof"
            raise Refusal(OAUTH_INVALID_SCOPE, reason, why=reason)
    elif asked & scopes.GRANT_MANAGEMENT:
        scopes.require_within(asked, scopes.GRANT_MANAGEMENT)
    else:
        scopes.require_within(asked, exchange.subscribed)
    scopes.require_registered(asked, exchange.client.constraints.scope)
    exchange.scope = asked


async def token_is_issued(exchange: Exchange) -> None:
    """Issue the token, without a refresh token (RFC 6749 section 4.4.3).

    Its `sub` is the client (RFC 9068 section 2.2).
    """
    exchange.answer = await access_tokens.issue(
        exchange, scope=exchange.scope, subject=exchange.client.id, consented=False
    )
