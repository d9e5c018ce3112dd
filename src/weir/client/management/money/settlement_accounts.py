"""Settlement accounts, from which each party pays and to which it is paid."""

from __future__ import annotations

from weir.client.management.requests import Document, Requests


class SettlementAccounts:
    """Operations on one's own settlement account."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def set(self, *, scheme: str, holder: str, account: str, bank: str) -> Document:
        """Set one's account: `iban` at a BIC, or `cnaps` at a CNAPS code."""
        given = {"scheme": scheme, "holder": holder, "account": account, "bank": bank}
        return await self._requests.put("/v1/settlement-account", given)

    async def get(self) -> Document:
        """Get one's own settlement account."""
        return await self._requests.get("/v1/settlement-account")
