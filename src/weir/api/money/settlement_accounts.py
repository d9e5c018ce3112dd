"""Settlement accounts, from which each party pays and to which it is paid."""

from __future__ import annotations

from typing import Literal

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Given, Shown, Text
from weir.api.writes import Writes
from weir.settlement.payment import pain001
from weir.store.unit import UnitOfWork

router = new_router("settlement")


class AccountGiven(Given):
    """The account you pay from and are paid to: an IBAN at a BIC, or an account at a CNAPS code."""

    scheme: Literal["iban", "cnaps"]
    holder: Text
    account: Text
    bank: Text


class AccountView(Shown):
    """The account that a party pays from and is paid to."""

    scheme: Literal["iban", "cnaps"]
    holder: str
    account: str
    bank: str


@router.put(
    "/settlement-account",
    operation_id="set_settlement_account",
    summary="Set the account you pay from and are paid to",
)
async def set_settlement_account(
    given: AccountGiven, caller: CallerDep, writing: Writes
) -> AccountView:
    account = pain001.read_account(given.scheme, given.holder, given.account, given.bank)

    async def work(unit: UnitOfWork) -> AccountView:
        await pain001.set_account(unit, caller.organisation.id, account)
        return AccountView.model_validate(account)

    return await writing.run(AccountView, work)


@router.get(
    "/settlement-account",
    operation_id="get_settlement_account",
    summary="Get the account you pay from and are paid to",
)
async def get_settlement_account(caller: CallerDep, services: ServicesDep) -> AccountView:
    async with services.database.connect() as connection:
        found = await pain001.account_of(connection, caller.organisation.id)
    return AccountView.model_validate(found)
