"""`weir plan`: prices and limits of products."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from weir.cli.failures import CommandError
from weir.cli.output import AsJson, show_list, show_one
from weir.cli.products.products import Product
from weir.cli.profiles import DEFAULT, ProfileName, call_management
from weir.kernel.declares import JSON_BYTES

plan = typer.Typer(no_args_is_help=True)

Plan = Annotated[str, typer.Argument(help="The plan's identifier, pln_…")]
Limit = Annotated[str, typer.Option(help="A whole number, 0 meaning none, or unlimited.")]


@plan.command("add")
def add(
    product: Product,
    name: Annotated[str, typer.Option(help="The plan's name.")],
    price: Annotated[
        str | None, typer.Option(help="Price of one call in major units: 0.05. Or use --pricing.")
    ] = None,
    pricing: Annotated[
        Path | None, typer.Option(help="JSON file of price components: docs/money.md.")
    ] = None,
    currency: Annotated[str, typer.Option(help="The currency (ISO 4217).")] = "CNY",
    rate_per_s: Limit = "unlimited",
    quota: Limit = "unlimited",
    quota_period: Annotated[str | None, typer.Option(help="day or month, with a quota.")] = None,
    auto_approve: Annotated[bool, typer.Option(help="Approve subscriptions at once.")] = False,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Offer a product under a plan."""
    offered = call_management(
        profile,
        lambda m: m.plans.offer(
            product,
            name=name,
            currency=currency,
            pricing=_pricing(price, pricing),
            rate_per_s=_limit(rate_per_s),
            quota=_limit(quota),
            quota_period=quota_period,
            auto_approve=auto_approve,
        ),
    )
    show_one(offered, as_json)


@plan.command("list")
def list_plans(product: Product, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List a product's plans."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.plans.list(product)))
    if not as_json:
        found = [{**each, "price": _in_words(each)} for each in found]
    columns = ("name", "price", "rate_per_s", "quota", "quota_period", "status", "id")
    show_list(found, columns, as_json)


@plan.command("withdraw")
def withdraw(plan: Plan, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Accept no new subscriptions under a plan. Existing subscriptions go on."""
    show_one(call_management(profile, lambda m: m.plans.withdraw(plan)), as_json)


@plan.command("change")
def change(
    plan: Plan,
    effective_from: Annotated[
        str, typer.Option("--from", help="RFC 3339 time, 30 days ahead if the plan is used.")
    ],
    price: Annotated[
        str | None, typer.Option(help="Price of one call in major units: 0.05. Or use --pricing.")
    ] = None,
    pricing: Annotated[
        Path | None, typer.Option(help="JSON file of price components: docs/money.md.")
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Announce a plan's price from a future day on. Subscribers keep their price for 30 days."""
    document = _pricing(price, pricing)
    made = call_management(profile, lambda m: m.plans.change(plan, document, effective_from))
    show_one(made, as_json)


@plan.command("take-back")
def take_back(plan: Plan, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Withdraw a plan's newest price before it is in force."""
    show_one(call_management(profile, lambda m: m.plans.take_back_change(plan)), as_json)


def _in_words(plan: dict[str, Any]) -> str:
    from weir.shelf.pricing import read_pricing
    from weir.shelf.pricing_words import words

    def told(pricing: Any) -> str:
        return " + ".join(words(read_pricing(pricing), plan["currency"], "en"))

    later = [f"from {each['effective_from']}: {told(each['pricing'])}" for each in plan["changes"]]
    return "; ".join([told(plan["pricing"]), *later])


def _pricing(price: str | None, file: Path | None) -> dict[str, Any]:
    """Return a pricing: one price for every call, or the components of a file. CommandError."""
    from weir.client.pricing import per_call
    from weir.kernel import strict_json

    if (price is None) == (file is None):
        raise CommandError("Give either --price for one call, or --pricing with a JSON file.")
    if price is not None:
        return per_call(price)
    assert file is not None
    try:
        pricing: dict[str, Any] = strict_json.loads(file.read_bytes(), JSON_BYTES)
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read as JSON: {error}") from error
    return pricing


def _limit(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() else text
