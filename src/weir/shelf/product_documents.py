"""A product's operations as an OpenAPI document of its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.openapi.subset import regenerate_subset
from weir.shelf import documents, products
from weir.shelf.products import Product


async def openapi_of(
    connection: AsyncConnection, product: Product, api_origin: str, document_id: str | None = None
) -> dict[str, Any]:
    """Return the product's operations of one document, served at `api_origin` plus the prefix.

    A product may draw on several documents; then `document_id` selects one. INVALID_INPUT when it
    is absent or names none of them.
    """
    held = await products.capabilities_of(connection, product.id)
    sources = sorted({capability.document for capability in held})
    chosen = document_id if document_id or len(sources) != 1 else sources[0]
    if chosen not in sources:
        listed = ", ".join(sources) or "none"
        raise inputs.wrong("/document", f"must be one of: {listed}", f"须为以下之一：{listed}")
    parsed = await documents.parsed_of(connection, chosen)
    wanted = [capability.operation_id for capability in held if capability.document == chosen]
    return regenerate_subset(parsed, wanted, [f"{api_origin}{product.prefix}"])
