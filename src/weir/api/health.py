"""Health of the platform: its processes, the change log, and certificates that end soon."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Page, Shown
from weir.partners import certificates
from weir.store import processes

router = new_router("health")


class ProcessView(Shown):
    """A process that follows the change log. It serves while its lease lasts; `behind` is the
    number of changes that it has not applied yet.
    """

    id: str
    role: str
    started_at: datetime
    lease_until: datetime
    alive: bool
    behind: int


class HealthView(Shown):
    """All known processes, and the number of the newest change."""

    newest_change: int
    processes: list[ProcessView]


class ExpiringView(Shown):
    """A certificate that ends soon, when its application has no other one that lasts longer."""

    id: str
    application: str
    application_name: str
    organisation: str
    organisation_name_en: str
    organisation_name_zh: str
    not_after: datetime


@router.get("/health", operation_id="show_health", summary="Show the state of all processes")
async def show_health(services: ServicesDep) -> HealthView:
    async with services.database.connect() as connection:
        newest, listed = await processes.overview(connection)
    return HealthView(
        newest_change=newest, processes=[ProcessView.model_validate(each) for each in listed]
    )


@router.get(
    "/expiring-certificates",
    operation_id="list_expiring_certificates",
    summary="List certificates that end within a number of days",
)
async def list_expiring_certificates(
    caller: CallerDep, services: ServicesDep, days: Annotated[int, Query(ge=1, le=366)] = 30
) -> Page[ExpiringView]:
    own = None if caller.kind in caller.rule.every else caller.organisation.id
    before = services.database.clock.now() + timedelta(days=days)
    async with services.database.connect() as connection:
        found = await certificates.list_ending(connection, before=before, organisation=own)
    return Page(items=[ExpiringView.model_validate(each) for each in found])
