"""Tokens and keys to try an operation out with, for a person who builds the application.

A person who may give an application a new key may also call in its name; a trial token is that
right for a few minutes and one product. It is bound to a key that never leaves that person's
browser (RFC 9449 section 6.1), so in any other hands it is worth nothing, the portal's included.
"""

from __future__ import annotations

from typing import Any, Final

from weir.authorization.clients import trial_keys
from weir.authorization.declares import TRIAL_KEYS_AN_HOUR
from weir.authorization.services import Addresses
from weir.authorization.tokens.access_tokens import TOKEN_TYPE, claims_of
from weir.kernel import inputs
from weir.kernel.declares import (
    ACCESS_TOKEN_LIFETIME_S,
    FORBIDDEN,
    NOT_FOUND,
    RATE_EXCEEDED,
    SUBSCRIPTION_REQUIRED,
)
from weir.kernel.outcomes import Refusal
from weir.keys.dpop import thumbprint_of
from weir.keys.vault import Signer
from weir.partners import keys
from weir.partners.applications import Application
from weir.partners.declares import APPLICATION_SUSPENDED
from weir.shelf import products, subscriptions
from weir.shelf.products import Product
from weir.store.cache import Cache
from weir.store.unit import UnitOfWork

_HOUR_S: Final = 3_600


def require_sandbox(product: Product) -> None:
    """Refuse a product without model data, or no longer offered. Refusal FORBIDDEN."""
    if not product.sandbox or product.status != "published":
        why = "only products of the sandbox can be tried out: call this one from your application"
        why_zh = "仅沙箱产品可以在线试调，此产品请由您的应用调用"
        raise Refusal(FORBIDDEN, f"{product.id} is not of the sandbox", why=why, why_zh=why_zh)


async def require_triable(
    unit: UnitOfWork,
    application: Application,
    product: Product,
    thumbprint: str,
    pointer: str = "/thumbprint",
) -> None:
    """Require that the key of this thumbprint, given at `pointer`, may try the product.

    Refusals in this order: NOT_FOUND for a draft, FORBIDDEN when no model data answers the product
    in every version, APPLICATION_SUSPENDED, INVALID_INPUT when the key was revoked,
    SUBSCRIPTION_REQUIRED.
    """
    if product.status == "draft":
        raise Refusal(NOT_FOUND, "a draft is nobody else's to see")
    require_sandbox(product)
    # A token is for the product in every version, so that none of them may be another thing.
    for each in await products.find_by_scope(unit.connection, product.scope):
        if each.status == "published":
            require_sandbox(each)
    if application.status != "active":
        raise Refusal(APPLICATION_SUSPENDED, application.id)
    if thumbprint in application.revoked_keys:
        raise inputs.wrong(pointer, "was revoked", "该密钥已被吊销")
    if not await subscriptions.is_active(unit.connection, application.id, product.id):
        raise Refusal(SUBSCRIPTION_REQUIRED, f"{application.id} for {product.id}")


async def issue(
    unit: UnitOfWork,
    signer: Signer,
    addresses: Addresses,
    application: Application,
    product: Product,
    thumbprint: str,
) -> dict[str, Any]:
    """Return the token endpoint's success for a key's RFC 7638 thumbprint.

    RFC 6749 section 5.1, with `issued_at_s` (Unix time) besides. Refusals as of `require_triable`.
    """
    await require_triable(unit, application, product, thumbprint)
    scope, name = frozenset({product.scope}), unit.mint("tok")
    claims = claims_of(
        issuer=addresses.issuer,
        subject=application.id,
        audience=[addresses.api_audience],
        client=application.id,
        organisation=application.organisation,
        now=unit.now,
        lifetime_s=ACCESS_TOKEN_LIFETIME_S,
        name=name,
        scope=scope,
        confirmation={"jkt": thumbprint},
    )
    token = await signer.sign_jwt(claims, TOKEN_TYPE, rehearsing=application.rehearses)
    detail = {"product": product.id, "token": name, "thumbprint": thumbprint}
    unit.audit("application.tried", application.id, detail, organisation=application.organisation)
    return {
        "access_token": token,
        "token_type": "DPoP",
        "expires_in": ACCESS_TOKEN_LIFETIME_S,
        "scope": product.scope,
        "issued_at_s": claims["iat"],
    }


async def admit_key(
    unit: UnitOfWork,
    cache: Cache,
    application: Application,
    product: Product,
    jwk: dict[str, Any],
    portal_origin: str,
) -> trial_keys.TrialKey:
    """Return a key that may ask in the application's name, once the caller has kept it.

    Refusals as of `require_triable`; INVALID_INPUT for a value that is no public signing key;
    RATE_EXCEEDED when the application was given too many within the hour.
    """
    (public,) = keys.public_jwks({"keys": [jwk | {"kid": trial_keys.PREFIX}]}, "")["keys"]
    thumbprint = thumbprint_of(public)
    await require_triable(unit, application, product, thumbprint, "/jwk")
    if await cache.count(f"trial-keys:{application.id}", _HOUR_S) > TRIAL_KEYS_AN_HOUR:
        raise Refusal(RATE_EXCEEDED, f"trial keys of {application.id}")
    key = trial_keys.TrialKey(
        application=application.id,
        scope=product.scope,
        member=product.owner_slug,
        jwk=public | {"kid": trial_keys.PREFIX + thumbprint},
        thumbprint=thumbprint,
        returns_to=portal_origin + trial_keys.RETURNS_TO,
    )
    detail = {"product": product.id, "thumbprint": thumbprint}
    name, owner = "application.trial_key_registered", application.organisation
    unit.audit(name, application.id, detail, organisation=owner)
    return key
