"""Where services are reached: registered, changed and removed by who owns them."""

from __future__ import annotations

from typing import Any

import pytest
from management_support import Api, Party
from sqlalchemy import select

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
    assert await published(api, key) == given | {"member": bank.organisation}
    await api.done(bank, "PUT", path, json={"endpoints": ["10.2.0.9:1"]})
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
