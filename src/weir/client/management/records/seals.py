"""Seals of segments of call records, and the keys that seal them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from weir.client.management.requests import Document, Requests
from weir.kernel.seals import PublicKey


class Seals:
    """Operations on seals."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def keys(self) -> dict[str, PublicKey]:
        """Get the keys that seal records, by name."""
        found = [each async for each in self._requests.pages("/v1/records/keys")]
        return {each["kid"]: msgspec.convert(each, PublicKey) for each in found}

    def list(self) -> AsyncIterator[Document]:
        """List every seal, in the order of the tree."""
        return self._requests.pages("/v1/records/seals")
