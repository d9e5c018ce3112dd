"""`weir product`: versioned bundles on the shelf."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_json, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

product = typer.Typer(no_args_is_help=True)

Product = Annotated[str, typer.Argument(help="The product version's identifier, prd_…")]


@product.command("create")
def create(
    slug: Annotated[str, typer.Argument(help="The product's short name in addresses.")],
    title_en: Annotated[str, typer.Option(help="Its title in English.")],
    title_zh: Annotated[str, typer.Option(help="Its title in Chinese.")],
    capability: Annotated[
        list[str], typer.Option(help="A capability to include, cap_…; repeatable.")
    ],
    direction: Annotated[
        str, typer.Option(help="go-out serves partners, bring-in serves members.")
    ] = "go-out",
    description: Annotated[
        str, typer.Option(help="Its description in English, a few sentences.")
    ] = "",
    description_zh: Annotated[str, typer.Option(help="The same text in Chinese.")] = "",
    suits_en: Annotated[str, typer.Option(help="The users it suits, in English.")] = "",
    suits_zh: Annotated[str, typer.Option(help="The same text in Chinese.")] = "",
    scene: Annotated[
        list[str] | None, typer.Option(help="A scene of `weir shelf scenes`; repeatable.")
    ] = None,
    signed_messages: Annotated[
        bool,
        typer.Option(
            "--signed-messages", help="Accept only signed requests, and sign the answers."
        ),
    ] = False,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox", help="Model data answers it; partners in the sandbox may use it."
        ),
    ] = False,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Draft the next version of a product."""
    drafted = call_management(
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
    """Publish a draft on the shelf. It cannot be changed afterwards."""
    show_one(call_management(profile, lambda m: m.products.publish(product)), as_json)


@product.command("changes")
def changes(product: Product, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List what in a version breaks callers of the version before it."""
    found = call_management(profile, lambda m: m.products.breaking_changes(product))
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
    show_one(call_management(profile, lambda m: m.products.retire(product)), as_json)


@product.command("list")
def list_products(
    mine: Annotated[bool, typer.Option(help="List your own products, with drafts.")] = False,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List all products on the shelf, or your own with drafts (--mine)."""
    from weir.client.management.requests import collect

    found = call_management(
        profile, lambda m: collect(m.products.list() if mine else m.shelf.list())
    )
    show_list(found, ("prefix", "title_en", "direction", "status", "scope", "id"), as_json)


@product.command("show")
def show(product: Product, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Show one product version."""
    show_one(call_management(profile, lambda m: m.products.get(product)), as_json)


@product.command("openapi")
def openapi(product: Product, profile: ProfileName = DEFAULT) -> None:
    """Print a product's OpenAPI document, with the gateway's address."""
    show_json(call_management(profile, lambda m: m.products.openapi(product)))
