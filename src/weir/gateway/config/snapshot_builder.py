"""The next snapshot in the making: change by change, in units of little work.

A single change may be much work (a product has up to a thousand operations), so a change is an
iterator: each step does a unit, and between two of them the event loop may have its turn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from immutables import Map

from weir.consent.published import REVOCATION
from weir.gateway.config.snapshot import Application, Product, SigningKey, Snapshot
from weir.keys import private_keys
from weir.keys.algorithms import ALGORITHM_ENDING
from weir.keys.published import (
    MESSAGE_KEY,
    SIGNING_KEY,
    AlgorithmEndingDocument,
    SigningKeyDocument,
)
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
    OperationDocument,
    ProductHead,
    SubscriptionDocument,
)

UNIT_OPERATIONS: Final = 2  # of a product, compiled in one unit


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One row of the change log. `document` is JSON; None removes the thing that the key names."""

    kind: str
    key: str
    sequence: int
    document: str | None
    expires_at_s: float | None = None  # Unix time


OnFault = Callable[[ChangeRow, ValueError], None]
Document = str | None
Form = TypeVar("Form")


class SnapshotBuilder:
    """A snapshot with some changes, not to be seen before `finish`.

    `replaced` are the products that are no longer in it. Each is a tree of many objects, and
    freeing them is work too.
    """

    def __init__(self, base: Snapshot, on_fault: OnFault | None = None) -> None:
        self.replaced: list[Product] = []
        self._on_fault = on_fault
        self._sequence = base.sequence
        self._revoked = base.revoked
        self._organisations = base.organisations.mutate()
        self._applications = base.applications.mutate()
        self._products = base.products.mutate()
        self._routes = base.routes.mutate()
        self._backends = base.backends.mutate()
        self._subscriptions = base.subscriptions.mutate()
        self._pairs = base.subscription_pairs.mutate()
        # The token memory forgets all tokens at a new map of keys: so one is made only when needed.
        self._signing_keys = base.signing_keys
        self._message_keys = base.message_keys
        self._endings = base.endings

    def finish(self) -> Snapshot:
        """Return the snapshot. The builder has no further use."""
        return Snapshot(
            sequence=self._sequence,
            organisations=self._organisations.finish(),
            applications=self._applications.finish(),
            products=self._products.finish(),
            routes=self._routes.finish(),
            backends=self._backends.finish(),
            subscriptions=self._subscriptions.finish(),
            subscription_pairs=self._pairs.finish(),
            revoked=self._revoked,
            signing_keys=self._signing_keys,
            message_keys=self._message_keys,
            endings=self._endings,
        )

    def apply(self, rows: Iterable[ChangeRow]) -> Iterator[None]:
        """Take in changes, in their order, a unit of work a step.

        A document that makes no sense removes the thing its key names, so that the fault of one
        product stops that product and nothing else; `on_fault` is called with it. A kind this
        version does not know is passed over: it is not about the gateway.
        """
        for row in rows:
            self._sequence = max(self._sequence, row.sequence)
            if row.kind == REVOCATION:
                self._revoke(row)
            elif row.kind == PRODUCT:
                yield from self._apply_product(row)
            elif row.kind == MESSAGE_KEY:
                self._message_keys = row.sequence
            elif row.kind in _KINDS:
                self._apply_small(row, _KINDS[row.kind])
            yield

    def _revoke(self, row: ChangeRow) -> None:
        """Take in a revocation by its key, before `finish`: to revoke a moment early is no harm."""
        if row.document is None:
            self._revoked.discard(row.key)
        else:
            self._revoked.add(row.key, row.expires_at_s)

    def _apply_small(
        self, row: ChangeRow, change: Callable[[SnapshotBuilder, str, Document], None]
    ) -> None:
        try:
            change(self, row.key, row.document)
        except ValueError as error:
            self._fault(row, error)
            change(self, row.key, None)

    def _fault(self, row: ChangeRow, error: ValueError) -> None:
        if self._on_fault is not None:
            self._on_fault(row, error)

    # --- products ------------------------------------------------------------------------------

    def _apply_product(self, row: ChangeRow) -> Iterator[None]:
        """Build a product, an operation after the other. A retired product counts as removed."""
        value: Product | None = None
        if row.document is not None:
            try:
                head = msgspec.json.decode(row.document, type=ProductHead)
                if head.status == "published":
                    value = Product(head)
                    for at, operation in enumerate(head.operations, 1):
                        value.add(msgspec.json.decode(operation, type=OperationDocument))
                        if at % UNIT_OPERATIONS == 0:
                            yield
            except ValueError as error:
                self._fault(row, error)
                value = None
        self._put_product(row.key, value)

    def _put_product(self, key: str, value: Product | None) -> None:
        before: Product | None = self._products.get(key)
        if before is not None:
            self.replaced.append(before)
            self._routes.pop(before.prefix.encode(), None)
        _put(self._products, key, value)
        if value is not None:
            self._routes[value.prefix.encode()] = value

    # --- the others ----------------------------------------------------------------------------

    def _organisation(self, key: str, document: Document) -> None:
        _put(self._organisations, key, _read(document, OrganisationDocument))

    def _application(self, key: str, document: Document) -> None:
        read = _read(document, ApplicationDocument)
        value = read and Application(
            read.id,
            read.organisation,
            read.status,
            frozenset(read.certificates),
            read.rehearses,
            _keys(read.keys),
        )
        _put(self._applications, key, value)

    def _backend(self, key: str, document: Document) -> None:
        _put(self._backends, key, _read(document, BackendDocument))

    def _subscription(self, key: str, document: Document) -> None:
        """Keep all subscriptions of an application to a product; one of them is active."""
        read = _read(document, SubscriptionDocument)
        pair = self._pairs.pop(key, None)
        if pair is not None:
            others = tuple(each for each in self._subscriptions.get(pair, ()) if each.id != key)
            _put(self._subscriptions, pair, others or None)
        if read is not None:
            pair = (read.application, read.product)
            self._subscriptions[pair] = (*self._subscriptions.get(pair, ()), read)
            self._pairs[key] = pair

    def _signing_key(self, key: str, document: Document) -> None:
        read = _read(document, SigningKeyDocument)
        self._signing_keys = _with(self._signing_keys, key, None if read is None else _key(read))

    def _algorithm_ending(self, key: str, document: Document) -> None:
        read = _read(document, AlgorithmEndingDocument)
        self._endings = _with(self._endings, key, None if read is None else read.ends_at)


_KINDS: Final[dict[str, Callable[[SnapshotBuilder, str, Document], None]]] = {
    ORGANISATION: SnapshotBuilder._organisation,
    APPLICATION: SnapshotBuilder._application,
    BACKEND: SnapshotBuilder._backend,
    SUBSCRIPTION: SnapshotBuilder._subscription,
    SIGNING_KEY: SnapshotBuilder._signing_key,
    ALGORITHM_ENDING: SnapshotBuilder._algorithm_ending,
}


def _keys(registered: list[dict[str, str]]) -> Map[str, str]:
    """Return the keys as JSON text: most are never used, and one that is is read then."""
    return Map({key["kid"]: json.dumps(key) for key in registered}) if registered else Map()


def _put(entries: Any, key: Any, value: Any) -> None:
    if value is None:
        entries.pop(key, None)
    else:
        entries[key] = value


def _with(entries: Map[str, Any], key: str, value: Any) -> Map[str, Any]:
    if value is None:
        return entries.delete(key) if key in entries else entries
    return entries.set(key, value)


def _read(document: Document, form: type[Form]) -> Form | None:
    return None if document is None else msgspec.json.decode(document, type=form)


def _key(document: SigningKeyDocument) -> SigningKey:
    public = private_keys.public_key(document.jwk, document.alg)
    ends = document.not_after
    not_after_s = float("inf") if ends is None else ends.timestamp()
    return SigningKey(public, document.alg, not_after_s)
