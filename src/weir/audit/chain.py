"""The audit chain: one for each organisation, each entry sealed over the one before it.

A seal is HMAC-SHA-256 over the canonical entry and the previous seal, under a key derived from the
platform's master key. An attacker who can write to PostgreSQL but does not hold that key cannot
change, remove, insert or reorder an entry without `verify` naming the place. The head is sealed
too, so cutting off the newest entries is found as well, unless an older head is restored together
with its seal.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.audit.tables import audit_entries, audit_heads
from weir.kernel.rooms import events
from weir.kernel.strict_json import canonical
from weir.store.unit import Actor, AuditEntry

_BEGINNING = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One place where the chain of an organisation does not hold: the entry's number, and why."""

    organisation: str
    number: int
    why: str


class AuditJournal:
    """Appends sealed entries inside a unit of work's transaction."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    async def write(
        self,
        connection: AsyncConnection,
        actor: Actor,
        at: datetime,
        entries: Sequence[AuditEntry],
    ) -> None:
        """Append entries, chain by chain in a fixed order so that two units cannot deadlock."""
        for organisation, group in groupby(
            sorted(entries, key=lambda entry: entry.organisation),
            key=lambda entry: entry.organisation,
        ):
            await self._append(connection, organisation, actor, at, list(group))

    async def _append(
        self,
        connection: AsyncConnection,
        organisation: str,
        actor: Actor,
        at: datetime,
        entries: Sequence[AuditEntry],
    ) -> None:
        number, seal = await _lock_head(connection, organisation)
        rows: list[dict[str, Any]] = []
        for entry in entries:
            assert entry.event in events(), f"the event {entry.event} is not in the closed list"
            number += 1
            row = {
                "organisation": organisation,
                "number": number,
                "at": at,
                "actor_organisation": actor.organisation,
                "actor_subject": actor.subject,
                "event": entry.event,
                "subject": entry.subject,
                "detail": entry.detail,
            }
            seal = _seal(self._key, row, seal)
            rows.append({**row, "seal": seal})
        await connection.execute(audit_entries.insert(), rows)
        await connection.execute(
            audit_heads.update()
            .where(audit_heads.c.organisation == organisation)
            .values(number=number, seal=_seal_head(self._key, organisation, number, seal))
        )

    async def verify(self, connection: AsyncConnection) -> list[AuditFinding]:
        """Return every place where a chain does not hold; an empty list when all hold."""
        heads = {row.organisation: row for row in await connection.execute(select(audit_heads))}
        findings: list[AuditFinding] = []
        ends: dict[str, tuple[int, str]] = dict.fromkeys(heads, (0, _BEGINNING))
        async for row in _entries(connection):
            number, seal = ends.get(row.organisation, (0, _BEGINNING))
            findings += self._check(row, number, seal)
            ends[row.organisation] = (row.number, row.seal)
        for organisation, (number, seal) in ends.items():
            findings += self._check_head(heads.get(organisation), organisation, number, seal)
        return findings

    def _check(self, row: Row[Any], number: int, seal: str) -> list[AuditFinding]:
        if row.number != number + 1:
            why = f"entries {number + 1} to {row.number - 1} are missing"
            return [AuditFinding(row.organisation, row.number, why)]
        fields = {name: value for name, value in row._mapping.items() if name != "seal"}
        if hmac.compare_digest(_seal(self._key, fields, seal), row.seal):
            return []
        return [AuditFinding(row.organisation, row.number, "the entry was altered")]

    def _check_head(
        self, head: Row[Any] | None, organisation: str, number: int, seal: str
    ) -> list[AuditFinding]:
        expected = _seal_head(self._key, organisation, number, seal)
        if head is not None and head.number == number and head.seal == expected:
            return []
        return [AuditFinding(organisation, number, "the end of the chain is not where it was")]


async def _lock_head(connection: AsyncConnection, organisation: str) -> tuple[int, str]:
    """The (number, seal) of the last entry, with the chain locked until the commit."""
    await connection.execute(
        insert(audit_heads)
        .values(organisation=organisation, number=0, seal="")
        .on_conflict_do_nothing()
    )
    head = await connection.execute(
        select(audit_heads.c.number).filter_by(organisation=organisation).with_for_update()
    )
    number = int(head.scalar_one())
    if number == 0:
        return 0, _BEGINNING
    last = await connection.execute(
        select(audit_entries.c.seal).filter_by(organisation=organisation, number=number)
    )
    return number, last.scalar_one_or_none() or _BEGINNING


async def _entries(connection: AsyncConnection) -> AsyncIterator[Row[Any]]:
    result = await connection.stream(
        select(audit_entries).order_by(audit_entries.c.organisation, audit_entries.c.number)
    )
    async for row in result:
        yield row


def _seal(key: bytes, row: dict[str, Any], previous: str) -> str:
    at: datetime = row["at"]
    entry = {**row, "at": at.astimezone(UTC).isoformat(timespec="microseconds")}
    return hmac.new(key, previous.encode() + canonical(entry), sha256).hexdigest()


def _seal_head(key: bytes, organisation: str, number: int, seal: str) -> str:
    head = {"organisation": organisation, "number": number}
    return hmac.new(key, b"head" + seal.encode() + canonical(head), sha256).hexdigest()
