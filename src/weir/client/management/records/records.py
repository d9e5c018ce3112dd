"""Call records: counts, and the files of the lake."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests


class Records:
    """Operations on call records."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def count(self, since: str | None = None, until: str | None = None) -> AsyncIterator[Document]:
        """Count stored calls by application, product, status and refusal; UTC days, inclusive."""
        return self._requests.pages("/v1/records/counts", since=since, until=until)

    def files(self, since: str | None = None, until: str | None = None) -> AsyncIterator[str]:
        """List the lake's files that are to be read, for the operator; UTC days, both included."""
        return self._requests.pages("/v1/records/files", since=since, until=until)
