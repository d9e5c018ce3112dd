"""Founding, admitting, registering, certifying, suspending: who takes part, over the API."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey
from management_support import Api, Party, certificate_request, close, found, openapi
from sqlalchemy import select
from test_management_receipts import witness_of

from weir.audit.tables import audit_entries
from weir.kernel.declares import CONFLICT, LINK_USED
from weir.kernel.outcomes import Outcome, Refusal
from weir.kernel.signed_terms import sign
from weir.keys.vault import PLATFORM
from weir.partners import founding
from weir.partners.tables import founding_links, organisations
from weir.store.schema import changes


def public_key(kid: str = "k1") -> dict[str, str]:
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()

    def octets(number: int) -> str:
        return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()

    return {
        "kty": "EC", "crv": "P-256", "kid": kid, "x": octets(numbers.x), "y": octets(numbers.y),
    }  # fmt: skip


def application(**changes: Any) -> dict[str, Any]:
    usual = {
        "name": "App",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [public_key()]},
        "redirect_uris": ["https://shop.example/back"],
        "roles": ["data", "payments"],
    }
    return usual | changes


async def events_of(api: Api, organisation: str) -> list[str]:
    async with api.services.database.connect() as connection:
        found = await connection.execute(
            select(audit_entries.c.event)
            .where(audit_entries.c.organisation == organisation)
            .order_by(audit_entries.c.number)
        )
        return list(found.scalars())


async def test_an_alliance_is_founded_once(api: Api) -> None:
    assert await events_of(api, api.operator.organisation) == [
        "organisation.admitted",
        "application.registered",
        "certificate.issued",
        "alliance.founded",
        "link.created",
    ]
    with pytest.raises(Refusal) as refused:
        await found(api)
    assert refused.value.outcome is CONFLICT


async def test_a_founding_link_works_once_and_its_secret_is_not_stored(
    api: Api, database: Any
) -> None:
    body = {
        "link_secret": "A" * 43,
        "slug": "other",
        "name_en": "Other",
        "name_zh": "其他",
        "csr_pem": certificate_request(),
    }
    refused = await api.client.post(
        "/v1/founding", json=body, headers={"weir-host-role": "manage", "weir-port-kind": "public"}
    )
    assert (refused.status_code, refused.json()["code"]) == (410, "link_used")
    async with database.connect() as connection:
        links = (await connection.execute(select(founding_links))).all()
    assert len(links) == 1
    assert links[0].used_at is not None
    assert len(links[0].secret_sha256) == 32


async def test_of_two_foundings_at_once_one_wins(database: Any, authority: Any) -> None:
    async def offer() -> str:
        async with database.unit(PLATFORM) as unit:
            return await founding.offer_link(unit)

    async def claim(secret: str, slug: str) -> Outcome | None:
        try:
            async with database.unit(PLATFORM) as unit:
                await founding.claim(
                    unit,
                    authority,
                    secret,
                    slug=slug,
                    name_en="A",
                    name_zh="甲",
                    csr_pem=certificate_request(),
                )
        except Refusal as refusal:
            return refusal.outcome
        return None

    first, second = await offer(), await offer()
    ends = await asyncio.gather(claim(first, "one"), claim(second, "two"), claim(first, "three"))
    assert ends.count(None) == 1
    assert {end for end in ends if end is not None} <= {CONFLICT, LINK_USED}
    async with database.connect() as connection:
        assert len((await connection.execute(select(organisations))).all()) == 1


async def test_registration_says_what_is_wrong(api: Api, partner: Party) -> None:
    private = {**public_key(), "d": "AAAA"}
    weak = {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"}
    cases = {
        "/name": application(name=" padded"),
        "/token_endpoint_auth_method": application(token_endpoint_auth_method="none"),
        "/jwks/keys/0": application(jwks={"keys": [private]}),
        "/jwks/keys/1": application(jwks={"keys": [public_key(), weak]}),
        "/jwks/keys": application(jwks={"keys": [public_key(), public_key()]}),
        "/redirect_uris/0": application(redirect_uris=["http://shop.example/back"]),
        "/roles/1": application(roles=["data", "everything"]),
        "/redirect_uris": application(redirect_uris=[]),
        "": application(surprise=1),
    }
    for pointer, body in cases.items():
        answer = await api.ask(partner, "POST", "/v1/applications", json=body)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "invalid_input"), pointer
        assert problem["parameters"]["pointer"] == pointer
        assert problem["parameters"]["why"]
        assert problem["parameters"]["why_zh"]
    assert "AAAA" not in answer.text


async def test_an_organisation_registers_applications_and_rotates_their_keys(
    api: Api, partner: Party
) -> None:
    made = await api.done(partner, "POST", "/v1/applications", json=application())
    path = f"/v1/applications/{made['id']}"
    assert made["organisation"] == partner.organisation
    keys = {"jwks": {"keys": [public_key("k2"), {**public_key("k3"), "x5c": ["ignored"]}]}}
    after = await api.done(partner.person(), "PUT", f"{path}/keys", json=keys)
    assert [key["kid"] for key in after["jwks"]["keys"]] == ["k2", "k3"]
    assert "x5c" not in after["jwks"]["keys"][1]
    none = await api.ask(partner.person(), "PUT", f"{path}/keys", json={"jwks": {"keys": []}})
    assert none.json()["parameters"]["pointer"] == "/jwks/keys"
    assert (await api.done(partner, "GET", path)) == after


async def test_the_operator_registers_and_certifies_only_what_comes_first(
    api: Api, partner: Party
) -> None:
    second = application(organisation=partner.organisation)
    refused = await api.ask(api.operator, "POST", "/v1/applications", json=second)
    assert refused.json()["code"] == "forbidden"
    certificates = f"/v1/applications/{partner.application}/certificates"
    request = {"csr_pem": certificate_request()}
    refused = await api.ask(api.operator.person(), "POST", certificates, json=request)
    assert refused.json()["code"] == "forbidden"
    await api.done(partner, "POST", certificates, json=request)
    assert len((await api.done(partner, "GET", certificates))["items"]) == 2


async def test_a_revoked_certificate_opens_nothing_from_the_next_request_on(
    api: Api, partner: Party
) -> None:
    path = f"/v1/certificates/{partner.certificate}/revoke"
    done = await api.done(partner, "POST", path)
    assert done["certificate"]["revoked_at"] <= done["effective_at"]
    refused = await api.ask(partner, "GET", "/v1/applications")
    assert (refused.status_code, refused.json()["code"]) == (401, "certificate_revoked")
    async with api.services.database.connect() as connection:
        rows = await connection.execute(select(changes.c.key, changes.c.document))
        documents = {row.key: row.document for row in rows}
    assert documents[f"certificate:{partner.thumbprint}"]["subject"] == "certificate"
    assert documents[partner.application]["certificates"] == []


async def test_a_suspension_holds_from_the_next_request_on(api: Api, partner: Party) -> None:
    token = await api.token(partner)
    organisation = f"/v1/organisations/{partner.slug}"
    done = await api.done(api.operator.person(), "POST", f"{organisation}/suspend")
    assert done["effective_at"]
    refused = await api.ask(partner, "GET", "/v1/applications", token=token)
    assert refused.json()["code"] == "organisation_suspended"
    again = await api.ask(api.operator.person(), "POST", f"{organisation}/suspend")
    assert again.status_code == 409
    await api.done(api.operator.person(), "POST", f"{organisation}/resume")
    application_path = f"/v1/applications/{partner.application}"
    await api.done(partner, "POST", f"{application_path}/suspend")
    refused = await api.ask(partner, "GET", "/v1/applications", token=token)
    assert refused.json()["code"] == "application_suspended"
    await api.done(api.operator.person(), "POST", f"{application_path}/resume")
    assert (await api.ask(partner, "GET", "/v1/applications", token=token)).is_success


async def test_the_operator_cannot_suspend_itself(api: Api) -> None:
    refused = await api.ask(api.operator.person(), "POST", "/v1/organisations/alliance/suspend")
    assert refused.json()["code"] == "illegal_state"


async def test_an_application_without_the_role_manages_nothing(api: Api, partner: Party) -> None:
    made = await api.done(partner, "POST", "/v1/applications", json=application())
    request = {"csr_pem": certificate_request()}
    path = f"/v1/applications/{made['id']}/certificates"
    certificate = await api.done(partner.person(), "POST", path, json=request)
    calling = Party(
        partner.organisation,
        "shop",
        "partner",
        made["id"],
        certificate["id"],
        certificate["sha256"],
    )
    refused = await api.ask(calling, "GET", "/v1/applications")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_insufficient")


async def test_the_same_idempotency_key_gets_the_same_answer(api: Api) -> None:
    body = {
        "slug": "mill",
        "name_en": "Mill",
        "name_zh": "磨坊",
        "partner_class": "software_vendor",
    }
    key = {"idempotency-key": "first-try"}
    first, again = [
        await api.ask(api.operator, "POST", "/v1/partners", json=body, headers=key) for _ in "12"
    ]
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = {**body, "name_en": "Other"}
    reused = await api.ask(api.operator, "POST", "/v1/partners", json=other, headers=key)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    bad = {"idempotency-key": "two words"}
    refused = await api.ask(api.operator, "POST", "/v1/partners", json=body, headers=bad)
    assert refused.json()["parameters"]["pointer"] == "header:idempotency-key"


async def test_requests_with_one_key_at_the_same_moment_are_done_once(api: Api) -> None:
    body = {
        "slug": "mill",
        "name_en": "Mill",
        "name_zh": "磨坊",
        "partner_class": "software_vendor",
    }
    answers = await asyncio.gather(
        *(
            api.ask(
                api.operator, "POST", "/v1/partners", json=body, headers={"idempotency-key": "k"}
            )
            for _ in range(5)
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_body_that_reads_two_ways_is_refused(api: Api) -> None:
    headers = {"content-type": "application/json"}
    for content in (b'{"slug": "a", "slug": "b"}', b'{"slug": NaN}', b"{", b"\xff", b"[" * 9_999):
        answer = await api.ask(
            api.operator, "POST", "/v1/partners", content=content, headers=headers
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), content[:20]
    large = b'"' + b"a" * (1024 * 1024) + b'"'
    answer = await api.ask(api.operator, "POST", "/v1/partners", content=large, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_member_enrols_a_customer_and_gets_one_link(api: Api, bank: Party) -> None:
    body = {"customer_ref": "C-1", "name": "Lin"}
    made = await api.done(bank, "POST", "/v1/customers", json=body)
    assert made["link"].startswith("https://portal.localhost:8443/")
    assert made["customer"]["linked"] is False
    listed = await api.done(bank, "GET", "/v1/customers")
    assert [each["customer_ref"] for each in listed["items"]] == ["C-1"]
    assert "link" not in listed["items"][0]


async def test_every_write_stands_in_an_intact_audit_chain(api: Api, bank: Party) -> None:
    params = {"slug": "d", "backend_url": "https://127.0.0.1:9101"}
    await api.done(bank, "POST", "/v1/documents", params=params, content=openapi("/a"))
    assert (await events_of(api, bank.organisation))[-1] == "document.imported"
    report = await api.done(api.operator, "GET", "/v1/audit/verification")
    assert report == {"intact": True, "chains": [], "consents": []}


async def test_the_operator_counts_calls_and_closes_periods(api: Api, partner: Party) -> None:
    day = {"since": "2026-01-01", "until": "2026-01-02"}
    assert (await api.done(partner, "GET", "/v1/records/counts", params=day))["items"] == []
    bad = await api.ask(partner, "GET", "/v1/records/counts", params={"since": "2026-02-30"})
    assert bad.json()["parameters"]["pointer"] == "query:since"
    period = {"period": "2026-01", "currency": "CNY"}
    closed = await close(api, period)
    statement = closed["statements"][api.operator.organisation]
    listed = await api.done(api.operator, "GET", "/v1/statements")
    assert [each["id"] for each in listed["items"]] == [statement]
    assert (await api.done(api.operator, "GET", f"/v1/statements/{statement}"))["party"]


async def test_an_agreement_is_proposed_by_the_owner_and_accepted_by_the_operator(
    api: Api, bank: Party
) -> None:
    product = {"slug": "x", "direction": "go-out", "title_en": "X", "title_zh": "某"}
    made = await api.done(bank, "POST", "/v1/products", json=product)
    split = {
        "effective_from": "2026-01-01T00:00:00+08:00",
        "currency": "CNY",
        "shares": [{"party": "operator", "weight": 1_000}, {"party": "member", "weight": 9_000}],
    }
    path = f"/v1/products/{made['id']}/agreements"
    proposed = await api.done(bank, "POST", path, json=split)
    assert (proposed["status"], proposed["accepted"]) == ("proposed", [])
    answer = {name: split[name] for name in ("effective_from", "shares")}
    address = f"/v1/agreements/{proposed['id']}/counter"
    proposed = await api.done(api.operator, "POST", address, json=answer)
    for party in (bank, api.operator):
        proposed = await accept(api, party, proposed)
    assert (proposed["status"], len(proposed["signatures"])) == ("in_force", 2)
    listed = (await api.done(api.operator, "GET", path))["items"]
    assert [each["status"] for each in listed] == ["in_force", "declined"]
    assert listed[0]["counters"] == listed[1]["id"]
    assert await api.done(bank, "GET", f"/v1/agreements/{proposed['id']}") == proposed
    ended = await api.done(bank, "POST", f"/v1/agreements/{proposed['id']}/end")
    assert ended["ended_at"]


async def accept(api: Api, party: Party, agreement: dict[str, Any]) -> dict[str, Any]:
    """Sign an agreement's terms with a certificate whose key is at hand."""
    holder, key = await witness_of(api, party)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    jws = sign(agreement["terms"], ECKey.import_key(pem), holder.thumbprint)
    path = f"/v1/agreements/{agreement['id']}/accept"
    accepted: dict[str, Any] = await api.done(holder, "POST", path, json={"signature": jws})
    return accepted


async def test_a_failure_of_ours_tells_nothing(api: Api, bank: Party) -> None:
    async with api.services.database.engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE subscriptions")
    answer = await api.ask(bank, "GET", "/v1/subscriptions")
    assert (answer.status_code, answer.json()["code"]) == (500, "platform_error")
    assert "subscriptions" not in answer.text
