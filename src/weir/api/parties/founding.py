"""The founding claim: the one operation that needs no token, because a one-time link stands for it.

The claimant has no certificate yet, so it also answers on the port that asks for none.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from weir.access.roles import OWNER
from weir.api.guard import ServicesDep, new_router
from weir.api.models import Given, Name, Shown, Text
from weir.api.parties.applications import ApplicationView
from weir.api.parties.certificates import CertificateView
from weir.api.parties.organisations import OrganisationView
from weir.identity import links
from weir.keys.vault import PLATFORM
from weir.partners import founding

router = new_router("founding")


class FoundingGiven(Given):
    """The link's secret, the operator's names, and a certificate request for its application."""

    link_secret: Annotated[str, Field(max_length=128)]
    slug: Name
    name_en: Text
    name_zh: Text
    csr_pem: Annotated[str, Field(max_length=16_384)]


class FoundingView(Shown):
    """The operator, its first application and that application's certificate. `authority_pem` is
    the root that every party trusts. `sign_in_link` makes the first operator's sign-in, once.
    """

    organisation: OrganisationView
    application: ApplicationView
    certificate: CertificateView
    authority_pem: str
    sign_in_link: str


@router.post(
    "/founding",
    operation_id="found_alliance",
    status_code=201,
    summary="Found the alliance with the one-time link",
)
async def found_alliance(given: FoundingGiven, services: ServicesDep) -> FoundingView:
    async with services.database.unit(PLATFORM) as unit:
        founded = await founding.claim(
            unit,
            services.authority,
            given.link_secret,
            **given.model_dump(exclude={"link_secret"}),
        )
        operator = founded.organisation
        secret = await links.create_link(
            unit,
            "operator",
            subject=operator.id,
            organisation=operator.id,
            role=OWNER,
            invitee=operator.name_en,
        )
    return FoundingView(
        organisation=OrganisationView.model_validate(operator),
        application=ApplicationView.model_validate(founded.application),
        certificate=CertificateView.model_validate(founded.certificate),
        authority_pem=services.authority.root_pem,
        sign_in_link=services.welcome_link(secret),
    )
