"""Receipts of calls, fetched and verified here, so that no other party need be believed."""

from __future__ import annotations

import msgspec

from weir.client.errors import WeirError
from weir.client.management.records.seals import Seals
from weir.client.management.requests import Requests, quote_segment
from weir.kernel.seals import Receipt, receipt_fault


class Receipts:
    """Operations on receipts."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def get(self, name: str) -> Receipt:
        """Get and verify the receipt that `weir-receipt` names. WeirError when it does not hold."""
        document = await self._requests.whole(f"/v1/receipts/{quote_segment(name)}")
        receipt = msgspec.convert(document, Receipt)
        fault = receipt_fault(receipt, await Seals(self._requests).keys())
        if fault is not None or receipt.receipt != name:
            raise WeirError(f"The receipt {name} does not hold: {fault or 'it is another one'}.")
        return receipt
