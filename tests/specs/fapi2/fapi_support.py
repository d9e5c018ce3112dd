"""What the modules of the conformance suite do again and again, as few calls."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from consent_world import Browser, Client, World, consent_form, query_of


@dataclass
class Flow:
    """A client, its customer, and the way between them."""

    world: World
    browser: Browser
    customer: str

    @property
    def client(self) -> Client:
        return self.world.client

    async def par(self, *, via: Client | None = None, **changes: str | None) -> httpx.Response:
        """A pushed request; `changes` replace parameters, None removes one."""
        return await self.world.post("/par", self.world.access_request(self.client, **changes), via)

    async def authorize(self, request_uri: str, client: Client | None = None) -> httpx.Response:
        """The browser goes to the authorization endpoint, and no further."""
        named = (client or self.client).id
        return await self.browser.get(f"/authorize?client_id={named}&request_uri={request_uri}")

    async def page(self, request_uri: str) -> httpx.Response:
        """The question, signed in."""
        page = await self.browser.open(
            f"/authorize?client_id={self.client.id}&request_uri={request_uri}"
        )
        assert page.status_code == 200, page.text
        if "Sign-in name" in page.text:
            return await self.browser.sign_in(page, self.customer)
        return page

    async def answered(self, request_uri: str, answer: str = "yes") -> dict[str, str]:
        """What the client gets back when the customer has answered."""
        page = await self.page(request_uri)
        sent = await self.browser.send(
            page, consent_form(page), ("answer", answer), **{"account-0": "acc-1"}
        )
        assert sent.status_code == 303, sent.text  # RFC 9700 section 4.12: never 307
        return query_of(sent.headers["location"])

    async def returned(self, **changes: str | None) -> dict[str, str]:
        """From a pushed request to the authorization response."""
        pushed = await self.par(**changes)
        assert pushed.status_code == 201, pushed.text
        return await self.answered(pushed.json()["request_uri"])

    async def code(self, **changes: str | None) -> str:
        """An authorization code."""
        return (await self.returned(**changes))["code"]

    async def tokens_of(self, **changes: str | None) -> dict[str, Any]:
        """A whole flow's token response, of a request with these changes."""
        issued = await self.world.exchange(self.client, await self.code(**changes))
        assert issued.status_code == 200, issued.text
        return dict(issued.json())

    async def tokens(self) -> dict[str, Any]:
        """A whole flow's token response."""
        issued = await self.world.exchange(self.client, await self.code())
        assert issued.status_code == 200, issued.text
        return dict(issued.json())

    async def par_with_assertion(self, **claims: Any) -> httpx.Response:
        """A pushed request whose client assertion has these claims; None removes one."""
        assertion = self.client.assertion(self.world.issuer, **claims)
        return await self.par(client_assertion=assertion)


def now_s() -> int:
    """Unix time."""
    return int(datetime.now(UTC).timestamp())


def refused(answer: httpx.Response, error: str) -> None:
    """The answer is an error response of RFC 6749 section 5.2 with this code."""
    body = answer.json()
    assert body["error"] == error, json.dumps(body)
    assert answer.status_code == (401 if error == "invalid_client" else 400)
    assert answer.headers["cache-control"] == "no-store"
