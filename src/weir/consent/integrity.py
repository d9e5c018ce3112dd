"""Was a stored consent edited behind the platform's back? Compare each row with its audit entry.

Every change of a consent leaves the digest of the whole row in the member's audit chain. The chain
proves itself (`weir.audit.chain`); this compares the rows with it.
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

# Columns that older rows never had: they count once they hold something, so that the digests of
# rows written before them stay true.
_ADDED_LATER: Final = frozenset({"replaces"})
# What is erased on request: a digest over it would let anybody find it again by trying.
_ERASABLE: Final = frozenset({"record_name"})


@dataclass(frozen=True, slots=True)
class ConsentFinding:
    """A consent whose row is not what the audit chain says it was left as."""

    consent: str
    why: str


def row_digest(row: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over every lasting column of a row of `consents`, in one canonical form."""
    plain = {
        name: _plain(value)
        for name, value in row.items()
        if name not in _ERASABLE and (value is not None or name not in _ADDED_LATER)
    }
    return sha256(canonical(plain)).hexdigest()


async def check_rows(connection: AsyncConnection) -> Sequence[ConsentFinding]:
    """Every consent that was edited, added or deleted by other means than the platform's."""
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
    """The digest in the last audit entry of each consent."""
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
