"""The outcome of a customer's yes for a grant: begin one, widen it, or replace it.

The grant's rows are locked first, so changes of one grant follow each other, and each is granted
against the consent that the customer was shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from weir.authorization.declares import OAUTH_INVALID_GRANT_ID
from weir.authorization.exchange import PushedRequest
from weir.authorization.grammar import scopes
from weir.authorization.grants import grants
from weir.authorization.grants.grants import Grant
from weir.consent import grant_changes, transitions
from weir.consent.consents import Consent
from weir.consent.published import revocation
from weir.consent.states import State
from weir.kernel.declares import CONFLICT
from weir.kernel.outcomes import Refusal
from weir.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class GrantOutcome:
    """A grant after the yes. `replaced` is a consent whose tokens every gateway must void."""

    grant_id: str
    scope: str
    replaced: str | None = None


async def grant(
    unit: UnitOfWork,
    pushed: PushedRequest,
    customer: str,
    accounts: list[str],
    basis: str | None,
) -> GrantOutcome:
    """Record the customer's yes. CONFLICT, OAUTH_INVALID_GRANT_ID as `interactions.approve`."""
    if pushed.grant_id is None:
        await transitions.record_grant(
            unit, pushed.consent, pushed.ask, customer=customer, accounts=accounts
        )
        return GrantOutcome(pushed.consent, pushed.scope)
    present = await grants.lock(unit, pushed.grant_id)
    before = await transitions.lock(unit, present.current)
    _require_changeable(unit, before, customer, basis)
    return await _change(unit, pushed, present, before, accounts)


async def _change(
    unit: UnitOfWork, pushed: PushedRequest, present: Grant, before: Consent, accounts: list[str]
) -> GrantOutcome:
    assert before.granted is not None, "a consent in force has been granted"
    assert before.customer is not None, "and by a customer"
    await transitions.record_grant(
        unit,
        pushed.consent,
        grant_changes.changed_request(pushed.action, before.granted, pushed.ask),
        customer=before.customer,
        accounts=grant_changes.accounts_after(pushed.action, before.granted, accounts),
        replaces=before.id,
    )
    await transitions.replace(unit, before.id)
    scope = pushed.scope
    if pushed.action == "merge":
        joined = scopes.read_scopes(scope) | scopes.read_scopes(present.scope)
        scope = scopes.write_scopes(joined)
    await grants.move_to_consent(unit, present.grant_id, consent=pushed.consent, scope=scope)
    if pushed.action == "merge":  # the tokens of the narrower consent may live their minutes out
        return GrantOutcome(present.grant_id, scope)
    unit.publish(revocation("consent", before.id, unit.now))
    return GrantOutcome(present.grant_id, scope, replaced=before.id)


def _require_changeable(
    unit: UnitOfWork, before: Consent, customer: str, basis: str | None
) -> None:
    if before.state_at(unit.now) is not State.GRANTED or before.customer != customer:
        raise Refusal(OAUTH_INVALID_GRANT_ID, f"{before.id} has ended, or is another customer's")
    if before.id != basis:
        raise Refusal(CONFLICT, f"the page showed {basis}, the grant stands on {before.id}")
