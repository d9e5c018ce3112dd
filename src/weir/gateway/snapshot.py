"""The gateway's whole configuration as one immutable value.

A call takes the snapshot of its beginning and keeps it to its end; a change makes a new snapshot
that shares all but the changed path with the old one (persistent maps).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from immutables import Map

from weir.care import signing
from weir.care.algorithms import ALGORITHM_ENDING
from weir.care.published import SIGNING_KEY, AlgorithmEndingDocument, SigningKeyDocument
from weir.consent.published import REVOCATION
from weir.gateway.bindings import Reference, compile_reference
from weir.gateway.routing import Routes, parameters_of
from weir.kernel import limits
from weir.partners.published import (
    APPLICATION,
    ORGANISATION,
    ApplicationDocument,
    OrganisationDocument,
)
from weir.shelf.published import (
    BACKEND,
    PRODUCT,
    SUBSCRIPTION,
    BackendDocument,
    Bindings,
    OperationDocument,
    ProductDocument,
    SubscriptionDocument,
    backend_key,
)

_ACTIVE: Final = "active"


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One row of the change log. `document` None removes what the key named."""

    kind: str
    key: str
    sequence: int
    document: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Application:
    """An application, with its certificates ready to be looked up."""

    id: str
    organisation: str
    status: str
    certificates: frozenset[str]
    rehearses: bool = False


class Bound:
    """Compiled bindings of one operation."""

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
        self.reads_body = any(each is not None and each.needs_body for each in references)


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
        "template",
        "timeout_line",
        "timeout_s",
    )

    def __init__(self, product: Product, document: OperationDocument) -> None:
        self.product = product
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
        self.timeout_s = min(document.timeout_ms / 1000, limits.MEMBER_ANSWER_TIMEOUT_S)
        self.timeout_line = b"openfinance-timeout-ms: %d\r\n" % (self.timeout_s * 1000)


class Product:
    """A published product version and its routes."""

    __slots__ = ("id", "prefix", "routes", "scope")

    def __init__(self, document: ProductDocument) -> None:
        self.id = document.id
        self.prefix = document.prefix
        self.scope = document.scope
        self.routes: Routes[Operation] = Routes(
            (each.method, each.path, Operation(self, each)) for each in document.operations
        )


class SigningKey(NamedTuple):
    """A public key with its one algorithm, and the Unix time after which it signs no more."""

    public: signing.PublicKey
    algorithm: str
    not_after_s: float


Subscriptions = tuple[SubscriptionDocument, ...]
_EMPTY: Final[Map[Any, Any]] = Map()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was true when change `sequence` was applied. `revoked` holds "subject:value"."""

    sequence: int = 0
    organisations: Map[str, OrganisationDocument] = _EMPTY
    applications: Map[str, Application] = _EMPTY
    products: Map[str, Product] = _EMPTY
    routes: Map[bytes, Product] = _EMPTY
    backends: Map[str, BackendDocument] = _EMPTY
    subscriptions: Map[tuple[str, str], Subscriptions] = _EMPTY
    subscription_pairs: Map[str, tuple[str, str]] = _EMPTY
    revoked: Map[str, bool] = _EMPTY
    signing_keys: Map[str, SigningKey] = _EMPTY
    endings: Map[str, datetime] = _EMPTY  # algorithms of callers' proofs that end

    def apply(self, rows: Iterable[ChangeRow], on_fault: OnFault | None = None) -> Snapshot:
        """The snapshot after some changes, in their order.

        A document that makes no sense removes what its key named, so that the fault of one product
        stops that product and nothing else; `on_fault` is told. A kind this version does not know
        is passed over: it is not about the gateway. Revocations, perhaps a million, go in bulk; no
        other kind depends on them.
        """
        snapshot, sequence = self, self.sequence
        revoked = self.revoked.mutate()
        for row in rows:
            sequence = max(sequence, row.sequence)
            if row.kind == REVOCATION:
                if row.document is not None:
                    revoked[row.key] = True
                else:
                    revoked.pop(row.key, None)
            elif row.kind in _KINDS:
                snapshot = _changed(snapshot, row, on_fault)
        return replace(snapshot, revoked=revoked.finish(), sequence=sequence)

    def at(self, sequence: int) -> Snapshot:
        """The same snapshot, said to be that of another change number."""
        return replace(self, sequence=sequence)

    def subscription(self, application: str, product: str) -> SubscriptionDocument | None:
        """The application's active subscription to the product."""
        for each in self.subscriptions.get((application, product), ()):
            if each.status == _ACTIVE:
                return each
        return None


Document = dict[str, Any] | None
OnFault = Callable[[ChangeRow, ValueError], None]


def _put(entries: Map[Any, Any], key: Any, value: Any) -> Map[Any, Any]:
    if value is None:
        return entries.delete(key) if key in entries else entries
    return entries.set(key, value)


def _changed(snapshot: Snapshot, row: ChangeRow, on_fault: OnFault | None) -> Snapshot:
    change = _KINDS[row.kind]
    try:
        return change(snapshot, row.key, row.document)
    except ValueError as error:
        if on_fault is not None:
            on_fault(row, error)
        return change(snapshot, row.key, None)


def _organisation(snapshot: Snapshot, key: str, document: Document) -> Snapshot:
    value = document and msgspec.convert(document, OrganisationDocument)
    return replace(snapshot, organisations=_put(snapshot.organisations, key, value))


def _application(snapshot: Snapshot, key: str, document: Document) -> Snapshot:
    value = None
    if document is not None:
        read = msgspec.convert(document, ApplicationDocument)
        value = Application(
            read.id, read.organisation, read.status, frozenset(read.certificates), read.rehearses
        )
    return replace(snapshot, applications=_put(snapshot.applications, key, value))


def _product(snapshot: Snapshot, key: str, document: Document) -> Snapshot:
    """A retired product answers nowhere, like one that was removed."""
    routes = snapshot.routes
    before = snapshot.products.get(key)
    if before is not None:
        routes = _put(routes, before.prefix.encode(), None)
    value = None
    if document is not None:
        read = msgspec.convert(document, ProductDocument)
        value = Product(read) if read.status == "published" else None
    if value is not None:
        routes = routes.set(value.prefix.encode(), value)
    return replace(snapshot, products=_put(snapshot.products, key, value), routes=routes)


def _backend(snapshot: Snapshot, key: str, document: Document) -> Snapshot:
    value = document and msgspec.convert(document, BackendDocument)
    return replace(snapshot, backends=_put(snapshot.backends, key, value))


def _subscription(snapshot: Snapshot, key: str, document: Document) -> Snapshot:
    by_pair, pairs = snapshot.subscriptions, snapshot.subscription_pairs
    pair = pairs.get(key)
    if pair is not None:
        others = tuple(each for each in by_pair.get(pair, ()) if each.id != key)
        by_pair = _put(by_pair, pair, others or None)
        pairs = pairs.delete(key)
    if document is not None:
        read = msgspec.convert(document, SubscriptionDocument)
        pair = (read.application, read.product)
        by_pair = by_pair.set(pair, (*by_pair.get(pair, ()), read))
        pairs = pairs.set(key, pair)
    return replace(snapshot, subscriptions=by_pair, subscription_pairs=pairs)


def _signing_key(snapshot: Snapshot, key: str, document: Document) -> Snapshot:
    value = None
    if document is not None:
        value = _public_key(msgspec.convert(document, SigningKeyDocument))
    return replace(snapshot, signing_keys=_put(snapshot.signing_keys, key, value))


def _public_key(document: SigningKeyDocument) -> SigningKey:
    public = signing.public_key(document.jwk, document.alg)
    ends = document.not_after
    not_after_s = float("inf") if ends is None else ends.timestamp()
    return SigningKey(public, document.alg, not_after_s)


def _algorithm_ending(snapshot: Snapshot, key: str, document: Document) -> Snapshot:
    value = document and msgspec.convert(document, AlgorithmEndingDocument).ends_at
    return replace(snapshot, endings=_put(snapshot.endings, key, value))


def base64url(text: str) -> bytes:
    """Base64url without padding (RFC 7515 section 2). ValueError when it is not."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


_KINDS: Final[dict[str, Callable[[Snapshot, str, Document], Snapshot]]] = {
    ORGANISATION: _organisation,
    APPLICATION: _application,
    PRODUCT: _product,
    BACKEND: _backend,
    SUBSCRIPTION: _subscription,
    SIGNING_KEY: _signing_key,
    ALGORITHM_ENDING: _algorithm_ending,
}
