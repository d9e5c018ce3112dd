"""Trust anchors: whose software statements are believed (RFC 7591 section 2.3).

An alliance's directory, for instance. The operator registers its issuer name and public keys, and
can end it; nobody else's word lets an application in without a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import ILLEGAL_STATE, NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.partners import keys
from weir.partners.tables import trust_anchors
from weir.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAnchor:
    """An issuer of software statements as stored."""

    issuer: str
    name: str
    jwks: dict[str, Any]
    status: str
    registered_at: datetime
    changed_at: datetime


async def register(unit: UnitOfWork, *, issuer: str, name: str, jwks: Any) -> TrustAnchor:
    """Believe an issuer, or replace its name and keys. INVALID_INPUT says what is wrong."""
    public = keys.public_jwks(jwks, "/jwks")
    if not public["keys"]:
        raise inputs.wrong("/jwks/keys", "must hold a key", "须至少包含一把公钥")
    row = {
        "name": inputs.text(name, "/name"),
        "jwks": public,
        "status": "active",
        "changed_at": unit.now,
    }
    statement = insert(trust_anchors).values(
        issuer=inputs.https_url(issuer, "/issuer"), registered_at=unit.now, **row
    )
    written = await unit.connection.execute(
        statement.on_conflict_do_update(index_elements=["issuer"], set_=row).returning(
            trust_anchors
        )
    )
    anchor = _anchor(written.one())
    unit.audit("anchor.registered", issuer, {"kids": [key["kid"] for key in public["keys"]]})
    return anchor


async def end(unit: UnitOfWork, issuer: str) -> TrustAnchor:
    """Believe an issuer no more, from the next request on; what it let in stays registered."""
    changed = await unit.connection.execute(
        update(trust_anchors)
        .where(trust_anchors.c.issuer == issuer, trust_anchors.c.status == "active")
        .values(status="ended", changed_at=unit.now)
        .returning(trust_anchors)
    )
    row = changed.one_or_none()
    if row is None:
        known = await find(unit.connection, issuer)
        raise Refusal(NOT_FOUND if known is None else ILLEGAL_STATE, "no active anchor")
    unit.audit("anchor.ended", issuer, {})
    return _anchor(row)


async def find(connection: AsyncConnection, issuer: str) -> TrustAnchor | None:
    """The anchor of this name."""
    found = await connection.execute(select(trust_anchors).where(trust_anchors.c.issuer == issuer))
    row = found.one_or_none()
    return None if row is None else _anchor(row)


async def list_all(connection: AsyncConnection) -> Sequence[TrustAnchor]:
    """Up to PAGE_ROWS anchors by their names."""
    rows = await connection.execute(
        select(trust_anchors).order_by(trust_anchors.c.issuer).limit(PAGE_ROWS)
    )
    return [_anchor(row) for row in rows]


def _anchor(row: Row[Any]) -> TrustAnchor:
    return TrustAnchor(**row._mapping)
