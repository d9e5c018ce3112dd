"""The shelf: documents, capabilities, products, plans and subscriptions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from weir.client.management_requests import Asker, Document, place


class Shelf:
    """Operations on what an organisation offers and subscribes to."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def import_document(self, slug: str, backend_url: str, content: bytes) -> Document:
        """Import an OpenAPI document, JSON or YAML, that is served at `backend_url`."""
        return await self._asker.upload(
            "/v1/documents", content, slug=slug, backend_url=backend_url
        )

    def documents(self) -> AsyncIterator[Document]:
        return self._asker.pages("/v1/documents")

    async def document(self, document: str) -> Document:
        return await self._asker.get(f"/v1/documents/{place(document)}")

    async def document_source(self, document: str) -> bytes:
        """The bytes that were imported."""
        return (await self._asker.fetch(f"/v1/documents/{place(document)}/source")).content

    async def document_openapi(self, document: str) -> Document:
        """The document, regenerated from the store."""
        return await self._asker.whole(f"/v1/documents/{place(document)}/openapi")

    def findings(self, document: str) -> AsyncIterator[Document]:
        """What a document does not keep of the standard, errors first."""
        return self._asker.pages(f"/v1/documents/{place(document)}/findings")

    async def register_backend(
        self,
        url: str,
        endpoints: Sequence[str],
        authority: str | None = None,
        health_path: str | None = None,
    ) -> Document:
        """Say at which endpoints (`host:port`) the service `url` is reached. `authority` is PEM."""
        given = _reach(endpoints, authority, health_path) | {"url": url}
        return await self._asker.post("/v1/backends", given)

    async def change_backend(
        self,
        backend: str,
        endpoints: Sequence[str],
        authority: str | None = None,
        health_path: str | None = None,
    ) -> Document:
        """Replace a service's endpoints, authority and health check."""
        given = _reach(endpoints, authority, health_path)
        return await self._asker.put(f"/v1/backends/{place(backend)}", given)

    async def remove_backend(self, backend: str) -> Document:
        """Have a service reached at its own address again."""
        return await self._asker.post(f"/v1/backends/{place(backend)}/remove")

    def backends(self) -> AsyncIterator[Document]:
        return self._asker.pages("/v1/backends")

    async def backend(self, backend: str) -> Document:
        return await self._asker.get(f"/v1/backends/{place(backend)}")

    def capabilities(self, document: str) -> AsyncIterator[Document]:
        return self._asker.pages(f"/v1/documents/{place(document)}/capabilities")

    async def capability(self, capability: str) -> Document:
        return await self._asker.get(f"/v1/capabilities/{place(capability)}")

    async def declare(
        self,
        capability: str,
        *,
        consent_type: str | None = None,
        permission: str | None = None,
        moves_money: bool = False,
        bindings: Mapping[str, str] | None = None,
    ) -> Document:
        """Say what consent a capability needs and where a call carries what it is held to."""
        given = {
            "consent_type": consent_type,
            "permission": permission,
            "moves_money": moves_money,
            "bindings": None if bindings is None else dict(bindings),
        }
        return await self._asker.put(f"/v1/capabilities/{place(capability)}/declaration", given)

    async def draft_product(
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
        """The next version of a product, unchangeable once it is published.

        `suits_en` and `suits_zh` say whom it suits; `weir shelf scenes` lists the `scenes`.

        With `signed_messages` it takes signed requests only, and signs its answers (RFC 9421).
        With `sandbox` it is answered by model data, and open to partners in the sandbox.
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
        return await self._asker.post("/v1/products", given)

    async def publish(self, product: str) -> Document:
        return await self._asker.post(f"/v1/products/{place(product)}/publish")

    async def retire(self, product: str) -> Document:
        """Take a version off the shelf and end its subscriptions."""
        return await self._asker.post(f"/v1/products/{place(product)}/retire")

    def everything(self, direction: str | None = None) -> AsyncIterator[Document]:
        """The whole shelf, whoever owns it."""
        return self._asker.pages("/v1/shelf", direction=direction)

    async def search(
        self, words: str = "", *, page: int = 1, direction: str | None = None, **facets: list[str]
    ) -> Document:
        """Find products by words, English or Chinese. `facets` narrow: kind, owner, grade, price,
        scene, each to any of the values given."""
        chosen = [(name, value) for name, values in facets.items() for value in values]
        query = [("q", words), ("page", str(page)), *chosen]
        if direction is not None:
            query.append(("direction", direction))
        return await self._asker.get(f"/v1/shelf/search?{urlencode(query)}")

    def products(self) -> AsyncIterator[Document]:
        """One's own, drafts too."""
        return self._asker.pages("/v1/products")

    async def product(self, product: str) -> Document:
        return await self._asker.get(f"/v1/products/{place(product)}")

    async def breaking_changes(self, product: str) -> Document:
        """What a product version breaks of the version before it."""
        return await self._asker.get(f"/v1/products/{place(product)}/changes")

    async def product_openapi(self, product: str) -> Document:
        """The product's operations as an OpenAPI document, at the gateway's address."""
        return await self._asker.whole(f"/v1/products/{place(product)}/openapi")

    async def offer_plan(
        self,
        product: str,
        *,
        name: str,
        currency: str,
        pricing: Mapping[str, Any],
        rate_per_s: int | str = "unlimited",
        quota: int | str = "unlimited",
        quota_period: str | None = None,
        auto_approve: bool = False,
    ) -> Document:
        """Terms: `pricing` as in docs/money.md; 0 is a limit of none, `unlimited` is no limit."""
        given: Mapping[str, Any] = {
            "name": name,
            "currency": currency,
            "pricing": pricing,
            "rate_per_s": rate_per_s,
            "quota": quota,
            "quota_period": quota_period,
            "auto_approve": auto_approve,
        }
        return await self._asker.post(f"/v1/products/{place(product)}/plans", given)

    def plans(self, product: str) -> AsyncIterator[Document]:
        return self._asker.pages(f"/v1/products/{place(product)}/plans")

    async def withdraw_plan(self, plan: str) -> Document:
        """Take no new subscriptions under it; those there are go on."""
        return await self._asker.post(f"/v1/plans/{place(plan)}/withdraw")

    async def change_plan(
        self, plan: str, pricing: Mapping[str, Any], effective_from: str
    ) -> Document:
        """Announce what it costs from a day on; subscribers keep their price for the notice."""
        given = {"pricing": pricing, "effective_from": effective_from}
        return await self._asker.post(f"/v1/plans/{place(plan)}/changes", given)

    async def take_back_plan_change(self, plan: str) -> Document:
        """Take back the newest price before it is in force."""
        return await self._asker.post(f"/v1/plans/{place(plan)}/changes/take-back")

    async def subscribe(self, application: str, plan: str) -> Document:
        """Ask for a product for an application of one's own."""
        given = {"application": application, "plan": plan}
        return await self._asker.post("/v1/subscriptions", given)

    def subscriptions(self) -> AsyncIterator[Document]:
        """Those one holds, and those to one's products."""
        return self._asker.pages("/v1/subscriptions")

    async def act_on_subscription(self, subscription: str, act: str) -> Document:
        """`act` is approve, refuse, suspend, resume or end."""
        return await self._asker.post(f"/v1/subscriptions/{place(subscription)}/{place(act)}")


def _reach(
    endpoints: Sequence[str], authority: str | None, health_path: str | None
) -> dict[str, Any]:
    return {"endpoints": list(endpoints), "authority": authority, "health_path": health_path}
