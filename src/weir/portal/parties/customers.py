"""A member's customers, and the people of its model world whom developers try consents with."""

from __future__ import annotations

from starlette.responses import Response

from weir.portal.desk.desk import Desk
from weir.portal.management import place
from weir.portal.renderer import go


async def show(desk: Desk, link: str | None = None, whose: str = "") -> Response:
    """Those who were enrolled; a link that was just made is shown once."""
    customers = await desk.asking.all("/v1/customers")
    return desk.page("parties/customers.html", customers=customers, link=link, whose=whose)


async def act(desk: Desk) -> Response:
    """Enrol somebody, renew an unused link, or erase what leads from records to somebody."""
    if desk.fields.get("act") == "detach":
        customer = place(desk.fields.get("customer", ""))
        await desk.asking.post(f"/v1/customers/{customer}/detach-records")
        return go("/desk/customers")
    made = await desk.asking.post("/v1/customers", _given(desk))
    return await show(desk, made["link"], made["customer"]["name"])


async def show_test(desk: Desk) -> Response:
    """Whom one lets developers try with."""
    offered = await desk.asking.get("/v1/test-customers", member=desk.organisation.id)
    return desk.page("parties/test_customers.html", offered=offered["items"])


async def act_on_test(desk: Desk) -> Response:
    """Offer one or name it anew, or offer it no more."""
    if desk.fields.get("act") == "end":
        reference = place(desk.fields.get("customer_ref", ""))
        await desk.asking.post(f"/v1/test-customers/{reference}/end", key=desk.form_key)
    else:
        await desk.asking.post("/v1/test-customers", _given(desk), desk.form_key)
    return go("/desk/test-customers")


def _given(desk: Desk) -> dict[str, str]:
    return {name: desk.fields.get(name, "").strip() for name in ("customer_ref", "name")}
