"""Every route of the management API, asked as nobody, with the wrong token, and as a stranger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from management_support import BACKEND, Api, Party, certificate_request, close, openapi
from sqlalchemy import insert, select

from weir.access.permissions import PERMISSIONS
from weir.api.guard import GuardedRoute
from weir.api.management import ROUTERS
from weir.consent import transitions
from weir.consent.types import parse_entry
from weir.identity import people
from weir.kernel.rates import Rates
from weir.settlement.payment_tables import disputes, netting_rounds, payments
from weir.store.schema import metadata
from weir.store.unit import Actor

ROUTES = [
    (str(route.operation_id), min(route.methods or ()), route.path)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, GuardedRoute)
]
WITH_TOKEN = [route for route in ROUTES if PERMISSIONS[route[0]].needs_caller]
# What everybody in the alliance may read.
SHARED = {
    "describe_api",
    "list_organisations",
    "list_shelf",
    "search_shelf",
    "list_signing_keys",
    "list_algorithm_endings",
    "list_test_customers",
}

# What makes something of the caller's own, whoever asks.
OWN = {
    "end_terminal_session",
    "enrol_customer",
    "offer_test_customer",
    "register_backend",
    "set_settlement_account",
}

# How a stranger may be refused.
REFUSED = {"forbidden", "not_found", "invalid_input", "person_required"}

PRODUCT = {"slug": "x", "direction": "go-out", "title_en": "X", "title_zh": "某"}
PLAN = {
    "name": "P",
    "currency": "CNY",
    "pricing": {"components": []},
    "rate_per_s": 1,
    "quota": "unlimited",
}
INVITATION = {"invitee": "N", "role": "auditor"}
SHARES = [{"party": "operator", "weight": 1_000}, {"party": "member", "weight": 9_000}]


@dataclass
class World:
    """A bank and a partner with one of everything, and the identifiers of it all."""

    api: Api
    bank: Party
    partner: Party
    ids: dict[str, str]

    def path(self, template: str) -> str:
        for name, identifier in self.ids.items():
            template = template.replace(f"{{{name}}}", identifier)
        assert "{" not in template, template
        return template

    def body(self, operation: str) -> dict[str, Any]:
        """A well-formed request that reaches for the bank's and the partner's things."""
        bodies: dict[str, Any] = {
            "admit_member": {
                "slug": "new", "name_en": "N", "name_zh": "新", "licence_kind": "bank",
            },
            "admit_partner": {
                "slug": "new", "name_en": "N", "name_zh": "新",
                "partner_class": "software_vendor",
            },
            "register_application": {
                "organisation": self.bank.organisation,
                "name": "N",
                "token_endpoint_auth_method": "tls_client_auth",
            },
            "register_trust_anchor": {
                "issuer": "https://directory.example", "name": "D", "jwks": {"keys": []},
            },
            "end_trust_anchor": {"issuer": "https://directory.example"},
            "announce_signing_key": {"signs_from": "2999-01-01T00:00:00Z"},
            "announce_algorithm_ending": {"ends_at": "2999-01-01T00:00:00Z"},
            "revoke_application_key": {"key": "k" * 43},
            "rehearse_changes": {"on": True},
            "take_over_application": {"management_role": "auditor"},
            "issue_trial_token": {"product": self.ids["product"], "thumbprint": "k" * 43},
            "issue_trial_key": {"product": self.ids["product"], "jwk": {"kty": "EC"}},
            "take_test_customer": {"product": self.ids["product"], "customer_ref": "RB-2"},
            "rotate_application_keys": {"jwks": {"keys": []}},
            "issue_certificate": {"csr_pem": certificate_request()},
            "register_backend": {"url": "https://b.example", "endpoints": ["127.0.0.1:9102"]},
            "change_backend": {"endpoints": ["127.0.0.1:9102"]},
            "declare_capability": {},
            "draft_product": {**PRODUCT, "capabilities": [self.ids["capability"]]},
            "set_product_capabilities": {"capabilities": []},
            "offer_plan": PLAN,
            "request_subscription": {
                "application": self.partner.application, "plan": self.ids["plan"],
            },
            "withdraw_consent": {"reason": "because"},
            "propose_agreement": {
                "effective_from": "2030-01-01T00:00:00Z", "currency": "CNY", "shares": SHARES,
            },
            "change_plan": {
                "pricing": PLAN["pricing"], "effective_from": "2999-01-01T00:00:00Z",
            },
            "counter_agreement": {"effective_from": "2030-01-01T00:00:00Z", "shares": SHARES},
            "accept_agreement": {"signature": "x"},
            "open_dispute": {"line": 1, "reason": "because"},
            "grant_credit": {"line": 1, "amount_minor": 1, "reason": "because"},
            "resolve_dispute": {"resolution": "because", "amount_minor": 0},
            "set_settlement_account": {
                "scheme": "cnaps", "holder": "N", "account": "12345678", "bank": "1" * 12,
            },
            "settle_round": {"currency": "CNY"},
            "record_rate": {
                "base": "USD", "quote": "CNY", "rate": "7.1", "source": "us",
                "observed_at": "2020-01-01T00:00:00Z",
            },
            "close_period": {"period": "2020-01", "currency": "CNY"},
            "reopen_period": {"period": "2020-01", "currency": "CNY", "reason": "because"},
            "change_person_role": {"role": "auditor"},
            "invite_person": {
                "organisation": self.bank.organisation, "invitee": "N", "role": "owner",
            },
            "witness_root": {"signature": "x"},
        }  # fmt: skip
        return {"json": bodies[operation]} if operation in bodies else {}

    async def snapshot(self) -> dict[str, list[str]]:
        """Every row of every table."""
        async with self.api.services.database.connect() as connection:
            return {
                table.name: sorted(map(repr, (await connection.execute(select(table))).all()))
                for table in metadata.sorted_tables
            }


@pytest.fixture
async def world(api: Api, bank: Party, partner: Party) -> World:
    api.services.rates.refused = Rates(10_000, 10_000)  # one address is refused everywhere
    ids = {"organisation": bank.organisation, "application": bank.application}
    ids["certificate"] = bank.certificate
    ids["key"] = api.vault.public_jwks()["keys"][0]["kid"]
    ids["algorithm"] = "PS256"
    params = {"slug": "accounts", "backend_url": BACKEND}
    made = await api.done(bank, "POST", "/v1/documents", params=params, content=openapi("/a"))
    ids["document"] = made["document"]["id"]
    reached = {"url": "https://bank.example", "endpoints": ["192.0.2.1:443"]}
    made = await api.done(bank, "POST", "/v1/backends", json=reached)
    ids["backend"] = made["backend"]["id"]
    listed = await api.done(bank, "GET", f"/v1/documents/{ids['document']}/capabilities")
    ids["capability"] = listed["items"][0]["id"]
    holding = {"capabilities": [ids["capability"]]}
    offered = await api.done(bank, "POST", "/v1/products", json={**PRODUCT, **holding})
    path = f"/v1/products/{offered['id']}"
    await api.publish(bank, offered["id"])
    plan = await api.done(bank, "POST", f"{path}/plans", json=PLAN)
    ids["plan"] = plan["id"]
    subscribed = {"application": partner.application, "plan": plan["id"]}
    made = await api.done(partner, "POST", "/v1/subscriptions", json=subscribed)
    ids["subscription"] = made["id"]
    agreement = {
        "effective_from": "2030-01-01T00:00:00Z",
        "currency": "CNY",
        "shares": SHARES,
    }
    ids["agreement"] = (await api.done(bank, "POST", f"{path}/agreements", json=agreement))["id"]
    ids["product"] = (await api.done(bank, "POST", "/v1/products", json=PRODUCT))["id"]
    ids["consent"] = await ask_consent(api, bank, partner)
    known = {"customer_ref": "RB-1", "name": "N"}
    ids["customer"] = (await api.done(bank, "POST", "/v1/customers", json=known))["customer"]["id"]
    offered = {"customer_ref": "RB-2", "name": "N"}
    made = await api.done(bank, "POST", "/v1/test-customers", json=offered)
    ids["customer_ref"] = made["customer_ref"]
    closed = {"period": "2020-02", "currency": "CNY"}
    closing = await close(api, closed)
    ids["job"] = closing["job"]
    ids["statement"] = closing["statements"][api.operator.organisation]
    ids |= await settle_by_hand(api, bank, closing["closing"])
    ids["receipt"] = f"str_{'0' * 26}.1.1.{'0' * 32}"
    ids |= {
        "line": "7654321",
        "stream": f"str_{'0' * 26}",
        "segment": "987654321987",
        "size": "987654321988",
    }
    invited = await api.done(bank.person(), "POST", "/v1/invitations", json=INVITATION)
    ids["invitation"] = invited["invitation"]["id"]
    ids["person"] = await person_of(api, bank)
    return World(api, bank, partner, ids)


async def person_of(api: Api, party: Party, role: str = "owner", name: str = "") -> str:
    """Somebody who works for the organisation."""
    async with api.services.database.unit(Actor(party.organisation, "setup")) as unit:
        person = await people.create(
            unit,
            name=name or f"{party.slug}.{role}",
            display_name="N",
            passphrase_hash="",
            kind=party.kind,  # type: ignore[arg-type]
            organisation=party.organisation,
            language="en",
            role=role,
        )
    return person.id


async def settle_by_hand(api: Api, bank: Party, closing: str) -> dict[str, str]:
    """A round with a payment of the bank's, and a dispute: as rows, since nobody owes anything."""
    async with api.services.database.unit(Actor(bank.organisation, "setup")) as unit:
        ids = {"round": unit.mint("rnd"), "payment": unit.mint("pay"), "dispute": unit.mint("dsp")}
        await unit.connection.execute(
            insert(netting_rounds).values(
                id=ids["round"],
                currency="CNY",
                positions={bank.organisation: -1, api.operator.organisation: 1},
                without_payments=1,
                without_minor=1,
                moved_minor=1,
                settled_at=unit.now,
                settled_by="setup",
            )
        )
        await unit.connection.execute(
            insert(payments).values(
                id=ids["payment"],
                round=ids["round"],
                debtor=bank.organisation,
                creditor=api.operator.organisation,
                currency="CNY",
                amount_minor=1,
                status="instructed",
            )
        )
        await unit.connection.execute(
            insert(disputes).values(
                id=ids["dispute"],
                closing=closing,
                line=1,
                opened_by=bank.organisation,
                opened_at=unit.now,
                reason="Wrong.",
                evidence="",
                status="open",
            )
        )
    return ids


async def ask_consent(api: Api, bank: Party, partner: Party) -> str:
    actor = Actor(partner.organisation, partner.application)
    async with api.services.database.unit(actor) as unit:
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
    return consent


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title_zh"]
    return answer.status_code, problem["code"]


async def test_without_a_token_every_route_refuses_before_it_reads(world: World) -> None:
    before = await world.snapshot()
    headers = {"weir-client-certificate-sha256": world.bank.thumbprint}
    for operation, method, path in WITH_TOKEN:
        answer = await world.api.ask(
            None, method, world.path(path), headers=headers, content=b"\xff not json"
        )
        assert code(answer) == (401, "token_missing"), operation
        challenge = 'Bearer, DPoP algs="ES256 PS256 EdDSA Ed25519"'
        assert answer.headers["www-authenticate"] == challenge
    assert await world.snapshot() == before


async def test_on_the_public_port_every_route_but_the_founding_asks_for_a_certificate(
    world: World,
) -> None:
    for operation, method, path in WITH_TOKEN:
        answer = await world.api.ask(
            world.bank, method, world.path(path), headers={"weir-port-kind": "public"}
        )
        assert code(answer) == (401, "certificate_required"), operation


async def test_under_another_host_no_route_answers(world: World) -> None:
    for operation, method, path in ROUTES:
        answer = await world.api.ask(
            world.bank, method, world.path(path), headers={"weir-host-role": "api"}
        )
        assert code(answer) == (421, "unknown_host"), operation


NOT_QUITE_RIGHT: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"exp": 1}, (401, "token_expired")),
    ({"iat": 9_999_999_999, "exp": 9_999_999_999}, (401, "token_invalid")),
    ({"scope": "river-bank.accounts"}, (403, "scope_insufficient")),
    ({"scope": "managers"}, (403, "scope_insufficient")),
    ({"aud": ["https://api.localhost"]}, (401, "token_invalid")),
    ({"iss": "https://auth.example"}, (401, "token_invalid")),
    ({"cnf": {}}, (401, "certificate_mismatch")),
    ({"cnf": None}, (401, "certificate_mismatch")),
    ({"cnf": {"x5t#S256": "A" * 43}}, (401, "certificate_mismatch")),
    ({"client_id": "app_nobody"}, (401, "token_invalid")),
    ({"org": "org_other"}, (401, "token_invalid")),
    ({"jti": 7}, (401, "token_invalid")),
    ({"exp": None}, (401, "token_invalid")),
]


async def test_a_token_that_is_not_quite_right_opens_no_route(world: World) -> None:
    before = await world.snapshot()
    for number, (claims, expected) in enumerate(NOT_QUITE_RIGHT):
        token = await world.api.token(world.bank, **claims)
        peer = {"weir-peer": f"198.51.{number}.7"}  # one address may be refused only so often
        for operation, method, path in WITH_TOKEN:
            answer = await world.api.ask(
                world.bank,
                method,
                world.path(path),
                token=token,
                headers=peer,
                **world.body(operation),
            )
            assert code(answer) == expected, (operation, claims)
    assert await world.snapshot() == before


async def test_a_token_opens_no_route_with_another_certificate(
    world: World, other_bank: Party
) -> None:
    token = await world.api.token(world.bank)
    for operation, method, path in WITH_TOKEN:
        answer = await world.api.ask(other_bank, method, world.path(path), token=token)
        assert code(answer) == (401, "certificate_mismatch"), operation


async def test_an_altered_or_foreign_token_opens_no_route(world: World) -> None:
    token = await world.api.token(world.bank)
    head, body, signature = token.split(".")
    no_signature = f"{head}.{body}."
    as_id_token = await world.api.vault.sign_jwt({"iss": "x"}, "jwt")
    flipped = f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    for bad in (no_signature, as_id_token, flipped, "x", f"{token}.{token}"):
        answer = await world.api.ask(world.bank, "GET", "/v1/documents", token=bad)
        assert code(answer) == (401, "token_invalid")


async def test_another_organisation_finds_nothing_and_changes_nothing(
    world: World, other_bank: Party, other_partner: Party
) -> None:
    before = await world.snapshot()
    theirs = [*world.ids.values(), world.partner.application, world.partner.organisation]
    for stranger in (other_bank, other_partner):
        for operation, method, path in WITH_TOKEN:
            if operation in SHARED | OWN:
                continue
            answer = await world.api.ask(
                stranger, method, world.path(path), **world.body(operation)
            )
            if answer.is_success:  # a list of the stranger's own things
                assert method == "GET", operation
                assert not any(each in answer.text for each in theirs), operation
            else:
                assert answer.status_code in (403, 404, 422), (operation, answer.text)
                assert code(answer)[1] in REFUSED, operation
                echoed = json.dumps(answer.json().get("parameters", {}))
                assert not any(each in echoed for each in theirs), operation
    assert await world.snapshot() == before


async def test_only_the_kinds_in_the_table_get_past_it(world: World) -> None:
    parties = {"operator": world.api.operator, "member": world.bank, "partner": world.partner}
    for operation, method, path in WITH_TOKEN:
        for kind in parties.keys() - PERMISSIONS[operation].kinds:
            answer = await world.api.ask(
                parties[kind], method, world.path(path), **world.body(operation)
            )
            assert code(answer) == (403, "forbidden"), (operation, kind)


async def test_an_unknown_address_and_a_wrong_method_are_refused_in_the_same_form(
    world: World,
) -> None:
    assert code(await world.api.ask(world.bank, "GET", "/v1/nothing")) == (404, "not_found")
    answer = await world.api.ask(world.bank, "DELETE", "/v1/documents")
    assert code(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"]
