"""Pairwise subjects: a partner's own name for a customer (OpenID Connect Core section 8.1)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from weir.identity.secrets import new_secret
from weir.identity.tables import pairwise_subjects
from weir.store.unit import UnitOfWork


async def pairwise(unit: UnitOfWork, customer: str, organisation: str) -> str:
    """Return the organisation's name for a customer, random and different for each organisation.

    The first call makes it; later calls return the same.
    """
    key = {"customer": customer, "organisation": organisation}
    await unit.connection.execute(
        insert(pairwise_subjects).values(**key, subject=new_secret()).on_conflict_do_nothing()
    )
    found = await unit.connection.execute(select(pairwise_subjects.c.subject).filter_by(**key))
    return str(found.scalar_one())
