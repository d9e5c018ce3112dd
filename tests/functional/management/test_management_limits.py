"""What an organisation may keep: no number of requests at once gets past its limit, and another
organisation is not refused by it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from management_support import BACKEND, Api, Party, openapi

from weir.identity import invitations, test_customers
from weir.kernel.outcomes import Refusal
from weir.kernel.rates import Rates
from weir.openapi.operations import import_document
from weir.partners import applications
from weir.shelf import backends, documents, products
from weir.shelf.backends import read_reach
from weir.shelf.owners import Owner
from weir.store.unit import Actor, UnitOfWork

MOST = 2
AT_ONCE = 50 * MOST

Make = Callable[[UnitOfWork, Party, int], Awaitable[object]]


async def a_backend(unit: UnitOfWork, party: Party, number: int) -> None:
    reach = read_reach(endpoints=["127.0.0.1:9101"])
    await backends.register(unit, party.organisation, f"{BACKEND}/{number}", reach)


async def a_document(unit: UnitOfWork, party: Party, number: int) -> None:
    raw = openapi("/balances", title=f"Title {number}")
    slug, parsed = f"document-{number}", import_document(raw)
    await documents.store(unit, party.organisation, slug, BACKEND, raw, parsed)


async def a_product(unit: UnitOfWork, party: Party, number: int) -> None:
    owner = Owner(party.organisation, party.slug, "member")
    words = {"title_en": "Title", "title_zh": "名称"}
    await products.draft(unit, owner, slug=f"product-{number}", direction="go-out", **words)


async def an_application(unit: UnitOfWork, party: Party, number: int) -> None:
    await applications.register(
        unit,
        party.organisation,
        name=f"Application {number} of {party.slug}",
        token_endpoint_auth_method="tls_client_auth",
        roles=["manage"],
    )


async def an_invitation(unit: UnitOfWork, party: Party, number: int) -> None:
    given = {"role": "auditor", "invitee": f"Somebody {number}"}
    await invitations.invite(unit, party.organisation, "member", **given)


async def a_test_customer(unit: UnitOfWork, party: Party, number: int) -> None:
    await test_customers.offer(unit, party.organisation, f"customer-{number}", "Li Hua")


@pytest.mark.parametrize(
    ("make", "limit", "room", "there"),
    [
        (a_backend, "MEMBER_BACKENDS", "shelf.backends", 0),
        (a_document, "DOCUMENTS", "shelf.documents", 0),
        (a_product, "PRODUCTS", "shelf.products", 0),
        (an_application, "APPLICATIONS", "partners.applications", 1),
        (an_invitation, "INVITATIONS", "identity.invitations", 0),
        (a_test_customer, "TEST_CUSTOMERS", "identity.test_customers", 0),
    ],
)
async def test_many_times_as_many_at_once_leave_as_many_as_may_be_kept(
    api: Api,
    bank: Party,
    other_bank: Party,
    monkeypatch: pytest.MonkeyPatch,
    make: Make,
    limit: str,
    room: str,
    there: int,
) -> None:
    monkeypatch.setattr(f"weir.{room}.{limit}", MOST)
    connections = asyncio.Semaphore(8)

    async def one(party: Party, number: int) -> str:
        try:
            async with (
                connections,
                api.services.database.unit(Actor(party.organisation, "test")) as unit,
            ):
                await make(unit, party, number)
        except Refusal as refusal:
            return f"{refusal.outcome.code} {refusal.public['limit']} {refusal.public['most']}"
        return "kept"

    own = [one(bank, number) for number in range(AT_ONCE)]
    others = [one(other_bank, number) for number in range(MOST - there)]
    came = await asyncio.gather(*own, *others)
    kept = MOST - there
    assert Counter(came[: len(own)]) == {
        "kept": kept,
        f"limit_reached {limit} {MOST}": AT_ONCE - kept,
    }
    assert came[len(own) :] == ["kept"] * kept


async def test_documents_are_bounded_in_bytes_too(
    api: Api, bank: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(openapi("/balances", title="Title 1"))
    monkeypatch.setattr("weir.shelf.documents.DOCUMENTS_BYTES", 2 * size)
    for number in range(2):
        async with api.services.database.unit(Actor(bank.organisation, "test")) as unit:
            await a_document(unit, bank, number)
    with pytest.raises(Refusal) as refused:
        async with api.services.database.unit(Actor(bank.organisation, "test")) as unit:
            await a_document(unit, bank, 2)
    assert refused.value.public["limit"] == "DOCUMENTS_BYTES"


async def test_a_refusal_by_a_limit_names_it_on_the_wire(
    api: Api, bank: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.shelf.backends.MEMBER_BACKENDS", 0)
    given = {"url": BACKEND, "endpoints": ["127.0.0.1:9101"]}
    answer = await api.ask(bank, "POST", "/v1/backends", json=given)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "limit_reached")
    assert problem["parameters"]["limit"] == "MEMBER_BACKENDS"


async def test_writes_of_one_application_beyond_its_rate_are_refused_and_others_are_not(
    api: Api, bank: Party, other_bank: Party
) -> None:
    api.services.rates.writes = Rates(0.01, 5)
    given = {"url": BACKEND, "endpoints": ["127.0.0.1:9101"]}
    statuses = Counter(
        [(await api.ask(bank, "POST", "/v1/backends", json=given)).status_code for _ in range(50)]
    )
    assert statuses == {201: 1, 409: 4, 429: 45}
    refused = await api.ask(bank, "POST", "/v1/backends", json=given)
    assert refused.json()["code"] == "requests_exceeded"
    assert int(refused.headers["retry-after"]) > 1
    assert (await api.ask(bank, "GET", "/v1/backends")).status_code == 200, "reads go on"
    answer = await api.ask(other_bank, "POST", "/v1/backends", json=given)
    assert answer.status_code == 201


async def test_an_address_that_was_refused_too_often_is_not_looked_at(
    api: Api, bank: Party
) -> None:
    api.services.rates.refused = Rates(0.01, 5)
    flood, other = {"weir-peer": "198.51.100.1"}, {"weir-peer": "203.0.113.7"}
    statuses = Counter(
        [
            (await api.ask(bank, "GET", "/v1/backends", token="no", headers=flood)).status_code
            for _ in range(100)
        ]
    )
    assert statuses == {401: 5, 429: 95}
    assert (await api.ask(bank, "GET", "/v1/backends", headers=flood)).status_code == 429
    assert (await api.ask(bank, "GET", "/v1/backends", headers=other)).status_code == 200


@pytest.mark.parametrize("text", ["\0", "a\0b", "a\x1fb", "\x7f", "\n", "\ud800"])
async def test_characters_no_identifier_has_are_refused_in_paths_queries_and_bodies(
    api: Api, bank: Party, text: str
) -> None:
    encoded = "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))
    for thing in ("organisations", "applications", "documents", "statements", "capabilities"):
        answer = await api.ask(bank, "GET", f"/v1/{thing}/{encoded}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), thing
    for query in ("applications?organisation", "audit?touching", "audit?event", "shelf/search?q"):
        answer = await api.ask(bank, "GET", f"/v1/{query}={encoded}")
        assert answer.json()["code"] in ("invalid_input", "not_found"), query
    bodies = {
        "subscriptions": {"application": text, "plan": "pln_1"},
        "consents": {"application": text, "request": {}},
        "applications": {"organisation": text, "name": "n", "token_endpoint_auth_method": "x"},
        "backends": {"url": f"https://a{text}", "endpoints": [text]},
    }
    for thing, body in bodies.items():
        sent = json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        answer = await api.ask(bank, "POST", f"/v1/{thing}", content=sent, headers=headers)
        assert answer.status_code == 422, f"{thing}: {answer.text}"
        assert answer.json()["code"] == "invalid_input"
