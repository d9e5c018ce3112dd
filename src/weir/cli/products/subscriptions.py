"""`weir subscription`: applications' rights to products."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.products.plans import Plan
from weir.cli.profiles import DEFAULT, ProfileName, call_management

subscription = typer.Typer(no_args_is_help=True)

Subscription = Annotated[str, typer.Argument(help="The subscription's identifier, sub_…")]


@subscription.command("request")
def request(
    application: Annotated[str, typer.Argument(help="An application of yours, app_…")],
    plan: Plan,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Request a product under a plan."""
    show_one(
        call_management(profile, lambda m: m.subscriptions.request(application, plan)), as_json
    )


@subscription.command("list")
def list_subscriptions(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List your subscriptions, and the subscriptions to your products."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.subscriptions.list()))
    show_list(found, ("application", "product", "plan", "status", "id"), as_json)


def _act(name: str, words: str) -> None:
    def act(
        subscription: Subscription, profile: ProfileName = DEFAULT, as_json: AsJson = False
    ) -> None:
        done = call_management(profile, lambda m: m.subscriptions.act(subscription, name))
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
