"""The constraints a client registered about itself, held against each of its requests."""

from __future__ import annotations

from weir.authorization.declares import (
    OAUTH_INVALID_DPOP_PROOF,
    OAUTH_INVALID_REQUEST,
    OAUTH_UNAUTHORIZED_CLIENT,
)
from weir.authorization.exchange import Exchange
from weir.authorization.grammar.grant_types import AUTHORIZATION_CODE, CIBA
from weir.authorization.grants import lodged_consents
from weir.kernel.outcomes import Refusal


def grant_type_is(exchange: Exchange) -> None:
    """Require that the client registered the grant type it uses (RFC 7591 section 2)."""
    _require_grant_type(exchange, exchange.required("grant_type"))


def code_is_its_grant_type(exchange: Exchange) -> None:
    """Require that the client registered the grant type of a code (RFC 7591 section 2)."""
    _require_grant_type(exchange, AUTHORIZATION_CODE)


def ciba_is_its_grant_type(exchange: Exchange) -> None:
    """Require that the client registered the grant type of CIBA (CIBA Core section 4)."""
    _require_grant_type(exchange, CIBA)


def binding_is(exchange: Exchange) -> None:
    """Require that the token will be bound the way the client registered.

    A DPoP proof when it always uses DPoP (RFC 9449 section 5.2); a certificate and no proof when it
    uses certificates alone (RFC 8705 section 3.4).
    """
    constraints = exchange.client.constraints
    if constraints.dpop_bound_access_tokens:
        if exchange.proof is None:
            reason = "the client is registered as one that always sends a DPoP proof"
            raise Refusal(OAUTH_INVALID_DPOP_PROOF, reason, why=reason)
    elif constraints.tls_client_certificate_bound_access_tokens and exchange.proof is not None:
        reason = "the client is registered for certificate-bound tokens: send no DPoP proof"
        raise Refusal(OAUTH_INVALID_REQUEST, reason, why=reason)


def type_is(exchange: Exchange) -> None:
    """Require a type of consent that the client registered, if it registered any.

    RFC 9396 section 10.
    """
    lodged_consents.require_registered_type(exchange.client.constraints, exchange.ask)


def _require_grant_type(exchange: Exchange, name: str) -> None:
    if not exchange.client.constraints.uses(name):
        reason = f"the client did not register the grant type {name}"
        raise Refusal(OAUTH_UNAUTHORIZED_CLIENT, reason, why=reason)
