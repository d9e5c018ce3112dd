"""Health of the platform: its processes and the change log."""

from __future__ import annotations

from weir.client.management.requests import Document, Requests


class Health:
    """Operations on the platform's health."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def get(self) -> Document:
        """Get the newest change's number and the state of every process; for the operator."""
        return await self._requests.get("/v1/health")
