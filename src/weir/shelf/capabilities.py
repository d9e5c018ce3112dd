"""Capabilities: one for each operation of a document, declared by its owner, then published.

A published capability no longer changes; a corrected document is imported as a new version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.declares import ILLEGAL_STATE, NOT_FOUND, PAGE_ROWS
from weir.kernel.outcomes import Refusal
from weir.openapi.operations import ImportedDocument
from weir.shelf.declarations import NOTHING, Declaration, read_declaration
from weir.shelf.published import Bindings
from weir.shelf.tables import capabilities, documents
from weir.store.unit import UnitOfWork

_SUMMARY = [
    *(column for column in capabilities.c if column.name != "definition"),
    capabilities.c.definition["source"]["x-summary-zh"].as_string().label("summary_zh"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """A capability as stored, without the text of its operation.

    `summary_zh` is the operation's own `x-summary-zh`, None where its document gives none.
    """

    id: str
    document: str
    position: int
    owner: str
    operation_id: str
    method: str
    path: str
    summary: str
    summary_zh: str | None
    state: str
    consent_type: str | None
    permission: str | None
    moves_money: bool
    bindings: Bindings | None
    declared_at: datetime | None

    @property
    def declaration(self) -> Declaration:
        """The owner's declaration of the capability."""
        return Declaration(
            consent_type=self.consent_type,
            permission=self.permission,
            moves_money=self.moves_money,
            bindings=self.bindings,
        )


async def create(
    unit: UnitOfWork,
    document_id: str,
    owner: str,
    parsed: ImportedDocument,
    previous_document: str | None,
) -> tuple[list[str], list[str]]:
    """Make a draft capability of every operation.

    Return the operations whose declarations were carried over from the version before, then the
    operations whose declarations no longer hold.
    """
    declared = await _declarations(unit.connection, previous_document)
    kept = {
        operation_id: declaration
        for operation_id, declaration in declared.items()
        if parsed.operation(operation_id) and _still_holds(parsed, operation_id, declaration)
    }
    rows = [
        {
            "id": unit.mint("cap"),
            "document": document_id,
            "position": position,
            "owner": owner,
            "operation_id": operation.operation_id,
            "method": operation.method,
            "path": operation.path,
            "summary": operation.summary,
            "definition": msgspec.to_builtins(operation),
            "state": "draft",
            **_columns(kept.get(operation.operation_id, NOTHING)),
            "declared_at": unit.now if operation.operation_id in kept else None,
        }
        for position, operation in enumerate(parsed.operations)
    ]
    if rows:
        await unit.connection.execute(capabilities.insert(), rows)
    return sorted(kept), sorted(declared.keys() - kept.keys())


async def declare(
    unit: UnitOfWork, capability_id: str, parsed: ImportedDocument, declaration: Declaration
) -> Capability:
    """Declare the consent that a draft capability needs. `parsed` is its document.

    INVALID_INPUT says what is wrong; ILLEGAL_STATE when the capability has been published.
    """
    capability = await _lock(unit.connection, capability_id)
    if capability.state != "draft":
        raise Refusal(
            ILLEGAL_STATE,
            state=capability.state,
            why="a published capability no longer changes; import the document anew",
            why_zh="已发布的能力不可更改，请重新导入文档",
        )
    checked = await asyncio.to_thread(
        read_declaration, parsed, capability.operation_id, declaration
    )
    changed = await unit.connection.execute(
        update(capabilities)
        .where(capabilities.c.id == capability_id)
        .values(**_columns(checked), declared_at=unit.now)
        .returning(*_SUMMARY)
    )
    after = _capability(changed.one())
    detail = {"operation_id": after.operation_id, **_columns(checked)}
    unit.audit("capability.declared", after.id, detail, organisation=after.owner)
    return after


async def publish(unit: UnitOfWork, capability_ids: Sequence[str]) -> None:
    """Fix capabilities for good, because a product with them goes on the shelf."""
    await unit.connection.execute(
        update(capabilities).where(capabilities.c.id.in_(capability_ids)).values(state="published")
    )


async def get(connection: AsyncConnection, capability_id: str) -> Capability:
    """Return the capability. NOT_FOUND."""
    found = await connection.execute(_summaries().where(capabilities.c.id == capability_id))
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such capability")
    return _capability(row)


async def get_many(connection: AsyncConnection, capability_ids: Sequence[str]) -> list[Capability]:
    """Return the capabilities that exist, in the order of their documents."""
    found = await connection.execute(
        _summaries()
        .where(capabilities.c.id.in_(capability_ids))
        .order_by(capabilities.c.document, capabilities.c.position)
    )
    return [_capability(row) for row in found]


async def of_document(
    connection: AsyncConnection, document_id: str, *, after_position: int = -1
) -> Sequence[Capability]:
    """Return up to PAGE_ROWS of a document's capabilities in its order, after a position."""
    rows = await connection.execute(
        _summaries()
        .where(capabilities.c.document == document_id)
        .where(capabilities.c.position > after_position)
        .order_by(capabilities.c.position)
        .limit(PAGE_ROWS)
    )
    return [_capability(row) for row in rows]


async def base_paths(connection: AsyncConnection, capability_ids: Sequence[str]) -> dict[str, str]:
    """Return the base path under which the owner serves each capability's operation."""
    rows = await connection.execute(
        select(capabilities.c.id, capabilities.c.definition["base_path"].as_string()).where(
            capabilities.c.id.in_(capability_ids)
        )
    )
    return {row[0]: row[1] for row in rows}


async def reading_path(connection: AsyncConnection, owner: str, backend_url: str) -> str | None:
    """Return the path of an operation of a service that only reads and needs no parameter in it."""
    base_path = capabilities.c.definition["base_path"].as_string()
    found = await connection.execute(
        select(base_path + capabilities.c.path)
        .join(documents, documents.c.id == capabilities.c.document)
        .where(capabilities.c.owner == owner, documents.c.backend_url == backend_url)
        .where(capabilities.c.method == "GET", ~capabilities.c.path.contains("{"))
        .order_by(capabilities.c.id)
        .limit(1)
    )
    return found.scalar_one_or_none()


async def _declarations(
    connection: AsyncConnection, document_id: str | None
) -> dict[str, Declaration]:
    """Return the declarations of a document's capabilities, by operation id."""
    if document_id is None:
        return {}
    rows = await connection.execute(
        _summaries()
        .where(capabilities.c.document == document_id)
        .where(capabilities.c.declared_at.is_not(None))
    )
    return {row.operation_id: _capability(row).declaration for row in rows}


def _still_holds(parsed: ImportedDocument, operation_id: str, declaration: Declaration) -> bool:
    try:
        read_declaration(parsed, operation_id, declaration)
    except Refusal:
        return False
    return True


async def _lock(connection: AsyncConnection, capability_id: str) -> Capability:
    found = await connection.execute(
        _summaries().where(capabilities.c.id == capability_id).with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such capability")
    return _capability(row)


def _columns(declaration: Declaration) -> dict[str, Any]:
    """Return a declaration as columns of `capabilities`."""
    bindings = declaration.bindings
    return {
        "consent_type": declaration.consent_type,
        "permission": declaration.permission,
        "moves_money": declaration.moves_money,
        "bindings": None if bindings is None else msgspec.to_builtins(bindings),
    }


def _summaries() -> Select[Any]:
    return select(*_SUMMARY)


def _capability(row: Row[Any]) -> Capability:
    fields = dict(row._mapping)
    bindings = fields.pop("bindings")
    return Capability(
        **fields, bindings=None if bindings is None else msgspec.convert(bindings, Bindings)
    )
