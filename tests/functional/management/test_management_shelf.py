"""From a document to a subscribed product, through the management API."""

from __future__ import annotations

import json
from typing import Any

import yaml
from management_support import BACKEND, Api, Party, openapi
from sqlalchemy import select

from weir.openapi.reader import read_document
from weir.openapi.regeneration import normalise
from weir.store.schema import changes

PRICING = {"components": [{"kind": "per_call", "price": "0.05"}]}
PAYMENTS = {
    "openapi": "3.0.3",
    "info": {"title": "Payments", "version": "2"},
    "servers": [{"url": "https://ignored.example/open-banking/v4.0"}],
    "paths": {
        "/payments": {
            "post": {
                "operationId": "pay",
                "parameters": [
                    {
                        "name": "Idempotency-Key",
                        "in": "header",
                        "required": True,
                        "schema": {"type": "string"},
                    }
                ],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "from": {"type": "string"},
                                    "amount": {"type": "string"},
                                    "currency": {"type": "string"},
                                    "to": {"type": "string"},
                                },
                            }
                        }
                    }
                },
                "responses": {"201": {"description": "paid"}},
            }
        },
        "/payments/{PaymentId}": {
            "parameters": [
                {
                    "name": "PaymentId",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "maxLength": 1.0e2},
                }
            ],
            "get": {"responses": {"200": {"description": "ok"}}},
        },
    },
}
PAY = {
    "consent_type": "urn:weir:payment-initiation:v1",
    "moves_money": True,
    "bindings": {
        "account": "body:/from",
        "amount": "body:/amount",
        "currency": "body:/currency",
        "payee": "body:/to",
        "idempotency_key": "header:idempotency-key",
        "outcome_path": "/directory/payments/{idempotency_key}?client_id={client_id}",
    },
}
PLAN = {
    "name": "Standard",
    "currency": "CNY",
    "pricing": PRICING,
    "rate_per_s": "unlimited",
    "quota": 0,
    "quota_period": "month",
    "auto_approve": True,
}


async def put_document(
    api: Api, party: Party, raw: bytes, slug: str = "payments"
) -> dict[str, Any]:
    answer: dict[str, Any] = await api.done(
        party,
        "POST",
        "/v1/documents",
        params={"slug": slug, "backend_url": BACKEND},
        content=raw,
        headers={"content-type": "application/octet-stream"},
    )
    return answer


async def put_product(api: Api, party: Party, raw: bytes, slug: str = "payments") -> dict[str, Any]:
    document = (await put_document(api, party, raw, slug))["document"]["id"]
    listed = await api.done(party, "GET", f"/v1/documents/{document}/capabilities")
    body = {
        "slug": slug,
        "direction": "go-out",
        "title_en": "Payments",
        "title_zh": "支付",
        "capabilities": [each["id"] for each in listed["items"]],
    }
    drafted: dict[str, Any] = await api.done(party, "POST", "/v1/products", json=body)
    return drafted


async def published(api: Api, kind: str, key: str) -> Any:
    async with api.services.database.connect() as connection:
        found = await connection.execute(
            select(changes.c.document).where(changes.c.kind == kind, changes.c.key == key)
        )
        return found.scalar_one()


async def test_a_document_regenerated_from_the_store_equals_its_source(
    api: Api, bank: Party
) -> None:
    for slug, raw in (
        ("as-json", json.dumps(PAYMENTS).encode()),
        ("as-yaml", yaml.safe_dump(PAYMENTS, sort_keys=False).encode()),
    ):
        document = (await put_document(api, bank, raw, slug))["document"]["id"]
        regenerated = await api.done(bank, "GET", f"/v1/documents/{document}/openapi")
        assert normalise(regenerated) == normalise(read_document(raw))
        source = await api.ask(bank, "GET", f"/v1/documents/{document}/source")
        assert source.content == raw


async def test_values_that_databases_bend_come_back_unbent(api: Api, bank: Party) -> None:
    described = json.loads(openapi("/a"))
    described["x-odd"] = {
        "numbers": [2**63, -(2**80), 1e-7, 1e300, 5e-324, 0.1, -0.0, 9007199254740993],
        "texts": ["", "\u2028", "😀", "\\u0041", "a" * 10_000, "\ufeff"],
        "": {"~/": [[[]], {}, None, True, False]},
        "z": 1,
        "a": 2,
    }
    raw = json.dumps(described).encode()
    document = (await put_document(api, bank, raw))["document"]["id"]
    answer = await api.ask(bank, "GET", f"/v1/documents/{document}/openapi")
    regenerated = answer.json()
    assert json.dumps(normalise(regenerated)) == json.dumps(normalise(read_document(raw)))
    assert list(regenerated["x-odd"]) == list(described["x-odd"])


async def test_a_published_product_reaches_the_gateway_with_its_declarations(
    api: Api, bank: Party
) -> None:
    product = await put_product(api, bank, json.dumps(PAYMENTS).encode())
    pay = product["capabilities"][0]
    await api.done(bank, "PUT", f"/v1/capabilities/{pay}/declaration", json=PAY)
    done = await api.publish(bank, product["id"])
    assert (done["prefix"], done["scope"]) == ("/river-bank/payments/v1", "river-bank.payments")
    document = await published(api, "product", product["id"])
    operations = {each["operation_id"]: each for each in document["operations"]}
    assert operations["pay"]["bindings"] == PAY["bindings"]
    assert operations["pay"]["base_path"] == "/open-banking/v4.0"
    assert operations["pay"]["backend_url"] == BACKEND
    assert operations["get_payments_PaymentId"]["path"] == "/payments/{PaymentId}"
    refused = await api.ask(bank, "PUT", f"/v1/capabilities/{pay}/declaration", json={})
    assert refused.json()["code"] == "illegal_state"


async def test_declarations_survive_a_new_version_of_the_document_where_they_still_hold(
    api: Api, bank: Party
) -> None:
    first = await put_document(api, bank, json.dumps(PAYMENTS).encode())
    listed = await api.done(bank, "GET", f"/v1/documents/{first['document']['id']}/capabilities")
    pay = listed["items"][0]["id"]
    await api.done(bank, "PUT", f"/v1/capabilities/{pay}/declaration", json=PAY)
    changed = json.loads(json.dumps(PAYMENTS))
    changed["info"]["version"] = "3"
    second = await put_document(api, bank, json.dumps(changed).encode())
    assert (second["document"]["version"], second["carried"], second["dropped"]) == (2, ["pay"], [])
    body = changed["paths"]["/payments"]["post"]["requestBody"]["content"]["application/json"]
    del body["schema"]["properties"]["to"]
    third = await put_document(api, bank, json.dumps(changed).encode())
    assert (third["carried"], third["dropped"]) == ([], ["pay"])


async def test_the_same_document_twice_is_refused(api: Api, bank: Party) -> None:
    raw = json.dumps(PAYMENTS).encode()
    await put_document(api, bank, raw)
    params = {"slug": "payments", "backend_url": BACKEND}
    again = await api.ask(bank, "POST", "/v1/documents", params=params, content=raw)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


async def test_a_binding_that_leads_nowhere_is_named(api: Api, bank: Party) -> None:
    product = await put_product(api, bank, json.dumps(PAYMENTS).encode())
    wrong = {**PAY, "bindings": {**PAY["bindings"], "payee": "body:/nobody"}}  # type: ignore[dict-item]
    path = f"/v1/capabilities/{product['capabilities'][0]}/declaration"
    refused = (await api.ask(bank, "PUT", path, json=wrong)).json()
    assert refused["code"] == "invalid_input"
    assert refused["parameters"]["pointer"] == "/bindings/payee"
    assert refused["parameters"]["why_zh"]


async def test_a_quota_of_zero_means_none_and_unlimited_is_a_word(
    api: Api, bank: Party, partner: Party
) -> None:
    product = await put_product(api, bank, json.dumps(PAYMENTS).encode())
    await api.publish(bank, product["id"])
    plan = await api.done(bank, "POST", f"/v1/products/{product['id']}/plans", json=PLAN)
    assert (plan["rate_per_s"], plan["quota"], plan["pricing"]) == ("unlimited", 0, PRICING)
    made = await api.done(
        partner,
        "POST",
        "/v1/subscriptions",
        json={"application": partner.application, "plan": plan["id"]},
    )
    assert made["status"] == "active"
    document = await published(api, "subscription", made["id"])
    assert (document["rate_per_s"], document["quota"]) == (None, 0)


async def test_a_subscription_is_approved_suspended_resumed_and_ended(
    api: Api, bank: Party, partner: Party
) -> None:
    product = await put_product(api, bank, openapi("/a"))
    await api.publish(bank, product["id"])
    terms = {**PLAN, "auto_approve": False}
    plan = await api.done(bank, "POST", f"/v1/products/{product['id']}/plans", json=terms)
    ask = {"application": partner.application, "plan": plan["id"]}
    made = await api.done(partner, "POST", "/v1/subscriptions", json=ask)
    path = f"/v1/subscriptions/{made['id']}"
    assert made["status"] == "requested"
    assert (await api.ask(partner, "POST", "/v1/subscriptions", json=ask)).status_code == 409
    mine = await api.ask(partner, "POST", f"{path}/approve")
    assert mine.json()["code"] == "forbidden"
    assert (await api.done(bank, "POST", f"{path}/approve"))["status"] == "active"
    suspended = await api.done(bank, "POST", f"{path}/suspend")
    assert suspended["effective_at"]
    assert (await published(api, "subscription", made["id"]))["status"] == "suspended"
    assert (await api.done(bank, "POST", f"{path}/resume"))["status"] == "active"
    assert (await api.done(partner, "POST", f"{path}/end"))["subscription"]["status"] == "ended"
    assert await published(api, "subscription", made["id"]) is None
    assert (await api.ask(bank, "POST", f"{path}/resume")).json()["code"] == "illegal_state"
    assert (await api.done(partner, "POST", "/v1/subscriptions", json=ask))["status"] == "requested"


async def test_retiring_a_product_ends_its_subscriptions_and_takes_it_from_the_gateways(
    api: Api, bank: Party, partner: Party
) -> None:
    product = await put_product(api, bank, openapi("/a"))
    await api.publish(bank, product["id"])
    plan = await api.done(bank, "POST", f"/v1/products/{product['id']}/plans", json=PLAN)
    ask = {"application": partner.application, "plan": plan["id"]}
    made = await api.done(partner, "POST", "/v1/subscriptions", json=ask)
    await api.done(bank, "POST", f"/v1/products/{product['id']}/retire")
    assert await published(api, "product", product["id"]) is None
    assert await published(api, "subscription", made["id"]) is None
    after = await api.done(partner, "GET", f"/v1/subscriptions/{made['id']}")
    assert after["status"] == "ended"
    assert (await api.ask(partner, "GET", f"/v1/products/{product['id']}")).status_code == 404


async def test_a_product_with_two_capabilities_for_one_address_is_refused(
    api: Api, bank: Party
) -> None:
    made = [
        (await put_document(api, bank, openapi("/a/b", title=slug), slug))["document"]["id"]
        for slug in ("one", "two")
    ]
    listed = [
        (await api.done(bank, "GET", f"/v1/documents/{each}/capabilities"))["items"][0]["id"]
        for each in made
    ]
    body = {
        "slug": "both",
        "direction": "go-out",
        "title_en": "Both",
        "title_zh": "两者",
        "capabilities": listed,
    }
    refused = (await api.ask(bank, "POST", "/v1/products", json=body)).json()
    assert refused["code"] == "conflict"
    assert {refused["parameters"]["capability"], refused["parameters"]["other"]} == set(listed)


async def test_the_next_version_lives_beside_the_first(api: Api, bank: Party) -> None:
    first = await put_product(api, bank, openapi("/a"))
    body = {"slug": "payments", "direction": "go-out", "title_en": "P", "title_zh": "支付"}
    body |= {"capabilities": first["capabilities"]}
    assert (await api.ask(bank, "POST", "/v1/products", json=body)).status_code == 409
    await api.publish(bank, first["id"])
    second = await api.done(bank, "POST", "/v1/products", json=body)
    assert second["prefix"] == "/river-bank/payments/v2"
    await api.publish(bank, second["id"])
    shelf = await api.done(bank, "GET", "/v1/shelf")
    assert [each["version"] for each in shelf["items"]] == [1, 2]
    described = await api.done(bank, "GET", f"/v1/products/{second['id']}/openapi")
    assert described["servers"] == [{"url": "https://api.localhost:8444/river-bank/payments/v2"}]
    assert list(described["paths"]) == ["/a"]


async def test_a_document_of_hundreds_of_operations_becomes_one_product(
    api: Api, bank: Party
) -> None:
    paths = [f"/resource-{number}/{{Id}}/details" for number in range(250)]
    described = json.loads(openapi(*paths))
    parameter = {"name": "Id", "in": "path", "required": True, "schema": {"type": "string"}}
    for item in described["paths"].values():
        item["parameters"] = [parameter]
    document = (await put_document(api, bank, json.dumps(described).encode()))["document"]["id"]
    first = await api.done(bank, "GET", f"/v1/documents/{document}/capabilities")
    rest = await api.done(
        bank, "GET", f"/v1/documents/{document}/capabilities", params={"after": first["next"]}
    )
    ids = [each["id"] for each in (*first["items"], *rest["items"])]
    assert len(set(ids)) == 250
    body = {"slug": "all", "direction": "go-out", "title_en": "All", "title_zh": "全部"}
    product = await api.done(bank, "POST", "/v1/products", json={**body, "capabilities": ids})
    await api.publish(bank, product["id"])
    document = await published(api, "product", product["id"])
    assert len(document["operations"]) == 250


async def test_findings_of_a_document_and_what_a_next_version_breaks(api: Api, bank: Party) -> None:
    first = await put_product(api, bank, json.dumps(PAYMENTS).encode(), "standing")
    document = (await api.done(bank, "GET", "/v1/documents"))["items"][-1]["id"]
    found = await api.done(bank, "GET", f"/v1/documents/{document}/findings")
    assert {each["severity"] for each in found["items"]} >= {"error"}
    assert "level-known" in {each["rule"] for each in found["items"]}
    await api.publish(bank, first["id"])
    nothing = await api.done(bank, "GET", f"/v1/products/{first['id']}/changes")
    assert nothing == {"against": None, "total": 0, "changes": []}
    second = await put_product(api, bank, openapi("/other"), "standing")
    changed = await api.done(bank, "GET", f"/v1/products/{second['id']}/changes")
    assert changed["against"] == first["id"]
    assert {each["rule"] for each in changed["changes"]} == {"breaking-operation-removed"}
