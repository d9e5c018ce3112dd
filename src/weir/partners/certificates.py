"""Client certificates: issued to applications from their own requests, and revoked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.declares import CONFLICT, ILLEGAL_STATE, NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.keys.authority import Authority
from weir.keys.published import REVOCATION, RevocationDocument
from weir.partners import applications
from weir.partners.applications import Application
from weir.partners.declares import APPLICATION_CERTIFICATES
from weir.partners.tables import applications as applications_table
from weir.partners.tables import certificates, organisations
from weir.store.unit import Change, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate as stored. `sha256` is its RFC 8705 section 3.1 thumbprint."""

    id: str
    application: str
    sha256: str
    serial: str
    pem: str
    issued_at: datetime
    not_after: datetime
    revoked_at: datetime | None


async def pem_of(connection: AsyncConnection, sha256: str) -> str:
    """Return the certificate with this thumbprint, in PEM. Refusal NOT_FOUND."""
    pem = await connection.scalar(select(certificates.c.pem).where(certificates.c.sha256 == sha256))
    if pem is None:
        raise Refusal(NOT_FOUND, "no such certificate")
    return str(pem)


async def signer_of(
    connection: AsyncConnection, organisation: str, sha256: str, at: datetime
) -> tuple[Application, str] | None:
    """Return the signer of a certificate, as (application, PEM), or None.

    None unless the certificate is valid at `at` and belongs to an active application of the
    organisation with the role `manage`.
    """
    found = await connection.execute(
        select(applications_table.c.id, certificates.c.pem)
        .join(applications_table, applications_table.c.id == certificates.c.application)
        .where(certificates.c.sha256 == sha256, applications_table.c.organisation == organisation)
        .where(certificates.c.revoked_at.is_(None), certificates.c.not_after > at)
        .where(applications_table.c.status == "active")
    )
    row = found.one_or_none()
    if row is None:
        return None
    application = await applications.get(connection, row.id)
    return (application, row.pem) if application.manages else None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingCertificate:
    """A certificate that ends soon, with its application and organisation."""

    id: str
    application: str
    application_name: str
    organisation: str
    organisation_name_en: str
    organisation_name_zh: str
    not_after: datetime


async def list_ending(
    connection: AsyncConnection, *, before: datetime, organisation: str | None
) -> Sequence[EndingCertificate]:
    """Return the last valid certificate of each application, if it ends before `before`.

    Soonest first. A certificate that a later one replaces is left out, as nothing need be done.
    With `organisation` None, those of all organisations are returned.
    """
    last = (
        select(certificates.c.application, func.max(certificates.c.not_after).label("not_after"))
        .where(certificates.c.revoked_at.is_(None), certificates.c.not_after > func.now())
        .group_by(certificates.c.application)
        .subquery()
    )
    same = (certificates.c.application == last.c.application) & (
        certificates.c.not_after == last.c.not_after
    )
    statement = (
        select(
            certificates.c.id,
            certificates.c.application,
            applications_table.c.name.label("application_name"),
            applications_table.c.organisation,
            organisations.c.name_en.label("organisation_name_en"),
            organisations.c.name_zh.label("organisation_name_zh"),
            certificates.c.not_after,
        )
        .join(last, same)
        .join(applications_table, applications_table.c.id == certificates.c.application)
        .join(organisations, organisations.c.id == applications_table.c.organisation)
        .where(certificates.c.not_after < before)
    )
    if organisation is not None:
        statement = statement.where(organisations.c.id == organisation)
    rows = await connection.execute(statement.order_by(certificates.c.not_after).limit(PAGE_ROWS))
    return [EndingCertificate(**row._mapping) for row in rows]


async def issue(
    unit: UnitOfWork, authority: Authority, application_id: str, csr_pem: str
) -> Certificate:
    """Issue a client certificate from an application's own request (PKCS #10, PEM).

    Refusals: CERTIFICATE_REQUEST_INVALID; CONFLICT when it already has as many as it may.
    """
    application = await applications.lock(unit.connection, application_id)
    await _refuse_too_many(unit, application.id)
    issued = authority.issue_client(csr_pem, application.id, application.organisation)
    added = await unit.connection.execute(
        certificates.insert()
        .values(
            id=unit.mint("crt"),
            application=application.id,
            sha256=issued.sha256,
            serial=issued.serial,
            pem=issued.pem,
            issued_at=unit.now,
            not_after=issued.not_after,
        )
        .returning(certificates)
    )
    certificate = _certificate(added.one())
    detail = {
        "application": application.id,
        "sha256": certificate.sha256,
        "not_after": certificate.not_after.isoformat(),
    }
    unit.audit("certificate.issued", certificate.id, detail, organisation=application.organisation)
    await applications.publish(unit, application)
    return certificate


async def revoke(unit: UnitOfWork, certificate_id: str) -> Certificate:
    """Revoke a certificate, and with it every token bound to it.

    The revocation takes effect when every gateway has acknowledged `unit.sequence`; the caller
    waits for that (`weir.store.processes.await_acknowledged`) before reporting it as done.
    """
    found = await unit.connection.execute(
        update(certificates)
        .where(certificates.c.id == certificate_id)
        .where(certificates.c.revoked_at.is_(None))
        .values(revoked_at=unit.now)
        .returning(certificates)
    )
    row = found.one_or_none()
    if row is None:
        await get(unit.connection, certificate_id)
        raise Refusal(ILLEGAL_STATE, "the certificate is already revoked")
    certificate = _certificate(row)
    application = await applications.get(unit.connection, certificate.application)
    detail = {"application": application.id, "sha256": certificate.sha256}
    unit.audit("certificate.revoked", certificate.id, detail, organisation=application.organisation)
    revocation = RevocationDocument("certificate", certificate.sha256, unit.now)
    unit.publish(Change(REVOCATION, revocation.key, revocation, expires_at=certificate.not_after))
    await applications.publish(unit, application)
    return certificate


async def get(connection: AsyncConnection, certificate_id: str) -> Certificate:
    """Return a certificate by its identifier. Refusal NOT_FOUND."""
    found = await connection.execute(
        select(certificates).where(certificates.c.id == certificate_id)
    )
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such certificate")
    return _certificate(row)


async def list_of(connection: AsyncConnection, application_id: str) -> Sequence[Certificate]:
    """Return up to PAGE_ROWS certificates of an application, newest first."""
    rows = await connection.execute(
        select(certificates)
        .where(certificates.c.application == application_id)
        .order_by(certificates.c.id.desc())
        .limit(PAGE_ROWS)
    )
    return [_certificate(row) for row in rows]


async def _refuse_too_many(unit: UnitOfWork, application_id: str) -> None:
    valid = await unit.connection.execute(
        select(func.count())
        .select_from(certificates)
        .where(certificates.c.application == application_id)
        .where(certificates.c.revoked_at.is_(None))
        .where(certificates.c.not_after > unit.now)
    )
    if valid.scalar_one() >= APPLICATION_CERTIFICATES:
        raise Refusal(
            CONFLICT,
            why=f"the application has {APPLICATION_CERTIFICATES} valid certificates;"
            " revoke one first",
            why_zh=f"该应用已有 {APPLICATION_CERTIFICATES} 张有效证书，请先吊销一张",
        )


def _certificate(row: Row[Any]) -> Certificate:
    return Certificate(**row._mapping)
