"""The partner's own programs beside the browser: what a person decides must hold for them too."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import to_builtins

from demo_process import Demo
from every_consent import EVERY_CONSENT, document_of_every_consent
from weir.access.consent_types import ACCOUNT_ACCESS, PAYMENT_INITIATION
from weir.client import (
    Answer,
    AuthorizationServer,
    Exchange,
    Management,
    OAuthError,
    Profile,
    PushedRequest,
    RefusedError,
    Session,
)
from weir.client.management.requests import collect

ASKER: Final = "abacus-software"  # asks customers of River Bank for their accounts
BACK: Final = f"https://{ASKER}.example/back"
PAYER: Final = "lantern-life"  # asks them for payments, too
CALLER: Final = "clear-mirror"  # calls for itself, and pays by the call
QUOTES: Final = "summit-securities.quotes"
A_QUOTE: Final = "/summit-securities/quotes/v1/quotes/609901"
ACCOUNTS: Final = "/river-bank/accounts/v1/accounts"
_WAIT_S: Final = 60


@dataclass(frozen=True)
class Partner:
    """One of the demo's partners, with its certificate."""

    slug: str
    profile: Profile
    exchange: Exchange
    server: AuthorizationServer

    async def ask_for_accounts(self, purpose: str) -> PushedRequest:
        """Where to send a customer to be asked; each address works once."""
        permissions = ["ReadAccounts", "ReadBalances"]
        return await self.ask(type=ACCOUNT_ACCESS, permissions=permissions, purpose=purpose)

    async def ask(self, scope: str = "river-bank.accounts", **details: Any) -> PushedRequest:
        """The same for any consent at River Bank; for a year, unless it is for one payment."""
        if details["type"] != PAYMENT_INITIATION:
            in_a_year = datetime.now(UTC) + timedelta(days=365)
            details["expires_at"] = in_a_year.isoformat(timespec="seconds")
        return await self.server.push_authorization_request(
            scope=scope,
            redirect_uri=f"https://{self.slug}.example/back",
            authorization_details=[{"member": "river-bank"} | details],
        )

    async def read_accounts(self, pushed: PushedRequest, came_back: str) -> Session:
        """The customer's accounts, on the consent with which it came back."""
        token = await self.server.exchange_code(pushed, came_back)
        return Session.of_consent(self.profile.platform, self.exchange, self.server, token)

    async def call(self) -> Answer:
        """A quote, for the partner itself."""
        session = Session.of_application(self.profile.platform, self.exchange, self.server, QUOTES)
        return await session.call("GET", A_QUOTE)


@asynccontextmanager
async def partner(demo: Demo, slug: str) -> AsyncIterator[Partner]:
    profile = Profile.load(demo.home / "profiles" / slug)
    async with profile.exchange() as exchange:
        server = await AuthorizationServer.discover(profile.platform, profile.credentials, exchange)
        yield Partner(slug, profile, exchange, server)


@asynccontextmanager
async def every_kind(demo: Demo, asking: Partner) -> AsyncIterator[str]:
    """The scope of a product of River Bank's that needs every kind of consent, for a while."""
    bank = Profile.load(demo.home / "profiles" / "river-bank")
    slug = f"every-kind-{secrets.token_hex(3)}"
    async with Management.open(bank) as owner, Management.open(asking.profile) as subscriber:
        document = json.dumps(document_of_every_consent(slug, f"/{slug}")).encode()
        made = await owner.documents.import_document(slug, "https://127.0.0.1:9", document)
        held = await collect(owner.capabilities.list(made["document"]["id"]))
        for each in held:
            declared = EVERY_CONSENT.get(each["operation_id"])
            if declared is not None:
                bindings = declared.bindings and to_builtins(declared.bindings)
                await owner.capabilities.declare(
                    each["id"],
                    consent_type=declared.consent_type,
                    permission=declared.permission,
                    moves_money=declared.moves_money,
                    bindings=bindings,
                )
        drafted = await owner.products.draft(
            slug=slug,
            title_en=slug,
            title_zh=slug,
            sandbox=True,
            capabilities=[each["id"] for each in held],
            direction="go-out",
        )
        product = await owner.products.publish(drafted["id"])
        plan = await owner.plans.offer(
            product["id"],
            name="free",
            currency="CNY",
            pricing={"components": []},
            auto_approve=True,
        )
        await subscriber.subscriptions.request(asking.profile.credentials.client_id, plan["id"])
        yield f"river-bank.{slug}"
        await owner.products.retire(product["id"])


async def refusal_of(session: Session, path: str) -> str:
    """The code with which a call is refused."""
    try:
        answer = await session.call("GET", path)
    except RefusedError as refused:
        return refused.code
    raise AssertionError(f"{path} was answered: {answer.status}")


async def quotes_are_answered(calling: Partner, *, answered: bool) -> None:
    """Wait until they are, or are no more: a decision reaches every gateway within seconds."""
    async with asyncio.timeout(_WAIT_S):
        while await _is_answered(calling) is not answered:
            await asyncio.sleep(0.2)


async def _is_answered(calling: Partner) -> bool:
    try:
        return (await calling.call()).status == 200
    except (RefusedError, OAuthError):  # the gateway's refusal, or the token endpoint's
        return False
