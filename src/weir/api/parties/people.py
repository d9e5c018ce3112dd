"""People who work for an organisation, and their roles."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Given, Name, Page, Shown, Text
from weir.api.writes import Writes
from weir.identity import links, people
from weir.store.unit import UnitOfWork

router = new_router("people")

Role = Literal["owner", "developer", "finance", "auditor"]


class PersonView(Shown):
    """A person who works for the organisation."""

    id: str
    name: str
    display_name: str
    role: Role
    created_at: datetime


class RoleGiven(Given):
    """The new role of a person."""

    role: Text


class RenewalView(Shown):
    """A one-time link by which a person sets a new passphrase and second factor. The link is shown
    only in this answer.
    """

    person: PersonView
    link: str


@router.get("/people", operation_id="list_people", summary="List the people who work for you")
async def list_people(caller: CallerDep, services: ServicesDep) -> Page[PersonView]:
    async with services.database.connect() as connection:
        found = await people.of_organisation(connection, caller.organisation.id)
    return Page(items=[PersonView.model_validate(each) for each in found])


@router.put(
    "/people/{person}/role",
    operation_id="change_person_role",
    summary="Give a person who works for you another role",
)
async def change_person_role(
    person: Name, given: RoleGiven, caller: CallerDep, writing: Writes
) -> PersonView:
    async def work(unit: UnitOfWork) -> PersonView:
        changed = await people.change_role(unit, caller.organisation.id, person, given.role)
        return PersonView.model_validate(changed)

    return await writing.run(PersonView, work)


@router.post(
    "/people/{person}/renewal",
    operation_id="renew_sign_in",
    status_code=201,
    summary="Make a link by which a person sets a new passphrase and second factor",
)
async def renew_sign_in(person: Name, caller: CallerDep, services: ServicesDep) -> RenewalView:
    """Safe to repeat without an idempotency key: a newer link ends the older ones."""
    own = caller.organisation.id
    async with services.database.unit(caller.actor) as unit:
        found = await people.get_colleague(unit.connection, own, person)
        await links.void_links(unit, found.id)
        secret = await links.create_link(unit, "renewal", subject=found.id, organisation=own)
    view = PersonView.model_validate(found)
    return RenewalView(person=view, link=services.welcome_link(secret))


@router.post(
    "/people/{person}/remove",
    operation_id="remove_person",
    summary="Remove a person who works for you, and end all the person's sessions",
)
async def remove_person(person: Name, caller: CallerDep, writing: Writes) -> PersonView:
    async def work(unit: UnitOfWork) -> PersonView:
        removed = await people.remove(unit, caller.organisation.id, person)
        return PersonView.model_validate(removed)

    return await writing.run(PersonView, work)
