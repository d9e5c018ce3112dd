"""The founding of an alliance: one link, used once, makes the operator and its first application.

The link's secret is shown to the person who starts the platform, and is stored only as a digest.
After the founding no further link can be made, and open ones are void.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import update

from weir.kernel.declares import CONFLICT, LINK_USED, ONE_TIME_LINK_LIFETIME_S
from weir.kernel.outcomes import Refusal
from weir.keys.authority import Authority
from weir.partners import applications, certificates, classes, organisations, registration_rules
from weir.partners.applications import Application
from weir.partners.certificates import Certificate
from weir.partners.organisations import Organisation
from weir.partners.tables import founding_links
from weir.store.unit import UnitOfWork

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundingResult:
    """The result of a founding: the operator, its first application and that one's certificate."""

    organisation: Organisation
    application: Application
    certificate: Certificate


async def offer_link(unit: UnitOfWork) -> str:
    """Make a founding link, valid for ONE_TIME_LINK_LIFETIME_S; return its secret.

    Refusal CONFLICT when the alliance is founded already.
    """
    await _refuse_founded(unit)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    await unit.connection.execute(
        founding_links.insert().values(
            id=unit.mint("lnk"),
            secret_sha256=_digest(secret),
            offered_at=unit.now,
            expires_at=unit.now + timedelta(seconds=ONE_TIME_LINK_LIFETIME_S),
        )
    )
    return secret


async def claim(
    unit: UnitOfWork,
    authority: Authority,
    secret: str,
    *,
    slug: str,
    name_en: str,
    name_zh: str,
    csr_pem: str,
) -> FoundingResult:
    """Found the alliance with a link's secret. Refusal LINK_USED when it is unknown, old or used.

    Refuses as `found_alliance` does.
    """
    used = await unit.connection.execute(
        update(founding_links)
        .where(founding_links.c.secret_sha256 == _digest(secret))
        .where(founding_links.c.used_at.is_(None))
        .where(founding_links.c.expires_at > unit.now)
        .values(used_at=unit.now)
    )
    if used.rowcount != 1:
        raise Refusal(LINK_USED)
    return await found_alliance(
        unit, authority, slug=slug, name_en=name_en, name_zh=name_zh, csr_pem=csr_pem
    )


async def found_alliance(
    unit: UnitOfWork,
    authority: Authority,
    *,
    slug: str,
    name_en: str,
    name_zh: str,
    csr_pem: str,
    application_name: str = "Operator",
) -> FoundingResult:
    """Make the operator, its first application and that application's certificate, in one unit.

    Refusals: CONFLICT when there is an operator, INVALID_INPUT, CERTIFICATE_REQUEST_INVALID.
    """
    await _refuse_founded(unit)
    facts = registration_rules.operator_facts(slug=slug, name_en=name_en, name_zh=name_zh)
    operator = await organisations.admit(unit, facts)
    application = await applications.register(
        unit,
        operator.id,
        name=application_name,
        token_endpoint_auth_method=classes.TLS_CLIENT_AUTH,
        roles=["manage"],
    )
    certificate = await certificates.issue(unit, authority, application.id, csr_pem)
    unit.audit("alliance.founded", operator.id, {"slug": slug}, organisation=operator.id)
    return FoundingResult(organisation=operator, application=application, certificate=certificate)


async def _refuse_founded(unit: UnitOfWork) -> None:
    if await organisations.find_operator(unit.connection) is not None:
        raise Refusal(CONFLICT, why="the alliance has been founded", why_zh="联盟已经成立")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
