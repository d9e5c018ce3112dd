"""Invitations of people to work for an organisation.

An organisation invites its own people. The operator invites the first person of a party it
admitted, and no later one.
"""

from __future__ import annotations

from datetime import datetime

from weir.api.callers import Caller
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Given, Name, Page, Shown, Text
from weir.api.parties.people import Role
from weir.api.writes import Writes
from weir.identity import invitations, links, people
from weir.kernel.declares import FORBIDDEN
from weir.kernel.outcomes import Refusal
from weir.partners import organisations
from weir.partners.organisations import Organisation
from weir.store.unit import UnitOfWork

router = new_router("people")


class InvitationGiven(Given):
    """The person to invite, as you describe the person, and a role. Only the operator may name an
    `organisation`.
    """

    organisation: Name | None = None
    invitee: Text
    role: Text


class InvitationView(Shown):
    """An open invitation. Its link was shown once and is not shown again."""

    id: str
    role: Role
    invitee: str
    created_at: datetime
    created_by: str
    expires_at: datetime


class InvitedView(Shown):
    """An invitation and its one-time link. The link is shown only in this answer."""

    invitation: InvitationView
    link: str


@router.get("/invitations", operation_id="list_invitations", summary="List your open invitations")
async def list_invitations(caller: CallerDep, services: ServicesDep) -> Page[InvitationView]:
    now = services.database.clock.now()
    async with services.database.connect() as connection:
        found = await invitations.list_open(connection, caller.organisation.id, now)
    return Page(items=[InvitationView.model_validate(each) for each in found])


@router.post(
    "/invitations",
    operation_id="invite_person",
    status_code=201,
    summary="Invite a person to work for you, by a one-time link",
)
async def invite_person(
    given: InvitationGiven, caller: CallerDep, services: ServicesDep
) -> InvitedView:
    """Takes no idempotency key, since a stored answer would hold the link's secret."""
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
    summary="Withdraw an invitation that was not used",
)
async def withdraw_invitation(
    invitation: Name, caller: CallerDep, writing: Writes
) -> InvitationView:
    async def work(unit: UnitOfWork) -> InvitationView:
        ended = await invitations.withdraw(unit, caller.organisation.id, invitation)
        return InvitationView.model_validate(ended)

    return await writing.run(InvitationView, work)


async def _inviting(unit: UnitOfWork, caller: Caller, named: str | None) -> Organisation:
    """Return the organisation that the invitation is for.

    The operator may invite only the first owner of another organisation, lest it slip a person of
    its own in beside a party's people; earlier links end, so only the newest one works. FORBIDDEN
    once the organisation has people.
    """
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
