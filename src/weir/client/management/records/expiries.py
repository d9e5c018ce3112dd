"""Expiries: signed statements of the records that were removed."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests


class Expiries:
    """Operations on expiries."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def list(self) -> AsyncIterator[Document]:
        """Signed statements of what expired, oldest first."""
        return self._requests.pages("/v1/records/expiries")
