"""The client of a request: named, found, proven, and allowed to act."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from weir.authorization.clients import assertions, known_clients
from weir.authorization.declares import OAUTH_INVALID_CLIENT
from weir.authorization.exchange import Exchange
from weir.kernel.identifiers import is_identifier
from weir.kernel.outcomes import Refusal
from weir.keys.dpop import thumbprint_of
from weir.partners.classes import PRIVATE_KEY_JWT
from weir.partners.declares import APPLICATION_SUSPENDED, ORGANISATION_SUSPENDED

_OF_CIBA: Final = ("/token", "/bc-authorize")


def is_named(exchange: Exchange) -> None:
    """Read the client's identifier from `client_id` or the assertion's subject.

    RFC 6749 section 2.3, RFC 7521 section 4.2. Given both ways, both must agree; a client secret is
    never taken (FAPI 2.0 section 5.3.2.1).
    """
    parameters = exchange.parameters
    assertion = parameters.get("client_assertion")
    if (assertion is None) != ("client_assertion_type" not in parameters):
        raise _unproven("client_assertion and client_assertion_type go together")
    if assertion is not None and parameters["client_assertion_type"] != assertions.ASSERTION_TYPE:
        raise _unproven("client_assertion_type is not jwt-bearer")
    if "client_secret" in parameters:
        raise _unproven("client secrets are not taken")
    asserted = None if assertion is None else assertions.subject_of(assertion)
    named = {name for name in (parameters.get("client_id"), asserted) if name is not None}
    if len(named) != 1 or (assertion is not None and asserted is None):
        raise _unproven("client_id and the assertion's sub must name one client")
    (exchange.client_id,) = named


async def is_found(exchange: Exchange) -> None:
    """Find the client, its organisation, certificate and scopes (RFC 6749 section 2.2)."""
    if not is_identifier(exchange.client_id, "app"):
        raise _unproven("client_id is not one")
    database = exchange.services.database
    client = await known_clients.find(database, exchange.client_id, exchange.certificate)
    if client is None:
        raise _unproven("client_id is not one")
    exchange.subscribed = client.scopes
    found = client.known
    exchange.client = found.application
    exchange.organisation = found.organisation
    exchange.certificate_known = found.certificate_known
    exchange.certificate_revoked = found.certificate_revoked


async def keys_are_fetched(exchange: Exchange) -> None:
    """Fetch the present keys of a client that publishes them (RFC 7591 section 2).

    Only when something in the request is signed with one; a key that the client revoked never
    counts.
    """
    uri = exchange.client.jwks_uri
    signed = [
        exchange.parameters[name]
        for name in ("client_assertion", "request")
        if name in exchange.parameters
    ]
    if uri is None or not signed:
        return
    kids = {kid for token in signed if (kid := assertions.kid_of(token)) is not None}
    found = await exchange.services.remote_keys.of(uri, kids)
    revoked = exchange.client.revoked_keys
    kept = [key for key in found["keys"] if thumbprint_of(key) not in revoked]
    exchange.client = replace(exchange.client, jwks={"keys": kept})


def proves_itself_by_certificate(exchange: Exchange) -> None:
    """Require a certificate issued to this very application, over
    mutual TLS (RFC 8705 section 2).
    """
    if exchange.client.token_endpoint_auth_method == PRIVATE_KEY_JWT:
        return
    if "client_assertion" in exchange.parameters:
        raise _unproven("the client is registered for tls_client_auth")
    if exchange.certificate is None:
        raise _unproven("use the mutual-TLS address with the client's certificate")
    if not exchange.certificate_known or exchange.certificate_revoked:
        raise _unproven("the certificate is not one of the client's")


def proves_itself_by_key(exchange: Exchange) -> None:
    """Require an assertion signed with a registered key, for this server, now.

    RFC 7523 section 2.2.
    """
    if exchange.client.token_endpoint_auth_method != PRIVATE_KEY_JWT:
        return
    if "client_assertion" not in exchange.parameters:
        raise _unproven("the client is registered for private_key_jwt")
    claims = assertions.claims_of(
        exchange.parameters["client_assertion"],
        exchange.client.jwks,
        exchange.algorithms_of(exchange.client.constraints.token_endpoint_auth_signing_alg),
    )
    exchange.assertion = assertions.judge(
        claims,
        exchange.client.id,
        exchange.services.addresses.issuer,
        exchange.now.timestamp(),
        _endpoints(exchange),
    )


def _endpoints(exchange: Exchange) -> tuple[str, ...]:
    """Return the endpoints that an assertion may be for in the issuer's place; usually none.

    CIBA Core section 7.1 takes issuer, token endpoint and backchannel endpoint; FAPI 2.0 section
    5.3.2.1 item 8 takes the issuer alone. A client that asks by CIBA and has no address to return a
    browser to is none of FAPI 2.0's, and is held to CIBA; every other client is held to FAPI 2.0.
    """
    client, addresses = exchange.client, exchange.services.addresses
    if client.backchannel_token_delivery_mode is None or client.redirect_uris:
        return ()
    origins = (addresses.issuer, addresses.mtls)
    return tuple(origin + path for origin in origins for path in _OF_CIBA)


def is_active(exchange: Exchange) -> None:
    """Refuse a suspended application or organisation: a suspension takes effect at once."""
    if exchange.client.status != "active":
        raise Refusal(APPLICATION_SUSPENDED, exchange.client.id)
    if exchange.organisation.status != "active":
        raise Refusal(ORGANISATION_SUSPENDED, exchange.organisation.id)


def _unproven(reason: str) -> Refusal:
    return Refusal(OAUTH_INVALID_CLIENT, reason, why=reason)
