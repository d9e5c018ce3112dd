"""Dynamic registrations: applications with a software statement (RFC 7591, RFC 7592).

`partners.applications` stores the application itself, like any other. This module stores the
statement, its issuer, and the digest of the token that manages the registration.
"""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.declares import CONFLICT
from weir.kernel.outcomes import Refusal
from weir.partners.applications import Application
from weir.partners.declares import DYNAMIC_APPLICATIONS
from weir.partners.tables import applications, registrations, used_statements
from weir.store.unit import UnitOfWork

_COLUMNS: Final = (
    "application",
    "issuer",
    "software_id",
    "software_version",
    "statement",
    "token_sha256",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The facts of a dynamic registration."""

    application: str
    issuer: str
    software_id: str
    software_version: str | None
    statement: str
    token_sha256: str

    def is_managed_with(self, token_sha256: str) -> bool:
        """Whether this is the digest of the token that manages the registration."""
        return hmac.compare_digest(self.token_sha256, token_sha256)


async def store(unit: UnitOfWork, application: Application, registration: Registration) -> None:
    """Store a registration. Refusal CONFLICT when the organisation has DYNAMIC_APPLICATIONS."""
    counted = await unit.connection.execute(
        select(func.count())
        .select_from(registrations.join(applications))
        .where(applications.c.organisation == application.organisation)
    )
    if counted.scalar_one() >= DYNAMIC_APPLICATIONS:
        raise Refusal(
            CONFLICT,
            why=f"the organisation has {DYNAMIC_APPLICATIONS} dynamic registrations",
            why_zh=f"该机构已有 {DYNAMIC_APPLICATIONS} 个动态注册的应用",
        )
    await unit.connection.execute(
        registrations.insert().values(
            **asdict(registration), registered_at=unit.now, changed_at=unit.now
        )
    )
    detail = {"issuer": registration.issuer, "software_id": registration.software_id}
    unit.audit("registration.made", application.id, detail, organisation=application.organisation)


async def renew(unit: UnitOfWork, application: Application, registration: Registration) -> None:
    """Replace the statement of a registration, and the version of its software."""
    await unit.connection.execute(
        update(registrations)
        .where(registrations.c.application == application.id)
        .values(
            statement=registration.statement,
            software_version=registration.software_version,
            changed_at=unit.now,
        )
    )
    unit.audit("registration.changed", application.id, {}, organisation=application.organisation)


async def remove(unit: UnitOfWork, application: Application) -> None:
    """Delete a registration, so that its management token works no more."""
    await unit.connection.execute(
        delete(registrations).where(registrations.c.application == application.id)
    )
    unit.audit("registration.ended", application.id, {}, organisation=application.organisation)


async def find(connection: AsyncConnection, application_id: str) -> Registration | None:
    """Return the dynamic registration of an application, or None."""
    columns = [registrations.c[name] for name in _COLUMNS]
    found: Any = await connection.execute(
        select(*columns).where(registrations.c.application == application_id)
    )
    row = found.one_or_none()
    return None if row is None else Registration(**row._mapping)


async def use_statement(unit: UnitOfWork, issuer: str, jti: str, expires_at: datetime) -> bool:
    """Use up a statement; return whether this was its first use, in any process.

    Expired statements are deleted, since they are refused for their age anyway.
    """
    await unit.connection.execute(
        delete(used_statements).where(used_statements.c.expires_at < unit.now)
    )
    used = await unit.connection.execute(
        insert(used_statements)
        .values(issuer=issuer, jti=jti, expires_at=expires_at)
        .on_conflict_do_nothing()
        .returning(used_statements.c.jti)
    )
    return used.one_or_none() is not None
