"""`weir capability`: the operations an institution offers, and the consent each needs."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.products.documents import Document
from weir.cli.profiles import DEFAULT, ProfileName, call_management

capability = typer.Typer(no_args_is_help=True)

Reference = Annotated[
    str | None, typer.Option(help="path:name, query:name, header:name or body:/pointer")
]


@capability.command("list")
def list_capabilities(
    document: Document, profile: ProfileName = DEFAULT, as_json: AsJson = False
) -> None:
    """List a document's capabilities."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.capabilities.list(document)))
    columns = ("operation_id", "method", "path", "permission", "moves_money", "state", "id")
    show_list(found, columns, as_json)


@capability.command("bind")
def bind(
    capability: Annotated[str, typer.Argument(help="The capability's identifier, cap_…")],
    consent_type: Annotated[
        str | None, typer.Option(help="The type of consent it needs: urn:weir:account-access:v1 …")
    ] = None,
    permission: Annotated[str | None, typer.Option(help="The permission in that consent.")] = None,
    moves_money: Annotated[bool, typer.Option(help="A call moves money.")] = False,
    account: Reference = None,
    amount: Reference = None,
    currency: Reference = None,
    payee: Reference = None,
    idempotency_key: Reference = None,
    outcome_path: Annotated[
        str | None, typer.Option(help="The path that answers the outcome of a payment.")
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Declare the consent a capability needs, and where a call holds the values to check."""
    named = {
        "account": account,
        "amount": amount,
        "currency": currency,
        "payee": payee,
        "idempotency_key": idempotency_key,
        "outcome_path": outcome_path,
    }
    bindings = {name: value for name, value in named.items() if value is not None}
    declared = call_management(
        profile,
        lambda m: m.capabilities.declare(
            capability,
            consent_type=consent_type,
            permission=permission,
            moves_money=moves_money,
            bindings=bindings or None,
        ),
    )
    show_one(declared, as_json)
