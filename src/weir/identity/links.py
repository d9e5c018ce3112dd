"""One-time links: how a customer, the first operator or a colleague gets a sign-in.

The secret is in the link and nowhere else; its digest is stored. A link works once, until it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.identity import secrets
from weir.identity.tables import one_time_links as links
from weir.kernel.declares import LINK_USED, ONE_TIME_LINK_LIFETIME_S
from weir.kernel.outcomes import Refusal
from weir.store.unit import UnitOfWork

# What the person who claims it becomes; `subject` is a customer for "customer", the person itself
# for "renewal" (a new passphrase and new factors), else the organisation whose staff they join.
LinkPurpose = Literal["customer", "operator", "member", "partner", "renewal"]


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link, without its secret."""

    id: str
    purpose: LinkPurpose
    subject: str
    organisation: str
    role: str | None
    invitee: str | None

    @property
    def makes_staff(self) -> bool:
        """Whether whoever claims it will work for the organisation."""
        return self.purpose in ("operator", "member", "partner")


async def create_link(
    unit: UnitOfWork,
    purpose: LinkPurpose,
    *,
    subject: str,
    organisation: str,
    role: str | None = None,
    invitee: str | None = None,
) -> str:
    """The secret of a new link, valid for `limits.ONE_TIME_LINK_LIFETIME_S`.

    `organisation` is the member of the customer, or the organisation the person will work for, in
    the role given; `invitee` is whom it was made for, in the words of whoever made it.
    """
    secret = secrets.new_secret()
    link = unit.mint("lnk")
    await unit.connection.execute(
        links.insert().values(
            id=link,
            secret_sha256=secrets.digest(secret),
            purpose=purpose,
            subject=subject,
            organisation=organisation,
            role=role,
            invitee=invitee,
            created_by=unit.actor.subject,
            created_at=unit.now,
            expires_at=unit.now + timedelta(seconds=ONE_TIME_LINK_LIFETIME_S),
        )
    )
    detail = {"purpose": purpose, "subject": subject}
    if role is not None:
        detail["role"] = role
    unit.audit("link.created", link, detail, organisation)
    return secret


async def find_open(connection: AsyncConnection, secret: str, now: Any) -> Link:
    """The link, while it can still be claimed. LINK_USED otherwise."""
    if not secrets.is_secret(secret):
        raise Refusal(LINK_USED, "not a link secret")
    row: Any = (await connection.execute(_open(secret, now))).one_or_none()
    if row is None:
        raise Refusal(LINK_USED, "unknown, expired or used")
    return Link(row.id, row.purpose, row.subject, row.organisation, row.role, row.invitee)


async def claim(unit: UnitOfWork, secret: str, claimed_by: str) -> Link:
    """Use the link up. Of two who try at once one gets it; the other gets LINK_USED."""
    link = await find_open(unit.connection, secret, unit.now)
    claimed = await unit.connection.execute(
        update(links)
        .where(links.c.id == link.id, links.c.claimed_at.is_(None))
        .values(claimed_at=unit.now, claimed_by=claimed_by)
    )
    if claimed.rowcount != 1:
        raise Refusal(LINK_USED, "claimed at the same moment")
    unit.audit("link.claimed", link.id, {"by": claimed_by}, link.organisation)
    return link


async def void_links(unit: UnitOfWork, subject: str) -> None:
    """End every open link of a subject, so that only the newest one works."""
    await _void(unit, links.c.subject == subject)


async def void_links_made_by(unit: UnitOfWork, person_id: str) -> None:
    """End the open links by which this person let others in: invitations and renewals, not those
    of customers. Who may no longer make them must not come back by one that was kept.
    """
    await _void(unit, (links.c.created_by == person_id) & (links.c.purpose != "customer"))


async def _void(unit: UnitOfWork, which: ColumnElement[bool]) -> None:
    await unit.connection.execute(
        update(links)
        .where(which, links.c.claimed_at.is_(None), links.c.expires_at > unit.now)
        .values(expires_at=unit.now)
    )


def _open(secret: str, now: Any) -> Select[Any]:
    return select(links).where(
        links.c.secret_sha256 == secrets.digest(secret),
        links.c.claimed_at.is_(None),
        links.c.expires_at > now,
    )
