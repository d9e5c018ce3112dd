"""The books: agreements, periods, statements, records and the audit chain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from weir.client.credentials import Credentials
from weir.client.errors import ProtocolError
from weir.client.management_requests import Asker, Document, place
from weir.kernel import strict_json
from weir.kernel.clock import read_moment
from weir.kernel.signed_terms import sign

_POLL_S: Final = 0.2


class Books:
    """Operations on what is owed and on what was done."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def propose_agreement(
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
        made = await self._asker.post(f"/v1/products/{place(product)}/agreements", given)
        asked = {**given, "product": product}
        return await self._signed_where_needed(made, asked, credentials)

    async def counter_agreement(
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
        made = await self._asker.post(f"/v1/agreements/{place(agreement)}/counter", given)
        asked = {**given, "counters": agreement}
        return await self._signed_where_needed(made, asked, credentials)

    async def agreement(self, agreement: str) -> Document:
        """One agreement with its `terms` and the `signatures` under them."""
        return await self._asker.get(f"/v1/agreements/{place(agreement)}")

    def agreements(self, product: str) -> AsyncIterator[Document]:
        """A product's agreements one is a party to, newest first."""
        return self._asker.pages(f"/v1/products/{place(product)}/agreements")

    def all_agreements(self) -> AsyncIterator[Document]:
        """Every agreement one is a party to, of whatever product, newest first."""
        return self._asker.pages("/v1/agreements")

    async def try_agreement(self, agreement: str, period: str) -> Document:
        """What a past period would have come to under it, beside today's: `results` by party."""
        address = f"/v1/agreements/{place(agreement)}/trial"
        return await self._asker.get(address, period=period)

    async def accept_agreement(
        self, agreement: str, credentials: Credentials, terms: str | None = None
    ) -> Document:
        """Sign its terms; the last signature puts it in force.

        `terms` is the text one has read; by default what the platform shows now. It is refused when
        the agreement has other terms.
        """
        if terms is None:
            terms = str((await self.agreement(agreement))["terms"])
        signature = sign(terms, credentials.signing_key, credentials.thumbprint())
        address = f"/v1/agreements/{place(agreement)}/accept"
        return await self._asker.post(address, {"signature": signature})

    async def end_agreement(self, agreement: str) -> Document:
        return await self._asker.post(f"/v1/agreements/{place(agreement)}/end")

    async def close_period(
        self,
        period: str,
        currency: str,
        *,
        settle: bool = False,
        told: Callable[[str], None] | None = None,
    ) -> Document:
        """Close a month (`2026-11`) or an interval of two UTC times, and wait until it is done.

        `told` hears of each step. `statements` by party; `failure` when it could not be done. With
        `settle`, what is owed is netted and payment messages are handed over.
        """
        given = {"period": period, "currency": currency, "settle": settle}
        found = await self._asker.post("/v1/closings", given)
        heard = 0
        while True:
            steps = [each["step"] for each in found["steps"]]
            if told is not None:
                for step in steps[heard:]:
                    told(step)
            heard = len(steps)
            if found["status"] != "open":
                return found
            await asyncio.sleep(_POLL_S)
            found = await self.closing(found["job"])

    async def closing(self, job: str) -> Document:
        """How far one closing is."""
        return await self._asker.get(f"/v1/closings/{place(job)}")

    def closings(self) -> AsyncIterator[Document]:
        """Closings that were asked for, newest first."""
        return self._asker.pages("/v1/closings")

    async def move_closing(self, job: str) -> Document:
        """Let the release that runs now go on with a closing that another one began."""
        return await self._asker.post(f"/v1/closings/{place(job)}/move")

    async def reopen_period(self, period: str, currency: str, reason: str) -> Document:
        """Open a closed period again: its postings are reversed, its statements count no more."""
        given = {"period": period, "currency": currency, "reason": reason}
        return await self._asker.post("/v1/reopenings", given)

    def reopenings(self) -> AsyncIterator[Document]:
        """Newest first."""
        return self._asker.pages("/v1/reopenings")

    def statements(self) -> AsyncIterator[Document]:
        """One's own, newest first."""
        return self._asker.pages("/v1/statements")

    async def statement(self, statement: str) -> Document:
        """The whole statement, as anyone with the records can recompute it."""
        return await self._asker.whole(f"/v1/statements/{place(statement)}")

    async def statement_csv(self, statement: str) -> str:
        """As CSV: a row a party's share, amounts in major units."""
        return (await self._asker.fetch(f"/v1/statements/{place(statement)}/csv")).content.decode()

    def calls_behind(self, statement: str, line: int) -> AsyncIterator[Document]:
        """The calls that a line (counted from 1) was made of."""
        return self._asker.pages(f"/v1/statements/{place(statement)}/lines/{line}/calls")

    def count_calls(
        self, since: str | None = None, until: str | None = None
    ) -> AsyncIterator[Document]:
        """Stored calls by application, product, status and refusal; days of UTC, both included."""
        return self._asker.pages("/v1/records/counts", since=since, until=until)

    async def traffic(
        self, by: Sequence[str], only: Sequence[str] = (), **days: str | None
    ) -> list[Document]:
        """Calls by dimensions; `only` is of `name=value`, `days` are `since` and `until`."""
        query = [("by", each) for each in by] + [("only", each) for each in only]
        query += [(name, value) for name, value in days.items() if value is not None]
        found = await self._asker.get(f"/v1/records/traffic?{urlencode(query)}")
        return list(found["items"])

    async def verify_audit(self) -> Document:
        """Check every audit chain; `intact`, or what does not hold and where."""
        return await self._asker.get("/v1/audit/verification")

    async def _signed_where_needed(
        self, made: Document, asked: Document, credentials: Credentials
    ) -> Document:
        """Sign what was proposed, after checking that its terms are all that was asked for."""
        if made["proposed_by"] not in made["needed"]:
            return made
        terms = strict_json.loads(made["terms"])
        if not isinstance(terms, dict) or any(
            _differs(name, wanted, terms.get(name)) for name, wanted in asked.items()
        ):
            raise ProtocolError("the platform shows other terms than were proposed")
        return await self.accept_agreement(made["id"], credentials, made["terms"])


def _differs(name: str, wanted: Any, shown: Any) -> bool:
    """Whether a term is not the one that was asked for; a time may be written otherwise."""
    if name != "effective_from":
        return bool(shown != wanted)
    try:
        return read_moment(shown) != read_moment(wanted)
    except (TypeError, ValueError):
        return True
