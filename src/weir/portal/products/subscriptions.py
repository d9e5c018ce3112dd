"""Subscriptions: request one under a plan, and approve, refuse, suspend, resume or end it."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from weir.kernel.inputs import wrong
from weir.portal.desk.desk import Desk
from weir.portal.desk.names import parties_of, products_of
from weir.portal.management import Document, place
from weir.portal.renderer import redirect

_ACTS: Final = ("approve", "refuse", "suspend", "resume", "end")


async def show_list(desk: Desk) -> Response:
    """List the organisation's own subscriptions, and those to its products."""
    found = await desk.management.all("/v1/subscriptions")
    own = desk.organisation.id
    return desk.page(
        "products/subscriptions.html",
        held=[each for each in found if each["subscriber"] == own],
        given=[each for each in found if each["owner"] == own],
        products=await products_of(desk, (each["product"] for each in found)),
        applications={each["id"]: each for each in await desk.management.all("/v1/applications")},
        parties=await parties_of(desk),
    )


async def act(desk: Desk) -> Response:
    """Approve, refuse, suspend, resume or end a subscription."""
    asked = desk.fields.get("act", "")
    subscription = place(desk.fields.get("subscription", ""))
    if asked in _ACTS and subscription:
        await desk.management.post(f"/v1/subscriptions/{subscription}/{asked}")
    return redirect("/desk/subscriptions")


async def show_new(desk: Desk) -> Response:
    """Show the form that asks for a product, a plan and an application."""
    wanted = desk.request.query_params.get("product") or desk.fields.get("product")
    takes = "go-out" if desk.organisation.kind == "partner" else None
    shelf = [
        each
        for each in await desk.management.all("/v1/shelf")
        if (takes is None or each["direction"] == takes)
        and (each["sandbox"] or desk.organisation.stage == "production")
    ]
    product = next((each for each in shelf if each["id"] == wanted), None)
    plans: list[Document] = []
    if product is not None:
        listed = await desk.management.get(f"/v1/products/{place(product['id'])}/plans")
        plans = [each for each in listed["items"] if each["status"] == "offered"]
    applications = await desk.management.all("/v1/applications")
    named = desk.fields.get("application") or desk.request.query_params.get("application")
    return desk.page(
        "products/subscription_new.html",
        shelf=shelf,
        product=product,
        plans=plans,
        applications=applications,
        application=next((each["id"] for each in applications if each["id"] == named), None),
    )


async def request(desk: Desk) -> Response:
    """Request the subscription; a plan that approves by itself leads on to the first call."""
    application, plan = desk.fields.get("application", ""), desk.fields.get("plan", "")
    if not application or not plan:
        raise wrong("/plan" if application else "/application", "must be chosen", "请选择")
    given = {"application": application, "plan": plan}
    made = await desk.management.post("/v1/subscriptions", given, desk.form_key)
    if made["status"] == "active":
        return redirect(f"/desk/applications/{application}/first-call")
    return redirect("/desk/subscriptions")
