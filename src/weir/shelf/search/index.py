"""Search index of the shelf, written when a product is published or its plans change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import bindparam, cast, column, delete, func, literal, select, table, update
from sqlalchemy.dialects.postgresql import TSVECTOR, distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.openapi.operations import ImportedDocument
from weir.openapi.standard.document_view import Reading
from weir.openapi.standard.fields import GRADE
from weir.openapi.standard.labels import GRADES, labelled
from weir.openapi.subset import regenerate_subset
from weir.shelf import documents
from weir.shelf.pricing import Fixed, Package, Pricing, Value, read_pricing
from weir.shelf.search.terms import vector
from weir.shelf.tables import capabilities, plans, product_capabilities, products, shelf_entries
from weir.shelf.tables import documents as document_table

FREE: Final = "free"
PER_CALL: Final = "per-call"
MONTHLY: Final = "monthly"
SHARE: Final = "share"
PRICES: Final[dict[str, tuple[str, str]]] = {
    FREE: ("Free plan", "有免费套餐"),
    PER_CALL: ("By the call", "按次计费"),
    MONTHLY: ("By the month", "按月计费"),
    SHARE: ("By the amount", "按金额计费"),
}


class IndexedProduct(Protocol):
    """The properties of a product version that are indexed."""

    @property
    def id(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def owner_slug(self) -> str: ...
    @property
    def slug(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def title_en(self) -> str: ...
    @property
    def title_zh(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def description_zh(self) -> str: ...
    @property
    def suits_en(self) -> str: ...
    @property
    def suits_zh(self) -> str: ...
    @property
    def scenes(self) -> Sequence[str]: ...
    @property
    def published_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class _Operation:
    capability: str
    document: str
    operation_id: str
    words: tuple[str, str, str]  # summaries; name and path; description

    @property
    def terms(self) -> str:
        summary, name, description = self.words
        return vector((("A", summary), ("B", name), ("D", description)))


# The room that owns organisations is not imported, so these columns are read from the database.
_owners: Final = table(
    "organisations",
    *(column(name) for name in ("id", "name_en", "name_zh", "licence_kind", "partner_class")),
)


async def write(connection: AsyncConnection, product: IndexedProduct) -> None:
    """Index a published version in place of any other version of the product."""
    held = await _operations(connection, product.id)
    grade = await _worst_grade(connection, held)
    found = await connection.execute(select(_owners).where(_owners.c.id == product.owner))
    owner = found.one()
    names = f"{owner.name_en} {owner.name_zh}"
    terms, each = await asyncio.to_thread(
        lambda: (_terms(product, names, held), [operation.terms for operation in held])
    )
    await remove(connection, product.owner, product.slug)
    await connection.execute(
        insert(shelf_entries).values(
            product=product.id,
            owner=product.owner_slug,
            kind=owner.licence_kind or owner.partner_class or "",
            direction=product.direction,
            terms=cast(terms, TSVECTOR),
            grade=grade,
            prices=await _prices(connection, product.id),
            scenes=list(product.scenes),
            published_at=product.published_at,
        )
    )
    await _write_operations(connection, product.id, held, each)


async def remove(connection: AsyncConnection, owner: str, slug: str) -> None:
    """Remove every version of this product from the index."""
    named = select(products.c.id).where(products.c.owner == owner, products.c.slug == slug)
    await connection.execute(delete(shelf_entries).where(shelf_entries.c.product.in_(named)))


async def index_prices(connection: AsyncConnection, product_id: str) -> None:
    """Index the kinds of price of a product again, after a plan was offered or withdrawn."""
    await connection.execute(
        update(shelf_entries)
        .where(shelf_entries.c.product == product_id)
        .values(prices=await _prices(connection, product_id))
    )


async def list_missing(connection: AsyncConnection, limit: int) -> list[str]:
    """Return products whose newest published version is not indexed: published by an older weir."""
    newest = (
        select(products.c.id)
        .where(products.c.status == "published")
        .ext(distinct_on(products.c.owner, products.c.slug))
        .order_by(products.c.owner, products.c.slug, products.c.version.desc())
        .subquery()
    )
    found = await connection.execute(
        select(newest.c.id)
        .where(newest.c.id.not_in(select(shelf_entries.c.product)))
        .order_by(newest.c.id)
        .limit(limit)
    )
    return list(found.scalars())


def price_kinds(pricing: Pricing) -> set[str]:
    """Return the kinds of price of a plan, as people filter by them."""
    if not pricing.components:
        return {FREE}
    kinds = set()
    for component in pricing.components:
        match component:
            case Fixed() | Package():
                kinds.add(MONTHLY)
            case Value():
                kinds.add(SHARE)
            case _:
                kinds.add(PER_CALL)
    return kinds


async def _prices(connection: AsyncConnection, product_id: str) -> list[str]:
    rows = await connection.execute(
        select(plans.c.pricing).where(plans.c.product == product_id, plans.c.status == "offered")
    )
    kinds = {kind for row in rows for kind in price_kinds(read_pricing(row.pricing))}
    return [kind for kind in PRICES if kind in kinds]


async def _operations(connection: AsyncConnection, product_id: str) -> list[_Operation]:
    said = capabilities.c.definition
    rows = await connection.execute(
        select(
            capabilities.c.id,
            capabilities.c.document,
            capabilities.c.operation_id,
            capabilities.c.path,
            capabilities.c.summary,
            said["description"].as_string(),
            said["source"]["x-summary-zh"].as_string(),
        )
        .join(product_capabilities, product_capabilities.c.capability == capabilities.c.id)
        .where(product_capabilities.c.product == product_id)
        .order_by(capabilities.c.document, capabilities.c.position)
    )
    return [
        _Operation(
            capability,
            document,
            operation_id,
            (f"{summary} {summary_zh or ''}", f"{operation_id} {path}", description or ""),
        )
        for capability, document, operation_id, path, summary, description, summary_zh in rows
    ]


async def _worst_grade(connection: AsyncConnection, held: list[_Operation]) -> int | None:
    grades: list[int] = []
    for document in await _graded(connection, {each.document for each in held}):
        parsed = await documents.parsed_of(connection, document)
        wanted = [each.operation_id for each in held if each.document == document]
        grades += await asyncio.to_thread(_grades, parsed, wanted)
    return max(grades, default=None)


async def _graded(connection: AsyncConnection, among: set[str]) -> list[str]:
    """Return the documents whose text mentions grades at all, which most foreign ones do not."""
    sources = document_table
    found = await connection.execute(
        select(sources.c.id)
        .where(sources.c.id.in_(among))
        .where(func.position(literal(GRADE.encode()).op("IN")(sources.c.raw)) > 0)
    )
    return list(found.scalars())


def _grades(parsed: ImportedDocument, wanted: list[str]) -> list[int]:
    reading = Reading(regenerate_subset(parsed, wanted, []), parsed.version)
    return [int(str(field.grade)) for field in labelled(reading) if field.grade in GRADES]


def _terms(product: IndexedProduct, names: str, held: list[_Operation]) -> str:
    return vector(
        (
            ("A", f"{product.title_en} {product.title_zh}"),
            ("B", names),
            ("B", f"{product.description} {product.description_zh}"),
            ("B", f"{product.suits_en} {product.suits_zh} {product.owner_slug} {product.slug}"),
            *(("C", f"{each.words[0]} {each.words[1]}") for each in held),
            *(("D", each.words[2]) for each in held),
        )
    )


async def _write_operations(
    connection: AsyncConnection, product_id: str, held: list[_Operation], terms: list[str]
) -> None:
    if not held:
        return
    rows = product_capabilities
    await connection.execute(
        update(rows)
        .where(rows.c.product == product_id, rows.c.capability == bindparam("of"))
        .values(terms=cast(bindparam("found_by"), TSVECTOR)),
        [
            {"of": each.capability, "found_by": found_by}
            for each, found_by in zip(held, terms, strict=True)
        ],
    )
