"""Expiries: signed statements of records that were removed at the end of their retention."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests


class Expiries:
    """Operations on expiries."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def list(self) -> AsyncIterator[Document]:
        """List signed statements of expired records, oldest first."""
        return self._requests.pages("/v1/records/expiries")
