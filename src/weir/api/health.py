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
    """A process that follows the change log. It serves while its lease lives; `behind` counts the
    changes it has not applied yet."""

    id: str
    role: str
    started_at: datetime
    lease_until: datetime
    alive: bool
    behind: int


class HealthView(Shown):
    """Every process known, and the number of the newest change."""

    newest_change: int
    processes: list[ProcessView]


class ExpiringView(Shown):
    """A certificate that ends soon while no newer one of its application lives longer."""

    id: str
    application: str
    application_name: str
    organisation: str
    organisation_name_en: str
    organisation_name_zh: str
    not_after: datetime


@router.get("/health", operation_id="show_health", summary="How the processes stand")
async def show_health(services: ServicesDep) -> HealthView:
    async with services.database.connect() as connection:
        newest, listed = await processes.overview(connection)
    return HealthView(
        newest_change=newest, processes=[ProcessView.model_validate(each) for each in listed]
    )


@router.get(
    "/expiring-certificates",
    operation_id="list_expiring_certificates",
    summary="Certificates in reach that end within so many days",
)
async def list_expiring_certificates(
    caller: CallerDep, services: ServicesDep, days: Annotated[int, Query(ge=1, le=366)] = 30
) -> Page[ExpiringView]:
    own = None if caller.kind in caller.rule.every else caller.organisation.id
    before = services.database.clock.now() + timedelta(days=days)
    async with services.database.connect() as connection:
        found = await certificates.ending(connection, before=before, organisation=own)
    return Page(items=[ExpiringView.model_validate(each) for each in found])
