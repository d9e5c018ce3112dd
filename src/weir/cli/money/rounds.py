"""`weir netting`: rounds that turn debts into few payments, and the accounts for them."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

netting = typer.Typer(no_args_is_help=True)

Round = Annotated[str, typer.Argument(help="The round's identifier, rnd_…")]


@netting.command("account")
def account(
    scheme: Annotated[str | None, typer.Option(help="iban or cnaps.")] = None,
    holder: Annotated[str | None, typer.Option(help="The account's holder.")] = None,
    number: Annotated[str | None, typer.Option(help="The IBAN, or the account's number.")] = None,
    bank: Annotated[str | None, typer.Option(help="The BIC, or the CNAPS code.")] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Show the account you pay from and are paid to, or set it with all four options."""
    if scheme is None or holder is None or number is None or bank is None:
        show_one(call_management(profile, lambda m: m.settlement_accounts.get()), as_json)
        return
    named = call_management(
        profile,
        lambda m: m.settlement_accounts.set(
            scheme=scheme, holder=holder, account=number, bank=bank
        ),
    )
    show_one(named, as_json)


@netting.command("settle")
def settle(
    currency: Annotated[str, typer.Option(help="The currency (ISO 4217).")] = "CNY",
    convert: Annotated[
        list[str] | None,
        typer.Option(help="Convert debts in this currency too, at the newest rate; repeatable."),
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Net all open debts of a currency into payments. Only the operator can do this."""
    show_one(call_management(profile, lambda m: m.rounds.settle(currency, convert or [])), as_json)


@netting.command("list")
def list_rounds(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the rounds you took part in, newest first."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.rounds.list()))
    columns = ("id", "currency", "moved_minor", "without_payments", "settled_at")
    show_list(found, columns, as_json)


@netting.command("show")
def show(round_: Round, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Show a round: positions, payments, and what netting saved."""
    found = call_management(profile, lambda m: m.rounds.get(round_))
    if as_json:
        show_one(found, as_json)
        return
    show_list(found["payments"], ("debtor", "creditor", "amount_minor", "status", "id"), False)


@netting.command("instructions")
def instructions(round_: Round, profile: ProfileName = DEFAULT) -> None:
    """Print your payments of a round for your bank, as ISO 20022 pain.001.001.09."""
    print(call_management(profile, lambda m: m.rounds.instructions(round_))["message"], end="")
