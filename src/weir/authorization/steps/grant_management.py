"""Grant Management for OAuth 2.0 (OpenID FAPI working group, draft 03), as clients use it."""

from __future__ import annotations

from weir.authorization.declares import OAUTH_INVALID_GRANT_ID
from weir.authorization.exchange import Answer, Exchange, wrong
from weir.authorization.grammar import scopes
from weir.authorization.grants import grants
from weir.authorization.steps.revocation import end_grant
from weir.authorization.tokens import presented_tokens
from weir.consent import consents, grant_changes
from weir.consent.consents import Consent
from weir.consent.states import State
from weir.consent.types import is_payment
from weir.kernel.declares import NOT_FOUND, SCOPE_INSUFFICIENT, TOKEN_REVOKED
from weir.kernel.outcomes import Refusal

DELETED = "the application gave the whole grant back"


def action_is_coherent(exchange: Exchange) -> None:
    """Require a `grant_id` with `merge` and `replace`, and none with `create` (section 5.2)."""
    asked = exchange.parameters.get("grant_management_action")
    grant_id = exchange.parameters.get("grant_id")
    if asked is None and grant_id is not None:
        raise wrong("grant_management_action", "is missing beside a grant_id")
    action = next((each for each in grant_changes.ACTIONS if each == asked), None)
    if asked is not None and action is None:
        raise wrong("grant_management_action", "must be create, merge or replace")
    if action in (None, "create"):
        if grant_id is not None:
            raise wrong("grant_id", "does not go with the action create")
        return
    assert action is not None
    exchange.action, exchange.grant_id = action, exchange.required("grant_id")


async def grant_may_be_changed(exchange: Exchange) -> None:
    """Require a standing grant of this client, of the same type and institution (section 5.4).

    Unknown, ended and another client's grants are refused alike.
    """
    if exchange.action == "create":
        return
    consent = await _in_force(exchange)
    if consent is None or is_payment(consent.type):
        raise Refusal(OAUTH_INVALID_GRANT_ID, f"{exchange.action} of {exchange.grant_id}")
    assert consent.granted is not None, "a consent in force has been granted"
    grant_changes.require_same_kind(consent.granted, exchange.ask)


async def token_stands(exchange: Exchange) -> None:
    """Refuse a token that was stopped, or whose holder was, since it was issued.

    RFC 6750 section 3.1.
    """
    async with exchange.services.database.connect() as connection:
        found = await presented_tokens.find_active(connection, exchange.claims, exchange.now)
    if found is None:
        raise Refusal(TOKEN_REVOKED)
    exchange.client = found.holder.application
    exchange.organisation = found.holder.organisation


def scope_is_query(exchange: Exchange) -> None:
    """Require `grant_management_query` to read a grant (section 6.1)."""
    _require_scope(exchange, scopes.GRANT_QUERY)


def scope_is_revoke(exchange: Exchange) -> None:
    """Require `grant_management_revoke` to end a grant (section 6.1)."""
    _require_scope(exchange, scopes.GRANT_REVOKE)


async def grant_is_told(exchange: Exchange) -> None:
    """Answer with the grant's present scopes and details (section 6.4)."""
    consent = await _in_force(exchange)
    if consent is None:
        raise Refusal(NOT_FOUND, f"grant {exchange.grant_id}")
    body = {
        "scopes": [{"scope": scopes.write_scopes(scopes.read_scopes(exchange.grant.scope))}],
        "authorization_details": [consent.granted],
    }
    exchange.answer = Answer(200, body)


async def grant_is_ended(exchange: Exchange) -> None:
    """End the grant, confirmed by every gateway (section 6.5). A repetition is answered alike."""
    grant = await _own(exchange)
    if grant is None:
        raise Refusal(NOT_FOUND, f"grant {exchange.grant_id}")
    await end_grant(exchange, grant, DELETED)
    exchange.answer = Answer(204)


def _require_scope(exchange: Exchange, scope: str) -> None:
    if scope not in exchange.claims["scope"].split(" "):
        raise Refusal(SCOPE_INSUFFICIENT, f"needs {scope}", scope=scope)


async def _in_force(exchange: Exchange) -> Consent | None:
    """Return the grant's consent while it is in force, and set `exchange.grant`."""
    grant = await _own(exchange)
    if grant is None:
        return None
    exchange.grant = grant
    async with exchange.services.database.connect() as connection:
        consent = await consents.find(connection, grant.current)
    in_force = (State.GRANTED, State.USED)
    return consent if consent and consent.state_at(exchange.now) in in_force else None


async def _own(exchange: Exchange) -> grants.Grant | None:
    async with exchange.services.database.connect() as connection:
        return await grants.of_grant_id(connection, exchange.grant_id, exchange.client.id)
