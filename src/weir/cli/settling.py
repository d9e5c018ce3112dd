"""`weir dispute`, `weir credit`, `weir rate`, `weir netting`, `weir payment`: after a closing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, asking

dispute = typer.Typer(no_args_is_help=True)
credit = typer.Typer(no_args_is_help=True)
netting = typer.Typer(no_args_is_help=True)
payment = typer.Typer(no_args_is_help=True)
rate = typer.Typer(no_args_is_help=True)

Statement = Annotated[str, typer.Argument(help="The statement's identifier, stm_…")]
Line = Annotated[int, typer.Option(help="The line of the statement, counted from 1.")]
Amount = Annotated[int, typer.Option(help="In minor units: 1200 is CNY 12.00.")]
Round = Annotated[str, typer.Argument(help="The round's identifier, rnd_…")]


@dispute.command("open")
def open_dispute(
    statement: Statement,
    line: Line,
    reason: Annotated[str, typer.Option(help="What is wrong, in a sentence.")],
    evidence: Annotated[str, typer.Option(help="What shows it, for example receipts.")] = "",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Dispute a line of a statement: nobody pays it until it is decided."""
    opened = asking(profile, lambda m: m.disputes.open(statement, line, reason, evidence))
    show_one(opened, as_json)


@dispute.command("list")
def list_disputes(
    status: Annotated[str | None, typer.Option(help="open, upheld or rejected.")] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List your disputes; the operator's list holds everybody's."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.disputes.list(status)))
    show_list(found, ("id", "statement", "statement_line", "status", "reason"), as_json)


@dispute.command("resolve")
def resolve(
    dispute: Annotated[str, typer.Argument(help="The dispute's identifier, dsp_…")],
    resolution: Annotated[str, typer.Option(help="What was decided, and why.")],
    amount_minor: Annotated[int, typer.Option(help="What is given back; 0 rejects it.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Decide a dispute. Only the operator may."""
    decided = asking(profile, lambda m: m.disputes.resolve(dispute, resolution, amount_minor))
    show_one(decided, as_json)


@credit.command("grant")
def grant(
    statement: Statement,
    line: Line,
    amount_minor: Amount,
    reason: Annotated[str, typer.Option(help="Why it is given back.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Give back part of a line you were paid for."""
    granted = asking(profile, lambda m: m.credits.grant(statement, line, amount_minor, reason))
    show_one(granted, as_json)


@credit.command("list")
def list_credits(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List credits that concern you, newest first; the operator's list holds everybody's."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.credits.list()))
    columns = ("id", "statement", "statement_line", "amount_minor", "currency", "reason")
    show_list(found, columns, as_json)


@netting.command("account")
def account(
    scheme: Annotated[str | None, typer.Option(help="iban or cnaps.")] = None,
    holder: Annotated[str | None, typer.Option(help="Whose account it is.")] = None,
    number: Annotated[str | None, typer.Option(help="The IBAN, or the account's number.")] = None,
    bank: Annotated[str | None, typer.Option(help="The BIC, or the CNAPS code.")] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Show where you pay from and are paid; with all four options, say it."""
    if scheme is None or holder is None or number is None or bank is None:
        show_one(asking(profile, lambda m: m.settlement_accounts.get()), as_json)
        return
    named = asking(
        profile,
        lambda m: m.settlement_accounts.set(
            scheme=scheme, holder=holder, account=number, bank=bank
        ),
    )
    show_one(named, as_json)


@netting.command("settle")
def settle(
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "CNY",
    convert: Annotated[
        list[str] | None,
        typer.Option(help="Also debts of this currency, at the newest rate; repeatable."),
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Net all open debts of a currency into payments. Only the operator may."""
    show_one(asking(profile, lambda m: m.rounds.settle(currency, convert or [])), as_json)


@rate.command("record")
def record_rate(
    base: Annotated[str, typer.Argument(help="ISO 4217: of one unit of this.")],
    quote: Annotated[str, typer.Argument(help="ISO 4217: the worth in this.")],
    worth: Annotated[str, typer.Argument(help="For example 7.1234.")],
    source: Annotated[str, typer.Option(help="Who says so.")],
    observed_at: Annotated[str | None, typer.Option(help="RFC 3339; default: now.")] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Record an exchange rate. Only the operator may; it is never changed."""
    at = observed_at or datetime.now(UTC).isoformat(timespec="seconds")
    recorded = asking(
        profile,
        lambda m: m.exchange_rates.record(
            base=base, quote=quote, rate=worth, source=source, observed_at=at
        ),
    )
    show_one(recorded, as_json)


@rate.command("list")
def list_rates(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List exchange rates, newest recorded first."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.exchange_rates.list()))
    show_list(found, ("base", "quote", "rate", "source", "observed_at", "id"), as_json)


@netting.command("list")
def list_rounds(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the rounds you took part in, newest first."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.rounds.list()))
    columns = ("id", "currency", "moved_minor", "without_payments", "settled_at")
    show_list(found, columns, as_json)


@netting.command("show")
def show(round_: Round, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Show a round: positions, payments, and what netting saved."""
    found = asking(profile, lambda m: m.rounds.get(round_))
    if as_json:
        show_one(found, as_json)
        return
    show_list(found["payments"], ("debtor", "creditor", "amount_minor", "status", "id"), False)


@netting.command("instructions")
def instructions(round_: Round, profile: ProfileName = DEFAULT) -> None:
    """Print your payments of a round for your bank, as ISO 20022 pain.001.001.09."""
    print(asking(profile, lambda m: m.rounds.instructions(round_))["message"], end="")


@payment.command("received")
def received(
    payment: Annotated[str, typer.Argument(help="The payment's identifier, pay_…")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Say that a payment to you has come."""
    show_one(asking(profile, lambda m: m.payments.receive(payment)), as_json)
