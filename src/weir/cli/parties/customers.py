"""`weir customer`: a member's customers, and the test customers it offers."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

customer = typer.Typer(no_args_is_help=True)


@customer.command("enrol")
def enrol(
    customer_ref: Annotated[str, typer.Argument(help="Your own reference for the customer.")],
    name: Annotated[str, typer.Option(help="The name by which pages greet the customer.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Enrol a customer, and print the one-time link to hand over."""
    made = call_management(profile, lambda m: m.customers.enrol(customer_ref, name))
    show_one(made["customer"] | {"link": made["link"]}, as_json)


@customer.command("list")
def list_customers(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List your customers."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.customers.list()))
    show_list(found, ("customer_ref", "name", "linked", "id"), as_json)


@customer.command("offer-test")
def offer_test(
    customer_ref: Annotated[str, typer.Argument(help="Your reference for the person.")],
    name: Annotated[str, typer.Option(help="The name that developers read.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Offer a person of your model world to developers as a test customer."""
    show_one(
        call_management(profile, lambda m: m.test_customers.offer(customer_ref, name)), as_json
    )


@customer.command("list-test")
def list_test(
    member: Annotated[str, typer.Argument(help="The institution's slug.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List the test customers of an institution."""
    found = call_management(profile, lambda m: m.test_customers.of_member(member))
    show_list(found["items"], ("customer_ref", "name"), as_json)


@customer.command("end-test")
def end_test(
    customer_ref: Annotated[str, typer.Argument(help="The reference of the offer.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """End the offer of a test customer, and all sign-ins taken for it."""
    show_one(call_management(profile, lambda m: m.test_customers.end(customer_ref)), as_json)


@customer.command("take-test")
def take_test(
    customer_ref: Annotated[str, typer.Argument(help="A reference that `list-test` prints.")],
    application: Annotated[str, typer.Option(help="Your application that will ask for consent.")],
    product: Annotated[str, typer.Option(help="The sandbox product to try, prd_…")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Get your own sign-in as a test customer, with a new passphrase each time."""
    taken = call_management(
        profile, lambda m: m.test_customers.take(application, product, customer_ref)
    )
    show_one(taken, as_json)


@customer.command("detach-records")
def detach_records(
    customer: Annotated[str, typer.Argument(help="The customer's identifier, cus_…")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Erase the link from call records to a customer whose consents have all ended."""
    show_one(call_management(profile, lambda m: m.customers.detach_records(customer)), as_json)
