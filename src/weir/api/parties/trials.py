"""Trials of a sandbox product with a key made in a browser: token, right to ask, sign-in.

A trial has a short-lived token, the right to ask for a consent, and a sign-in as the test customer
who is asked.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from weir.api.declares import TEST_CUSTOMERS_AN_HOUR
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Given, Name, Shown
from weir.api.parties.applications import get_within_reach
from weir.api.writes import Writes
from weir.authorization.clients import trial_keys
from weir.authorization.declares import TRIAL_KEY_LIFETIME_S
from weir.authorization.tokens import trial_tokens
from weir.identity import test_customers
from weir.identity.turns import Asker
from weir.kernel.declares import RATE_EXCEEDED
from weir.kernel.outcomes import Refusal
from weir.shelf import products
from weir.store.unit import UnitOfWork

router = new_router("trials")


class TrialGiven(Given):
    """The product to try, and the thumbprint (RFC 7638) of the key that calls will prove."""

    product: Name
    thumbprint: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]


class TrialToken(Shown):
    """An access token bound to that key (RFC 9449 section 5). `expires_in` is in seconds."""

    access_token: str
    token_type: Literal["DPoP"]
    expires_in: int
    scope: str
    issued_at_s: int


@router.post(
    "/applications/{application}/trial-tokens",
    operation_id="issue_trial_token",
    status_code=201,
    summary="Get a short-lived token to try a sandbox product, bound to your own key",
)
async def issue_trial_token(
    application: Name, given: TrialGiven, caller: CallerDep, services: ServicesDep, writing: Writes
) -> TrialToken:
    async def work(unit: UnitOfWork) -> TrialToken:
        found = await get_within_reach(unit, caller, application)
        product = await products.get(unit.connection, given.product)
        issued = await trial_tokens.issue(
            unit, services.signer, services.addresses, found, product, given.thumbprint
        )
        return TrialToken.model_validate(issued)

    return await writing.run(TrialToken, work)


class TrialKeyGiven(Given):
    """The product to try, and the public part of the browser's key (RFC 7517)."""

    product: Name
    jwk: dict[str, str]


class TrialKeyView(Shown):
    """The values for the key's proofs: `kid` in their header, `issuer` as their audience,
    `issued_at_s` as the platform's time. For `expires_in` seconds the key may ask at `/par` and
    `/token`, with `redirect_uri` as the address to return to.
    """

    kid: str
    client_id: str
    scope: str
    redirect_uri: str
    issuer: str
    issued_at_s: int
    expires_in: int


@router.post(
    "/applications/{application}/trial-keys",
    operation_id="issue_trial_key",
    status_code=201,
    summary="Let a key ask a test customer for consent to a sandbox product, for some minutes",
)
async def issue_trial_key(
    application: Name, given: TrialKeyGiven, caller: CallerDep, services: ServicesDep
) -> TrialKeyView:
    """Safe to repeat without an idempotency key: the same key is admitted again."""
    async with services.database.unit(caller.actor) as unit:
        found = await get_within_reach(unit, caller, application)
        product = await products.get(unit.connection, given.product)
        key = await trial_tokens.admit_key(
            unit, services.cache, found, product, given.jwk, services.portal_origin
        )
        now = unit.now
    await trial_keys.store(services.cache, key)
    return TrialKeyView(
        kid=key.kid,
        client_id=key.application,
        scope=key.scope,
        redirect_uri=key.returns_to,
        issuer=services.addresses.issuer,
        issued_at_s=int(now.timestamp()),
        expires_in=TRIAL_KEY_LIFETIME_S,
    )


class TestCustomerTaken(Given):
    """The test customer to sign in as, and the product to try."""

    product: Name
    customer_ref: Name


class TestCustomerSignIn(Shown):
    """The sign-in of a test customer. The passphrase is shown only in this answer."""

    customer_ref: str
    name: str
    sign_in_name: str
    passphrase: str


@router.post(
    "/applications/{application}/test-customers",
    operation_id="take_test_customer",
    status_code=201,
    summary="Get your own sign-in as a test customer of a sandbox product's institution",
)
async def take_test_customer(
    application: Name, given: TestCustomerTaken, caller: CallerDep, services: ServicesDep
) -> TestCustomerSignIn:
    """Each request sets a new passphrase. None takes an idempotency key, since a stored answer
    would hold the passphrase.
    """
    taken = await services.cache.count(f"test-customers:{caller.organisation.id}", 3_600)
    if taken > TEST_CUSTOMERS_AN_HOUR:
        raise Refusal(RATE_EXCEEDED, f"test customers of {caller.organisation.id}")
    passphrase = test_customers.new_passphrase()
    hashed = await services.passphrases.hash(passphrase, Asker(caller.organisation.id))
    async with services.database.unit(caller.actor) as unit:
        found = await get_within_reach(unit, caller, application)
        product = await products.get(unit.connection, given.product)
        await trial_tokens.require_triable(unit, found, product, "")
        person = await test_customers.take(
            unit,
            member=product.owner,
            customer_ref=given.customer_ref,
            organisation=found.organisation,
            passphrase_hash=hashed,
        )
    return TestCustomerSignIn(
        customer_ref=given.customer_ref,
        name=person.display_name,
        sign_in_name=person.name,
        passphrase=passphrase,
    )
