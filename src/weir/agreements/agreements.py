"""Agreements on the split of a product's revenue: proposed, countered, signed, versioned.

A proposal never changes: a party that wants other terms counters it, which declines it and proposes
the next version. An agreement takes effect when the last party it needs has signed its terms, and
never before: a split cannot reach back over calls that were made under another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.agreements.declares import AGREEMENT_VERSIONS
from weir.agreements.shares import (
    BILLABLE,
    ROLES,
    ROUNDINGS,
    Billable,
    Rounding,
    Share,
    needed_parties,
    parties_named,
    read_shares,
    read_stored_shares,
)
from weir.agreements.tables import agreement_acceptances, agreements
from weir.kernel import inputs, money
from weir.kernel.clock import moment
from weir.kernel.declares import CONFLICT, FORBIDDEN, ILLEGAL_STATE, NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.kernel.signed_terms import TermsSignature, signature_fault
from weir.kernel.strict_json import canonical
from weir.partners.organisations import find_operator
from weir.partners.tables import organisations
from weir.shelf.tables import products
from weir.store.room import require_room
from weir.store.unit import UnitOfWork

Status = Literal["proposed", "declined", "in_force", "ended"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """One version of the split of a product's revenue in one currency.

    `counters` is the proposal that it answers. `signatures` are in the order of acceptance; a party
    that accepted before signatures were required is in `accepted` alone.
    """

    id: str
    product: str
    owner: str
    version: int
    currency: str
    shares: tuple[Share, ...]
    billable: Billable
    rounding: Rounding
    needed: tuple[str, ...]
    accepted: tuple[str, ...]
    proposed_by: str
    proposed_at: datetime
    counters: str | None
    effective_from: datetime
    effective_at: datetime | None
    ended_at: datetime | None
    signatures: tuple[TermsSignature, ...]

    def status(self, at: datetime) -> Status:
        """Return the status at a time.

        It is `in_force` from the last acceptance on, even if the agreement takes effect later.
        """
        if self.ended_at is not None and self.ended_at <= at:
            return "ended" if self.effective_at is not None else "declined"
        return "proposed" if self.effective_at is None else "in_force"

    def terms(self) -> str:
        """Return the text to be signed: canonical JSON of the proposal, its author and its time."""
        stated = {
            "agreement": self.id,
            "product": self.product,
            "owner": self.owner,
            "version": self.version,
            "currency": self.currency,
            "shares": [share.document() for share in self.shares],
            "billable": self.billable,
            "rounding": self.rounding,
            "needed": list(self.needed),
            "proposed_by": self.proposed_by,
            "proposed_at": moment(self.proposed_at),
            "counters": self.counters,
            "effective_from": moment(self.effective_from),
        }
        return canonical(stated).decode()


async def propose(
    unit: UnitOfWork,
    *,
    product: str,
    effective_from: datetime,
    currency: str,
    shares: Sequence[Mapping[str, Any]],
    billable: str = "succeeded",
    rounding: str = "half_even",
) -> Agreement:
    """Propose the next version of a product's agreement, with no acceptance yet.

    Only the product's owner and the operator may. Refusals: NOT_FOUND, FORBIDDEN, INVALID_INPUT.
    """
    owner = await _lock_product(unit.connection, product)
    if unit.actor.organisation not in (owner, await operator_of(unit.connection)):
        raise Refusal(FORBIDDEN, "only the owner and the operator propose agreements")
    proposal = _Proposal(product, owner, effective_from, currency, shares, billable, rounding)
    return await _write(unit, proposal, None)


async def counter(
    unit: UnitOfWork,
    agreement: str,
    *,
    effective_from: datetime,
    shares: Sequence[Mapping[str, Any]],
    billable: str = "succeeded",
    rounding: str = "half_even",
) -> Agreement:
    """Answer a proposal with other terms: it is declined, and the next version is proposed.

    Its needed parties, its proposer and the operator may. Refusals: NOT_FOUND, ILLEGAL_STATE when
    it is no longer a proposal, INVALID_INPUT.
    """
    await _lock_versions(unit.connection, agreement)
    held = await seen_by(unit.connection, agreement, unit.actor.organisation)
    if held.status(unit.now) != "proposed":
        raise Refusal(ILLEGAL_STATE, state=held.status(unit.now))
    await _end(unit, held, "agreement.countered")
    proposal = _Proposal(
        held.product, held.owner, effective_from, held.currency, shares, billable, rounding
    )
    return await _write(unit, proposal, held.id)


async def accept(
    unit: UnitOfWork, agreement: str, jws: str, *, application: str, certificate_pem: str
) -> Agreement:
    """Accept for the actor's organisation; the last acceptance puts the agreement in force.

    `jws` is the signature under `Agreement.terms` of this application of the organisation, by its
    certificate's key (see `weir.kernel.signed_terms`); any person may bring it. Accepting twice
    changes nothing. Refusals: NOT_FOUND (also when the organisation is not needed), ILLEGAL_STATE
    when the agreement has ended, INVALID_INPUT when the signature is not valid or is under other
    terms, CONFLICT when a newer version is in force already.
    """
    await _lock_versions(unit.connection, agreement)
    held = await fetch(unit.connection, agreement)
    actor = unit.actor
    if actor.organisation not in held.needed:
        raise Refusal(NOT_FOUND, f"agreement {agreement} does not need this organisation")
    if held.status(unit.now) in ("declined", "ended"):
        raise Refusal(ILLEGAL_STATE, state=held.status(unit.now))
    if actor.organisation in held.accepted:
        return held
    signature = TermsSignature(
        organisation=actor.organisation,
        application=application,
        certificate=certificate_pem,
        jws=jws,
    )
    if fault := signature_fault(held.terms(), signature):
        raise inputs.wrong(
            "/signature", f"does not sign these terms: {fault}", "不是对此协议条款的有效签名"
        )
    await unit.connection.execute(
        insert(agreement_acceptances).values(
            agreement=agreement,
            organisation=actor.organisation,
            subject=application,
            at=unit.now,
            certificate=certificate_pem,
            jws=jws,
        )
    )
    unit.audit("agreement.accepted", agreement, {"product": held.product, "jws": jws})
    if {*held.accepted, actor.organisation} >= set(held.needed):
        await _put_in_force(unit, held)
    return await fetch(unit.connection, agreement)


async def end(unit: UnitOfWork, agreement: str) -> Agreement:
    """Decline a proposal, or end an agreement now. A needed party, proposer or operator may.

    Refusals: NOT_FOUND, ILLEGAL_STATE when it has ended already.
    """
    await _lock_versions(unit.connection, agreement)
    held = await seen_by(unit.connection, agreement, unit.actor.organisation)
    if held.status(unit.now) in ("declined", "ended"):
        raise Refusal(ILLEGAL_STATE, state=held.status(unit.now))
    await _end(unit, held, "agreement.ended")
    return await fetch(unit.connection, agreement)


async def find_in_force(
    connection: AsyncConnection, product: str, at: datetime, currency: str
) -> Agreement | None:
    """Return the agreement for calls made at `at` and priced in `currency`; None without one."""
    found = await between(connection, at, at, currency)
    own = (each for each in reversed(found) if each.product == product)
    return next((each for each in own if covers(each, at)), None)


async def between(
    connection: AsyncConnection, since: datetime, until: datetime, currency: str
) -> list[Agreement]:
    """Return all agreements in force at some time from `since` to `until`, by product, version."""
    rows = await connection.execute(
        select(agreements)
        .where(agreements.c.currency == currency, agreements.c.effective_at <= until)
        .where(agreements.c.ended_at.is_(None) | (agreements.c.ended_at > since))
        .where(
            agreements.c.ended_at.is_(None) | (agreements.c.ended_at > agreements.c.effective_at)
        )
        .order_by(agreements.c.product, agreements.c.version)
    )
    return [_agreement(row, ()) for row in rows.all()]


def covers(agreement: Agreement, at: datetime) -> bool:
    """Whether a call made at `at` falls under this agreement."""
    if agreement.effective_at is None or at < agreement.effective_at:
        return False
    return agreement.ended_at is None or at < agreement.ended_at


async def fetch(connection: AsyncConnection, agreement: str) -> Agreement:
    """Return an agreement by its identifier. NOT_FOUND."""
    row = (await connection.execute(select(agreements).where(agreements.c.id == agreement))).first()
    if row is None:
        raise Refusal(NOT_FOUND, f"agreement {agreement}")
    accepted = await connection.execute(
        select(agreement_acceptances)
        .where(agreement_acceptances.c.agreement == agreement)
        .order_by(agreement_acceptances.c.at, agreement_acceptances.c.organisation)
    )
    return _agreement(row, accepted.all())


async def seen_by(connection: AsyncConnection, agreement: str, viewer: str) -> Agreement:
    """Return an agreement as `fetch` does, for a needed party, its proposer or the operator.

    NOT_FOUND for everybody else.
    """
    held = await fetch(connection, agreement)
    if not _concerns(held, viewer, await operator_of(connection)):
        raise Refusal(NOT_FOUND, f"agreement {agreement} is not of {viewer}")
    return held


def _concerns(held: Agreement, organisation: str, operator: str) -> bool:
    """Whether an organisation may know that an agreement exists."""
    return organisation in (*held.needed, held.proposed_by, operator)


async def of_product(connection: AsyncConnection, product: str, viewer: str) -> list[Agreement]:
    """Return a product's agreements that `viewer` may see, newest first."""
    rows = await connection.execute(
        select(agreements.c.id)
        .where(agreements.c.product == product)
        .order_by(agreements.c.version.desc())
    )
    found = [await fetch(connection, identifier) for identifier in rows.scalars().all()]
    operator = await operator_of(connection)
    return [each for each in found if _concerns(each, viewer, operator)]


async def of_party(connection: AsyncConnection, viewer: str, after: str = "") -> list[Agreement]:
    """Return up to PAGE_ROWS agreements that `viewer` is a party to or proposed, newest first.

    The operator sees all. `after` is the identifier of the last one seen.
    """
    statement = select(agreements.c.id)
    operator = await find_operator(connection)
    if operator is None or viewer != operator.id:
        named_in = agreements.c.needed.contains([viewer])
        statement = statement.where(named_in | (agreements.c.proposed_by == viewer))
    if after:
        statement = statement.where(agreements.c.id < after)
    rows = await connection.execute(statement.order_by(agreements.c.id.desc()).limit(PAGE_ROWS))
    return [await fetch(connection, identifier) for identifier in rows.scalars().all()]


async def operator_of(connection: AsyncConnection) -> str:
    """Return the alliance's operator. ILLEGAL_STATE before the alliance is founded."""
    found = await find_operator(connection)
    if found is None:
        raise Refusal(ILLEGAL_STATE, "the alliance has no operator yet")
    return found.id


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A proposal as it was given, not checked yet."""

    product: str
    owner: str
    effective_from: datetime
    currency: str
    shares: Sequence[Mapping[str, Any]]
    billable: str
    rounding: str


async def _write(unit: UnitOfWork, given: _Proposal, counters: str | None) -> Agreement:
    """Check a proposal and store it as the product's next version."""
    inputs.choice(given.currency, money.MINOR_DIGITS, "/currency")
    split = read_shares(given.shares, given.currency)
    inputs.choice(given.billable, BILLABLE, "/billable")
    inputs.choice(given.rounding, ROUNDINGS, "/rounding")
    if given.effective_from.tzinfo is None:
        raise inputs.wrong("/effective_from", "must have a time zone", "须包含时区")
    await _must_exist(unit.connection, parties_named(split) - set(ROLES))
    operator = await operator_of(unit.connection)
    versions = agreements.c.product == given.product
    await require_room(
        unit, agreements, versions, given.product, "AGREEMENT_VERSIONS", AGREEMENT_VERSIONS
    )
    identifier = unit.mint("agr")
    row = {
        "id": identifier,
        "product": given.product,
        "owner": given.owner,
        "version": await _next_version(unit.connection, given.product),
        "currency": given.currency,
        "shares": [share.document() for share in split],
        "billable": given.billable,
        "rounding": given.rounding,
        "needed": needed_parties(split, given.owner, operator),
        "proposed_by": unit.actor.organisation,
        "proposed_at": unit.now,
        "counters": counters,
        "effective_from": given.effective_from,
    }
    await unit.connection.execute(insert(agreements).values(row))
    detail = {"product": given.product, "shares": row["shares"], "counters": counters}
    unit.audit("agreement.proposed", identifier, detail)
    return await fetch(unit.connection, identifier)


async def _end(unit: UnitOfWork, held: Agreement, event: str) -> None:
    await unit.connection.execute(
        update(agreements).where(agreements.c.id == held.id).values(ended_at=unit.now)
    )
    unit.audit(event, held.id, {"product": held.product})


async def _lock_product(connection: AsyncConnection, product: str) -> str:
    """Return the product's owner, and lock the product: its agreements change one at a time.

    NOT_FOUND.
    """
    owner = await connection.scalar(
        select(products.c.owner).where(products.c.id == product).with_for_update()
    )
    if owner is None:
        raise Refusal(NOT_FOUND, f"product {product}")
    return str(owner)


async def _lock_versions(connection: AsyncConnection, agreement: str) -> None:
    """Lock the agreement's product, so that its versions change one at a time. NOT_FOUND."""
    product = await connection.scalar(
        select(agreements.c.product).where(agreements.c.id == agreement)
    )
    if product is None:
        raise Refusal(NOT_FOUND, f"agreement {agreement}")
    await _lock_product(connection, product)


async def _put_in_force(unit: UnitOfWork, held: Agreement) -> None:
    """Set the time the agreement takes effect, at which earlier versions end."""
    effective_at = max(held.effective_from, unit.now)
    newer = await unit.connection.scalar(
        select(func.count())
        .select_from(agreements)
        .where(agreements.c.product == held.product, agreements.c.currency == held.currency)
        .where(agreements.c.version > held.version, agreements.c.effective_at.is_not(None))
    )
    if newer:
        raise Refusal(CONFLICT, "a newer version is in force already")
    await unit.connection.execute(
        update(agreements)
        .where(agreements.c.product == held.product, agreements.c.currency == held.currency)
        .where(agreements.c.version < held.version, agreements.c.effective_at.is_not(None))
        .where(agreements.c.ended_at.is_(None) | (agreements.c.ended_at > effective_at))
        .values(ended_at=func.greatest(agreements.c.effective_at, effective_at))
    )
    await unit.connection.execute(
        update(agreements).where(agreements.c.id == held.id).values(effective_at=effective_at)
    )
    unit.audit("agreement.in_force", held.id, {"product": held.product, "version": held.version})


async def _next_version(connection: AsyncConnection, product: str) -> int:
    newest = await connection.scalar(
        select(func.max(agreements.c.version)).where(agreements.c.product == product)
    )
    return int(newest or 0) + 1


async def _must_exist(connection: AsyncConnection, wanted: set[str]) -> None:
    rows = await connection.execute(
        select(organisations.c.id).where(organisations.c.id.in_(wanted))
    )
    if wanted - set(rows.scalars().all()):
        raise inputs.wrong("/shares", "must name organisations that exist", "须为已存在的机构")


def _agreement(row: Row[Any], accepted: Sequence[Row[Any]]) -> Agreement:
    return Agreement(
        id=row.id,
        product=row.product,
        owner=row.owner,
        version=row.version,
        currency=row.currency,
        shares=read_stored_shares(row.shares),
        billable=row.billable,
        rounding=row.rounding,
        needed=tuple(row.needed),
        accepted=tuple(each.organisation for each in accepted),
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        counters=row.counters,
        effective_from=row.effective_from,
        effective_at=row.effective_at,
        ended_at=row.ended_at,
        signatures=tuple(map(_signature, accepted)),
    )


def _signature(row: Row[Any]) -> TermsSignature:
    return TermsSignature(
        organisation=row.organisation,
        application=row.subject,
        certificate=row.certificate,
        jws=row.jws,
    )
