"""weir as an issuer of tokens: an application that asks for them, and codes of customers' grants.

Everything is made by the same functions that the authorization server and the pages use.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.processes import TARGET_CORE, pin
from bench.stage import Stage
from bench.token_requests import CHALLENGE, REDIRECT_URI, Asker, Key
from weir.access.consent_types import ACCOUNT_ACCESS
from weir.app.core import Core, open_core
from weir.authorization.grants import grants
from weir.consent.transitions import open_request, record_grant
from weir.consent.types import ConsentRequest, parse_entry
from weir.identity import customers, subjects
from weir.keys.vault import PLATFORM
from weir.openapi.operations import import_document
from weir.partners import applications, organisations
from weir.shelf import capabilities, documents, plans, products, subscriptions
from weir.shelf.declarations import Declaration
from weir.shelf.owners import Owner, Subscriber
from weir.shelf.terms import read_terms
from weir.store.engines.process import ProcessIdentity
from weir.store.unit import UnitOfWork

MEMBER = "token-bank"
SCOPE = f"{MEMBER}.accounts"


@dataclass(frozen=True, slots=True)
class Parties:
    """Parties of a consent. `link_secret` lets the customer set up a sign-in."""

    member: str
    partner: str
    application: str
    customer: str
    link_secret: str
    plan: str


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """An installation with an application whose customers have said yes."""

    stage: Stage
    parties: Parties
    asker: Asker

    @classmethod
    def at(cls, stage: Stage) -> TokenIssuer:
        """Make the parties, and keep all that issues tokens on one core."""
        key = Key()
        parties = asyncio.run(_in_unit(stage, lambda unit: _parties(unit, key)))
        asker = Asker(stage.issuer, parties.application, SCOPE, key)
        issuer = cls(stage, parties, asker)
        pin(stage.pids("gateway", "control"), TARGET_CORE)
        pin(stage.engine_pids(), TARGET_CORE)
        return issuer

    def groups(self) -> dict[str, list[int]]:
        """The processes that take part in issuing, each with its descendants."""
        home = self.stage.installation.home.path
        return {
            "control": self.stage.pids("control"),
            "gateway": self.stage.pids("gateway"),
            **{name: [_engine(home / name / "server.json")] for name in ("postgres", "valkey")},
        }

    def another_application(self, name: str, key: Key) -> str:
        """Register another application that may ask customers; its client_id."""
        partner, plan = self.parties.partner, self.parties.plan
        registered: str = asyncio.run(
            _in_unit(self.stage, lambda unit: _subscribed(unit, partner, plan, name, key))
        )
        return registered

    def codes(self, count: int) -> list[str]:
        """Authorization codes of as many new consents, good for a minute."""

        async def granted(unit: UnitOfWork) -> list[str]:
            subject = await subjects.pairwise(unit, self.parties.customer, self.parties.partner)
            return [await self._code(unit, subject) for _ in range(count)]

        return asyncio.run(_in_unit(self.stage, granted))

    async def _code(self, unit: UnitOfWork, subject: str) -> str:
        consent, request = unit.mint("cns"), consent_request()
        parties = self.parties
        await open_request(
            unit,
            consent,
            request,
            application=parties.application,
            partner=parties.partner,
            member=parties.member,
        )
        await record_grant(unit, consent, request, customer=parties.customer, accounts=["acc-1001"])
        return await grants.record(
            unit,
            consent=consent,
            grant_id=consent,
            client=parties.application,
            subject=subject,
            scope=SCOPE,
            redirect_uri=REDIRECT_URI,
            code_challenge=CHALLENGE,
            certificate=None,
            dpop_jkt=self.asker.dpop_jkt,
        )


def details() -> dict[str, Any]:
    """The entry of `authorization_details` that every customer is asked for."""
    end = (datetime.now(UTC) + timedelta(days=90)).isoformat(timespec="seconds")
    return {
        "type": ACCOUNT_ACCESS,
        "member": MEMBER,
        "permissions": ["ReadAccounts", "ReadBalances"],
        "purpose": "Book-keeping for your shop",
        "expires_at": end,
    }


def consent_request() -> ConsentRequest:
    """The same, validated."""
    return parse_entry(details(), datetime.now(UTC))


async def _in_unit(stage: Stage, work: Callable[[UnitOfWork], Awaitable[Any]]) -> Any:
    installation = stage.installation
    core: Core
    async with (
        open_core(installation.settings, installation.home, connections=1) as core,
        core.database.unit(PLATFORM) as unit,
    ):
        return await work(unit)


async def _parties(unit: UnitOfWork, key: Key) -> Parties:
    bank = await organisations.admit_member(
        unit, slug=MEMBER, name_en="Token Bank", name_zh="令牌银行", licence_kind="bank"
    )
    partner = await organisations.admit_partner(
        unit,
        slug="token-shop",
        name_en="Token Shop",
        name_zh="令牌商店",
        partner_class="software_vendor",
    )
    plan = await _plan(unit, Owner(bank.id, bank.slug, "member"))
    application = await _subscribed(unit, partner.id, plan, "Token Shop", key)
    enrolled = await customers.enrol(
        unit, member=bank.id, customer_ref="c-1", display_name="Li Hua"
    )
    return Parties(
        bank.id, partner.id, application, enrolled.customer.id, enrolled.link_secret, plan
    )


async def _subscribed(unit: UnitOfWork, partner: str, plan: str, name: str, key: Key) -> str:
    public = {**key.jwk, "kid": "bench", "use": "sig", "alg": "ES256"}
    application = await applications.register(
        unit,
        partner,
        name=name,
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [public]},
        redirect_uris=[REDIRECT_URI],
        roles=["data"],
    )
    await subscriptions.request(unit, Subscriber(application.id, partner, "partner"), plan)
    return application.id


async def _plan(unit: UnitOfWork, owner: Owner) -> str:
    """A published product with a plan that asks nobody."""
    operation = {"operationId": "list", "responses": {"200": {"description": "ok"}}}
    document = {
        "openapi": "3.0.3",
        "info": {"title": "accounts", "version": "1"},
        "paths": {"/accounts": {"get": operation}},
    }
    raw = json.dumps(document).encode()
    parsed = import_document(raw)
    imported = await documents.store(unit, owner.id, "accounts", "https://127.0.0.1:9", raw, parsed)
    held = await capabilities.of_document(unit.connection, imported.document.id)
    declared = Declaration(
        consent_type=ACCOUNT_ACCESS, permission="ReadAccounts", moves_money=False, bindings=None
    )
    for each in held:
        await capabilities.declare(unit, each.id, parsed, declared)
    product = await products.draft(
        unit,
        owner,
        slug="accounts",
        direction="go-out",
        title_en="Accounts",
        title_zh="账户查询",
        sandbox=True,
        capability_ids=[each.id for each in held],
    )
    await products.publish(unit, owner, product.id)
    terms = read_terms(
        name="Basic",
        currency="CNY",
        pricing={"components": [{"kind": "per_call", "price": "0.05"}]},
        rate_per_s="unlimited",
        quota="unlimited",
        quota_period=None,
        auto_approve=True,
    )
    return (await plans.offer(unit, product.id, terms)).id


def _engine(record: Any) -> int:
    identity = ProcessIdentity.load(record)
    assert identity is not None, "the engine runs"
    return identity.pid
