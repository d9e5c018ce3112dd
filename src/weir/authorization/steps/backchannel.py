"""The backchannel authentication endpoint (CIBA Core 1.0 section 7, as FAPI-CIBA narrows it)."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any, Final

from weir.authorization.backchannel import hints, questions
from weir.authorization.declares import (
    BACKCHANNEL_INTERVAL_S,
    BACKCHANNEL_LIFETIME_MAX_S,
    BINDING_MESSAGE_CHARACTERS,
    NOTIFICATION_TOKEN_CHARACTERS_MAX,
    NOTIFICATION_TOKEN_CHARACTERS_MIN,
    OAUTH_INVALID_BINDING_MESSAGE,
    OAUTH_INVALID_REQUEST_OBJECT,
)
from weir.authorization.exchange import Answer, Exchange, not_open, wrong
from weir.authorization.grammar import openid, scopes
from weir.authorization.steps import request_object
from weir.identity.secrets import new_secret
from weir.kernel import inputs
from weir.kernel.outcomes import Refusal
from weir.partners.classes import PING
from weir.store.unit import Actor

# RFC 6750 section 2.1: the syntax of a bearer token.
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_NOT_HERE: Final = ("user_code", "login_hint_token", "grant_management_action", "grant_id")
_ONLY_IN_BROWSERS: Final = ("claims", "max_age", "prompt", "nonce")


def may_ask(exchange: Exchange) -> None:
    """Require an application registered for a delivery mode, and to
    ask customers (CIBA section 4).
    """
    if exchange.client.backchannel_token_delivery_mode is None:
        raise not_open("the application is not registered for CIBA")
    if not {"data", "payments"} & set(exchange.client.roles):
        raise not_open("the application has no role that asks customers")


def request_is_signed(exchange: Exchange) -> None:
    """Require a signed request (CIBA section 7.1.1, FAPI-CIBA section 5.2.2 item 6)."""
    if "request" not in exchange.parameters:
        raise wrong("request", "is missing: a backchannel request is always signed")


def request_is_opened(exchange: Exchange) -> None:
    """Read the request from its signed object, with the claims of CIBA section 7.1.1.

    `client_id` is a claim of RFC 9101: it is not needed, and is the client's when it is there. A
    registered algorithm is the only one (CIBA section 4).
    """
    registered = exchange.client.constraints.backchannel_authentication_request_signing_alg
    try:
        request_object.open_object(exchange, registered, required=("iss",))
    except Refusal as refusal:
        raise _by_cibas_code(refusal) from refusal


async def request_does_not_replay(exchange: Exchange) -> None:
    """Refuse a `jti` that was used before (CIBA section 7.1.1)."""
    try:
        await request_object.request_object_does_not_replay(exchange)
    except Refusal as refusal:
        raise _by_cibas_code(refusal) from refusal


def request_has_its_claims(exchange: Exchange) -> None:
    """Require `iat` and `jti` besides every request object's claims (CIBA section 7.1.1)."""
    for name in ("iat", "jti"):
        if name not in exchange.request_claims:
            raise wrong("request", f"lacks the claim {name}")
    for name in _NOT_HERE:
        if name in exchange.parameters:
            raise wrong(name, "is not taken here")


def _by_cibas_code(refusal: Refusal) -> Refusal:
    """Return a request object's refusal by a code of CIBA section 13, which has none for it."""
    if refusal.outcome is not OAUTH_INVALID_REQUEST_OBJECT:
        return refusal
    return wrong("request", f"is not taken: {refusal.public['why']}")


def one_hint_is_given(exchange: Exchange) -> None:
    """Require exactly one hint (CIBA section 7.1). Whether it fits a customer is never revealed."""
    given = [name for name in ("login_hint", "id_token_hint") if name in exchange.parameters]
    if len(given) != 1:
        raise wrong("login_hint", "or id_token_hint must be given, and not both")
    exchange.hint = hints.read(
        exchange.services, exchange.client.id, given[0], exchange.parameters[given[0]]
    )


def message_is_short(exchange: Exchange) -> None:
    """Require a short line that the customer compares on both sides.

    CIBA section 7.1, FAPI-CIBA section 5.2.2 item 2.
    """
    try:
        inputs.text(
            exchange.parameters.get("binding_message", ""),
            "/binding_message",
            BINDING_MESSAGE_CHARACTERS,
        )
    except Refusal as refusal:
        raise Refusal(OAUTH_INVALID_BINDING_MESSAGE, refusal.detail) from refusal


def times_are_bounded(exchange: Exchange) -> None:
    """Read `requested_expiry`, in seconds, within this server's bound (CIBA section 7.1)."""
    given = exchange.parameters.get("requested_expiry")
    if given is None:
        return
    if _SECONDS.fullmatch(given) is None:
        raise wrong("requested_expiry", "must be a positive number of seconds")
    exchange.lifetime_s = min(int(given), BACKCHANNEL_LIFETIME_MAX_S)


def notification_token_is_strong(exchange: Exchange) -> None:
    """Require of a ping's client a bearer token with 128 bits of entropy (CIBA section 7.1)."""
    if exchange.client.backchannel_token_delivery_mode != PING:
        return
    token = exchange.required("client_notification_token")
    least, most = (
        NOTIFICATION_TOKEN_CHARACTERS_MIN,
        NOTIFICATION_TOKEN_CHARACTERS_MAX,
    )
    if not least <= len(token) <= most or _BEARER.fullmatch(token) is None:
        raise wrong("client_notification_token", f"must be {least} to {most} bearer characters")


def sign_in_is_plain(exchange: Exchange) -> None:
    """Refuse wishes about the sign-in: the customer signs in unasked.

    `acr_values` is no demand but a wish (CIBA section 7.1), and changes nothing: the ID token says
    which class it was.
    """
    for name in _ONLY_IN_BROWSERS:
        if name in exchange.parameters:
            raise wrong(name, "is not taken here")
    if openid.OPENID not in exchange.scope:
        return
    exchange.openid = openid.OpenIdRequest()


async def question_is_kept(exchange: Exchange) -> None:
    """Keep the question. Answer and work are the same whether the hint fits (CIBA section 7.3)."""
    secret, consent = new_secret(), exchange.mint("cns")
    async with exchange.services.database.unit(_actor(exchange)) as unit:
        customer = await hints.customer_of(
            unit.connection, exchange.hint, exchange.organisation, exchange.member.id
        )
        await questions.open_request(
            unit,
            questions.NewRequest(
                consent=consent,
                secret=secret,
                client=exchange.client.id,
                partner=exchange.organisation.id,
                member=exchange.member.id,
                customer=customer,
                hint_sha256=_hint_digest(exchange),
                scope=scopes.write_scopes(exchange.scope),
                ask=exchange.ask,
                binding_message=exchange.parameters["binding_message"],
                lifetime_s=exchange.lifetime_s,
                sealed_ping=_sealed_ping(exchange, consent, secret),
            ),
        )
    body: dict[str, Any] = {
        "auth_req_id": secret,
        "expires_in": exchange.lifetime_s,
        "interval": BACKCHANNEL_INTERVAL_S,
    }
    exchange.answer = Answer(200, body)


def _sealed_ping(exchange: Exchange, consent: str, secret: str) -> bytes | None:
    """Seal the `auth_req_id` and the client's token for a ping; None for a client that polls."""
    if exchange.client.backchannel_token_delivery_mode != PING:
        return None
    notice = {"auth_req_id": secret, "token": exchange.parameters["client_notification_token"]}
    return exchange.services.sealing.seal(f"ping:{consent}", json.dumps(notice).encode())


def _hint_digest(exchange: Exchange) -> str:
    hint = exchange.hint
    return sha256(f"{exchange.member.id}|{hint.is_subject}|{hint.value}".encode()).hexdigest()


def _actor(exchange: Exchange) -> Actor:
    return Actor(exchange.organisation.id, exchange.client.id)
