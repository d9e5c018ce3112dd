"""The erasure of the link from call records to a customer: the records stay as they were sealed.

A record names a consent by a random name, and only the consent's row and the intents of its
payments say whose name it is. Once a customer's consents have all ended, those are emptied; then
nothing the platform keeps leads from the name to the customer, or back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from weir.consent.consents import Consent, of_row
from weir.consent.states import State
from weir.consent.tables import consents
from weir.identity.tables import customers
from weir.kernel.declares import ACCESS_TOKEN_LIFETIME_S, ILLEGAL_STATE, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.metering.counters import payment_intents
from weir.store.unit import UnitOfWork


async def detach_records(unit: UnitOfWork, customer: str, member: str) -> int:
    """Cut a member's customer loose from the records. Return of how many consents.

    NOT_FOUND for another member's customer; ILLEGAL_STATE while a consent stands, or a token for it
    may still be used, or a payment is undecided. A repetition finds nothing to do.
    """
    if not await _is_customer_of(unit, customer, member):
        raise Refusal(NOT_FOUND, f"customer {customer}")
    rows = await unit.connection.execute(
        select(consents)
        .where(consents.c.customer == customer)
        .order_by(consents.c.id)
        .with_for_update()
    )
    held = [of_row(row) for row in rows]
    oldest_token_at = unit.now - timedelta(seconds=ACCESS_TOKEN_LIFETIME_S)
    for each in held:
        if _stood_at(each, oldest_token_at):
            raise Refusal(ILLEGAL_STATE, f"{each.id} stood a moment ago", state=each.state.value)
    named = [each.id for each in held if each.record_name is not None]
    if not await payment_intents.detach(unit.connection, named):
        raise Refusal(ILLEGAL_STATE, "a payment is undecided", state="forwarded")
    await unit.connection.execute(
        update(consents).where(consents.c.id.in_(named)).values(record_name=None)
    )
    unit.audit("customer.records_detached", customer, {"consents": len(named)}, member)
    return len(named)


def _stood_at(consent: Consent, at: datetime) -> bool:
    """Whether a call may have been made under it since `at`. Under a used one there is no other
    call.
    """
    if consent.state_at(at) in (State.AWAITING, State.GRANTED):
        return True
    return consent.ended_at is not None and consent.ended_at > at


async def _is_customer_of(unit: UnitOfWork, customer: str, member: str) -> bool:
    mine = (customers.c.id == customer) & (customers.c.member == member)
    return await unit.connection.scalar(select(customers.c.id).where(mine)) is not None
