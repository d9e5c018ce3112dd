"""Products: versioned bundles of capabilities."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from weir.client.management.requests import Document, Requests, quote_segment


class Products:
    """Operations on one's own products."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def draft(
        self,
        *,
        slug: str,
        title_en: str,
        title_zh: str,
        direction: str = "go-out",
        description: str = "",
        description_zh: str = "",
        suits_en: str = "",
        suits_zh: str = "",
        scenes: Sequence[str] = (),
        signed_messages: bool = False,
        sandbox: bool = False,
        capabilities: Sequence[str] = (),
    ) -> Document:
        """Draft the next version of a product, unchangeable once it is published.

        `suits_en` and `suits_zh` say whom it suits; `weir shelf scenes` lists the `scenes`.

        With `signed_messages` it takes signed requests only, and signs its answers (RFC 9421). With
        `sandbox` it is answered by model data, and open to partners in the sandbox.
        """
        given: Document = {
            "slug": slug,
            "direction": direction,
            "title_en": title_en,
            "title_zh": title_zh,
            "description": description,
            "description_zh": description_zh,
            "suits_en": suits_en,
            "suits_zh": suits_zh,
            "scenes": list(scenes),
            "capabilities": list(capabilities),
        }
        if signed_messages:  # a platform of an older version knows no such field
            given["signed_messages"] = True
        if sandbox:
            given["sandbox"] = True
        return await self._requests.post("/v1/products", given)

    async def publish(self, product: str) -> Document:
        """Put a draft on the shelf, unchangeable from then on."""
        return await self._requests.post(f"/v1/products/{quote_segment(product)}/publish")

    async def retire(self, product: str) -> Document:
        """Take a version off the shelf and end its subscriptions."""
        return await self._requests.post(f"/v1/products/{quote_segment(product)}/retire")

    def list(self) -> AsyncIterator[Document]:
        """List one's own products, drafts too."""
        return self._requests.pages("/v1/products")

    async def get(self, product: str) -> Document:
        """Get one product version with its capabilities."""
        return await self._requests.get(f"/v1/products/{quote_segment(product)}")

    async def breaking_changes(self, product: str) -> Document:
        """Get the breaking changes of a product version against the version before it."""
        return await self._requests.get(f"/v1/products/{quote_segment(product)}/changes")

    async def openapi(self, product: str) -> Document:
        """Get the product's operations as an OpenAPI document, at the gateway's address."""
        return await self._requests.whole(f"/v1/products/{quote_segment(product)}/openapi")
