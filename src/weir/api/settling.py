"""After a closing: disputes, credits, netting rounds, payments and what banks are handed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements.agreements import operator_of
from weir.api.callers import Caller
from weir.api.guard import Asking, Using, new_router
from weir.api.models import MOMENT, After, Given, Name, Page, Shown, Text, next_of, read_moment
from weir.api.writes import Writes
from weir.kernel.declares import PROSE_CHARACTERS
from weir.settlement.payment import exchange_rates, pain001, rounds
from weir.settlement.statements import credits, disputes, line_lookup
from weir.settlement.statements.obligations import line_of
from weir.store.unit import UnitOfWork

router = new_router("settlement")

# For lists whose newest come first.
_BEFORE: Final = Query(
    max_length=64, pattern=r"^[a-z0-9_]*$", description="`next` of the page before."
)
Minor = Annotated[int, Field(ge=0, le=2**53 - 1, description="Whole minor units.")]
LineNumber = Annotated[int, Field(ge=1, le=10_000_000, description="Counted from 1.")]


class DisputeGiven(Given):
    """Which line of a statement is wrong, and why."""

    line: LineNumber
    reason: Text
    evidence: Annotated[str, Field(max_length=PROSE_CHARACTERS)] = ""


class ResolutionGiven(Given):
    """What was decided; `amount_minor` is given back, 0 rejects the dispute."""

    resolution: Text
    amount_minor: Minor


class DisputeView(Shown):
    """A dispute. `line` counts in the operator's statement of the closing, `statement_line` in
    `statement`, which is yours; the period, product, partner and gross are those of the line."""

    id: str
    closing: str
    line: int
    statement: str
    statement_line: int
    period: str
    currency: str
    product: str
    partner: str
    gross_minor: int
    opened_by: str
    opened_at: datetime
    reason: str
    evidence: str
    status: Literal["open", "upheld", "rejected"]
    resolution: str | None
    resolved_at: datetime | None
    credit: str | None


class CreditGiven(Given):
    """How much of a line of a statement is given back, and why."""

    line: LineNumber
    amount_minor: Minor
    reason: Text


class CreditView(Shown):
    """A credit. `line` counts in the operator's statement of the closing, `statement_line` in
    `statement`, which is yours; the period, product, partner and gross are those of the line."""

    id: str
    closing: str
    line: int
    statement: str
    statement_line: int
    period: str
    currency: str
    product: str
    partner: str
    gross_minor: int
    amount_minor: int
    reason: str
    granted_by: str
    granted_at: datetime


class AccountGiven(Given):
    """Where you pay from and are paid: an IBAN at a BIC, or an account at a CNAPS code."""

    scheme: Literal["iban", "cnaps"]
    holder: Text
    account: Text
    bank: Text


class AccountView(Shown):
    """A settlement account."""

    scheme: Literal["iban", "cnaps"]
    holder: str
    account: str
    bank: str


class RoundGiven(Given):
    """The currency to settle in; debts in the currencies of `converting` are converted into it."""

    currency: Text
    converting: Annotated[list[Text], Field(default_factory=list, max_length=16)]


class RateGiven(Given):
    """What one major unit of `base` is worth in `quote`, by whom and when."""

    base: Text
    quote: Text
    rate: Text
    source: Text
    observed_at: Annotated[str, Field(max_length=40, pattern=MOMENT)]


class RateView(Shown):
    """A recorded exchange rate; it is never changed."""

    id: str
    base: str
    quote: str
    rate: str
    source: str
    observed_at: datetime
    recorded_at: datetime


class UsedRate(Shown):
    """A rate at which debts came into a round."""

    id: str
    base: str
    rate: str
    source: str


class PaymentView(Shown):
    """One payment of a round, in minor units."""

    id: str
    round: str
    debtor: str
    creditor: str
    currency: str
    amount_minor: int
    status: Literal["instructed", "received"]
    received_at: datetime | None


class RoundView(Shown):
    """A round of netting: what is paid, and what paying each debt by itself would have taken."""

    id: str
    currency: str
    positions: dict[str, int]
    without_payments: int
    without_minor: int
    moved_minor: int
    rates: list[UsedRate]
    settled_at: datetime
    payments: list[PaymentView]


class InstructionsView(Shown):
    """A message for your bank: ISO 20022 pain.001.001.09, the same bytes however often you ask."""

    message: str
    sha256: str


@router.post(
    "/statements/{statement}/disputes",
    operation_id="open_dispute",
    status_code=201,
    summary="Dispute a line: it is held until it is decided",
)
async def open_dispute(
    statement: Name, given: DisputeGiven, caller: Asking, writing: Writes
) -> DisputeView:
    async def work(unit: UnitOfWork) -> DisputeView:
        at = await line_of(unit.connection, statement, given.line, caller.organisation.id)
        made = await disputes.open_dispute(unit, at, given.reason, given.evidence)
        return (await _disputes(unit.connection, [made], caller))[0]

    return await writing.run(DisputeView, work)


@router.get("/disputes", operation_id="list_disputes", summary="Disputes, oldest first")
async def list_disputes(
    caller: Asking,
    services: Using,
    status: disputes.Status | None = None,
    after: After = "",
) -> Page[DisputeView]:
    async with services.database.connect() as connection:
        operator = await operator_of(connection)
        found = await disputes.of_party(connection, caller.organisation.id, operator, after, status)
        items = await _disputes(connection, found, caller)
    return Page(items=items, next=next_of(items, "id"))


@router.post(
    "/disputes/{dispute}/resolve",
    operation_id="resolve_dispute",
    summary="Decide a dispute: give money back, or reject it",
)
async def resolve_dispute(
    dispute: Name, given: ResolutionGiven, caller: Asking, writing: Writes
) -> DisputeView:
    async def work(unit: UnitOfWork) -> DisputeView:
        made = await disputes.resolve(
            unit, dispute, resolution=given.resolution, amount_minor=given.amount_minor
        )
        return (await _disputes(unit.connection, [made], caller))[0]

    return await writing.run(DisputeView, work)


async def _disputes(
    connection: AsyncConnection, found: list[disputes.Dispute], caller: Caller
) -> list[DisputeView]:
    told = await _placed(connection, found, caller)
    return [DisputeView.model_validate(each) for each in told]


async def _placed(
    connection: AsyncConnection,
    found: Sequence[disputes.Dispute | credits.Credit],
    caller: Caller,
) -> list[dict[str, Any]]:
    """With the place where the caller reads each line."""
    operator = await operator_of(connection)
    places = await line_lookup.places(connection, found, caller.organisation.id, operator)
    told = []
    for each in found:
        where = asdict(places[each.id])
        told.append(asdict(each) | where | {"line": each.line, "statement_line": where["line"]})
    return told


@router.post(
    "/statements/{statement}/credits",
    operation_id="grant_credit",
    status_code=201,
    summary="Give back part of a line you were paid for",
)
async def grant_credit(
    statement: Name, given: CreditGiven, caller: Asking, writing: Writes
) -> CreditView:
    async def work(unit: UnitOfWork) -> CreditView:
        at = await line_of(unit.connection, statement, given.line, caller.organisation.id)
        made = await credits.grant(unit, at, given.amount_minor, given.reason)
        (told,) = await _placed(unit.connection, [made], caller)
        return CreditView.model_validate(told)

    return await writing.run(CreditView, work)


@router.get(
    "/credits", operation_id="list_credits", summary="Credits that concern you, newest first"
)
async def list_credits(
    caller: Asking, services: Using, after: Annotated[str | None, _BEFORE] = None
) -> Page[CreditView]:
    async with services.database.connect() as connection:
        operator = await operator_of(connection)
        found = await credits.of_party(connection, caller.organisation.id, operator, after)
        told = await _placed(connection, found, caller)
    items = [CreditView.model_validate(each) for each in told]
    return Page(items=items, next=next_of(items, "id"))


@router.put(
    "/settlement-account",
    operation_id="set_settlement_account",
    summary="Say where you pay from and are paid",
)
async def set_settlement_account(
    given: AccountGiven, caller: Asking, writing: Writes
) -> AccountView:
    account = pain001.read_account(given.scheme, given.holder, given.account, given.bank)

    async def work(unit: UnitOfWork) -> AccountView:
        await pain001.set_account(unit, caller.organisation.id, account)
        return AccountView.model_validate(account)

    return await writing.run(AccountView, work)


@router.get(
    "/settlement-account",
    operation_id="get_settlement_account",
    summary="Where you pay from and are paid",
)
async def get_settlement_account(caller: Asking, services: Using) -> AccountView:
    async with services.database.connect() as connection:
        found = await pain001.account_of(connection, caller.organisation.id)
    return AccountView.model_validate(found)


@router.post(
    "/exchange-rates",
    operation_id="record_rate",
    status_code=201,
    summary="Record an exchange rate with its source and time",
)
async def record_rate(given: RateGiven, writing: Writes) -> RateView:
    observed_at = read_moment(given.observed_at, "/observed_at")

    async def work(unit: UnitOfWork) -> RateView:
        made = await exchange_rates.record(
            unit,
            base=given.base,
            quote=given.quote,
            rate=given.rate,
            source=given.source,
            observed_at=observed_at,
        )
        return RateView.model_validate(made)

    return await writing.run(RateView, work)


@router.get(
    "/exchange-rates", operation_id="list_rates", summary="Exchange rates, newest recorded first"
)
async def list_rates(
    services: Using,
    after: Annotated[str | None, _BEFORE] = None,
) -> Page[RateView]:
    async with services.database.connect() as connection:
        found = await exchange_rates.listed(connection, after)
    items = [RateView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.post(
    "/netting-rounds",
    operation_id="settle_round",
    status_code=201,
    summary="Net all open debts of a currency into payments",
)
async def settle_round(given: RoundGiven, writing: Writes) -> RoundView:
    async def work(unit: UnitOfWork) -> RoundView:
        return RoundView.model_validate(await rounds.settle(unit, given.currency, given.converting))

    return await writing.run(RoundView, work)


@router.get(
    "/netting-rounds", operation_id="list_rounds", summary="Rounds you took part in, newest first"
)
async def list_rounds(
    caller: Asking,
    services: Using,
    after: Annotated[str | None, _BEFORE] = None,
) -> Page[RoundView]:
    async with services.database.connect() as connection:
        operator = await operator_of(connection)
        found = await rounds.listed(connection, caller.organisation.id, operator, after)
    items = [RoundView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.get(
    "/netting-rounds/{round}",
    operation_id="get_round",
    summary="A round: your position and your payments",
)
async def get_round(round: Name, caller: Asking, services: Using) -> RoundView:  # noqa: A002
    async with services.database.connect() as connection:
        operator = await operator_of(connection)
        found = await rounds.fetch(connection, round)
    return RoundView.model_validate(rounds.seen_by(found, caller.organisation.id, operator))


@router.post(
    "/netting-rounds/{round}/instructions",
    operation_id="issue_instructions",
    summary="What you hand to your bank for a round",
)
async def issue_instructions(
    round: Name,  # noqa: A002
    caller: Asking,
    writing: Writes,
) -> InstructionsView:
    async def work(unit: UnitOfWork) -> InstructionsView:
        settled = await rounds.fetch(unit.connection, round)
        written = await pain001.issue(unit, settled, caller.organisation.id)
        return InstructionsView(message=written.decode(), sha256=sha256(written).hexdigest())

    return await writing.run(InstructionsView, work)


@router.post(
    "/payments/{payment}/receive",
    operation_id="receive_payment",
    summary="Say that a payment to you has come",
)
async def receive_payment(payment: Name, writing: Writes) -> PaymentView:
    async def work(unit: UnitOfWork) -> PaymentView:
        return PaymentView.model_validate(await rounds.receive(unit, payment))

    return await writing.run(PaymentView, work)
