"""`weir agreement`, `weir period` and `weir statement`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from weir.cli.failing import CannotError
from weir.cli.profiles import DEFAULT, ProfileName, asking
from weir.cli.showing import AsJson, show_json, show_list, show_one

agreement = typer.Typer(no_args_is_help=True)
period = typer.Typer(no_args_is_help=True)
statement = typer.Typer(no_args_is_help=True)

Agreement = Annotated[str, typer.Argument(help="The agreement's identifier, agr_…")]
Product = Annotated[str, typer.Argument(help="The product version's identifier, prd_…")]
TermsFile = Annotated[
    Path | None,
    typer.Option(help="A JSON list of terms (fixed parts, tiers, minimums): see docs/money.md."),
]


@agreement.command("propose")
def propose(
    product: Product,
    share: Annotated[
        list[str] | None,
        typer.Option(
            help="PARTY=BASIS POINTS, repeatable, summing to 10000; a party is member, operator,"
            " partner or an organisation's identifier."
        ),
    ] = None,
    terms: TermsFile = None,
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "CNY",
    effective_from: Annotated[
        str | None, typer.Option(help="RFC 3339; default: as soon as all have accepted.")
    ] = None,
    billable: Annotated[
        str, typer.Option(help="succeeded, or answered: calls the member declined are paid too.")
    ] = "succeeded",
    rounding: Annotated[
        str, typer.Option(help="Of each line: half_even, half_up, down or up.")
    ] = "half_even",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Propose how a product's revenue is split; proposing is accepting for yourself."""
    since = effective_from or datetime.now(UTC).isoformat(timespec="seconds")
    shares = _terms(share, terms)
    proposed = asking(
        profile,
        lambda m: m.books.propose_agreement(
            product,
            effective_from=since,
            currency=currency,
            shares=shares,
            billable=billable,
            rounding=rounding,
        ),
    )
    show_one(proposed, as_json)


@agreement.command("list")
def list_agreements(
    product: Product, profile: ProfileName = DEFAULT, as_json: AsJson = False
) -> None:
    """List a product's agreements you are a party to."""
    from weir.client.asking import all_of

    found = asking(profile, lambda m: all_of(m.books.agreements(product)))
    show_list(found, ("id", "version", "status", "shares", "effective_at"), as_json)


@agreement.command("try")
def try_agreement(
    agreement: Agreement,
    period: Annotated[str, typer.Option(help="A past month such as 2026-11, or TIME/TIME in UTC.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Replay past records under a proposal: what you would have had, beside today's."""
    tried = asking(profile, lambda m: m.books.try_agreement(agreement, period))
    if as_json:
        show_json(tried)
        return
    print(f"{tried['records']:,} calls in {tried['period']}, {tried['currency']} in minor units:")
    columns = ("party", "today_minor", "proposed_minor", "difference_minor")
    show_list(tried["results"], columns, as_json)


@agreement.command("accept")
def accept(agreement: Agreement, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Accept an agreement for your organisation."""
    show_one(asking(profile, lambda m: m.books.accept_agreement(agreement)), as_json)


@agreement.command("end")
def end(agreement: Agreement, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Decline a proposal, or end an agreement now."""
    show_one(asking(profile, lambda m: m.books.end_agreement(agreement)), as_json)


@period.command("close")
def close(
    period: Annotated[
        str, typer.Argument(help="A month such as 2026-11, or TIME/TIME in UTC, ending in Z.")
    ],
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "CNY",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Close a period: count, price, split and post, and write every party's statement."""
    show_one(asking(profile, lambda m: m.books.close_period(period, currency)), as_json)


@period.command("list")
def list_periods(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the periods you have statements of."""
    _statements(profile, ("period", "currency", "supplement", "closed_at"), as_json)


@statement.command("list")
def list_statements(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List your statements, newest first."""
    _statements(profile, ("id", "period", "currency", "gross_minor", "balance_minor"), as_json)


@statement.command("show")
def show(
    statement: Annotated[str, typer.Argument(help="The statement's identifier, stm_…")],
    profile: ProfileName = DEFAULT,
) -> None:
    """Print a statement, whole: the document that can be verified offline."""
    show_json(asking(profile, lambda m: m.books.statement(statement)))


@statement.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="A statement, as `weir statement show` prints it.")],
    records: Annotated[Path, typer.Option(help="The folder of sealed call records.")],
) -> None:
    """Recompute a statement from the records alone, offline, trusting nobody."""
    from weir.settlement.verifying import RecordsFolder
    from weir.settlement.verifying import verify as recompute

    try:
        found = recompute(_read_json(file), RecordsFolder(records))
    except ValueError as error:
        raise CannotError(f"{file}: {error}.") from error
    read = f"{found.records:,} records in {found.segments:,} segments"
    if found.holds:
        print(f"The statement {found.statement} holds: recomputed from {read}.")
        return
    print(f"The statement {found.statement} does not hold: {found.difference} ({read} read).")
    raise typer.Exit(1)


def _statements(profile: str, columns: tuple[str, ...], as_json: bool) -> None:
    from weir.client.asking import all_of

    found = asking(profile, lambda m: all_of(m.books.statements()))
    show_list(found, columns, as_json)


def _terms(share: list[str] | None, terms: Path | None) -> list[dict[str, Any]]:
    shares = [_share(each) for each in share or []]
    if terms is None:
        return shares
    try:
        read = _read_json(terms)
    except ValueError as error:
        raise CannotError(f"{terms} is not JSON.") from error
    if not isinstance(read, list) or not all(isinstance(each, dict) for each in read):
        raise CannotError(f"{terms} is not a list of terms; see docs/money.md.")
    return [*shares, *read]


def _share(text: str) -> dict[str, Any]:
    party, equals, weight = text.partition("=")
    if not equals or not (weight.isascii() and weight.isdigit() and len(weight) <= 5):
        raise typer.BadParameter(f"{text} is not PARTY=BASIS POINTS, for example member=7000")
    return {"party": party, "weight": int(weight)}


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise CannotError(f"The file {file} cannot be read.") from error
