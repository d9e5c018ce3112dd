"""Who works for an organisation: people, their roles, invitations.

An organisation looks after its own people. The operator invites the first one of a party it let
in, and nobody after that.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from weir.api.callers import Caller
from weir.api.guard import Asking, Using, new_router
from weir.api.models import Given, Name, Page, Shown, Text
from weir.api.writes import Writes
from weir.identity import invitations, links, people
from weir.kernel.declares import FORBIDDEN
from weir.kernel.outcomes import Refusal
from weir.partners import organisations
from weir.partners.organisations import Organisation
from weir.store.unit import UnitOfWork

router = new_router("people")

Role = Literal["owner", "developer", "finance", "auditor"]


class PersonView(Shown):
    """Somebody who works for the organisation."""

    id: str
    name: str
    display_name: str
    role: Role
    created_at: datetime


class RoleGiven(Given):
    """The role somebody is to have from now on."""

    role: Text


class RenewalView(Shown):
    """A one-time link by which a person sets a new passphrase and second factor. It is shown here
    and nowhere else."""

    person: PersonView
    link: str


class InvitationGiven(Given):
    """Whom to invite, in your own words, and as what. `organisation` is for the operator."""

    organisation: Name | None = None
    invitee: Text
    role: Text


class InvitationView(Shown):
    """An open invitation. Its link is not told again."""

    id: str
    role: Role
    invitee: str
    created_at: datetime
    created_by: str
    expires_at: datetime


class InvitedView(Shown):
    """An invitation and its one-time link, which is shown here and nowhere else."""

    invitation: InvitationView
    link: str


@router.get("/people", operation_id="list_people", summary="Who works for you")
async def list_people(caller: Asking, services: Using) -> Page[PersonView]:
    async with services.database.connect() as connection:
        found = await people.of_organisation(connection, caller.organisation.id)
    return Page(items=[PersonView.model_validate(each) for each in found])


@router.put(
    "/people/{person}/role",
    operation_id="change_person_role",
    summary="Give somebody who works for you another role",
)
async def change_person_role(
    person: Name, given: RoleGiven, caller: Asking, writing: Writes
) -> PersonView:
    async def work(unit: UnitOfWork) -> PersonView:
        changed = await people.change_role(unit, caller.organisation.id, person, given.role)
        return PersonView.model_validate(changed)

    return await writing.run(PersonView, work)


@router.post(
    "/people/{person}/renewal",
    operation_id="renew_sign_in",
    status_code=201,
    summary="Make a link by which somebody sets a new passphrase and second factor",
)
async def renew_sign_in(person: Name, caller: Asking, services: Using) -> RenewalView:
    """Safe to repeat without an idempotency key: a newer link ends the older ones."""
    own = caller.organisation.id
    async with services.database.unit(caller.actor) as unit:
        found = await people.colleague(unit.connection, own, person)
        await links.void_links(unit, found.id)
        secret = await links.create_link(unit, "renewal", subject=found.id, organisation=own)
    view = PersonView.model_validate(found)
    return RenewalView(person=view, link=services.welcome_link(secret))


@router.post(
    "/people/{person}/remove",
    operation_id="remove_person",
    summary="End somebody's work for you, signed out everywhere at once",
)
async def remove_person(person: Name, caller: Asking, writing: Writes) -> PersonView:
    async def work(unit: UnitOfWork) -> PersonView:
        removed = await people.remove(unit, caller.organisation.id, person)
        return PersonView.model_validate(removed)

    return await writing.run(PersonView, work)


@router.get("/invitations", operation_id="list_invitations", summary="Your open invitations")
async def list_invitations(caller: Asking, services: Using) -> Page[InvitationView]:
    now = services.database.clock.now()
    async with services.database.connect() as connection:
        found = await invitations.list_open(connection, caller.organisation.id, now)
    return Page(items=[InvitationView.model_validate(each) for each in found])


@router.post(
    "/invitations",
    operation_id="invite_person",
    status_code=201,
    summary="Invite somebody to work for you, by a one-time link",
)
async def invite_person(given: InvitationGiven, caller: Asking, services: Using) -> InvitedView:
    """Takes no idempotency key, since a kept answer would keep the link's secret."""
    async with services.database.unit(caller.actor) as unit:
        organisation = await _inviting(unit, caller, given.organisation)
        made = await invitations.invite(
            unit,
            organisation.id,
            organisation.kind,  # type: ignore[arg-type] # the database holds the closed list
            role=given.role,
            invitee=given.invitee,
        )
    view = InvitationView.model_validate(made.invitation)
    return InvitedView(invitation=view, link=services.welcome_link(made.link_secret))


@router.post(
    "/invitations/{invitation}/withdraw",
    operation_id="withdraw_invitation",
    summary="End an invitation that was not used",
)
async def withdraw_invitation(invitation: Name, caller: Asking, writing: Writes) -> InvitationView:
    async def work(unit: UnitOfWork) -> InvitationView:
        ended = await invitations.withdraw(unit, caller.organisation.id, invitation)
        return InvitationView.model_validate(ended)

    return await writing.run(InvitationView, work)


async def _inviting(unit: UnitOfWork, caller: Caller, named: str | None) -> Organisation:
    """For another organisation only the first owner, by the operator, so that the operator cannot
    slip somebody of its own in beside a party's people; nor by a link kept from before, so only
    the newest one works."""
    if named is None:
        return caller.organisation
    organisation = await organisations.get(unit.connection, named)
    caller.reach(organisation.id)
    if organisation.id == caller.organisation.id:
        return organisation
    # Of two at once the later waits here and ends the earlier's; who is just claiming one is
    # waited for too, and counts as working there.
    await organisations.lock(unit.connection, organisation.id)
    await links.void_links(unit, organisation.id)
    if await people.of_organisation(unit.connection, organisation.id):
        raise Refusal(
            FORBIDDEN,
            "not the first person",
            why="an organisation with people of its own invites the next one itself",
            why_zh="已有人员的机构须自行邀请新成员",
        )
    return organisation
