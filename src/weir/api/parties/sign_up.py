"""Sign-up of partners: open to everybody, and in the sandbox at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.requests import Request

from weir.api.guard import ServicesDep, new_router
from weir.api.models import Given, Shown, Text
from weir.api.parties.organisations import OrganisationView
from weir.api.parties.people import PersonView
from weir.identity.declares import PASSPHRASE_CHARACTERS_MAX
from weir.identity.turns import asker_of
from weir.journeys import sign_up
from weir.journeys.sign_up import SignUp

router = new_router("sign-up")


class SignUpGiven(Given):
    """The organisation and its first person, who sets a second factor at the first sign-in."""

    name_en: Text
    name_zh: Text
    partner_class: Text
    display_name: Text
    name: Text
    passphrase: Annotated[str, Field(max_length=PASSPHRASE_CHARACTERS_MAX * 4)]


class SignedUpView(Shown):
    """A partner in the sandbox, and the person who owns it."""

    organisation: OrganisationView
    person: PersonView


@router.post(
    "/sign-ups",
    operation_id="sign_up_partner",
    status_code=201,
    summary="Register a partner in the sandbox, with its first person",
)
async def sign_up_partner(
    given: SignUpGiven, request: Request, services: ServicesDep
) -> SignedUpView:
    peer = request.headers.get("weir-peer", "")
    made = await sign_up.sign_up(
        services.database,
        services.cache,
        services.passphrases,
        SignUp(**given.model_dump(), language="en"),
        address=peer,
        asker=asker_of(request.scope, peer),
    )
    return SignedUpView(
        organisation=OrganisationView.model_validate(made.organisation),
        person=PersonView.model_validate(made.person),
    )
