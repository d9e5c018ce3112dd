"""Backends: the endpoints at which services are reached."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from weir.client.management.requests import Document, Requests, quote_segment


class Backends:
    """Operations on backends."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def register(
        self,
        url: str,
        endpoints: Sequence[str],
        authority: str | None = None,
        health_path: str | None = None,
        *,
        signs_each_call: bool = False,
    ) -> Document:
        """Register the endpoints (`host:port`) of the service `url`. `authority` is in PEM.

        With `signs_each_call` every call's identity is signed for it alone.
        """
        given = _reach(endpoints, authority, health_path, signs_each_call) | {"url": url}
        return await self._requests.post("/v1/backends", given)

    async def change(
        self,
        backend: str,
        endpoints: Sequence[str],
        authority: str | None = None,
        health_path: str | None = None,
        *,
        signs_each_call: bool = False,
    ) -> Document:
        """Replace a service's endpoints, authority and health check."""
        given = _reach(endpoints, authority, health_path, signs_each_call)
        return await self._requests.put(f"/v1/backends/{quote_segment(backend)}", given)

    async def test(self, backend: str) -> Document:
        """Test that a service refuses callers besides the gateways; `findings` says what it did."""
        return await self._requests.post(f"/v1/backends/{quote_segment(backend)}/test")

    async def gateway_identity(self) -> Document:
        """Get the facts that identify the gateways' calls: issuer, name and keys."""
        return await self._requests.get("/v1/gateway-identity")

    async def remove(self, backend: str) -> Document:
        """Remove the endpoints: the service is reached at its own address again."""
        return await self._requests.post(f"/v1/backends/{quote_segment(backend)}/remove")

    def list(self) -> AsyncIterator[Document]:
        """List one's own services."""
        return self._requests.pages("/v1/backends")

    async def get(self, backend: str) -> Document:
        """Get one service and its endpoints."""
        return await self._requests.get(f"/v1/backends/{quote_segment(backend)}")


def _reach(
    endpoints: Sequence[str],
    authority: str | None,
    health_path: str | None,
    signs_each_call: bool,
) -> dict[str, Any]:
    """Return the body that says how a service is reached."""
    return {
        "endpoints": list(endpoints),
        "authority": authority,
        "health_path": health_path,
        "signs_each_call": signs_each_call,
    }
