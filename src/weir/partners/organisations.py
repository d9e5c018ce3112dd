"""Organisations: admit, suspend, resume, find."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.declares import CONFLICT, ILLEGAL_STATE, NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.partners import names, registration_rules
from weir.partners.published import ORGANISATION, OrganisationDocument
from weir.partners.registration_rules import OrganisationFacts
from weir.partners.tables import organisations
from weir.store.unit import Change, UnitOfWork

# An organisation that signs up itself begins in the sandbox; the operator opens production.
SANDBOX: Final = "sandbox"
PRODUCTION: Final = "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """One organisation as stored. `admitted_by` is the organisation that admitted it."""

    id: str
    kind: str
    slug: str
    name_en: str
    name_zh: str
    partner_class: str | None
    licence_kind: str | None
    institution_code: str | None
    directory_url: str | None
    status: str
    stage: str
    admitted_at: datetime
    admitted_by: str
    changed_at: datetime


async def admit_member(
    unit: UnitOfWork,
    *,
    slug: str,
    name_en: str,
    name_zh: str,
    licence_kind: str,
    institution_code: str | None = None,
    directory_url: str | None = None,
) -> Organisation:
    """Admit a member, a licensed institution. Refusal INVALID_INPUT; CONFLICT for a taken value."""
    facts = registration_rules.member_facts(
        slug=slug,
        name_en=name_en,
        name_zh=name_zh,
        licence_kind=licence_kind,
        institution_code=institution_code,
        directory_url=directory_url,
    )
    return await admit(unit, facts)


async def admit_partner(
    unit: UnitOfWork,
    *,
    slug: str,
    name_en: str,
    name_zh: str,
    partner_class: str,
    institution_code: str | None = None,
) -> Organisation:
    """Admit a partner. Refusal INVALID_INPUT; CONFLICT for a taken value."""
    facts = registration_rules.partner_facts(
        slug=slug,
        name_en=name_en,
        name_zh=name_zh,
        partner_class=partner_class,
        institution_code=institution_code,
    )
    return await admit(unit, facts)


async def admit(
    unit: UnitOfWork, facts: OrganisationFacts, *, stage: str = PRODUCTION
) -> Organisation:
    """Store checked facts as an active organisation, audited in its own chain, and publish it.

    Refusal CONFLICT for a taken slug or institution code, and for a name that looks like the one of
    another party.
    """
    await _refuse_taken(unit.connection, facts)
    statement = insert(organisations).values(
        id=unit.mint("org"),
        **asdict(facts),
        status="active",
        stage=stage,
        admitted_at=unit.now,
        admitted_by=unit.actor.organisation,
        changed_at=unit.now,
    )
    admitted = await unit.connection.execute(
        statement.on_conflict_do_nothing().returning(organisations)
    )
    row = admitted.one_or_none()
    if row is None:  # another unit of work took the slug, the code or the operator's place
        raise Refusal(CONFLICT, f"{facts.slug} lost a race")
    organisation = _organisation(row)
    given = {"/name_en": facts.name_en, "/name_zh": facts.name_zh, "/slug": facts.slug}
    await names.claim(unit, organisation.id, given, admitted=stage == PRODUCTION)
    unit.audit(
        "organisation.admitted",
        organisation.id,
        {name: value for name, value in asdict(facts).items() if value is not None},
        organisation=organisation.id,
    )
    publish(unit, organisation)
    return organisation


async def open_production(unit: UnitOfWork, organisation_id: str) -> Organisation:
    """Let an organisation use products outside the sandbox.

    Refusal ILLEGAL_STATE when it may already; CONFLICT when a name of it is another party's by now.
    """
    organisation = await lock(unit.connection, organisation_id)
    if organisation.stage != SANDBOX:
        raise Refusal(ILLEGAL_STATE, "the organisation is in production")
    changed = await unit.connection.execute(
        update(organisations)
        .where(organisations.c.id == organisation.id)
        .values(stage=PRODUCTION, changed_at=unit.now)
        .returning(organisations)
    )
    after = _organisation(changed.one())
    await names.admit(unit, after.id)
    unit.audit("organisation.production_opened", after.id, {}, organisation=after.id)
    return after


async def suspend(unit: UnitOfWork, organisation_id: str) -> Organisation:
    """Suspend an organisation: its applications may not call, and it may not be called.

    Refusal ILLEGAL_STATE unless it is active, and for the operator: no party could undo that.
    """
    organisation = await lock(unit.connection, organisation_id)
    if organisation.kind == "operator" or organisation.status != "active":
        raise Refusal(ILLEGAL_STATE, f"{organisation.kind} is not suspendable")
    return await _set_status(unit, organisation, "suspended", "organisation.suspended")


async def resume(unit: UnitOfWork, organisation_id: str) -> Organisation:
    """Undo a suspension. Refusal ILLEGAL_STATE unless the organisation is suspended."""
    organisation = await lock(unit.connection, organisation_id)
    if organisation.status != "suspended":
        raise Refusal(ILLEGAL_STATE, "the organisation is not suspended")
    return await _set_status(unit, organisation, "active", "organisation.resumed")


def publish(unit: UnitOfWork, organisation: Organisation) -> None:
    """Publish an organisation to the gateways."""
    document = OrganisationDocument(
        id=organisation.id,
        kind=organisation.kind,  # type: ignore[arg-type] # the database holds the closed list
        slug=organisation.slug,
        name=organisation.name_en,
        status=organisation.status,  # type: ignore[arg-type]
    )
    unit.publish(Change(ORGANISATION, organisation.id, document))


async def find(connection: AsyncConnection, id_or_slug: str) -> Organisation | None:
    """Return the organisation with this identifier or slug, or None. A slug never has a `_`."""
    column = organisations.c.id if "_" in id_or_slug else organisations.c.slug
    found = await connection.execute(select(organisations).where(column == id_or_slug))
    row = found.one_or_none()
    return None if row is None else _organisation(row)


async def get(connection: AsyncConnection, id_or_slug: str) -> Organisation:
    """Return the organisation with this identifier or slug. Refusal NOT_FOUND."""
    organisation = await find(connection, id_or_slug)
    if organisation is None:
        raise Refusal(NOT_FOUND, "no such organisation")
    return organisation


async def lock(connection: AsyncConnection, organisation_id: str) -> Organisation:
    """Return an organisation by its identifier, locked until the unit of work ends.

    Refusal NOT_FOUND.
    """
    found = await connection.execute(
        select(organisations).where(organisations.c.id == organisation_id).with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such organisation")
    return _organisation(row)


async def get_many(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Organisation]:
    """Return the organisations with these identifiers, by identifier; unknown ones are left out."""
    found = await connection.execute(select(organisations).where(organisations.c.id.in_(ids)))
    return {row.id: _organisation(row) for row in found}


async def by_slugs(connection: AsyncConnection, slugs: Collection[str]) -> list[Organisation]:
    """Return the organisations with these slugs, in order of slug; unknown ones are left out."""
    found = await connection.execute(
        select(organisations).where(organisations.c.slug.in_(slugs)).order_by(organisations.c.slug)
    )
    return [_organisation(row) for row in found]


async def find_operator(connection: AsyncConnection) -> Organisation | None:
    """Return the operator, or None before the alliance is founded."""
    found = await connection.execute(
        select(organisations).where(organisations.c.kind == "operator")
    )
    row = found.one_or_none()
    return None if row is None else _organisation(row)


async def list_page(
    connection: AsyncConnection, *, kind: str | None = None, after: str = ""
) -> Sequence[Organisation]:
    """Return up to PAGE_ROWS organisations after the slug `after`, in order of slug."""
    statement = select(organisations).where(organisations.c.slug > after)
    if kind is not None:
        statement = statement.where(organisations.c.kind == kind)
    rows = await connection.execute(statement.order_by(organisations.c.slug).limit(PAGE_ROWS))
    return [_organisation(row) for row in rows]


async def _refuse_taken(connection: AsyncConnection, facts: OrganisationFacts) -> None:
    clash = organisations.c.slug == facts.slug
    if facts.institution_code is not None:
        clash |= organisations.c.institution_code == facts.institution_code
    row = (await connection.execute(select(organisations.c.slug).where(clash))).first()
    if row is None:
        return
    pointer = "/slug" if row.slug == facts.slug else "/institution_code"
    raise Refusal(CONFLICT, pointer=pointer, why="is already taken", why_zh="已被占用")


async def _set_status(
    unit: UnitOfWork, organisation: Organisation, status: str, event: str
) -> Organisation:
    changed = await unit.connection.execute(
        update(organisations)
        .where(organisations.c.id == organisation.id)
        .values(status=status, changed_at=unit.now)
        .returning(organisations)
    )
    after = _organisation(changed.one())
    unit.audit(event, after.id, {"slug": after.slug}, organisation=after.id)
    publish(unit, after)
    return after


def _organisation(row: Row[Any]) -> Organisation:
    return Organisation(**row._mapping)
