"""`weir product`, `weir plan` and `weir subscription`: what is offered, for how much, to whom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from weir.cli.failures import CannotError
from weir.cli.output import AsJson, show_json, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, asking
from weir.kernel.declares import JSON_BYTES

product = typer.Typer(no_args_is_help=True)
plan = typer.Typer(no_args_is_help=True)
subscription = typer.Typer(no_args_is_help=True)

Product = Annotated[str, typer.Argument(help="The product version's identifier, prd_…")]
Plan = Annotated[str, typer.Argument(help="The plan's identifier, pln_…")]
Subscription = Annotated[str, typer.Argument(help="The subscription's identifier, sub_…")]
Limit = Annotated[str, typer.Option(help="A whole number, 0 meaning none, or unlimited.")]


@product.command("create")
def create(
    slug: Annotated[str, typer.Argument(help="The product's short name in addresses.")],
    title_en: Annotated[str, typer.Option(help="Its title in English.")],
    title_zh: Annotated[str, typer.Option(help="Its title in Chinese.")],
    capability: Annotated[list[str], typer.Option(help="A capability it holds; repeatable.")],
    direction: Annotated[
        str, typer.Option(help="go-out serves partners, bring-in serves members.")
    ] = "go-out",
    description: Annotated[str, typer.Option(help="What it does, in a few sentences.")] = "",
    description_zh: Annotated[str, typer.Option(help="The same in Chinese.")] = "",
    suits_en: Annotated[str, typer.Option(help="Whom it suits.")] = "",
    suits_zh: Annotated[str, typer.Option(help="The same in Chinese.")] = "",
    scene: Annotated[
        list[str] | None, typer.Option(help="A scene it suits, of `weir shelf scenes`; repeatable.")
    ] = None,
    signed_messages: Annotated[
        bool,
        typer.Option("--signed-messages", help="Take signed requests only, and sign the answers."),
    ] = False,
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="Answered by model data, open to partners in the sandbox."),
    ] = False,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Draft the next version of a product."""
    drafted = asking(
        profile,
        lambda m: m.products.draft(
            slug=slug,
            title_en=title_en,
            title_zh=title_zh,
            direction=direction,
            description=description,
            description_zh=description_zh,
            suits_en=suits_en,
            suits_zh=suits_zh,
            scenes=scene or [],
            signed_messages=signed_messages,
            sandbox=sandbox,
            capabilities=capability,
        ),
    )
    show_one(drafted, as_json)


@product.command("publish")
def publish(product: Product, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Put a draft on the shelf, unchangeable from then on."""
    show_one(asking(profile, lambda m: m.products.publish(product)), as_json)


@product.command("changes")
def changes(product: Product, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Say what a version breaks of the one before it."""
    found = asking(profile, lambda m: m.products.breaking_changes(product))
    if as_json:
        show_json(found)
    elif found["changes"]:
        show_list(found["changes"], ("rule", "pointer", "subject", "what"), as_json)
        print(f"{found['total']} in all, against {found['against']}.")
    else:
        print("Nothing breaks." if found["against"] else "There is no version before it.")


@product.command("retire")
def retire(product: Product, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Take a version off the shelf and end its subscriptions."""
    show_one(asking(profile, lambda m: m.products.retire(product)), as_json)


@product.command("list")
def list_products(
    mine: Annotated[bool, typer.Option(help="Your own, drafts too.")] = False,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List the whole shelf, or your own products (--mine)."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.products.list() if mine else m.shelf.list()))
    show_list(found, ("prefix", "title_en", "direction", "status", "scope", "id"), as_json)


@product.command("show")
def show(product: Product, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Show one product version."""
    show_one(asking(profile, lambda m: m.products.get(product)), as_json)


@product.command("openapi")
def openapi(product: Product, profile: ProfileName = DEFAULT) -> None:
    """Print the product's OpenAPI document, at the gateway's address."""
    show_json(asking(profile, lambda m: m.products.openapi(product)))


@plan.command("add")
def add(
    product: Product,
    name: Annotated[str, typer.Option(help="What the plan is called.")],
    price: Annotated[
        str | None, typer.Option(help="Of one call, in major units: 0.05. Or give --pricing.")
    ] = None,
    pricing: Annotated[
        Path | None, typer.Option(help="JSON file with the components: docs/money.md.")
    ] = None,
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "CNY",
    rate_per_s: Limit = "unlimited",
    quota: Limit = "unlimited",
    quota_period: Annotated[str | None, typer.Option(help="day or month, with a quota.")] = None,
    auto_approve: Annotated[bool, typer.Option(help="Approve subscriptions at once.")] = False,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Offer a product under a plan."""
    offered = asking(
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
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.plans.list(product)))
    if not as_json:
        found = [{**each, "price": _in_words(each)} for each in found]
    columns = ("name", "price", "rate_per_s", "quota", "quota_period", "status", "id")
    show_list(found, columns, as_json)


@plan.command("withdraw")
def withdraw(plan: Plan, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Take no new subscriptions under a plan; those there are go on."""
    show_one(asking(profile, lambda m: m.plans.withdraw(plan)), as_json)


@plan.command("change")
def change(
    plan: Plan,
    effective_from: Annotated[
        str, typer.Option("--from", help="RFC 3339: after the notice of 30 days if it is used.")
    ],
    price: Annotated[
        str | None, typer.Option(help="Of one call, in major units: 0.05. Or give --pricing.")
    ] = None,
    pricing: Annotated[
        Path | None, typer.Option(help="JSON file with the components: docs/money.md.")
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Announce what a plan costs from a day on; subscribers keep their price for the notice."""
    document = _pricing(price, pricing)
    made = asking(profile, lambda m: m.plans.change(plan, document, effective_from))
    show_one(made, as_json)


@plan.command("take-back")
def take_back(plan: Plan, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Take back the newest price of a plan before it is in force."""
    show_one(asking(profile, lambda m: m.plans.take_back_change(plan)), as_json)


@subscription.command("request")
def request(
    application: Annotated[str, typer.Argument(help="An application of yours, app_…")],
    plan: Plan,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Ask for a product under a plan."""
    show_one(asking(profile, lambda m: m.subscriptions.request(application, plan)), as_json)


@subscription.command("list")
def list_subscriptions(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List those you hold, and those to your products."""
    from weir.client.management.requests import all_of

    found = asking(profile, lambda m: all_of(m.subscriptions.list()))
    show_list(found, ("application", "product", "plan", "status", "id"), as_json)


def _act(name: str, words: str) -> None:
    def act(
        subscription: Subscription, profile: ProfileName = DEFAULT, as_json: AsJson = False
    ) -> None:
        done = asking(profile, lambda m: m.subscriptions.act(subscription, name))
        show_one(done, as_json)

    subscription.command(name, help=words)(act)


for _name, _words in (
    ("approve", "Approve a subscription to your product."),
    ("refuse", "Refuse a subscription to your product."),
    ("suspend", "Stop a subscription at every gateway."),
    ("resume", "Undo a suspension."),
    ("end", "End a subscription for good, from either side."),
):
    _act(_name, _words)


def _in_words(plan: dict[str, Any]) -> str:
    from weir.shelf.pricing import read_pricing
    from weir.shelf.pricing_words import words

    def told(pricing: Any) -> str:
        return " + ".join(words(read_pricing(pricing), plan["currency"], "en"))

    later = [f"from {each['effective_from']}: {told(each['pricing'])}" for each in plan["changes"]]
    return "; ".join([told(plan["pricing"]), *later])


def _pricing(price: str | None, file: Path | None) -> dict[str, Any]:
    """What is charged: one price for every call, or the components of a file."""
    from weir.client.pricing import per_call
    from weir.kernel import strict_json

    if (price is None) == (file is None):
        raise CannotError("Give either --price for one call, or --pricing with a JSON file.")
    if price is not None:
        return per_call(price)
    assert file is not None
    try:
        pricing: dict[str, Any] = strict_json.loads(file.read_bytes(), JSON_BYTES)
    except (OSError, ValueError) as error:
        raise CannotError(f"{file} cannot be read as JSON: {error}") from error
    return pricing


def _limit(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() else text
