"""Trust anchors: trusted issuers of software statements (RFC 7591 section 2.3).

An alliance's directory, for example. The operator registers the issuer's name and public keys, and
can end it. Only a statement of a trust anchor registers an application without a person.
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
    """An issuer of software statements as stored. `status` is `active` or `ended`."""

    issuer: str
    name: str
    jwks: dict[str, Any]
    status: str
    registered_at: datetime
    changed_at: datetime


async def register(unit: UnitOfWork, *, issuer: str, name: str, jwks: Any) -> TrustAnchor:
    """Register a trust anchor, or replace its name and keys. Refusal INVALID_INPUT."""
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
    """End a trust anchor from the next request on; its registered applications stay.

    Refusal NOT_FOUND, or ILLEGAL_STATE when it has ended already.
    """
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
    """Return the trust anchor with this issuer name, or None."""
    found = await connection.execute(select(trust_anchors).where(trust_anchors.c.issuer == issuer))
    row = found.one_or_none()
    return None if row is None else _anchor(row)


async def list_all(connection: AsyncConnection) -> Sequence[TrustAnchor]:
    """Return up to PAGE_ROWS trust anchors in order of issuer name."""
    rows = await connection.execute(
        select(trust_anchors).order_by(trust_anchors.c.issuer).limit(PAGE_ROWS)
    )
    return [_anchor(row) for row in rows]


def _anchor(row: Row[Any]) -> TrustAnchor:
    return TrustAnchor(**row._mapping)
