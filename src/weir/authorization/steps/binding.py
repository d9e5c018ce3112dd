"""The binding of tokens to a key, always (FAPI 2.0 section 5.3.2.1 items 4 and 5)."""

from __future__ import annotations

from weir.authorization.declares import (
    OAUTH_CERTIFICATE_REQUIRED,
    OAUTH_INVALID_CLIENT,
    OAUTH_INVALID_DPOP_PROOF,
)
from weir.authorization.exchange import Exchange, not_granted, wrong
from weir.kernel.outcomes import Refusal
from weir.keys.dpop import THUMBPRINT


def key_is_shown(exchange: Exchange) -> None:
    """Require a certificate or a DPoP proof with the request (RFC 8705 section 3, RFC 9449 section
    5).
    """
    if exchange.certificate is None and not exchange.proofs:
        raise Refusal(OAUTH_CERTIFICATE_REQUIRED, "token request without a key")


def certificate_is_the_clients(exchange: Exchange) -> None:
    """Require that the certificate was issued to this application and not revoked.

    However the client authenticates: otherwise its token could be bound to a certificate that
    another party holds.
    """
    if exchange.certificate is None:
        return
    if not exchange.certificate_known or exchange.certificate_revoked:
        reason = "the certificate is not one of the client's"
        raise Refusal(OAUTH_INVALID_CLIENT, reason, why=reason)


def key_is_the_announced_one(exchange: Exchange) -> None:
    """Require that `dpop_jkt` and a proof name one key (RFC 9449 section 10.1)."""
    announced = exchange.parameters.get("dpop_jkt")
    if announced is None:
        return
    if THUMBPRINT.fullmatch(announced) is None:
        raise wrong("dpop_jkt", "is not a SHA-256 thumbprint")
    if exchange.proof is not None and exchange.proof.thumbprint != announced:
        reason = "dpop_jkt names another key than the proof's"
        raise Refusal(OAUTH_INVALID_DPOP_PROOF, reason, why=reason)


def key_is_the_codes(exchange: Exchange) -> None:
    """Require the DPoP key that the code was asked for with (RFC 9449 section 10)."""
    began_with = exchange.grant.dpop_jkt
    if began_with is None:
        return
    if exchange.proof is None or exchange.proof.thumbprint != began_with:
        reason = "the code belongs to another DPoP key"
        raise Refusal(OAUTH_INVALID_DPOP_PROOF, reason, why=reason)


def certificate_is_the_codes(exchange: Exchange) -> None:
    """Require the certificate that the request was pushed with (RFC 8705 section 3)."""
    began_with = exchange.grant.certificate
    if began_with is not None and began_with != exchange.certificate:
        raise not_granted("the code began with another certificate")
