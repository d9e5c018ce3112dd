"""The pushed authorization request (RFC 9126), by every rule of FAPI 2.0 section 5.3.2.2."""

from __future__ import annotations

from typing import Final

from weir.authorization.declares import (
    NONCE_CHARACTERS,
    OAUTH_INVALID_REDIRECT_URI,
    OAUTH_UNSUPPORTED_RESPONSE_TYPE,
    PUSHED_REQUEST_LIFETIME_S,
    STATE_CHARACTERS,
)
from weir.authorization.exchange import Answer, Exchange, PushedRequest, not_open, wrong
from weir.authorization.grammar import locales, pkce, scopes
from weir.authorization.grammar.openid import OPENID
from weir.authorization.grants import lodged_consents
from weir.authorization.visits import pushed_requests, redirects
from weir.consent.types import parse_details, parse_entry
from weir.kernel.outcomes import Refusal
from weir.partners.organisations import SANDBOX

# `jwt` is the signed answer in its usual place, which for a code is the query (JARM section 2.3.4).
RESPONSE_MODES: Final = ("query", "query.jwt", "jwt")


def asks_for_a_code(exchange: Exchange) -> None:
    """Require `response_type=code`, answered in the query (FAPI 2.0 section 5.3.2.2 item 1).

    Only for applications registered to ask customers at all (RFC 6749 section 4.1.2.1).
    """
    if not {"data", "payments"} & set(exchange.client.roles):
        raise not_open("the application has no role that asks customers")
    if exchange.required("response_type") != "code":
        raise Refusal(OAUTH_UNSUPPORTED_RESPONSE_TYPE)
    if exchange.parameters.get("response_mode", "query") not in RESPONSE_MODES:
        raise wrong("response_mode", "must be query or jwt")


def returns_to_a_registered_address(exchange: Exchange) -> None:
    """Require a registered `redirect_uri`, by exact comparison.

    FAPI 2.0 section 5.3.2.2 item 6 and RFC 9700 section 2.1.
    """
    uri = exchange.required("redirect_uri")
    if not redirects.is_registered(uri, exchange.client.redirect_uris):
        raise Refusal(OAUTH_INVALID_REDIRECT_URI, uri)


def keeps_state_and_nonce_short(exchange: Exchange) -> None:
    """Bound `state` and `nonce`, which come back verbatim."""
    bounds = {"state": STATE_CHARACTERS, "nonce": NONCE_CHARACTERS}
    for name, characters in bounds.items():
        if len(exchange.parameters.get(name, "")) > characters:
            raise wrong(name, f"is longer than {characters} characters")


def names_languages(exchange: Exchange) -> None:
    """Read `ui_locales`, tags of RFC 5646, supported or not (OpenID Connect Core 3.1.2.1)."""
    asked = exchange.parameters.get("ui_locales")
    if asked is None:
        return
    try:
        exchange.language = locales.preferred(asked)
    except ValueError as error:
        raise wrong("ui_locales", "must be language tags with one space between each") from error


def proves_possession_later(exchange: Exchange) -> None:
    """Require PKCE, and only S256 (RFC 7636 section 4.3, FAPI 2.0 section 5.3.2.2 item 5)."""
    if not pkce.is_challenge(exchange.required("code_challenge")):
        raise wrong("code_challenge", "is not an S256 challenge")
    if exchange.required("code_challenge_method") != "S256":
        raise wrong("code_challenge_method", "must be S256")


def stays_within_subscriptions(exchange: Exchange) -> None:
    """Require scopes of subscribed products, or `openid` (RFC 6749 section 3.3)."""
    asked = scopes.read_scopes(exchange.parameters.get("scope"))
    scopes.require_within(asked - {OPENID}, exchange.subscribed)
    scopes.require_registered(asked, exchange.client.constraints.scope)
    exchange.scope = asked


def says_what_it_wants(exchange: Exchange) -> None:
    """Read the one entry of `authorization_details`, by its closed schema (RFC 9396 section 2).

    A consent lodged beforehand stands in its place, and then none may be sent.
    """
    if exchange.lodged is None:
        raw = exchange.parameters.get("authorization_details")
        if raw is None:
            raise wrong(
                "authorization_details", "is missing: a scope alone asks a customer nothing"
            )
        exchange.ask = parse_details(raw, exchange.now)
    elif "authorization_details" in exchange.parameters:
        raise wrong("authorization_details", "are those of the consent lodged beforehand")
    else:
        exchange.ask = parse_entry(exchange.lodged.requested, exchange.now)
    lodged_consents.require_role(exchange.client.roles, exchange.ask)


async def names_a_member(exchange: Exchange) -> None:
    """Require an active member that holds the data or money (RFC 9396 section 5)."""
    async with exchange.services.database.connect() as connection:
        exchange.member = await lodged_consents.active_member(connection, exchange.ask.member)


async def scope_needs_the_consent(exchange: Exchange) -> None:
    """Require that scope, member and type belong together (RFC 9396 section 5).

    One of the products that the scope names is the member's, and needs this type of consent.
    """
    async with exchange.services.database.connect() as connection:
        await lodged_consents.require_need(
            connection, exchange.client.id, exchange.member, exchange.ask, exchange.scope - {OPENID}
        )


async def is_kept(exchange: Exchange) -> None:
    """Keep the request and answer with a `request_uri`, good for a short while.

    RFC 9126 section 2.2.
    """
    jkt = exchange.proof.thumbprint if exchange.proof else exchange.parameters.get("dpop_jkt")
    pushed = PushedRequest(
        client=exchange.client.id,
        organisation=exchange.organisation.id,
        consent=exchange.lodged.id if exchange.lodged else exchange.mint("cns"),
        redirect_uri=exchange.parameters["redirect_uri"],
        state=exchange.parameters.get("state"),
        code_challenge=exchange.parameters["code_challenge"],
        scope=scopes.write_scopes(exchange.scope),
        ask=exchange.ask,
        member=exchange.member.id,
        certificate=None if jkt else exchange.certificate,
        dpop_jkt=jkt,
        rehearses=exchange.client.rehearses,
        action=exchange.action,
        grant_id=exchange.grant_id or None,
        signed_answer=exchange.parameters.get("response_mode", "query") != "query",
        openid=exchange.openid,
        language=exchange.language,
        trial=exchange.trial is not None,
        sandbox=exchange.organisation.stage == SANDBOX,
    )
    request_uri = await pushed_requests.push(exchange.services.cache, pushed)
    body = {"request_uri": request_uri, "expires_in": PUSHED_REQUEST_LIFETIME_S}
    exchange.answer = Answer(201, body)
