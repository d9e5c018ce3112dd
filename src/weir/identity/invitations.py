"""Invitations: one-time links by which a person joins an organisation in a role.

The link is shown once, to the inviter, who decides how to send it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.access.roles import ROLES
from weir.identity import links, people
from weir.identity.declares import INVITATIONS, PEOPLE
from weir.identity.links import LinkPurpose
from weir.identity.tables import one_time_links
from weir.kernel.declares import NOT_FOUND
from weir.kernel.inputs import choice, text
from weir.kernel.outcomes import Refusal
from weir.store.room import limit_reached, require_room
from weir.store.unit import UnitOfWork

_STAFF: Final = ("operator", "member", "partner")


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invitation, without its secret.

    `invitee` is the inviter's name for the invited person; `created_by` is the identifier of a
    person or an application.
    """

    id: str
    organisation: str
    role: str
    invitee: str
    created_at: datetime
    created_by: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """A new invitation, and the secret of its link."""

    invitation: Invitation
    link_secret: str


async def invite(
    unit: UnitOfWork, organisation: str, kind: LinkPurpose, *, role: str, invitee: str
) -> NewInvitation:
    """Invite a person to an organisation.

    Refusal INVALID_INPUT for role or invitee; LIMIT_REACHED when there are too many people or
    invitations.
    """
    choice(role, ROLES, "/role")
    name = text(invitee, "/invitee")
    mine = _invitations(organisation, unit.now)
    await require_room(unit, one_time_links, mine, organisation, "INVITATIONS", INVITATIONS)
    waiting = await list_open(unit.connection, organisation, unit.now)
    working = await people.of_organisation(unit.connection, organisation)
    if len(waiting) + len(working) >= PEOPLE:
        raise limit_reached("PEOPLE", PEOPLE)
    secret = await links.create_link(
        unit, kind, subject=organisation, organisation=organisation, role=role, invitee=name
    )
    newest = (await list_open(unit.connection, organisation, unit.now))[-1]
    return NewInvitation(newest, secret)


async def list_open(
    connection: AsyncConnection, organisation: str, now: datetime
) -> Sequence[Invitation]:
    """Return the invitations that can still be used, oldest first."""
    rows = await connection.execute(
        select(one_time_links).where(_invitations(organisation, now)).order_by(one_time_links.c.id)
    )
    return [_invitation(row) for row in rows]


async def withdraw(unit: UnitOfWork, organisation: str, invitation: str) -> Invitation:
    """End an unused invitation. Refusal NOT_FOUND when the organisation has none like this."""
    statement = select(one_time_links).where(_invitations(organisation, unit.now))
    row = (
        await unit.connection.execute(
            statement.where(one_time_links.c.id == invitation).with_for_update()
        )
    ).one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no open invitation of theirs")
    await unit.connection.execute(
        update(one_time_links).where(one_time_links.c.id == invitation).values(expires_at=unit.now)
    )
    unit.audit("invitation.withdrawn", invitation, {"invitee": row.invitee}, organisation)
    return _invitation(row)


def _invitations(organisation: str, now: datetime) -> ColumnElement[bool]:
    return (
        (one_time_links.c.organisation == organisation)
        & one_time_links.c.purpose.in_(_STAFF)
        & one_time_links.c.claimed_at.is_(None)
        & (one_time_links.c.expires_at > now)
    )


def _invitation(row: Any) -> Invitation:
    return Invitation(
        row.id,
        row.organisation,
        row.role,
        row.invitee,
        row.created_at,
        row.created_by,
        row.expires_at,
    )
