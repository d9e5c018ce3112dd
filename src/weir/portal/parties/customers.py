"""A member's customers, and the test customers that it offers to developers."""

from __future__ import annotations

from starlette.responses import Response

from weir.portal.desk.desk import Desk
from weir.portal.management import place
from weir.portal.renderer import redirect


async def show(desk: Desk, link: str | None = None, whose: str = "") -> Response:
    """Show the enrolled customers; `link` is a new one-time link, shown once."""
    customers = await desk.management.all("/v1/customers")
    return desk.page("parties/customers.html", customers=customers, link=link, whose=whose)


async def act(desk: Desk) -> Response:
    """Enrol a customer, renew an unused link, or detach call records from a customer."""
    if desk.fields.get("act") == "detach":
        customer = place(desk.fields.get("customer", ""))
        await desk.management.post(f"/v1/customers/{customer}/detach-records")
        return redirect("/desk/customers")
    made = await desk.management.post("/v1/customers", _given(desk))
    return await show(desk, made["link"], made["customer"]["name"])


async def show_test(desk: Desk) -> Response:
    """Show the test customers that the member offers."""
    offered = await desk.management.get("/v1/test-customers", member=desk.organisation.id)
    return desk.page("parties/test_customers.html", offered=offered["items"])


async def act_on_test(desk: Desk) -> Response:
    """Offer a test customer, rename one, or end the offer."""
    if desk.fields.get("act") == "end":
        reference = place(desk.fields.get("customer_ref", ""))
        await desk.management.post(f"/v1/test-customers/{reference}/end", key=desk.form_key)
    else:
        await desk.management.post("/v1/test-customers", _given(desk), desk.form_key)
    return redirect("/desk/test-customers")


def _given(desk: Desk) -> dict[str, str]:
    return {name: desk.fields.get(name, "").strip() for name in ("customer_ref", "name")}
