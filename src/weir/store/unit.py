"""The unit of work: a transaction with its actor, idempotency key, audit entries and changes.

Either all of them are committed, or none.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import identifiers
from weir.kernel.outcomes import Refusal
from weir.store.declares import CHANGES_LOCK, IDEMPOTENCY_KEY_REUSED, REMOVAL_KEPT_S
from weir.store.locks import hold
from weir.store.schema import change_sequence, changes, idempotency


@dataclass(frozen=True, slots=True)
class Actor:
    """The actor of a unit of work: an organisation and its application, person or process."""

    organisation: str
    subject: str


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's idempotency key, and the digest of the request.

    The digest distinguishes a retry from another request with the same key.
    """

    key: str
    request_sha256: str


@dataclass(frozen=True, slots=True)
class Change:
    """The newest state of one published thing; `document` None removes it.

    After `expires_at`, every follower that has read the change forgets it, and so does the log.
    """

    kind: str
    key: str
    document: msgspec.Struct | None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An event for the audit chain of an organisation.

    `subject` is the identifier that the event is about; `detail` holds JSON values by name.
    """

    organisation: str
    event: str
    subject: str
    detail: dict[str, Any]


class Journal(Protocol):
    """The writer of audit entries in the unit's transaction; `weir.audit.chain` implements it."""

    async def write(
        self,
        connection: AsyncConnection,
        actor: Actor,
        at: datetime,
        entries: Sequence[AuditEntry],
    ) -> None: ...


@dataclass(slots=True)
class UnitOfWork:
    """The transaction in which a domain service works. `now` stays the same for all of it.

    `sequence` is the number of the last change, None until it is written.
    """

    connection: AsyncConnection
    actor: Actor
    now: datetime
    journal: Journal
    idempotency: Idempotency | None = None
    sequence: int | None = None
    answer: Any = None  # the answer to an earlier request with the same key
    replayed: bool = False
    _changes: list[Change] = field(default_factory=list)
    _entries: list[AuditEntry] = field(default_factory=list)

    def mint(self, prefix: str) -> str:
        """Make an identifier for the present time."""
        return identifiers.mint(prefix, int(self.now.timestamp() * 1000), os.urandom(10))

    def pseudonym(self, prefix: str) -> str:
        """Make an identifier that is completely random, so that it does not reveal its age."""
        entropy = os.urandom(16)
        return identifiers.mint(prefix, int.from_bytes(entropy[10:], "big"), entropy)

    def audit(
        self, event: str, subject: str, detail: dict[str, Any], organisation: str | None = None
    ) -> None:
        """Record an event in the audit chain of `organisation`, by default the actor's own."""
        self._entries.append(
            AuditEntry(organisation or self.actor.organisation, event, subject, detail)
        )

    def publish(self, change: Change) -> None:
        """Publish a change to all followers of the change log, once this unit is committed."""
        self._changes.append(change)

    async def recall(self) -> bool:
        """Claim the idempotency key. True when the request was answered before; see `answer`.

        Refusal IDEMPOTENCY_KEY_REUSED when another request used the same key.
        """
        if self.idempotency is None:
            return False
        key = {"organisation": self.actor.organisation, "key": self.idempotency.key}
        claim = insert(idempotency).values(
            **key, request_sha256=self.idempotency.request_sha256, at=self.now
        )
        claimed = await self.connection.execute(
            claim.on_conflict_do_nothing().returning(idempotency.c.key)
        )
        if claimed.one_or_none() is not None:
            return False
        found = await self.connection.execute(
            select(idempotency.c.request_sha256, idempotency.c.answer).filter_by(**key)
        )
        row = found.one()
        if row.request_sha256 != self.idempotency.request_sha256:
            raise Refusal(IDEMPOTENCY_KEY_REUSED)
        self.answer, self.replayed = row.answer, True
        return True

    async def remember(self, answer: Any) -> None:
        """Store the answer under the idempotency key, in the same transaction as its effects."""
        if self.idempotency is None or self.replayed:
            return
        await self.connection.execute(
            idempotency.update()
            .where(idempotency.c.organisation == self.actor.organisation)
            .where(idempotency.c.key == self.idempotency.key)
            .values(answer=answer)
        )

    async def flush(self) -> None:
        """Write the buffered audit entries and changes, as the last statements of the unit."""
        if self._entries:
            await self.journal.write(self.connection, self.actor, self.now, self._entries)
        if self._changes:
            await hold(self.connection, CHANGES_LOCK)
        for change in self._changes:
            self.sequence = await self._number(change)

    async def _number(self, change: Change) -> int:
        document = None if change.document is None else msgspec.to_builtins(change.document)
        expires_at = change.expires_at
        if document is None:  # a removal is kept for followers that have not read it yet
            expires_at = self.now + timedelta(seconds=REMOVAL_KEPT_S)
        row = {
            "sequence": func.nextval(change_sequence.name),
            "document": document,
            "expires_at": expires_at,
        }
        statement = insert(changes).values(kind=change.kind, key=change.key, **row)
        numbered = await self.connection.execute(
            statement.on_conflict_do_update(
                index_elements=["kind", "key"],
                set_={name: statement.excluded[name] for name in row},
            ).returning(changes.c.sequence)
        )
        return int(numbered.scalar_one())
