"""Trying a product of the sandbox out: a short-lived token for a key made in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from weir.api.applications import reached
from weir.api.guarding import Asking, Using, new_router
from weir.api.models import Given, Name, Shown
from weir.api.writing import Writes
from weir.authorization import trials
from weir.shelf import products
from weir.store.unit import UnitOfWork

router = new_router("trials")


class TrialGiven(Given):
    """The product to be tried, and the thumbprint (RFC 7638) of the key that calls will show."""

    product: Name
    thumbprint: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]


class TrialToken(Shown):
    """An access token bound to that key (RFC 9449 section 5); `expires_in` is in seconds."""

    access_token: str
    token_type: Literal["DPoP"]
    expires_in: int
    scope: str
    issued_at_s: int


@router.post(
    "/applications/{application}/trial-tokens",
    operation_id="issue_trial_token",
    status_code=201,
    summary="Get a short-lived token to try a sandbox product out, bound to a key of your own",
)
async def issue_trial_token(
    application: Name, given: TrialGiven, caller: Asking, services: Using, writing: Writes
) -> TrialToken:
    async def work(unit: UnitOfWork) -> TrialToken:
        found = await reached(unit, caller, application)
        product = await products.get(unit.connection, given.product)
        issued = await trials.issue(
            unit, services.signer, services.addresses, found, product, given.thumbprint
        )
        return TrialToken.model_validate(issued)

    return await writing.run(TrialToken, work)
