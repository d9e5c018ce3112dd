"""Documents that benchmarks publish: one bank, one partner, their products and subscriptions.

Everything is in the form in which the platform itself publishes to its gateways; peers are given
the same documents, so that all decide by the same facts.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from weir.kernel import identifiers
from weir.keys.published import REVOCATION, RevocationDocument
from weir.partners.published import (
    APPLICATION,
    ORGANISATION,
    ApplicationDocument,
    OrganisationDocument,
    OrganisationKind,
)
from weir.shelf.published import (
    PRODUCT,
    SUBSCRIPTION,
    Bindings,
    OperationDocument,
    ProductDocument,
    SubscriptionDocument,
)
from weir.store.unit import Change

ACCOUNT_ACCESS = "urn:weir:account-access:v1"
BANK = "bench-bank"
ACCOUNT = "acc-1001"
BALANCES_PATH = f"/{BANK}/accounts/v1/accounts/{ACCOUNT}/balances"
QUOTE_PATH = f"/{BANK}/quotes/v1/quotes/600519"
LARGE_PATH = f"/{BANK}/papers/v1/papers/1"
RATE_PER_S = 1_000_000
QUOTA = 1_000_000_000
REVOKED_CONSENTS = 1_000


def mint(prefix: str) -> str:
    """A new identifier."""
    return identifiers.mint(prefix, time.time_ns() // 1_000_000, os.urandom(10))


@dataclass(slots=True)
class Alliance:
    """The parties of a benchmark. `thumbprint` is that of the caller's certificate.

    `frugal` is an application that may make one call a month, to see that quotas hold.
    """

    thumbprint: str
    backend_url: str
    bank: str = field(default_factory=lambda: mint("org"))
    partner: str = field(default_factory=lambda: mint("org"))
    application: str = field(default_factory=lambda: mint("app"))
    frugal: str = field(default_factory=lambda: mint("app"))
    consent: str = field(default_factory=lambda: mint("cns"))
    revoked: list[str] = field(
        default_factory=lambda: [mint("cns") for _ in range(REVOKED_CONSENTS)]
    )

    def changes(self) -> list[Change]:
        """All documents, to be published together."""
        accounts = product(self, "accounts", [_balances(self)])
        products = [
            accounts,
            product(self, "quotes", [operation(self, "getQuote", "GET", "/quotes/{id}")]),
            product(self, "papers", _papers(self)),
        ]
        return [
            organisation(self.bank, "member", BANK),
            organisation(self.partner, "partner", "bench-app"),
            application(self, self.application),
            application(self, self.frugal),
            *(Change(PRODUCT, each.id, each) for each in products),
            *(subscription(self.application, each.id, quota=QUOTA) for each in products),
            subscription(self.frugal, accounts.id, quota=1),
            *(revocation(consent) for consent in self.revoked),
        ]


def organisation(name: str, kind: OrganisationKind, slug: str) -> Change:
    """An active organisation."""
    document = OrganisationDocument(id=name, kind=kind, slug=slug, name=slug, status="active")
    return Change(ORGANISATION, name, document)


def application(alliance: Alliance, name: str) -> Change:
    """An active application of the partner, with the one certificate."""
    document = ApplicationDocument(
        id=name,
        organisation=alliance.partner,
        status="active",
        certificates=[alliance.thumbprint],
    )
    return Change(APPLICATION, name, document)


def subscription(
    application_id: str, product_id: str, *, quota: int | None, rate: int | None = RATE_PER_S
) -> Change:
    """An active subscription; None is unlimited."""
    document = SubscriptionDocument(
        id=mint("sub"),
        application=application_id,
        product=product_id,
        plan=mint("pln"),
        status="active",
        rate_per_s=rate,
        quota=quota,
        quota_period=None if quota is None else "month",
    )
    return Change(SUBSCRIPTION, document.id, document)


def revocation(consent: str) -> Change:
    """A consent that was withdrawn, remembered for a day."""
    now = datetime.now(UTC)
    document = RevocationDocument("consent", consent, now)
    return Change(REVOCATION, document.key, document, now + timedelta(days=1))


def product(
    alliance: Alliance, slug: str, operations: list[OperationDocument], scope: str | None = None
) -> ProductDocument:
    """A published product of the bank."""
    return ProductDocument(
        id=mint("prd"),
        owner=alliance.bank,
        slug=slug,
        version=1,
        prefix=f"/{BANK}/{slug}/v1",
        scope=scope or f"{BANK}.{slug}",
        status="published",
        direction="go-out",
        operations=operations,
    )


def operation(
    alliance: Alliance, operation_id: str, method: str, path: str, **more: Any
) -> OperationDocument:
    """An operation that the bank answers."""
    return OperationDocument(
        capability=mint("cap"),
        operation_id=operation_id,
        method=method,
        path=path,
        member=alliance.bank,
        backend_url=alliance.backend_url,
        base_path="",
        timeout_ms=5_000,
        **more,
    )


def _balances(alliance: Alliance) -> OperationDocument:
    """What needs a customer's consent to this permission on this account."""
    return operation(
        alliance,
        "getBalances",
        "GET",
        "/accounts/{account_id}/balances",
        consent_type=ACCOUNT_ACCESS,
        permission="ReadBalances",
        bindings=Bindings(account="path:account_id"),
    )


def _papers(alliance: Alliance) -> list[OperationDocument]:
    return [
        operation(alliance, "getPaper", "GET", "/papers/{id}"),
        operation(alliance, "putPaper", "POST", "/papers/{id}"),
    ]
