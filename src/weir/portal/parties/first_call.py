"""First call of a partner: the exact commands from certificate to answer, to copy and run."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from weir.portal.desk import certificates
from weir.portal.desk.desk import Desk
from weir.portal.management import Document, place
from weir.shelf import products
from weir.shelf.reference.samples import shell


@dataclass(frozen=True, slots=True)
class SampleCall:
    """A call that needs no consent: the product's scope, and the address quoted for a shell.

    The path is another party's text and the page asks people to run it, hence the quoting.
    """

    scope: str
    address_word: str


async def show(desk: Desk) -> Response:
    """Show the certificate to keep, the product to subscribe to, and the call."""
    application = await desk.management.get(f"/v1/applications/{place(desk.named('application'))}")
    valid = await certificates.valid_of(desk, application["id"])
    held = [
        each
        for each in await desk.management.all("/v1/subscriptions")
        if each["application"] == application["id"] and each["status"] == "active"
    ]
    return desk.page(
        "parties/first_call.html",
        application=application,
        certificate=valid[0] if valid else None,
        authority=desk.portal.authorization.authority.root_pem,
        token_address=desk.portal.authorization.addresses.mtls + "/token",
        subscribed=bool(held),
        sample=await _sample(desk, held),
        called=await _has_called(desk, application["id"]) if held else False,
    )


async def _sample(desk: Desk, held: list[Document]) -> SampleCall | None:
    """Return a GET of a subscribed product that needs no consent and no path variable, or None."""
    async with desk.portal.database.connect() as connection:
        for subscription in held:
            product = await products.get(connection, subscription["product"])
            for each in await products.capabilities_of(connection, product.id):
                needs_consent = each.consent_type or each.permission or each.moves_money
                if each.method == "GET" and "{" not in each.path and not needs_consent:
                    address = f"{desk.portal.api_origin}{product.prefix}{each.path}"
                    return SampleCall(product.scope, shell(address))
    return None


async def _has_called(desk: Desk, application: str) -> bool:
    """Whether the records hold a call of the application; they arrive within seconds."""
    counted = await desk.management.get("/v1/records/counts")
    return any(each["application"] == application for each in counted["items"])
