"""Documents that gateways read from the shelf: products, subscriptions and backends."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

ProductStatus = Literal["published", "retired"]
Direction = Literal["go-out", "bring-in"]
SubscriptionStatus = Literal["requested", "active", "suspended", "ended"]
QuotaPeriod = Literal["day", "month"]

PRODUCT: Final = "product"  # the change kind of ProductDocument, keyed by its id
BACKEND: Final = "backend"  # the change kind of BackendDocument, keyed by `backend_key`
SUBSCRIPTION: Final = "subscription"  # the change kind of SubscriptionDocument, keyed by its id


class Bindings(msgspec.Struct, frozen=True, kw_only=True):
    """The places of a call that hold the values a consent is checked against.

    Each of the first five is a reference `path:name`, `query:name`, `header:name` or
    `body:/json/pointer`. `outcome_path` is the member's path template under which a payment is
    looked up after a crash, for example
    `/directory/payments/{idempotency_key}?client_id={client_id}`.
    """

    account: str | None = None
    amount: str | None = None
    currency: str | None = None
    payee: str | None = None
    idempotency_key: str | None = None
    outcome_path: str | None = None


class OperationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One callable operation of a product.

    `path` is the template without the product's prefix; the member is called at
    `backend_url + base_path + the concrete path`.
    """

    capability: str
    operation_id: str
    method: str
    path: str
    member: str
    backend_url: str
    base_path: str
    consent_type: str | None = None
    permission: str | None = None
    moves_money: bool = False
    bindings: Bindings | None = None
    timeout_ms: int


class ProductDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One published version of a product. `prefix` is `/<owner slug>/<product slug>/v<version>`.

    With `signed_messages`, requests and answers are signed (RFC 9421).
    """

    id: str
    owner: str
    slug: str
    version: int
    prefix: str
    scope: str
    status: ProductStatus
    direction: Direction
    operations: list[OperationDocument]
    signed_messages: bool = False


class ProductHead(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a ProductDocument that a gateway reads at once; its operations follow later."""

    id: str
    prefix: str
    scope: str
    status: ProductStatus
    operations: list[msgspec.Raw]
    signed_messages: bool = False


class SubscriptionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An application's right to a product under a plan. None is unlimited; 0 is none at all."""

    id: str
    application: str
    product: str
    plan: str
    status: SubscriptionStatus
    rate_per_s: int | None
    quota: int | None
    quota_period: QuotaPeriod | None


class BackendDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoints at which `member` serves `url`, an origin `https://host[:port]` in products.

    `endpoints` are `host:port`, any of which answers for it, under a certificate that names the
    url's host. `authority` is the PEM of the member's own certificate authority; None means the
    alliance's. `health_path` is requested by health checks; None means that connecting is enough.
    With `signs_each_call` every call's identity is signed for it alone, not just a payment's.
    """

    member: str
    url: str
    endpoints: list[str]
    authority: str | None = None
    health_path: str | None = None
    signs_each_call: bool = False


def backend_key(member: str, url: str) -> str:
    """Return the key of a BackendDocument: a member decides about its own addresses only."""
    return f"{member} {url}"
