"""The first page behind the sign-in: the present state, and the next step for this organisation."""

from __future__ import annotations

from starlette.responses import Response

from weir.portal.desk import certificates
from weir.portal.desk.desk import Desk
from weir.portal.management import Document


async def show(desk: Desk) -> Response:
    """Show the overview for the organisation's kind: operator, member or partner."""
    if desk.organisation.kind == "operator":
        return await _operator(desk)
    applications = await desk.management.all("/v1/applications")
    subscriptions = await desk.management.all("/v1/subscriptions")
    own = desk.organisation.id
    held = [each for each in subscriptions if each["subscriber"] == own]
    waiting = [
        each for each in subscriptions if each["owner"] == own and each["status"] == "requested"
    ]
    statements = await desk.management.get("/v1/statements")
    documents = await desk.management.all("/v1/documents")
    products = await desk.management.all("/v1/products")
    certified = [each for each in applications if await certificates.valid_of(desk, each["id"])]
    return desk.page(
        f"desk/overview_{desk.organisation.kind}.html",
        applications=applications,
        certified=certified,
        held=held,
        waiting=waiting,
        unsigned=await _unsigned(desk),
        newest=next((each for each in statements["items"] if not each["reopened_at"]), None),
        documents=documents,
        products=products,
        called=await _has_called(desk) if certified else False,
    )


async def _has_called(desk: Desk) -> bool:
    """Whether the records hold a call of one of the organisation's applications."""
    return bool((await desk.management.get("/v1/records/counts"))["items"])


async def _operator(desk: Desk) -> Response:
    """Show the operator the parties, the processes, and what waits for a decision."""
    organisations = await desk.management.all("/v1/organisations")
    closings = (await desk.management.get("/v1/closings"))["items"]
    return desk.page(
        "desk/overview_operator.html",
        organisations=organisations,
        sandboxed=[each for each in organisations if each["stage"] == "sandbox"],
        health=await desk.management.get("/v1/health"),
        ending=await desk.management.get("/v1/expiring-certificates"),
        disputed=await desk.management.all("/v1/disputes", status="open"),
        stuck=[each for each in closings if each["status"] == "failed"],
        stopped=[each for each in organisations if each["status"] == "suspended"],
        unsigned=await _unsigned(desk),
    )


async def _unsigned(desk: Desk) -> list[Document]:
    """Return proposed agreements that need the organisation's signature and lack it."""
    own = desk.organisation.id
    found = await desk.management.all("/v1/agreements")
    return [
        each
        for each in found
        if each["status"] == "proposed" and own in each["needed"] and own not in each["accepted"]
    ]
