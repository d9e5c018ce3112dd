"""A client that asks customers on their own device, written apart from the platform's reader."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from consent_world import Browser, Client, World, consent_form
from joserfc import jws

from weir.keys.vault import PLATFORM
from weir.partners import applications

GRANT_TYPE = "urn:openid:params:grant-type:ciba"
ENDPOINT = "https://shop.example/ciba"


class Asker:
    """Asks, polls, and answers as the customer."""

    def __init__(self, world: World, browser: Browser) -> None:
        self.world, self.browser, self.client = world, browser, world.client

    async def register(self, mode: str | None, endpoint: str | None = None) -> None:
        async with self.world.services.database.unit(PLATFORM) as unit:
            await applications.set_backchannel(unit, self.client.id, mode, endpoint)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """A whole request; None removes a claim."""
        now = datetime.now(UTC)
        details = {
            "type": "urn:weir:account-access:v1",
            "member": "river-bank",
            "permissions": ["ReadAccounts", "ReadBalances"],
            "purpose": "Book-keeping for your shop",
            "expires_at": (now + timedelta(days=90)).isoformat(timespec="seconds"),
        }
        usual = {
            "iss": self.client.id,
            "client_id": self.client.id,
            "aud": self.world.issuer,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(now.timestamp()) + 300,
            "jti": secrets.token_urlsafe(16),
            "scope": "river-bank.accounts",
            "login_hint": "RB-000001",
            "binding_message": "W4SCT",
            "authorization_details": [details],
        }
        return {name: value for name, value in (usual | changed).items() if value is not None}

    def payment(self) -> list[dict[str, Any]]:
        return list(json.loads(self.world.payment_request(self.client)["authorization_details"]))

    def signed(self, claims: dict[str, Any], key: Any = None, **header: str) -> str:
        protected = {"alg": "ES256", "kid": "one", "typ": "oauth-authz-req+jwt"} | header
        return jws.serialize_compact(
            protected, json.dumps(claims).encode(), key or self.client.key, algorithms=["ES256"]
        )

    async def send(self, form: dict[str, str]) -> httpx.Response:
        return await self.world.post("/bc-authorize", self.world.proof(self.client) | form)

    async def ask(self, **changed: Any) -> httpx.Response:
        return await self.send({"request": self.signed(self.claims(**changed))})

    async def asked(self, **changed: Any) -> str:
        """The auth_req_id of a question that was taken."""
        answer = await self.ask(**changed)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["auth_req_id"])

    async def poll(self, auth_req_id: str, client: Client | None = None) -> httpx.Response:
        client = client or self.client
        form = {
            **self.world.proof(client),
            "grant_type": GRANT_TYPE,
            "auth_req_id": auth_req_id,
        }
        return await self.world.post("/token", form, client)

    async def questions(self) -> httpx.Response:
        """The customer's list, signed in."""
        page = await self.browser.open("/my/questions")
        if "Sign-in name" in page.text:
            page = await self.browser.sign_in(page, "lihua")
        return page

    async def page(self) -> httpx.Response:
        """The newest question of the list."""
        listed = (await self.questions()).text
        place = listed.rindex("/my/questions/cns_")
        return await self.browser.get(listed[place : listed.index('"', place)])

    async def say(self, page: httpx.Response, answer: str, **fields: str) -> httpx.Response:
        return await self.browser.send(page, consent_form(page), ("answer", answer), **fields)

    async def yes(self) -> httpx.Response:
        """The customer's yes to the newest question, with one account."""
        answered = await self.say(await self.page(), "yes", **{"account-0": "acc-1"})
        assert answered.status_code == 303, answered.text
        return answered


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]
