"""A payment on a consent: moved once, not a fen more, to no other payee, not twice."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, Final

from weir.cli.failures import CommandError
from weir.client.session import Session
from weir.kernel.money import parse_amount
from weir_demo.calls import consented_session
from weir_demo.cast import CURRENCY
from weir_demo.consents import access, ask, payment
from weir_demo.stage import Consented, Stage
from weir_demo.tally import Seen

_AMOUNT: Final = "88.80"
_ONE_FEN_MORE: Final = "88.81"
_PATH: Final = "/river-bank/payments/v1/payments"


async def pay(stage: Stage) -> None:
    """Pay on a consent for one payment; wrong orders are refused before and after it."""
    caller, payer = stage.callers["lantern-life"], stage.customers["payer"]
    payee, other = stage.consents["saving"].accounts[0], stage.consents["shopping"].accounts[0]
    details = payment("river-bank", _AMOUNT, CURRENCY, payee, stage.customers["saver"].name)
    consented = await ask(caller, payer, "river-bank.payments", details)
    reading = access("river-bank", ("ReadBalances",), "Show what is left", timedelta(days=1))
    watching = await ask(caller, payer, "river-bank.accounts", reading)
    before = await _balance_minor(stage, watching)
    session = consented_session(stage, consented)
    order = _order(stage, consented, payee, _AMOUNT)
    await _try(stage, session, "a payment one fen off", order | _amount(_ONE_FEN_MORE),
               "consent_payment_mismatch")  # fmt: skip
    await _try(stage, session, "a payment to another payee", order | {"creditor_account": other},
               "consent_payment_mismatch")  # fmt: skip
    paid = await _try(stage, session, "the payment itself", order, None)
    await _try(stage, session, "the payment a second time", order, "consent_used")
    after = await _balance_minor(stage, watching)
    stage.figures.payment = {
        "amount_minor": parse_amount(_AMOUNT, CURRENCY).amount_minor,
        "moved_minor": before - after,
        "status": paid.answer.object()["status"] if paid.answer else "refused",
    }


async def _try(
    stage: Stage, session: Session, words: str, order: dict[str, Any], expects: str | None
) -> Seen:
    key = str(uuid.uuid4())
    return await stage.tally.count(
        words,
        lambda: session.pay(_PATH, order, idempotency_key=key),
        expects=(expects,),
        member="river-bank",
    )


async def _balance_minor(stage: Stage, watching: Consented) -> int:
    """Return the booked balance in minor units, as the bank answers it. CommandError."""
    account = watching.accounts[0]
    session = consented_session(stage, watching)
    seen = await stage.tally.count(
        "the payer's balance",
        lambda: session.call("GET", f"/river-bank/accounts/v1/accounts/{account}/balances"),
        member="river-bank",
    )
    if seen.answer is None:
        raise CommandError(f"The payer's balance was refused: {seen.refusal}.")
    booked = [b for b in seen.answer.object()["balances"] if b["kind"] == "booked"]
    amount = booked[0]["amount"]
    return parse_amount(amount["amount"], amount["currency"]).amount_minor


def _order(stage: Stage, consented: Consented, payee: str, amount: str) -> dict[str, Any]:
    """Return a payment order as the bank's API takes it."""
    return {
        "debtor_account": consented.accounts[0],
        "creditor_account": payee,
        "creditor_name": stage.customers["saver"].name,
        "reference": "Order 20261",
        **_amount(amount),
    }


def _amount(text: str) -> dict[str, Any]:
    """Return the `amount` of an order, in major units."""
    return {"amount": {"amount": text, "currency": CURRENCY}}
