"""What holds everywhere holds at a known moment; who may offer to whom; consents over the API."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey
from management_support import BACKEND, Api, Party, openapi
from sqlalchemy import select

from weir.audit.tables import audit_entries
from weir.consent import transitions
from weir.consent.types import parse_entry
from weir.identity import customers
from weir.store import processes
from weir.store.unit import Actor

PLAN = {
    "name": "Free",
    "currency": "CNY",
    "pricing": {"components": []},
    "rate_per_s": "unlimited",
    "quota": "unlimited",
    "auto_approve": True,
}


async def offer(
    api: Api, owner: Party, direction: str, declared: dict[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A published product of one operation, with a plan that approves by itself."""
    params = {"slug": "d", "backend_url": BACKEND}
    made = await api.done(owner, "POST", "/v1/documents", params=params, content=openapi("/a"))
    path = f"/v1/documents/{made['document']['id']}/capabilities"
    held = [each["id"] for each in (await api.done(owner, "GET", path))["items"]]
    if declared:
        await api.done(owner, "PUT", f"/v1/capabilities/{held[0]}/declaration", json=declared)
    body = {"slug": "p", "direction": direction, "title_en": "P", "title_zh": "品"}
    drafted = await api.done(owner, "POST", "/v1/products", json={**body, "capabilities": held})
    product = await api.publish(owner, drafted["id"])
    plan = await api.done(owner, "POST", f"/v1/products/{product['id']}/plans", json=PLAN)
    return product, plan


async def grant(api: Api, bank: Party, partner: Party) -> str:
    """A payment consent that a customer of the bank granted to the partner."""
    async with api.services.database.unit(Actor(bank.organisation, bank.application)) as unit:
        enrolled = await customers.enrol(
            unit, member=bank.organisation, customer_ref="C-1", display_name="Lin"
        )
        request = parse_entry(
            {
                "type": "urn:weir:payment-initiation:v1",
                "member": bank.slug,
                "amount": {"amount": "1.00", "currency": "CNY"},
                "payee": {"account": "A1", "name": "Shop"},
                "purpose": "Tea",
            },
            unit.now,
        )
        consent = unit.mint("cns")
        await transitions.open_request(
            unit,
            consent,
            request,
            application=partner.application,
            partner=partner.organisation,
            member=bank.organisation,
        )
        await transitions.record_grant(
            unit, consent, request, customer=enrolled.customer.id, accounts=["A2"]
        )
    return consent


async def test_a_suspension_is_answered_when_every_gateway_has_applied_it(
    api: Api, partner: Party
) -> None:
    database = api.services.database
    async with database.engine.begin() as connection:
        await processes.register(connection, "prc_one", "gateway")
    path = f"/v1/organisations/{partner.slug}/suspend"
    asked = asyncio.create_task(api.done(api.operator.person(), "POST", path))
    done, _ = await asyncio.wait({asked}, timeout=0.3)
    assert not done
    async with database.engine.begin() as connection:
        before = datetime.now(UTC)
        assert await processes.renew(connection, "prc_one", 1_000_000)
    answer = await asked
    assert datetime.fromisoformat(answer["effective_at"]) >= before


async def test_a_repeated_suspension_waits_again_and_changes_nothing(
    api: Api, partner: Party
) -> None:
    path = f"/v1/organisations/{partner.slug}/suspend"
    key = {"idempotency-key": "stop"}
    first = await api.done(api.operator.person(), "POST", path, headers=key)
    again = await api.done(api.operator.person(), "POST", path, headers=key)
    assert first["organisation"] == again["organisation"]
    assert again["effective_at"] >= first["effective_at"]


async def test_members_take_each_others_products_and_partners_offer_only_to_members(
    api: Api, bank: Party, other_bank: Party, partner: Party
) -> None:
    _, plan = await offer(api, bank, "go-out")
    ask = {"application": other_bank.application, "plan": plan["id"]}
    assert (await api.done(other_bank, "POST", "/v1/subscriptions", json=ask))["status"] == "active"
    body = {"slug": "q", "direction": "go-out", "title_en": "Q", "title_zh": "问"}
    refused = await api.ask(partner, "POST", "/v1/products", json=body)
    assert refused.json()["code"] == "forbidden"
    _, brought = await offer(api, partner, "bring-in")
    ask = {"application": bank.application, "plan": brought["id"]}
    assert (await api.done(bank, "POST", "/v1/subscriptions", json=ask))["status"] == "active"


async def test_a_partner_cannot_take_what_is_brought_in(
    api: Api, partner: Party, other_partner: Party
) -> None:
    _, plan = await offer(api, partner, "bring-in")
    ask = {"application": other_partner.application, "plan": plan["id"]}
    refused = await api.ask(other_partner, "POST", "/v1/subscriptions", json=ask)
    assert refused.json()["code"] == "forbidden"


async def test_a_withdrawn_plan_takes_no_new_subscriptions(
    api: Api, bank: Party, partner: Party, other_partner: Party
) -> None:
    _, plan = await offer(api, bank, "go-out")
    ask = {"application": partner.application, "plan": plan["id"]}
    made = await api.done(partner, "POST", "/v1/subscriptions", json=ask)
    await api.done(bank, "POST", f"/v1/plans/{plan['id']}/withdraw")
    late = {**ask, "application": other_partner.application}
    refused = await api.ask(other_partner, "POST", "/v1/subscriptions", json=late)
    assert refused.json()["code"] == "illegal_state"
    kept = await api.done(partner, "GET", f"/v1/subscriptions/{made['id']}")
    assert kept["status"] == "active"


async def test_a_consent_is_seen_by_both_sides_and_its_customer_by_the_member_only(
    api: Api, bank: Party, partner: Party
) -> None:
    consent = await grant(api, bank, partner)
    (of_bank,) = (await api.done(bank, "GET", "/v1/consents"))["items"]
    params = {"application": partner.application}
    (of_partner,) = (await api.done(partner, "GET", "/v1/consents", params=params))["items"]
    assert of_bank["id"] == of_partner["id"] == consent
    assert of_bank["customer"].startswith("cus_")
    assert of_partner["customer"] is None
    missing = await api.ask(partner, "GET", "/v1/consents")
    assert missing.json()["parameters"]["pointer"] == "query:application"


async def test_a_consent_is_lodged_for_an_application_of_ones_own(
    api: Api, bank: Party, partner: Party
) -> None:
    entry = {
        "type": "urn:weir:account-access:v1",
        "member": bank.slug,
        "permissions": ["ReadAccounts"],
        "purpose": "Book-keeping",
        "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
    }
    registered = {
        "name": "Asks",
        "token_endpoint_auth_method": "tls_client_auth",
        "roles": ["data"],
        "redirect_uris": ["https://shop.example/back"],
    }
    asks = (await api.done(partner, "POST", "/v1/applications", json=registered))["id"]
    body = {"application": asks, "authorization_details": [entry]}
    needless = await api.ask(partner, "POST", "/v1/consents", json=body)
    assert needless.json()["code"] == "oauth_invalid_authorization_details"  # no such product
    declared = {"consent_type": entry["type"], "permission": "ReadAccounts"}
    _, plan = await offer(api, bank, "go-out", declared)
    wanted = {"application": asks, "plan": plan["id"]}
    await api.done(partner, "POST", "/v1/subscriptions", json=wanted)
    made = await api.done(partner, "POST", "/v1/consents", json=body)
    assert (made["state"], made["application"]) == ("awaiting", asks)
    assert (await api.ask(bank, "POST", "/v1/consents", json=body)).status_code == 404
    without = await api.ask(
        partner, "POST", "/v1/consents", json=body | {"application": partner.application}
    )
    assert without.json()["code"] == "oauth_invalid_authorization_details"  # not its role
    wrong = {**body, "authorization_details": [{**entry, "extra": 1}]}
    refused = await api.ask(partner, "POST", "/v1/consents", json=wrong)
    assert refused.json()["code"] == "oauth_invalid_authorization_details"


async def test_signed_requests_are_demanded_of_applications_with_a_key_only(
    api: Api, partner: Party
) -> None:
    key = ECKey.generate_key("P-256").as_dict(private=False) | {"kid": "one", "alg": "ES256"}
    path = f"/v1/applications/{partner.application}"
    demand = {"required": True}
    refused = await api.ask(partner, "PUT", f"{path}/signed-requests", json=demand)
    assert refused.json()["code"] == "invalid_input"
    await api.done(partner, "PUT", f"{path}/keys", json={"jwks": {"keys": [key]}})
    changed = await api.done(partner, "PUT", f"{path}/signed-requests", json=demand)
    assert changed["require_signed_request_object"] is True
    changed = await api.done(partner, "PUT", f"{path}/signed-requests", json={"required": False})
    assert changed["require_signed_request_object"] is False


async def test_an_application_with_a_key_is_let_ask_customers_elsewhere(
    api: Api, partner: Party, bank: Party
) -> None:
    key = ECKey.generate_key("P-256").as_dict(private=False) | {"kid": "one", "alg": "ES256"}
    path = f"/v1/applications/{partner.application}"
    poll: dict[str, Any] = {"mode": "poll", "endpoint": None}
    ping: dict[str, Any] = {"mode": "ping", "endpoint": "https://shop.example/ciba"}
    refused = await api.ask(partner, "PUT", f"{path}/backchannel", json=poll)
    assert refused.json()["code"] == "invalid_input"  # requests are signed, and it has no key
    await api.done(partner, "PUT", f"{path}/keys", json={"jwks": {"keys": [key]}})
    for wrong in (
        {"mode": "push", "endpoint": "https://shop.example/ciba"},
        {"mode": "ping", "endpoint": None},
        {"mode": "ping", "endpoint": "http://shop.example/ciba"},
        {"mode": "poll", "endpoint": "https://shop.example/ciba"},
    ):
        refused = await api.ask(partner, "PUT", f"{path}/backchannel", json=wrong)
        assert refused.json()["code"] == "invalid_input", wrong
    stranger = await api.ask(bank, "PUT", f"{path}/backchannel", json=poll)
    assert stranger.status_code == 404
    for given in (ping, poll, {"mode": None, "endpoint": None}):
        changed = await api.done(partner, "PUT", f"{path}/backchannel", json=given)
        assert changed["backchannel_token_delivery_mode"] == given["mode"]
        assert changed["backchannel_client_notification_endpoint"] == given["endpoint"]
    async with api.services.database.connect() as connection:
        written = await connection.execute(
            select(audit_entries.c.event).where(
                audit_entries.c.organisation == partner.organisation,
                audit_entries.c.event == "application.backchannel_changed",
            )
        )
        assert len(written.all()) == 3


async def test_only_members_register_applications_that_introspect(
    api: Api, bank: Party, partner: Party
) -> None:
    body: dict[str, Any] = {"name": "Core", "token_endpoint_auth_method": "tls_client_auth"}
    body |= {"roles": ["introspect"]}
    made = await api.done(bank, "POST", "/v1/applications", json=body)
    assert made["roles"] == ["introspect"]
    refused = await api.ask(partner, "POST", "/v1/applications", json=body)
    assert refused.json()["parameters"]["pointer"] == "/roles"


async def test_each_party_withdraws_a_consent_in_its_own_capacity(
    api: Api, bank: Party, partner: Party, other_bank: Party
) -> None:
    consent = await grant(api, bank, partner)
    path = f"/v1/consents/{consent}/withdraw"
    refused = await api.ask(other_bank, "POST", path, json={})
    assert refused.status_code == 404
    done = await api.done(bank, "POST", path, json={"reason": "Fraud suspected"})
    assert done["effective_at"] >= done["withdrawn_at"]
    (seen,) = (await api.done(bank, "GET", "/v1/consents"))["items"]
    assert (seen["state"], seen["ended_by"]) == ("withdrawn", "member")
    again = await api.ask(api.operator, "POST", path, json={})
    assert again.json()["code"] == "illegal_state"


async def test_lists_come_in_pages(api: Api, bank: Party) -> None:
    described = json.loads(openapi(*[f"/p{number}" for number in range(203)]))
    params = {"slug": "many", "backend_url": BACKEND}
    content = json.dumps(described).encode()
    made = await api.done(bank, "POST", "/v1/documents", params=params, content=content)
    path = f"/v1/documents/{made['document']['id']}/capabilities"
    first = await api.done(bank, "GET", path)
    last = await api.done(bank, "GET", path, params={"after": first["next"]})
    assert (len(first["items"]), len(last["items"]), last["next"]) == (200, 3, None)
    ids = [each["operation_id"] for each in (*first["items"], *last["items"])]
    assert ids == [f"get{number}" for number in range(203)]


async def test_an_application_lodges_so_many_consents_and_no_more(
    api: Api, bank: Party, partner: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.authorization.grants.lodged_consents.LODGED_CONSENTS", 2)
    entry = {
        "type": "urn:weir:account-access:v1",
        "member": bank.slug,
        "permissions": ["ReadAccounts"],
        "purpose": "Book-keeping",
        "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
    }
    declared = {"consent_type": entry["type"], "permission": "ReadAccounts"}
    _, plan = await offer(api, bank, "go-out", declared)
    asking = []
    for name in ("Asks often", "Asks once"):
        registered = {
            "name": name,
            "token_endpoint_auth_method": "tls_client_auth",
            "roles": ["data"],
            "redirect_uris": ["https://shop.example/back"],
        }
        asking.append((await api.done(partner, "POST", "/v1/applications", json=registered))["id"])
        wanted = {"application": asking[-1], "plan": plan["id"]}
        await api.done(partner, "POST", "/v1/subscriptions", json=wanted)

    async def lodge(application: str) -> str:
        body = {"application": application, "authorization_details": [entry]}
        answer = (await api.ask(partner, "POST", "/v1/consents", json=body)).json()
        return str(answer.get("code", answer.get("state")))

    connections = asyncio.Semaphore(8)

    async def one(application: str) -> str:
        async with connections:
            return await lodge(application)

    came = await asyncio.gather(*(one(asking[0]) for _ in range(50)))
    assert Counter(came) == {"awaiting": 2, "limit_reached": 48}
    assert await lodge(asking[1]) == "awaiting"
