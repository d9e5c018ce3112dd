"""After a closing: disputes, credits, netting rounds and payments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from weir.client.management_requests import Asker, Document, place


class Settling:
    """Operations on what is owed after a closing. Amounts are whole minor units."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def open_dispute(
        self, statement: str, line: int, reason: str, evidence: str = ""
    ) -> Document:
        """Say that a line of a statement (counted from 1) is wrong; it is held until decided."""
        given = {"line": line, "reason": reason, "evidence": evidence}
        return await self._asker.post(f"/v1/statements/{place(statement)}/disputes", given)

    def disputes(self, status: str | None = None) -> AsyncIterator[Document]:
        """One's own; every one for the operator; those of one status, if that is named."""
        return self._asker.pages("/v1/disputes", status=status)

    async def resolve_dispute(self, dispute: str, resolution: str, amount_minor: int) -> Document:
        """Give back `amount_minor`, or with 0 reject it."""
        given = {"resolution": resolution, "amount_minor": amount_minor}
        return await self._asker.post(f"/v1/disputes/{place(dispute)}/resolve", given)

    async def grant_credit(
        self, statement: str, line: int, amount_minor: int, reason: str
    ) -> Document:
        """Give back part of a line one was paid for."""
        given = {"line": line, "amount_minor": amount_minor, "reason": reason}
        return await self._asker.post(f"/v1/statements/{place(statement)}/credits", given)

    def credits(self) -> AsyncIterator[Document]:
        """Those that concern oneself, newest first; every one for the operator."""
        return self._asker.pages("/v1/credits")

    async def set_account(self, *, scheme: str, holder: str, account: str, bank: str) -> Document:
        """Where one pays from and is paid: `iban` at a BIC, or `cnaps` at a CNAPS code."""
        given = {"scheme": scheme, "holder": holder, "account": account, "bank": bank}
        return await self._asker.put("/v1/settlement-account", given)

    async def account(self) -> Document:
        return await self._asker.get("/v1/settlement-account")

    async def record_rate(
        self, *, base: str, quote: str, rate: str, source: str, observed_at: str
    ) -> Document:
        """What one major unit of `base` is worth in `quote`, by whom and when."""
        given = {
            "base": base, "quote": quote, "rate": rate, "source": source,
            "observed_at": observed_at,
        }  # fmt: skip
        return await self._asker.post("/v1/exchange-rates", given)

    def rates(self) -> AsyncIterator[Document]:
        """Newest recorded first."""
        return self._asker.pages("/v1/exchange-rates")

    async def settle(self, currency: str, converting: Sequence[str] = ()) -> Document:
        """Net all open debts of a currency into payments, and those of others, converted."""
        given = {"currency": currency, "converting": list(converting)}
        return await self._asker.post("/v1/netting-rounds", given)

    def rounds(self) -> AsyncIterator[Document]:
        """Rounds one took part in, newest first."""
        return self._asker.pages("/v1/netting-rounds")

    async def round(self, identifier: str) -> Document:
        return await self._asker.get(f"/v1/netting-rounds/{place(identifier)}")

    async def instructions(self, identifier: str) -> Document:
        """One's payments of a round for one's bank: `message` is ISO 20022 pain.001."""
        return await self._asker.post(f"/v1/netting-rounds/{place(identifier)}/instructions")

    async def receive(self, payment: str) -> Document:
        """Say that a payment to oneself has come."""
        return await self._asker.post(f"/v1/payments/{place(payment)}/receive")
