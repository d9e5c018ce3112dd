"""OpenAPI documents on the shelf: imported by operation, and regenerated from the store.

Reading a document takes long enough to hold up other requests, so the caller first reads it with
`weir.openapi.operations.import_document` in a thread, and then stores the result here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import CONFLICT, NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.openapi.operations import ImportedDocument, ImportedOperation
from weir.openapi.regeneration import regenerate
from weir.shelf import capabilities
from weir.shelf.declares import DOCUMENT_LOCK, DOCUMENTS, DOCUMENTS_BYTES
from weir.shelf.tables import capabilities as capability_table
from weir.shelf.tables import documents
from weir.store.locks import hold
from weir.store.room import limit_reached, require_room
from weir.store.unit import UnitOfWork

_SUMMARY = [
    column for column in documents.c if column.name not in ("raw", "shared")
]  # the columns of lists; a whole document may be megabytes long


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as stored, without its text.

    `version` counts the imports under one slug; `document_version` is the author's own; `openapi`
    is 2.0, 3.0 or 3.1.
    """

    id: str
    owner: str
    slug: str
    version: int
    title: str
    document_version: str
    openapi: str
    backend_url: str
    base_path: str
    sha256: str
    imported_at: datetime
    imported_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """The result of an import.

    `carried` names the operations whose declarations still hold and were taken over from the
    version before, `dropped` the operations whose declarations no longer do.
    """

    document: Document
    operations: int
    carried: list[str]
    dropped: list[str]


async def store(
    unit: UnitOfWork, owner: str, slug: str, backend_url: str, raw: bytes, parsed: ImportedDocument
) -> Import:
    """Store a document that has been read; under a slug in use, as its next version.

    `backend_url` is the owner's address: https, without the document's own base path. CONFLICT when
    the latest version is the same in every byte and address.
    """
    inputs.slug(slug, "/slug")
    inputs.https_url(backend_url, "/backend_url")
    await hold(unit.connection, DOCUMENT_LOCK, f"{owner} {slug}")
    before = await _latest(unit.connection, owner, slug)
    digest = hashlib.sha256(raw).hexdigest()
    if before is not None and (before.sha256, before.backend_url) == (digest, backend_url):
        raise Refusal(
            CONFLICT,
            why="is the same as the version before it",
            why_zh="与上一版本相同",
            version=before.version,
        )
    await require_room(unit, documents, documents.c.owner == owner, owner, "DOCUMENTS", DOCUMENTS)
    await _require_bytes(unit, owner, len(raw))
    document = await _insert(unit, owner, slug, backend_url, raw, digest, parsed, before)
    carried, dropped = await capabilities.create(
        unit, document.id, owner, parsed, before.id if before else None
    )
    detail = {"slug": slug, "version": document.version, "sha256": digest, "backend": backend_url}
    unit.audit("document.imported", document.id, detail, organisation=owner)
    return Import(
        document=document, operations=len(parsed.operations), carried=carried, dropped=dropped
    )


async def get(connection: AsyncConnection, document_id: str) -> Document:
    """Return the document. NOT_FOUND."""
    found = await connection.execute(_summaries().where(documents.c.id == document_id))
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such document")
    return _document(row)


async def list_page(
    connection: AsyncConnection, owner: str, *, after: str = ""
) -> Sequence[Document]:
    """Return up to PAGE_ROWS documents of an owner, oldest first, after the identifier `after`."""
    statement = _summaries().where(documents.c.owner == owner, documents.c.id > after)
    rows = await connection.execute(statement.order_by(documents.c.id).limit(PAGE_ROWS))
    return [_document(row) for row in rows]


async def raw_of(connection: AsyncConnection, document_id: str) -> bytes:
    """Return the bytes that were imported. NOT_FOUND."""
    found = await connection.execute(select(documents.c.raw).where(documents.c.id == document_id))
    raw = found.scalar_one_or_none()
    if raw is None:
        raise Refusal(NOT_FOUND, "no such document")
    return bytes(raw)


async def parsed_of(connection: AsyncConnection, document_id: str) -> ImportedDocument:
    """Return the document as it was read, from its stored parts. NOT_FOUND."""
    document = await get(connection, document_id)
    shared = await connection.execute(
        select(documents.c.shared).where(documents.c.id == document_id)
    )
    rows = await connection.execute(
        select(capability_table.c.definition)
        .where(capability_table.c.document == document_id)
        .order_by(capability_table.c.position)
    )
    return ImportedDocument(
        version=document.openapi,  # type: ignore[arg-type] # written from the same closed list
        title=document.title,
        document_version=document.document_version,
        base_path=document.base_path,
        operations=msgspec.convert(list(rows.scalars()), list[ImportedOperation]),
        shared=shared.scalar_one(),
    )


async def openapi_of(connection: AsyncConnection, document_id: str) -> dict[str, Any]:
    """Return the OpenAPI document, regenerated from the store.

    After normalisation it is equal to the source.
    """
    return regenerate(await parsed_of(connection, document_id))


async def _latest(connection: AsyncConnection, owner: str, slug: str) -> Document | None:
    found = await connection.execute(
        _summaries()
        .where(documents.c.owner == owner, documents.c.slug == slug)
        .order_by(documents.c.version.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return None if row is None else _document(row)


async def _require_bytes(unit: UnitOfWork, owner: str, more: int) -> None:
    """Check that an owner's documents and one more stay within DOCUMENTS_BYTES. LIMIT_REACHED."""
    held = await unit.connection.scalar(
        select(func.sum(func.octet_length(documents.c.raw))).where(documents.c.owner == owner)
    )
    if int(held or 0) + more > DOCUMENTS_BYTES:
        raise limit_reached("DOCUMENTS_BYTES", DOCUMENTS_BYTES)


async def _insert(
    unit: UnitOfWork,
    owner: str,
    slug: str,
    backend_url: str,
    raw: bytes,
    digest: str,
    parsed: ImportedDocument,
    before: Document | None,
) -> Document:
    added = await unit.connection.execute(
        documents.insert()
        .values(
            id=unit.mint("doc"),
            owner=owner,
            slug=slug,
            version=before.version + 1 if before else 1,
            title=parsed.title,
            document_version=parsed.document_version,
            openapi=parsed.version,
            backend_url=backend_url,
            base_path=parsed.base_path,
            sha256=digest,
            raw=raw,
            shared=parsed.shared,
            imported_at=unit.now,
            imported_by=unit.actor.subject,
        )
        .returning(*_SUMMARY)
    )
    return _document(added.one())


def _summaries() -> Select[Any]:
    return select(*_SUMMARY)


def _document(row: Row[Any]) -> Document:
    return Document(**row._mapping)
