"""A partner that signs itself up: in the sandbox at once, and in no more than that."""

from __future__ import annotations

from typing import Any

import pytest
from management_support import Api, Party, certificate_request, openapi

from weir.identity import links
from weir.identity.acting_person import ActingPerson
from weir.journeys.declares import SIGN_UPS
from weir.kernel.outcomes import Refusal

BACKEND = "https://127.0.0.1:9101"
TOLD = {
    "name_en": "Orchard Works",
    "name_zh": "果园工坊",
    "partner_class": "software_vendor",
    "display_name": "Mei Lin",
    "name": "mei.lin",
    "passphrase": "clear water over stones",
}
PUBLIC = {"weir-host-role": "manage", "weir-port-kind": "public", "weir-peer": "203.0.113.7:1"}


async def sign_up(api: Api, **changed: str) -> Any:
    return await api.client.post("/v1/sign-ups", json=TOLD | changed, headers=PUBLIC)


async def offered(api: Api, bank: Party, slug: str, *, sandbox: bool) -> str:
    """A published product with a plan that approves at once; the plan."""
    made = await api.done(
        bank,
        "POST",
        "/v1/documents",
        params={"slug": slug, "backend_url": BACKEND},
        content=openapi(f"/{slug}"),
    )
    listed = await api.done(bank, "GET", f"/v1/documents/{made['document']['id']}/capabilities")
    product = await api.done(
        bank,
        "POST",
        "/v1/products",
        json={
            "slug": slug, "direction": "go-out", "title_en": slug, "title_zh": "某",
            "sandbox": sandbox, "capabilities": [listed["items"][0]["id"]],
        },
    )  # fmt: skip
    path = f"/v1/products/{product['id']}"
    await api.publish(bank, product["id"])
    plan = {
        "name": "P", "currency": "CNY", "pricing": {"components": []}, "rate_per_s": 1,
        "quota": "unlimited", "auto_approve": True,
    }  # fmt: skip
    return str((await api.done(bank, "POST", f"{path}/plans", json=plan))["id"])


async def test_whoever_signs_up_has_the_sandbox_until_production_is_opened(
    api: Api, bank: Party
) -> None:
    model, real = [
        await offered(api, bank, slug, sandbox=slug == "model") for slug in ("model", "real")
    ]
    made = (await sign_up(api)).json()
    assert made["organisation"]["stage"] == "sandbox"
    assert made["person"]["role"] == "owner"
    own = made["organisation"]["id"]
    given = {"organisation": own, "name": "A", "token_endpoint_auth_method": "tls_client_auth",
             "roles": ["manage"]}  # fmt: skip
    refused = await api.ask(api.operator.person(), "POST", "/v1/applications", json=given)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")  # it has people
    api.people[own, "owner"] = made["person"]["id"]
    owner = Party(own, "orchard-works", "partner", "", "", "").person()
    app = await api.done(owner, "POST", "/v1/applications", json=given)
    path = f"/v1/applications/{app['id']}/certificates"
    csr = {"csr_pem": certificate_request()}
    certificate = await api.done(owner, "POST", path, json=csr)
    party = Party(own, "orchard-works", "partner", app["id"], certificate["id"],
                  certificate["sha256"])  # fmt: skip
    wanted = {"application": app["id"], "plan": real}
    refused = await api.ask(party, "POST", "/v1/subscriptions", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (403, "production_needed")
    await api.done(party, "POST", "/v1/subscriptions", json={**wanted, "plan": model})
    operator = api.operator.person()
    opened = await api.done(operator, "POST", f"/v1/organisations/{own}/production")
    assert opened["stage"] == "production"
    await api.done(party, "POST", "/v1/subscriptions", json=wanted)
    again = await api.ask(operator, "POST", f"/v1/organisations/{own}/production")
    assert again.json()["code"] == "illegal_state"


async def test_a_sign_up_that_is_refused_leaves_nothing_behind(api: Api) -> None:
    for changed, pointer in (
        ({"name_en": " "}, "/name_en"),
        ({"partner_class": "bank"}, "/partner_class"),
        ({"name": "x"}, "/name"),
        ({"passphrase": "short"}, "/passphrase"),
    ):
        refused = await sign_up(api, **changed)
        assert (refused.status_code, refused.json()["parameters"]["pointer"]) == (422, pointer)
    assert (await sign_up(api)).status_code == 201
    taken = await sign_up(api)
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")
    listed = await api.done(api.operator, "GET", "/v1/organisations", params={"kind": "partner"})
    assert [each["slug"] for each in listed["items"]] == ["orchard-works"]


async def test_two_whose_names_are_one_in_latin_get_addresses_of_their_own(api: Api) -> None:
    slugs = []
    for number, name in enumerate("一二三"):
        told = {"name": f"mei.{number}x", "name_en": f"Orchard Works {name}", "name_zh": name}
        slugs.append((await sign_up(api, **told)).json()["organisation"]["slug"])
    assert slugs[0] == "orchard-works"
    assert len(set(slugs)) == 3
    assert all(slug.startswith("orchard-works") for slug in slugs)


async def test_two_of_one_name_are_not_told_apart_by_customers(api: Api) -> None:
    assert (await sign_up(api, name="mei.one")).status_code == 201
    again = await sign_up(api, name="mei.two", name_en="ORCHARD-WORKS")
    assert (again.status_code, again.json()["parameters"]["pointer"]) == (409, "/name_en")


async def test_one_address_signs_up_only_so_many(api: Api) -> None:
    for number in range(SIGN_UPS):
        assert (
            await sign_up(
                api, name=f"mei.{number}x", name_en=f"Works {number}", name_zh=f"工坊{number}"
            )
        ).status_code == 201
    refused = await sign_up(api, name="one.more")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_sign_ups")


async def test_the_operator_invites_the_first_person_and_nobody_after_that(
    api: Api, bank: Party
) -> None:
    given = {"organisation": "river-bank", "invitee": "First", "role": "owner"}
    operator = api.operator.person()
    made = await api.done(operator, "POST", "/v1/invitations", json=given)
    again = await api.done(operator, "POST", "/v1/invitations", json=given)
    async with api.services.database.connect() as connection:
        now = api.services.database.clock.now()
        with pytest.raises(Refusal):  # a link kept from before would let in a second one
            await links.find_open(connection, made["link"].rpartition("/")[2], now)
        newest = await links.find_open(connection, again["link"].rpartition("/")[2], now)
    assert newest.role == "owner"
    orchard = (await sign_up(api)).json()["organisation"]["slug"]
    refused = await api.ask(
        operator, "POST", "/v1/invitations", json={**given, "organisation": orchard}
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_what_speaks_for_a_person_says_nothing_of_its_rights() -> None:
    assert set(ActingPerson.__slots__) == {"person", "proven_at"}
