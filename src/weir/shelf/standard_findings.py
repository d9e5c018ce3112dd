"""Findings of the standard for the shelf: in a document, and between product versions.

A document's bytes never change, so its findings are computed from its stored parts, by the rules of
today; findings stored at the import would miss every rule made since.
"""

from __future__ import annotations

import asyncio

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.openapi.operations import ImportedDocument
from weir.openapi.regeneration import regenerate
from weir.openapi.standard.comparison import compare_operations
from weir.openapi.standard.document_view import Reading
from weir.openapi.standard.lint import in_order, judge
from weir.openapi.standard.rules import Finding
from weir.shelf import documents, products
from weir.shelf.capabilities import Capability
from weir.shelf.products import Product
from weir.shelf.tables import products as product_table

Held = tuple[Reading, frozenset[str] | None]


async def findings_in(parsed: ImportedDocument) -> list[Finding]:
    """Return the findings on a document that has been read, computed in a thread."""
    return await asyncio.to_thread(lambda: judge(regenerate(parsed), parsed.version))


async def breaking_changes(
    connection: AsyncConnection, product: Product
) -> tuple[str | None, list[Finding]]:
    """Return the newest version before this one that was published, and the changes that break it.

    None and no change when there is no such version.
    """
    before = await _before(connection, product)
    if before is None:
        return None, []
    held = [await products.capabilities_of(connection, each) for each in (before, product.id)]
    parsed = {
        each: await documents.parsed_of(connection, each)
        for each in {capability.document for both in held for capability in both}
    }
    found = await asyncio.to_thread(_changes, parsed, *held)
    return before, found


def _changes(
    parsed: dict[str, ImportedDocument], old: list[Capability], new: list[Capability]
) -> list[Finding]:
    readings = {
        name: Reading(regenerate(document), document.version) for name, document in parsed.items()
    }
    after = _held(readings, new)
    found = [each for before in _held(readings, old) for each in compare_operations(before, after)]
    return in_order([*found, *_consents(old, new)])


def _held(readings: dict[str, Reading], held: list[Capability]) -> list[Held]:
    return [
        (reading, frozenset(each.operation_id for each in held if each.document == name))
        for name, reading in readings.items()
        if any(each.document == name for each in held)
    ]


def _consents(old: list[Capability], new: list[Capability]) -> list[Finding]:
    later = {(each.method, each.path): each for each in new}
    found = []
    for each in old:
        after = later.get((each.method, each.path), each)
        needs = [(one.consent_type, one.permission) for one in (each, after)]
        if needs[0] != needs[1]:
            shown = [" ".join(filter(None, need)) or "-" for need in needs]
            subject = f"{after.operation_id}: {shown[0]} → {shown[1]}"
            found.append(Finding("breaking-consent-changed", "", subject[:200]))
    return found


async def _before(connection: AsyncConnection, product: Product) -> str | None:
    found = await connection.execute(
        select(product_table.c.id)
        .where(product_table.c.owner == product.owner, product_table.c.slug == product.slug)
        .where(product_table.c.version < product.version)
        .where(product_table.c.published_at.is_not(None))
        .order_by(product_table.c.version.desc())
        .limit(1)
    )
    return found.scalar_one_or_none()
