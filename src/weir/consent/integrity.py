"""Integrity check of stored consents: each row is compared with its digest in the audit chain.

Every change of a consent writes the digest of the whole row to the member's audit chain. The chain
proves itself (`weir.audit.chain`); this check finds rows that were changed by other means than the
platform's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.audit.tables import audit_entries
from weir.consent.tables import consents
from weir.kernel.strict_json import canonical

# Columns added later: left out of the digest while they are null, so that digests of older rows
# stay valid.
_ADDED_LATER: Final = frozenset({"replaces"})
# Columns that are erased on request: with a digest over them, the value could be guessed again.
_ERASABLE: Final = frozenset({"record_name"})


@dataclass(frozen=True, slots=True)
class ConsentFinding:
    """A consent whose row does not match the audit chain, and the reason."""

    consent: str
    why: str


def row_digest(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) over a row of `consents`, without erasable columns."""
    plain = {
        name: _plain(value)
        for name, value in row.items()
        if name not in _ERASABLE and (value is not None or name not in _ADDED_LATER)
    }
    return sha256(canonical(plain)).hexdigest()


async def check_rows(connection: AsyncConnection) -> Sequence[ConsentFinding]:
    """Return every consent that was edited, added or deleted by other means than the platform's."""
    sealed = await _last_digests(connection)
    findings: list[ConsentFinding] = []
    result = await connection.stream(select(consents).order_by(consents.c.id))
    async for row in result:
        digest = sealed.pop(row.id, None)
        if digest is None:
            findings.append(ConsentFinding(row.id, "the row has no audit entry"))
        elif digest != row_digest(dict(row._mapping)):
            findings.append(ConsentFinding(row.id, "the row is not as it was last written"))
    findings += [ConsentFinding(missing, "the row is gone") for missing in sorted(sealed)]
    return findings


async def _last_digests(connection: AsyncConnection) -> dict[str, str]:
    """The digest in the last audit entry of each consent, by the consent's identifier."""
    newest = (
        select(audit_entries.c.subject, audit_entries.c.detail)
        .where(audit_entries.c.event.startswith("consent.", autoescape=True))
        .ext(distinct_on(audit_entries.c.subject))
        .order_by(audit_entries.c.subject, audit_entries.c.number.desc())
    )
    rows = await connection.execute(newest)
    return {row.subject: str(row.detail.get("digest")) for row in rows}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value
