"""One-time links, by which a customer, the first operator or a colleague gets a sign-in.

The secret is only in the link; the platform stores its digest. A link works once, until it expires.
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

# The purpose of a link. `subject` is the customer for "customer", the person for "renewal" (a new
# passphrase and new factors), and else the organisation that the person joins.
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
        """Whether the person who claims the link becomes staff of the organisation."""
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
    """Make a link that is valid for ONE_TIME_LINK_LIFETIME_S; return its secret.

    `organisation` is the customer's member, or the organisation that the person joins in `role`.
    `invitee` is the maker's name for the person.
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
    """Return the link of a secret. Refusal LINK_USED when it is unknown, expired or used."""
    if not secrets.is_secret(secret):
        raise Refusal(LINK_USED, "not a link secret")
    row: Any = (await connection.execute(_open(secret, now))).one_or_none()
    if row is None:
        raise Refusal(LINK_USED, "unknown, expired or used")
    return Link(row.id, row.purpose, row.subject, row.organisation, row.role, row.invitee)


async def claim(unit: UnitOfWork, secret: str, claimed_by: str) -> Link:
    """Use up a link. Refusal LINK_USED when it is unknown, expired or used.

    Of two claims at the same time, one succeeds.
    """
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
    """End the open invitations and renewals that this person made, but not links of customers.

    A person who may no longer make such links must not return by one that it kept.
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
