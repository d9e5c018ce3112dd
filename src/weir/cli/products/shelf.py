"""`weir shelf`: the search of the shelf, and its scenes."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_json, show_list
from weir.cli.profiles import DEFAULT, ProfileName, call_management
from weir.shelf.scenes import SCENES

shelf = typer.Typer(no_args_is_help=True)

Choices = Annotated[
    list[str] | None, typer.Option(help="Find products with any of these; repeatable.")
]


@shelf.command("search")
def search(
    words: Annotated[str, typer.Argument(help="Words to search for, in English or Chinese.")] = "",
    direction: Annotated[str | None, typer.Option(help="go-out or bring-in.")] = None,
    kind: Choices = None,
    owner: Choices = None,
    grade: Choices = None,
    price: Choices = None,
    scene: Choices = None,
    page: Annotated[int, typer.Option(help="The number of the page; a page has 20 products.")] = 1,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Search for products and their operations; the best results are first."""
    facets = {"kind": kind, "owner": owner, "grade": grade, "price": price, "scene": scene}
    chosen = {name: values for name, values in facets.items() if values}
    found = call_management(
        profile, lambda m: m.shelf.search(words, page=page, direction=direction, **chosen)
    )
    if as_json:
        show_json(found)
        return
    rows = [
        each["product"]
        | {"prices": ", ".join(each["prices"]), "operations": each["operations_found"]}
        for each in found["items"]
    ]
    print(f"{found['total']} found")
    show_list(rows, ("scope", "title_en", "title_zh", "prices", "operations", "id"), as_json)


@shelf.command("scenes")
def scenes(as_json: AsJson = False) -> None:
    """List the scenes that a product may say it suits."""
    rows = [{"scene": name, "en": words[0], "zh": words[1]} for name, words in SCENES.items()]
    show_list(rows, ("scene", "en", "zh"), as_json)
