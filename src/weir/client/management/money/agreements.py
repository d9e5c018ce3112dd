"""Agreements: splits of a product's revenue, signed by its parties."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from weir.client.credentials import Credentials
from weir.client.errors import ProtocolError
from weir.client.management.requests import Document, Requests, quote_segment
from weir.kernel import strict_json
from weir.kernel.clock import read_moment
from weir.kernel.signed_terms import sign


class Agreements:
    """Operations on agreements."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def propose(
        self,
        product: str,
        credentials: Credentials,
        *,
        effective_from: str,
        currency: str,
        shares: Sequence[Mapping[str, Any]],
        billable: str = "succeeded",
        rounding: str = "half_even",
    ) -> Document:
        """Propose how a product's revenue is split, and sign it where one's signature is needed.

        `shares` are terms of `party` (member, operator, partner, or an organisation's identifier)
        and one of: `weight` in basis points, which sum to 10,000; `tiers` of `up_to` and `weight`;
        `fixed` `per` call, where `scene` or `referrer` reward only calls from there; `fixed` `per`
        customer who came on `days` days; `fixed` `per` month or `minimum`, `paid_by` another party.
        `billable` is succeeded or answered (declined calls too), `rounding` half_even, half_up,
        down or up.
        """
        given: Document = {
            "effective_from": effective_from,
            "currency": currency,
            "shares": [dict(each) for each in shares],
            "billable": billable,
            "rounding": rounding,
        }
        made = await self._requests.post(f"/v1/products/{quote_segment(product)}/agreements", given)
        asked = {**given, "product": product}
        return await self._signed_where_needed(made, asked, credentials)

    async def counter(
        self,
        agreement: str,
        credentials: Credentials,
        *,
        effective_from: str,
        shares: Sequence[Mapping[str, Any]],
        billable: str = "succeeded",
        rounding: str = "half_even",
    ) -> Document:
        """Answer a proposal with other terms, and sign them where one's signature is needed."""
        given: Document = {
            "effective_from": effective_from,
            "shares": [dict(each) for each in shares],
            "billable": billable,
            "rounding": rounding,
        }
        made = await self._requests.post(
            f"/v1/agreements/{quote_segment(agreement)}/counter", given
        )
        asked = {**given, "counters": agreement}
        return await self._signed_where_needed(made, asked, credentials)

    async def get(self, agreement: str) -> Document:
        """Get one agreement with its `terms` and the `signatures` under them."""
        return await self._requests.get(f"/v1/agreements/{quote_segment(agreement)}")

    def of_product(self, product: str) -> AsyncIterator[Document]:
        """List a product's agreements that one is a party to, newest first."""
        return self._requests.pages(f"/v1/products/{quote_segment(product)}/agreements")

    def list(self) -> AsyncIterator[Document]:
        """List every agreement that one is a party to, of any product, newest first."""
        return self._requests.pages("/v1/agreements")

    async def trial(self, agreement: str, period: str) -> Document:
        """Compute a past period under the agreement beside today's: `results` by party."""
        address = f"/v1/agreements/{quote_segment(agreement)}/trial"
        return await self._requests.get(address, period=period)

    async def accept(
        self, agreement: str, credentials: Credentials, terms: str | None = None
    ) -> Document:
        """Sign the agreement's terms; the last signature puts it in force.

        `terms` is the text that was read; by default the text that the platform shows now. The
        platform refuses it when the agreement has other terms.
        """
        if terms is None:
            terms = str((await self.get(agreement))["terms"])
        signature = sign(terms, credentials.signing_key, credentials.thumbprint())
        address = f"/v1/agreements/{quote_segment(agreement)}/accept"
        return await self._requests.post(address, {"signature": signature})

    async def end(self, agreement: str) -> Document:
        """Decline a proposal, or end an agreement now."""
        return await self._requests.post(f"/v1/agreements/{quote_segment(agreement)}/end")

    async def _signed_where_needed(
        self, made: Document, asked: Document, credentials: Credentials
    ) -> Document:
        """Sign a proposal where one's signature is needed, and return it.

        ProtocolError when its terms are not those that were asked for.
        """
        if made["proposed_by"] not in made["needed"]:
            return made
        terms = strict_json.loads(made["terms"])
        if not isinstance(terms, dict) or any(
            _differs(name, wanted, terms.get(name)) for name, wanted in asked.items()
        ):
            raise ProtocolError("the platform shows other terms than were proposed")
        return await self.accept(made["id"], credentials, made["terms"])


def _differs(name: str, wanted: Any, shown: Any) -> bool:
    """Whether a term differs from the one asked for; the same time may be written otherwise."""
    if name != "effective_from":
        return bool(shown != wanted)
    try:
        return read_moment(shown) != read_moment(wanted)
    except (TypeError, ValueError):
        return True
