"""The CIBA grant (CIBA Core 1.0 sections 10.1 and 11): polling for a customer's answer.

A token answer that was lost is asked for again under the same `auth_req_id`: the access token is
new, the refresh token and the grant are the same.
"""

from __future__ import annotations

from datetime import timedelta

from weir.authorization.backchannel import questions
from weir.authorization.declares import (
    BACKCHANNEL_INTERVAL_MAX_S,
    BACKCHANNEL_INTERVAL_S,
    OAUTH_ACCESS_DENIED,
    OAUTH_AUTHORIZATION_PENDING,
    OAUTH_EXPIRED_TOKEN,
    OAUTH_SLOW_DOWN,
)
from weir.authorization.exchange import Exchange, not_granted, not_open
from weir.authorization.grammar import scopes
from weir.authorization.grants import grants
from weir.authorization.tokens import access_tokens, id_tokens
from weir.consent import consents
from weir.kernel.outcomes import Refusal


def may_poll(exchange: Exchange) -> None:
    """Require an application registered for CIBA (section 11)."""
    if exchange.client.backchannel_token_delivery_mode is None:
        raise not_open("the application is not registered for CIBA")


async def question_is_found(exchange: Exchange) -> None:
    """Find the question, issued by this server to this client (CIBA section 11)."""
    auth_req_id = exchange.required("auth_req_id")
    async with exchange.services.database.connect() as connection:
        found = await questions.of_secret(connection, auth_req_id)
    if found is None or found.client != exchange.client.id:
        raise not_granted("the auth_req_id is unknown, or another client's")
    exchange.question = found


async def question_is_answered(exchange: Exchange) -> None:
    """Require an answer that is there and a yes (CIBA section 11).

    OAUTH_EXPIRED_TOKEN, OAUTH_ACCESS_DENIED, OAUTH_AUTHORIZATION_PENDING, OAUTH_SLOW_DOWN.
    """
    question = exchange.question
    if not question.collectable_at(exchange.now):
        raise Refusal(OAUTH_EXPIRED_TOKEN, question.consent)
    if question.state == questions.DENIED:
        raise Refusal(OAUTH_ACCESS_DENIED, question.consent)
    if question.state == questions.AWAITING:
        await _wait_longer(exchange)


async def question_is_collected(exchange: Exchange) -> None:
    """Issue the tokens, as often as they are asked for while kept (CIBA section 10.1.1)."""
    question = exchange.question
    assert question.sealed_refresh is not None, "a granted question has its refresh token"
    name = f"refresh:{question.consent}"
    refresh_token = exchange.services.sealing.open(name, question.sealed_refresh).decode()
    exchange.answer = await access_tokens.issue(
        exchange,
        scope=scopes.read_scopes(exchange.grant.scope),
        subject=exchange.grant.subject,
        consented=True,
        refresh_token=refresh_token,
        id_token=await id_tokens.make_id_token(exchange),
    )


async def grant_is_found(exchange: Exchange) -> None:
    """Find the grant of the customer's yes, and the consent that it stands on by now."""
    async with exchange.services.database.connect() as connection:
        grant = await grants.of_consent(connection, exchange.question.consent)
        assert grant is not None, "a granted question has its grant"
        consent = await consents.find(connection, grant.current)
    assert consent is not None, "a grant stands on a consent"
    exchange.grant, exchange.consent = grant, consent


async def _wait_longer(exchange: Exchange) -> None:
    """Refuse a poll that is not answered yet; one before the interval lengthens it by 5 seconds."""
    question, interval_s = exchange.question, exchange.question.interval_s
    too_early = question.polled_at is not None and exchange.now < question.polled_at + timedelta(
        seconds=interval_s
    )
    if too_early:
        longer_s = interval_s + BACKCHANNEL_INTERVAL_S
        interval_s = min(longer_s, BACKCHANNEL_INTERVAL_MAX_S)
    async with exchange.services.database.engine.begin() as connection:
        await questions.note_poll(connection, question.consent, exchange.now, interval_s)
    outcome = OAUTH_SLOW_DOWN if too_early else OAUTH_AUTHORIZATION_PENDING
    why = f"the interval is {interval_s} seconds"
    raise Refusal(outcome, question.consent, interval=interval_s, why=why)
