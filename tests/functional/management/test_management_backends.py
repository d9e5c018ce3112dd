"""Where services are reached: registered, changed and removed by who owns them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from management_support import Api, Party, openapi
from sqlalchemy import select, update

from weir.keys.vault import PLATFORM
from weir.partners.tables import organisations
from weir.store.schema import changes

URL = "https://bank.example/api"
REACH: dict[str, Any] = {
    "endpoints": ["10.2.0.1:9101", "bank-2.internal", "[2001:db8::1]:443"],
    "health_path": "/healthz?deep=1",
}


async def published(api: Api, key: str) -> Any:
    async with api.services.database.connect() as connection:
        return await connection.scalar(
            select(changes.c.document).where(changes.c.kind == "backend", changes.c.key == key)
        )


async def test_endpoints_are_registered_changed_and_removed(api: Api, bank: Party) -> None:
    authority = api.services.authority.root_pem
    given = {**REACH, "url": URL, "authority": authority}
    made = await api.done(bank, "POST", "/v1/backends", json=given)
    key, path = f"{bank.organisation} {URL}", f"/v1/backends/{made['backend']['id']}"
    assert made["effective_at"]
    told = {"member": bank.organisation, "signs_each_call": False}
    assert await published(api, key) == given | told
    await api.done(bank, "PUT", path, json={"endpoints": ["10.2.0.9:1"], "signs_each_call": True})
    assert (await published(api, key))["signs_each_call"] is True
    assert (await published(api, key))["endpoints"] == ["10.2.0.9:1"]
    assert (await published(api, key))["authority"] is None
    (listed,) = (await api.done(bank, "GET", "/v1/backends"))["items"]
    assert listed == await api.done(bank, "GET", path)
    await api.done(bank, "POST", f"{path}/remove")
    assert await published(api, key) is None
    assert (await api.done(bank, "GET", "/v1/backends"))["items"] == []


async def test_one_service_is_registered_once_and_by_each_owner_for_itself(
    api: Api, bank: Party, partner: Party
) -> None:
    given = {**REACH, "url": URL}
    await api.done(bank, "POST", "/v1/backends", json=given)
    again = await api.ask(bank, "POST", "/v1/backends", json=given)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    await api.done(partner, "POST", "/v1/backends", json=given | {"endpoints": ["10.9.9.9:1"]})
    assert (await published(api, f"{bank.organisation} {URL}"))["endpoints"] == REACH["endpoints"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no endpoint": ({"endpoints": []}, "/endpoints"),
    "the same twice": ({"endpoints": ["10.2.0.1:1", "10.2.0.1:1"]}, "/endpoints"),
    "too many": ({"endpoints": [f"10.2.0.{at}:1" for at in range(17)]}, "/endpoints"),
    "with a path": ({"endpoints": ["10.2.0.1:1/x"]}, "/endpoints/0"),
    "with a user": ({"endpoints": ["u@10.2.0.1:1"]}, "/endpoints/0"),
    "with a scheme": ({"endpoints": ["https://10.2.0.1"]}, "/endpoints/0"),
    "with a query": ({"endpoints": ["10.2.0.1:1?x"]}, "/endpoints/0"),
    "an empty port": ({"endpoints": ["10.2.0.1:"]}, "/endpoints/0"),
    "capital letters": ({"endpoints": ["BANK.example:1"]}, "/endpoints/0"),
    "a line end": ({"endpoints": ["10.2.0.1:1\r\nx: y"]}, "/endpoints/0"),
    "no certificate": ({"authority": "hello"}, "/authority"),
    "a path that is none": ({"health_path": "healthz"}, "/health_path"),
    "a line end in the path": ({"health_path": "/h\r\nx: y"}, "/health_path"),
    "dots in the path": ({"health_path": "/../h"}, "/health_path"),
    "a plain address": ({"url": "http://bank.example"}, "/url"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_refused_by_name(api: Api, bank: Party, name: str) -> None:
    given, pointer = WRONG[name]
    answer = await api.ask(bank, "POST", "/v1/backends", json={**REACH, "url": URL, **given})
    problem = answer.json()
    assert (problem["code"], problem["parameters"]["pointer"]) == ("invalid_input", pointer)


async def test_a_certificate_that_is_no_authoritys_is_refused(api: Api, bank: Party) -> None:
    issued = api.services.authority.issue_own("member", ["bank.example"]).certificate.pem
    given = {**REACH, "url": URL, "authority": issued}
    answer = await api.ask(bank, "POST", "/v1/backends", json=given)
    assert answer.json()["parameters"]["pointer"] == "/authority"


# --- tests of services --------------------------------------------------------------------------


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
    """Answer one request as a member does that checks so much."""
    head = await reader.readuntil(b"\r\n\r\n")
    business = not head.startswith(b"GET /healthz")
    believed = how == "believing" or not business
    status = b"200 OK" if believed else b"401 Unauthorized"
    writer.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
    with suppress(OSError):
        await writer.drain()
    writer.close()


@asynccontextmanager
async def member(api: Api, folder: Path, trusted: str | None, how: str) -> AsyncIterator[int]:
    """The port of a member whose TLS asks for a certificate by `trusted`, or for none."""
    issued = api.services.authority.issue_own("member", ["bank.example"])
    file = folder / "member.pem"
    file.write_text(issued.key_pem + issued.certificate.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=trusted)
    context.load_cert_chain(file)
    if trusted is not None:
        context.verify_mode = ssl.CERT_REQUIRED

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            await _answer(reader, writer, how)

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


async def registered(api: Api, bank: Party, *endpoints: str) -> str:
    given = {"url": URL, "endpoints": list(endpoints), "health_path": "/healthz"}
    made = await api.done(bank, "POST", "/v1/backends", json=given)
    path = f"/v1/backends/{made['backend']['id']}"
    assert await api.done(bank, "GET", path) == made["backend"]
    return path


BOTH = ["answers_anybody", "answers_parties"]


@pytest.mark.parametrize(
    ("trusted", "how", "findings"),
    [
        ("gateways_pem", "checking", []),
        ("gateways_pem", "believing", ["believes_forgeries"]),
        ("root_pem", "believing", ["unreachable"]),  # it keeps the gateways themselves out
        (None, "checking", []),  # let in by TLS, and refused with 401
        (None, "believing", [*BOTH, "believes_forgeries"]),
        ("both", "checking", []),
        ("both", "believing", ["answers_parties", "believes_forgeries"]),
    ],
)
async def test_a_test_finds_who_is_answered_besides_the_gateways(
    api: Api, bank: Party, folder: Path, trusted: str | None, how: str, findings: list[str]
) -> None:
    authority = api.services.authority
    pem = authority.root_pem + authority.gateways_pem if trusted == "both" else None
    pem = pem or (None if trusted is None else getattr(authority, trusted))
    async with member(api, folder, pem, how) as port:
        path = await registered(api, bank, f"127.0.0.1:{port}")
        first = await api.done(bank, "GET", path)
        again = await api.done(bank, "POST", f"{path}/test")
    assert first["findings"] == again["findings"] == findings
    assert first["tested_at"] < again["tested_at"]
    assert await api.done(bank, "GET", path) == again
    gone = await api.done(bank, "POST", f"{path}/test")
    assert gone["findings"] == ["unreachable"]


async def test_one_endpoint_of_several_decides_and_no_forbidden_address_is_called(
    api: Api, bank: Party, folder: Path
) -> None:
    gateways = api.services.authority.gateways_pem
    async with member(api, folder, gateways, "checking") as port:
        path = await registered(api, bank, f"127.0.0.1:{port}", "169.254.169.254:80")
        assert (await api.done(bank, "GET", path))["findings"] == ["unreachable"]


async def test_others_do_not_test_a_service_nor_does_who_is_in_the_sandbox(
    api: Api, bank: Party, other_bank: Party
) -> None:
    path = await registered(api, bank, "127.0.0.1:1")
    assert (await api.ask(other_bank, "POST", f"{path}/test")).status_code == 404
    async with api.services.database.unit(PLATFORM) as unit:
        await unit.connection.execute(
            update(organisations)
            .where(organisations.c.id == bank.organisation)
            .values(stage="sandbox")
        )
    refused = await api.ask(bank, "POST", f"{path}/test")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    changed = await api.done(bank, "PUT", path, json={"endpoints": ["127.0.0.1:2"]})
    assert (changed["backend"]["tested_at"], changed["backend"]["findings"]) == (None, None)


async def test_a_product_for_production_is_published_once_its_service_has_passed(
    api: Api, bank: Party, folder: Path
) -> None:
    products = {
        sandbox: await _drafted(api, bank, slug, sandbox=sandbox)
        for slug, sandbox in (("free", True), ("accounts", False))
    }
    async with member(api, folder, None, "believing") as port:
        path = await registered(api, bank, f"127.0.0.1:{port}")
    await api.done(bank, "POST", f"/v1/products/{products[True]}/publish")
    answer = await api.ask(bank, "POST", f"/v1/products/{products[False]}/publish")
    assert (answer.status_code, answer.json()["code"]) == (409, "backend_not_guarded")
    assert answer.json()["parameters"]["findings"] == ", ".join([*BOTH, "believes_forgeries"])
    async with member(api, folder, api.services.authority.gateways_pem, "checking") as port:
        given = {"endpoints": [f"127.0.0.1:{port}"]}
        changed = await api.done(bank, "PUT", path, json=given)
    assert changed["backend"]["findings"] == []
    done = await api.done(bank, "POST", f"/v1/products/{products[False]}/publish")
    assert done["status"] == "published"


async def _refused(api: Api, bank: Party, path: str, method: str = "POST", **sent: Any) -> str:
    answer = await api.ask(bank, method, path, **sent)
    assert answer.status_code == 409, answer.text
    return str(answer.json()["code"])


async def test_nothing_in_production_is_served_by_an_address_that_was_not_tested(
    api: Api, bank: Party, folder: Path
) -> None:
    free, product = [
        await _drafted(api, bank, slug, sandbox=sandbox)
        for slug, sandbox in (("free", True), ("accounts", False))
    ]
    await api.done(bank, "POST", f"/v1/products/{free}/publish")
    publish = f"/v1/products/{product}/publish"
    assert await _refused(api, bank, publish) == "backend_not_registered"
    async with member(api, folder, api.services.authority.gateways_pem, "checking") as port:
        path = await registered(api, bank, f"127.0.0.1:{port}")
        await api.done(bank, "POST", publish)
        before = await api.done(bank, "GET", path)
        # The registration neither goes nor leads elsewhere while the product is on the shelf.
        assert await _refused(api, bank, f"{path}/remove") == "backend_in_use"
        for endpoints in (["127.0.0.1:1"], [f"127.0.0.1:{port}", "127.0.0.1:1"]):
            given = {"endpoints": endpoints, "health_path": "/healthz"}
            assert await _refused(api, bank, path, "PUT", json=given) == "backend_not_guarded"
        assert await api.done(bank, "GET", path) == before
        # A new version, and a document that says another address, are products like any.
        moved = await _drafted(api, bank, "elsewhere", sandbox=False, url=f"{URL}/v2")
        publish = f"/v1/products/{moved}/publish"
        assert await _refused(api, bank, publish) == "backend_not_registered"
        given = {"endpoints": [f"127.0.0.1:{port}"], "signs_each_call": True}
        changed = (await api.done(bank, "PUT", path, json=given))["backend"]
        assert (changed["findings"], changed["signs_each_call"]) == ([], True)
    await api.done(bank.person(), "POST", f"/v1/products/{product}/retire")
    await api.done(bank, "PUT", path, json={"endpoints": ["127.0.0.1:1"]})
    again = await _drafted(api, bank, "accounts", sandbox=False, url=f"{URL}/v3")
    assert await _refused(api, bank, f"/v1/products/{again}/publish") == "backend_not_registered"
    await api.done(bank, "POST", f"{path}/remove")


async def test_others_products_and_sandbox_products_hold_no_registration(
    api: Api, bank: Party, other_bank: Party, folder: Path
) -> None:
    free = await _drafted(api, bank, "free", sandbox=True)
    await api.done(bank, "POST", f"/v1/products/{free}/publish")
    theirs = await _drafted(api, other_bank, "accounts", sandbox=False)
    async with member(api, folder, api.services.authority.gateways_pem, "checking") as port:
        await registered(api, other_bank, f"127.0.0.1:{port}")
        path = await registered(api, bank, f"127.0.0.1:{port}")
    await api.done(other_bank, "POST", f"/v1/products/{theirs}/publish")
    await api.done(bank, "PUT", path, json={"endpoints": ["127.0.0.1:1"]})
    await api.done(bank, "POST", f"{path}/remove")


async def _drafted(api: Api, bank: Party, slug: str, *, sandbox: bool, url: str = URL) -> str:
    document = await api.done(
        bank,
        "POST",
        "/v1/documents",
        params={"slug": slug, "backend_url": url},
        content=openapi("/accounts"),
        headers={"content-type": "application/octet-stream"},
    )
    address = f"/v1/documents/{document['document']['id']}/capabilities"
    listed = (await api.done(bank, "GET", address))["items"]
    given = {"slug": slug, "direction": "go-out", "title_en": "Accounts", "title_zh": "账户"}
    given |= {"capabilities": [each["id"] for each in listed], "sandbox": sandbox}
    return str((await api.done(bank, "POST", "/v1/products", json=given))["id"])


async def test_a_member_is_told_what_tells_the_gateways_calls(api: Api, bank: Party) -> None:
    told = await api.done(bank, "GET", "/v1/gateway-identity")
    assert told == {
        "certificate": api.services.authority.gateways_pem,
        "name": "urn:weir:gateway",
        "issuer": api.services.addresses.issuer,
        "jwks_uri": f"{api.services.addresses.issuer}/jwks",
        "member": "river-bank",
    }
