"""Tokens are bound to a client certificate, always (FAPI 2.0 section 5.3.2.1 items 4 and 5)."""

from __future__ import annotations

from weir.authorization.exchange import Exchange
from weir.kernel.outcomes import (
    OAUTH_CERTIFICATE_REQUIRED,
    OAUTH_INVALID_CLIENT,
    OAUTH_INVALID_GRANT,
    Refusal,
)


def certificate_is_presented(exchange: Exchange) -> None:
    """RFC 8705 section 3: the certificate of this connection is what a token is bound to."""
    if exchange.certificate is None:
        raise Refusal(OAUTH_CERTIFICATE_REQUIRED, "token request without a client certificate")


def certificate_is_the_clients(exchange: Exchange) -> None:
    """The certificate was issued to this application and not revoked, however it authenticates.

    Otherwise one client's token could be bound to a certificate another party holds.
    """
    if exchange.certificate is None:
        return
    if not exchange.certificate_known or exchange.certificate_revoked:
        reason = "the certificate is not one of the client's"
        raise Refusal(OAUTH_INVALID_CLIENT, reason, why=reason)


def certificate_is_the_codes(exchange: Exchange) -> None:
    """A request pushed over mutual TLS is finished with the certificate it began with."""
    began_with = exchange.grant.certificate
    if began_with is not None and began_with != exchange.certificate:
        raise Refusal(OAUTH_INVALID_GRANT, "the code began with another certificate")
