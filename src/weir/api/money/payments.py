"""Payments of a netting round."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from weir.api.guard import new_router
from weir.api.models import Name, Shown
from weir.api.writes import Writes
from weir.settlement.payment import rounds
from weir.store.unit import UnitOfWork

router = new_router("settlement")


class PaymentView(Shown):
    """One payment of a netting round, in minor units."""

    id: str
    round: str
    debtor: str
    creditor: str
    currency: str
    amount_minor: int
    status: Literal["instructed", "received"]
    received_at: datetime | None


@router.post(
    "/payments/{payment}/receive",
    operation_id="receive_payment",
    summary="Confirm that you received a payment",
)
async def receive_payment(payment: Name, writing: Writes) -> PaymentView:
    async def work(unit: UnitOfWork) -> PaymentView:
        return PaymentView.model_validate(await rounds.receive(unit, payment))

    return await writing.run(PaymentView, work)
