"""A developer's trial of a consent: the browser's key in place of the application's own."""

from __future__ import annotations

from dataclasses import replace

from weir.authorization.clients import assertions, trial_keys
from weir.authorization.declares import (
    OAUTH_INVALID_DPOP_PROOF,
    OAUTH_INVALID_GRANT_ID,
)
from weir.authorization.exchange import Exchange, not_granted
from weir.authorization.grammar.openid import OPENID
from weir.consent.declares import OAUTH_INVALID_AUTHORIZATION_DETAILS
from weir.kernel.outcomes import Refusal
from weir.partners.classes import PRIVATE_KEY_JWT


async def key_is_recalled(exchange: Exchange) -> None:
    """Put the trial's key in place of the client's keys (RFC 7523 section 2.2).

    The client then has this key alone, one address to return to, and one product. All other steps
    are as they are.
    """
    assertion = exchange.parameters.get("client_assertion")
    kid = None if assertion is None else assertions.kid_of(assertion)
    found = await trial_keys.find(exchange.services.cache, exchange.client.id, kid)
    if found is None or found.thumbprint in exchange.client.revoked_keys:
        return
    exchange.trial = found
    exchange.client = replace(
        exchange.client,
        token_endpoint_auth_method=PRIVATE_KEY_JWT,
        jwks={"keys": [found.jwk]},
        jwks_uri=None,
        redirect_uris=[found.returns_to],
    )
    exchange.subscribed &= {found.scope}


def key_is_the_tokens(exchange: Exchange) -> None:
    """Require that the trial's key is the DPoP key as well (RFC 9449 section 10)."""
    if exchange.trial is None:
        return
    if exchange.proof is None or exchange.proof.thumbprint != exchange.trial.thumbprint:
        reason = "the key of a trial must be the DPoP key as well"
        raise Refusal(OAUTH_INVALID_DPOP_PROOF, reason, why=reason)


def member_is_the_products(exchange: Exchange) -> None:
    """Require the institution whose product is tried (RFC 9396 section 5)."""
    if exchange.trial is not None and exchange.member.slug != exchange.trial.member:
        raise Refusal(
            OAUTH_INVALID_AUTHORIZATION_DETAILS,
            f"a trial of {exchange.trial.member} asks {exchange.member.slug}",
            pointer="/0/member",
            why="a trial asks customers of the product's own institution",
        )


def begins_a_grant(exchange: Exchange) -> None:
    """Refuse to change a grant or to answer a lodged consent, which are the application's own.

    Grant Management section 5.2.
    """
    if exchange.trial is not None and (exchange.action != "create" or exchange.lodged is not None):
        raise Refusal(OAUTH_INVALID_GRANT_ID, "a trial begins a grant of its own")


def code_is_the_trials(exchange: Exchange) -> None:
    """Require the code of this trial, and no other of the application (RFC 6749 section 4.1.3)."""
    if exchange.trial is None:
        return
    asked = set(exchange.grant.scope.split()) - {OPENID}
    if exchange.grant.redirect_uri != exchange.trial.returns_to or asked != {exchange.trial.scope}:
        raise not_granted("the code is not one that this trial asked for")
