"""OpenAPI documents of an institution."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quote_segment


class Documents:
    """Operations on documents."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def import_document(self, slug: str, backend_url: str, content: bytes) -> Document:
        """Import an OpenAPI document, JSON or YAML, that is served at `backend_url`."""
        return await self._requests.upload(
            "/v1/documents", content, slug=slug, backend_url=backend_url
        )

    def list(self) -> AsyncIterator[Document]:
        """List one's own documents."""
        return self._requests.pages("/v1/documents")

    async def get(self, document: str) -> Document:
        """Get one document, without its text."""
        return await self._requests.get(f"/v1/documents/{quote_segment(document)}")

    async def source(self, document: str) -> bytes:
        """Get the bytes that were imported."""
        return (
            await self._requests.fetch(f"/v1/documents/{quote_segment(document)}/source")
        ).content

    async def openapi(self, document: str) -> Document:
        """Get the document, regenerated from the store."""
        return await self._requests.whole(f"/v1/documents/{quote_segment(document)}/openapi")

    def findings(self, document: str) -> AsyncIterator[Document]:
        """List a document's findings against the standard, errors first."""
        return self._requests.pages(f"/v1/documents/{quote_segment(document)}/findings")
