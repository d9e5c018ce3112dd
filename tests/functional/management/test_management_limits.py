"""What an organisation may keep: no number of requests at once gets past its limit, and another
organisation is not refused by it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc.jwk import ECKey, RSAKey
from management_support import BACKEND, Api, Party, certificate_request, openapi

from weir.identity import invitations, test_customers
from weir.kernel.outcomes import Refusal
from weir.kernel.rates import Rates
from weir.openapi.operations import import_document
from weir.partners import applications, certificates
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


async def test_an_application_has_so_many_valid_certificates_however_many_are_asked_for_at_once(
    api: Api, bank: Party, other_bank: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.partners.certificates.APPLICATION_CERTIFICATES", MOST)
    connections = asyncio.Semaphore(8)

    async def application_of(party: Party) -> str:
        async with api.services.database.unit(Actor(party.organisation, "test")) as unit:
            made = await applications.register(
                unit,
                party.organisation,
                name=f"Certified {party.slug}",
                token_endpoint_auth_method="tls_client_auth",
            )
        return made.id

    async def one(party: Party, application: str) -> str:
        try:
            async with (
                connections,
                api.services.database.unit(Actor(party.organisation, "test")) as unit,
            ):
                authority = api.services.authority
                await certificates.issue(unit, authority, application, certificate_request())
        except Refusal as refusal:
            return refusal.outcome.code
        return "issued"

    mine, others = await application_of(bank), await application_of(other_bank)
    own = [one(bank, mine) for _ in range(AT_ONCE)]
    came = await asyncio.gather(*own, *(one(other_bank, others) for _ in range(MOST)))
    assert Counter(came[: len(own)]) == {"issued": MOST, "conflict": AT_ONCE - MOST}
    assert came[len(own) :] == ["issued"] * MOST


async def test_what_comes_with_a_private_key_is_refused_and_says_so(api: Api, bank: Party) -> None:
    """Wherever PEM is taken, beside the right thing, in each of its forms."""
    path = f"/v1/applications/{bank.application}/certificates"
    for key in private_keys():
        for pem in (certificate_request() + key, key + certificate_request(), key):
            answer = await api.ask(bank, "POST", path, json={"csr_pem": pem})
            assert answer.json()["code"] == "certificate_request_invalid"
            assert "never send one" in answer.text
            assert key.splitlines()[1] not in answer.text, "it is not sent back"
        reach = {"url": BACKEND, "endpoints": ["127.0.0.1:9101"]}
        authority = api.services.authority.root_pem
        for pem in (authority + key, key):
            given = reach | {"authority": pem}
            answer = await api.ask(bank, "POST", "/v1/backends", json=given)
            assert answer.json()["code"] == "invalid_input"
            assert "never send one" in answer.text
    for jwk in (
        {**RSAKey.generate_key(2048).as_dict(private=True), "kid": "k", "use": "sig"},
        {**ECKey.generate_key("P-256").as_dict(private=True), "kid": "k", "use": "enc"},
    ):
        given = {
            "name": "Gives away",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [jwk]},
        }
        answer = await api.ask(bank, "POST", "/v1/applications", json=given)
        assert answer.json()["code"] == "invalid_input"
        assert "private key" in answer.text


def private_keys() -> list[str]:
    """A private key in each of its PEM forms."""
    key = rsa.generate_private_key(65_537, 2_048)
    plain, sealed = NoEncryption(), BestAvailableEncryption(b"x")
    forms = [
        (PrivateFormat.PKCS8, plain),
        (PrivateFormat.PKCS8, sealed),
        (PrivateFormat.TraditionalOpenSSL, plain),
        (PrivateFormat.OpenSSH, plain),
    ]
    return [key.private_bytes(Encoding.PEM, form, by).decode() for form, by in forms]


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
