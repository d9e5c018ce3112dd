"""The gateway's whole configuration as one immutable value.

A call takes the snapshot of its beginning and keeps it to its end; a change makes a new snapshot
that shares all but the changed path with the old one (persistent maps).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from immutables import Map

from weir.gateway.config.bindings import BODY, Reference, compile_reference
from weir.gateway.config.revocations import Revocations
from weir.gateway.config.route_trie import Routes, parameters_of
from weir.kernel.declares import MEMBER_ANSWER_TIMEOUT_S
from weir.keys import private_keys
from weir.partners.published import OrganisationDocument
from weir.shelf.published import (
    BackendDocument,
    Bindings,
    OperationDocument,
    ProductHead,
    SubscriptionDocument,
    backend_key,
)

_ACTIVE: Final = "active"


@dataclass(frozen=True, slots=True)
class Application:
    """An application, with its certificates ready to be looked up."""

    id: str
    organisation: str
    status: str
    certificates: frozenset[str]
    rehearses: bool = False
    keys: Map[str, str] = Map()  # public keys by `kid`, each a JWK as text


class Bound:
    """The compiled bindings of one operation."""

    __slots__ = ("account", "amount", "currency", "idempotency_key", "payee", "reads_body")

    def __init__(self, bindings: Bindings) -> None:
        self.account = compile_reference(bindings.account)
        self.amount = compile_reference(bindings.amount)
        self.currency = compile_reference(bindings.currency)
        self.payee = compile_reference(bindings.payee)
        self.idempotency_key = compile_reference(bindings.idempotency_key)
        references: tuple[Reference | None, ...] = (
            self.account,
            self.amount,
            self.currency,
            self.payee,
            self.idempotency_key,
        )
        self.reads_body = any(each is not None and each.kind == BODY for each in references)


class Operation:
    """One callable operation with everything a call needs of it, computed once."""

    __slots__ = (
        "backend",
        "backend_url",
        "base_path",
        "bound",
        "capability",
        "consent_type",
        "host",
        "member",
        "method",
        "moves_money",
        "parameter_names",
        "permission",
        "product",
        "reads_body",
        "scope",
        "signed",
        "template",
        "timeout_line",
        "timeout_s",
    )

    def __init__(self, product: Product, document: OperationDocument) -> None:
        """Compute from the documents; `product` is not kept.

        It holds the operation, and a circle would outlive both.
        """
        self.product = product.id
        self.scope = product.scope
        self.signed = product.signed
        self.capability = document.capability
        self.method = document.method.upper()
        self.template = product.prefix + document.path
        self.parameter_names = parameters_of(document.path)
        self.member = document.member
        self.backend = backend_key(document.member, document.backend_url)
        self.backend_url = document.backend_url
        self.host = urlsplit(document.backend_url).netloc.encode("ascii")
        self.base_path = document.base_path.encode("ascii")
        self.consent_type = document.consent_type
        self.permission = document.permission
        self.moves_money = document.moves_money
        self.bound = None if document.bindings is None else Bound(document.bindings)
        self.reads_body = document.moves_money or (self.bound is not None and self.bound.reads_body)
        self.timeout_s = min(document.timeout_ms / 1000, MEMBER_ANSWER_TIMEOUT_S)
        self.timeout_line = b"openfinance-timeout-ms: %d\r\n" % (self.timeout_s * 1000)


class Product:
    """A published product version and its routes."""

    __slots__ = ("id", "prefix", "routes", "scope", "signed")

    def __init__(self, document: ProductHead) -> None:
        """Take in the head; operations are added before the product is part of a snapshot."""
        self.id = document.id
        self.prefix = document.prefix
        self.scope = document.scope
        self.signed = document.signed_messages
        self.routes: Routes[Operation] = Routes()

    def add(self, document: OperationDocument) -> None:
        """Add one of its operations."""
        self.routes.add(document.method, document.path, Operation(self, document))


class SigningKey(NamedTuple):
    """A public key with its one algorithm, and the Unix time after which it signs no more."""

    public: private_keys.PublicKey
    algorithm: str
    not_after_s: float


Subscriptions = tuple[SubscriptionDocument, ...]
_EMPTY: Final[Map[Any, Any]] = Map()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The configuration as of change `sequence`; no two snapshots have the same number.

    `revoked` holds "subject:value" and is shared by all (see revocations.py).
    """

    sequence: int = 0
    organisations: Map[str, OrganisationDocument] = _EMPTY
    applications: Map[str, Application] = _EMPTY
    products: Map[str, Product] = _EMPTY
    routes: Map[bytes, Product] = _EMPTY
    backends: Map[str, BackendDocument] = _EMPTY
    subscriptions: Map[tuple[str, str], Subscriptions] = _EMPTY
    subscription_pairs: Map[str, tuple[str, str]] = _EMPTY
    revoked: Revocations = field(default_factory=Revocations)
    signing_keys: Map[str, SigningKey] = _EMPTY
    message_keys: int = 0  # the change that last moved a key that answers are signed with
    endings: Map[str, datetime] = _EMPTY  # algorithms of callers' proofs that end

    def at(self, sequence: int) -> Snapshot:
        """Return the same snapshot under another change number."""
        return replace(self, sequence=sequence)

    def maps(self) -> list[Map[Any, Any]]:
        """Return the maps that may be large: freeing one that a later snapshot changed is work."""
        return [
            self.organisations,
            self.applications,
            self.products,
            self.routes,
            self.backends,
            self.subscriptions,
            self.subscription_pairs,
        ]

    def subscription(self, application: str, product: str) -> SubscriptionDocument | None:
        """Return the application's active subscription to the product, if there is one."""
        for each in self.subscriptions.get((application, product), ()):
            if each.status == _ACTIVE:
                return each
        return None


def base64url(text: str) -> bytes:
    """Decode base64url without padding (RFC 7515 section 2). ValueError when it is not."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
