"""Client certificates: issued from an application's own request, listed, revoked.

The operator issues a certificate to another's application only while that has no valid one, which
is how its first comes about, or one after all were lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from weir.api.callers import Caller
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import ConfirmedChange, Given, Name, Page, Shown
from weir.api.parties.applications import equipped, get_within_reach
from weir.api.writes import Writes
from weir.kernel.declares import FORBIDDEN
from weir.kernel.outcomes import Refusal
from weir.partners import applications, certificates
from weir.partners.applications import Application
from weir.store.unit import UnitOfWork

router = new_router("certificates")


class CertificateRequestGiven(Given):
    """A PKCS #10 certificate request in PEM (RFC 2986). Never send the private key."""

    csr_pem: Annotated[str, Field(max_length=16_384)]


class CertificateView(Shown):
    """A certificate. `sha256` is its `x5t#S256` thumbprint (RFC 8705 section 3.1)."""

    id: str
    application: str
    sha256: str
    serial: str
    pem: str
    issued_at: datetime
    not_after: datetime
    revoked_at: datetime | None


class CertificateRevoked(ConfirmedChange):
    """A certificate, revoked at every gateway."""

    certificate: CertificateView


@router.post(
    "/applications/{application}/certificates",
    operation_id="issue_certificate",
    status_code=201,
    summary="Issue a client certificate from a certificate request",
)
async def issue_certificate(
    application: Name,
    given: CertificateRequestGiven,
    caller: CallerDep,
    services: ServicesDep,
    writing: Writes,
) -> CertificateView:
    async def work(unit: UnitOfWork) -> CertificateView:
        found = await equipped(unit, caller, application)
        await _refuse_second(unit, caller, found)
        issued = await certificates.issue(unit, services.authority, found.id, given.csr_pem)
        return CertificateView.model_validate(issued)

    return await writing.run(CertificateView, work)


@router.get(
    "/applications/{application}/certificates",
    operation_id="list_certificates",
    summary="List an application's certificates, newest first",
)
async def list_certificates(
    application: Name, caller: CallerDep, services: ServicesDep
) -> Page[CertificateView]:
    async with services.database.connect() as connection:
        found = await applications.get(connection, application)
        caller.reach(found.organisation)
        issued = await certificates.list_of(connection, found.id)
    return Page(items=[CertificateView.model_validate(each) for each in issued])


@router.post(
    "/certificates/{certificate}/revoke",
    operation_id="revoke_certificate",
    summary="Revoke a certificate and all tokens bound to it, at every gateway",
)
async def revoke_certificate(
    certificate: Name, caller: CallerDep, writing: Writes
) -> CertificateRevoked:
    async def work(unit: UnitOfWork) -> CertificateView:
        found = await certificates.get(unit.connection, certificate)
        await get_within_reach(unit, caller, found.application)
        return CertificateView.model_validate(await certificates.revoke(unit, found.id))

    view, at = await writing.run_confirmed(CertificateView, work)
    return CertificateRevoked(certificate=view, effective_at=at)


async def _refuse_second(unit: UnitOfWork, caller: Caller, application: Application) -> None:
    if application.organisation == caller.organisation.id:
        return
    issued = await certificates.list_of(unit.connection, application.id)
    if any(each.revoked_at is None and each.not_after > unit.now for each in issued):
        raise Refusal(
            FORBIDDEN,
            "not the first certificate",
            why="an application that has a valid certificate asks for its next one itself",
            why_zh="已有有效证书的应用须自行申请新证书",
        )
