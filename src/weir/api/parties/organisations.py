"""Organisations: the directory of parties, their admission, suspension and resumption."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import After, ConfirmedChange, Given, Name, Page, Shown, Text, Url, next_of
from weir.api.writes import Writes
from weir.partners import organisations
from weir.store.unit import UnitOfWork

router = new_router("organisations")


class OrganisationEntry(Shown):
    """An organisation, with the fields that all parties see."""

    id: str
    kind: Literal["operator", "member", "partner"]
    slug: str
    name_en: str
    name_zh: str
    partner_class: str | None
    licence_kind: str | None
    status: Literal["active", "suspended"]
    stage: Literal["sandbox", "production"]


class OrganisationView(OrganisationEntry):
    """An organisation, with the fields that only the organisation itself and the operator see."""

    institution_code: str | None
    directory_url: str | None
    admitted_at: datetime
    changed_at: datetime


class MemberGiven(Given):
    """A licensed institution to admit. `directory_url` is the address of its account directory."""

    slug: Name
    name_en: Text
    name_zh: Text
    licence_kind: Text
    institution_code: Text | None = None
    directory_url: Url | None = None


class PartnerGiven(Given):
    """A partner to admit."""

    slug: Name
    name_en: Text
    name_zh: Text
    partner_class: Text
    institution_code: Text | None = None


class OrganisationChanged(ConfirmedChange):
    """An organisation after a change that every gateway has applied."""

    organisation: OrganisationView


@router.get(
    "/organisations",
    operation_id="list_organisations",
    summary="List the organisations of the alliance",
)
async def list_organisations(
    services: ServicesDep,
    kind: Literal["operator", "member", "partner"] | None = None,
    after: After = "",
) -> Page[OrganisationEntry]:
    async with services.database.connect() as connection:
        found = await organisations.list_page(connection, kind=kind, after=after)
    items = [OrganisationEntry.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "slug"))


@router.get(
    "/organisations/{organisation}", operation_id="get_organisation", summary="Get one organisation"
)
async def get_organisation(
    organisation: Name, caller: CallerDep, services: ServicesDep
) -> OrganisationView:
    async with services.database.connect() as connection:
        found = await organisations.get(connection, organisation)
    caller.reach(found.id)
    return OrganisationView.model_validate(found)


@router.post(
    "/members",
    operation_id="admit_member",
    status_code=201,
    summary="Admit a bank, an insurer or a securities firm",
)
async def admit_member(given: MemberGiven, writing: Writes) -> OrganisationView:
    async def work(unit: UnitOfWork) -> OrganisationView:
        admitted = await organisations.admit_member(unit, **given.model_dump())
        return OrganisationView.model_validate(admitted)

    return await writing.run(OrganisationView, work)


@router.post(
    "/partners",
    operation_id="admit_partner",
    status_code=201,
    summary="Admit a partner of one of the five classes",
)
async def admit_partner(given: PartnerGiven, writing: Writes) -> OrganisationView:
    async def work(unit: UnitOfWork) -> OrganisationView:
        admitted = await organisations.admit_partner(unit, **given.model_dump())
        return OrganisationView.model_validate(admitted)

    return await writing.run(OrganisationView, work)


@router.post(
    "/organisations/{organisation}/suspend",
    operation_id="suspend_organisation",
    summary="Suspend an organisation at every gateway",
)
async def suspend_organisation(organisation: Name, writing: Writes) -> OrganisationChanged:
    async def work(unit: UnitOfWork) -> OrganisationView:
        found = await organisations.get(unit.connection, organisation)
        return OrganisationView.model_validate(await organisations.suspend(unit, found.id))

    view, at = await writing.run_confirmed(OrganisationView, work)
    return OrganisationChanged(organisation=view, effective_at=at)


@router.post(
    "/organisations/{organisation}/resume",
    operation_id="resume_organisation",
    summary="Resume a suspended organisation",
)
async def resume_organisation(organisation: Name, writing: Writes) -> OrganisationChanged:
    async def work(unit: UnitOfWork) -> OrganisationView:
        found = await organisations.get(unit.connection, organisation)
        return OrganisationView.model_validate(await organisations.resume(unit, found.id))

    view, at = await writing.run_confirmed(OrganisationView, work)
    return OrganisationChanged(organisation=view, effective_at=at)


@router.post(
    "/organisations/{organisation}/production",
    operation_id="open_production",
    summary="Let an organisation that signed up use products outside the sandbox",
)
async def open_production(organisation: Name, writing: Writes) -> OrganisationView:
    async def work(unit: UnitOfWork) -> OrganisationView:
        found = await organisations.get(unit.connection, organisation)
        return OrganisationView.model_validate(await organisations.open_production(unit, found.id))

    return await writing.run(OrganisationView, work)
