"""`weir product`: versioned bundles on the shelf."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_json, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, asking

product = typer.Typer(no_args_is_help=True)

Product = Annotated[str, typer.Argument(help="The product version's identifier, prd_…")]


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
