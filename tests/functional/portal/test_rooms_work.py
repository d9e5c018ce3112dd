"""What is done in the rooms: the developer's way by forms alone, and others' things left alone."""

from __future__ import annotations

import re
from typing import Any

from consent_world import World, certificate_request
from sqlalchemy import select
from staff_world import join

from weir.store.schema import metadata


async def test_a_certificate_is_got_by_pasting_a_request(world: World, portal_app: Any) -> None:
    person = await join(world, portal_app, world.shop.id, "partner", "developer")
    made = await person.do("/desk/applications/new", None, application_name="Mine")
    own = made.headers["location"]
    pasted = certificate_request().replace("\n", "\r\n")
    refused = await person.do(own, "certify", csr_pem="-----BEGIN\r\nnothing")
    assert refused.status_code in (400, 422)
    assert "-----BEGIN" in refused.text
    issued = await person.do(own, "certify", csr_pem=pasted)
    assert issued.headers["location"] == f"{own}/first-call"
    page = await person.get(issued.headers["location"])
    assert "BEGIN CERTIFICATE" in page.text
    twice = await person.send(await person.get(own), "certify", csr_pem=pasted)
    assert twice.status_code == 303
    await person.browser.close()


async def test_anothers_application_is_not_there_in_any_room(world: World, portal_app: Any) -> None:
    person = await join(world, portal_app, world.bank.id, "member", "owner")
    before = await _rows(world)
    page = await person.get("/desk/people")
    token = {"form_token": re.findall(r'name="form_token" value="([0-9a-f]{64})"', page.text)[1]}
    pages = set()
    for application in (world.client.id, world.client.id[:-1] + "0"):
        for path in (f"/desk/applications/{application}",
                     f"/desk/applications/{application}/first-call"):  # fmt: skip
            answer = await person.get(path)
            assert answer.status_code == 404
            pages.add(answer.text.replace(application, ""))
        for act in ("certify", "suspend", "revoke"):
            sent = token | {"act": act, "csr_pem": certificate_request(),
                            "certificate": world.client.certificate_id}  # fmt: skip
            path = f"/desk/applications/{application}"
            assert (await person.browser.http.post(path, data=sent)).status_code == 404, act
    assert len({each.split("<main")[1].split("</main")[0] for each in pages}) == 1
    assert await _rows(world) == before
    await person.browser.close()


async def _rows(world: World) -> dict[str, list[str]]:
    async with world.services.database.connect() as connection:
        return {
            table.name: sorted(map(repr, (await connection.execute(select(table))).all()))
            for table in metadata.sorted_tables
        }


async def test_a_member_drafts_a_product_and_sees_it(world: World, portal_app: Any) -> None:
    await world.organisation_of("operator")
    person = await join(world, portal_app, world.bank.id, "member", "developer")
    products = await person.get("/desk/products")
    published = re.findall(r"/desk/products/prd_[0-9a-z]{26}", products.text)[0]
    assert (await person.get(published)).status_code == 200
    documents = await person.get("/desk/documents")
    document = re.findall(r"doc_[0-9a-z]{26}", documents.text)[0]
    found = await person.get(f"/desk/documents/{document}")
    assert "<mark>" in found.text
    page = await person.browser.http.get(f"/desk/products/new?document={document}")
    drafted = await person.send(page, None, title_zh="账户", slug="second")
    assert drafted.status_code == 303, drafted.text
    shown = await person.get(drafted.headers["location"])
    assert "Publish product" in shown.text
    assert (await person.send(shown, "publish")).status_code == 303
    await person.browser.close()


async def test_a_member_registers_tests_changes_and_removes_a_service(
    world: World, portal_app: Any
) -> None:
    await world.organisation_of("operator")
    person = await join(world, portal_app, world.bank.id, "member", "developer")
    page = await person.browser.http.get("/desk/backends/new?url=https://bank.example/a")
    assert 'value="https://bank.example/a"' in page.text
    given = {"url": "https://bank.example/a", "endpoints": "127.0.0.1:1"}
    made = await person.send(page, None, **given)
    assert made.status_code == 303, made.text
    shown = await person.get(made.headers["location"])
    assert "unreachable" in shown.text
    assert (await person.send(shown, "test")).status_code == 303
    wrong = await person.send(shown, "change", endpoints="https://no.endpoint")
    assert wrong.status_code == 422
    assert "https://no.endpoint</textarea>" in wrong.text
    assert (await person.send(shown, "change", endpoints="127.0.0.1:2")).status_code == 303
    assert "127.0.0.1:2" in (await person.get("/desk/backends")).text
    assert (await person.send(shown, "remove")).status_code == 303
    assert "127.0.0.1:2" not in (await person.get("/desk/backends")).text
    await person.browser.close()
