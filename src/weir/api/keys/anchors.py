"""Trust anchors: issuers whose software statements register applications (RFC 7591)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from weir.api.guard import ServicesDep, new_router
from weir.api.models import Given, Page, Shown, Text, Url
from weir.api.writes import Writes
from weir.partners import anchors
from weir.store.unit import UnitOfWork

router = new_router("trust anchors")


class AnchorGiven(Given):
    """An issuer to trust: its name as in the claim `iss`, its name for people, its public keys."""

    issuer: Url
    name: Text
    jwks: dict[str, Any]


class AnchorNamed(Given):
    """An issuer by its name, as in the claim `iss`."""

    issuer: Url


class AnchorView(Shown):
    """A trusted issuer of software statements. `jwks` holds public keys only."""

    issuer: str
    name: str
    jwks: dict[str, Any]
    status: Literal["active", "ended"]
    registered_at: datetime
    changed_at: datetime


@router.post(
    "/trust-anchors",
    operation_id="register_trust_anchor",
    status_code=201,
    summary="Trust an issuer of software statements, or replace its keys",
)
async def register_trust_anchor(given: AnchorGiven, writing: Writes) -> AnchorView:
    async def work(unit: UnitOfWork) -> AnchorView:
        return AnchorView.model_validate(await anchors.register(unit, **given.model_dump()))

    return await writing.run(AnchorView, work)


@router.get(
    "/trust-anchors",
    operation_id="list_trust_anchors",
    summary="List the trusted issuers of software statements, past ones included",
)
async def list_trust_anchors(services: ServicesDep) -> Page[AnchorView]:
    async with services.database.connect() as connection:
        found = await anchors.list_all(connection)
    return Page(items=[AnchorView.model_validate(each) for each in found])


@router.post(
    "/trust-anchors/end",
    operation_id="end_trust_anchor",
    summary="Stop trusting an issuer of software statements, from the next request on",
)
async def end_trust_anchor(given: AnchorNamed, writing: Writes) -> AnchorView:
    async def work(unit: UnitOfWork) -> AnchorView:
        return AnchorView.model_validate(await anchors.end(unit, given.issuer))

    return await writing.run(AnchorView, work)
