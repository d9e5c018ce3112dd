"""What a room's form keeps when it is refused, and what its page tells of things that ended."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from consent_world import World, forms_of
from sqlalchemy import update
from staff_world import Colleague, form_of, join

from weir.partners.tables import certificates
from weir.shelf import products, subscriptions
from weir.store.unit import Actor


async def test_a_file_that_is_not_text_leaves_the_rest_of_the_form_as_it_was(
    world: World, portal_app: Any
) -> None:
    person = await join(world, portal_app, world.bank.id, "member", "developer")
    form = form_of(await person.get("/desk/documents/new"), None)
    typed = {"slug": "loans", "backend_url": "https://127.0.0.1:9101", "source": "openapi: 3.1.0"}
    shown = await person.browser.http.post(
        "/desk/documents/new?lang=zh-Hans",
        data=form.filled(None, **typed),
        files={"source_file": ("loans.yaml", "info: 贷款".encode("gb18030"))},
    )
    assert shown.status_code == 422
    assert "须为 UTF-8 文本" in shown.text
    assert all(text in shown.text for text in typed.values())
    await person.browser.close()


async def test_a_refused_settlement_leaves_the_form_for_closing_alone(
    world: World, portal_app: Any
) -> None:
    operator = await world.organisation_of("operator")
    person = await join(world, portal_app, operator, "operator", "owner")
    for act, other in (("settle", "close"), ("close", "settle")):
        sent = {"currency": "YUAN", "period": "2026-10"}
        refused = await person.do("/desk/closings", act, **sent)
        assert refused.status_code == 422
        kept = {each: _currency(refused.text, each) for each in (act, other)}
        assert 'value="YUAN"' in kept[act]
        assert "aria-invalid" in kept[act]
        assert 'value="CNY"' in kept[other]
        assert "aria-invalid" not in kept[other]
    await person.browser.close()


def _currency(page: str, act: str) -> str:
    """The field for the currency in the form of this act, as it is written."""
    (form,) = re.findall(rf'name="act" value="{act}">(.+?)</form>', page, re.DOTALL)
    (field,) = re.findall(r'<input [^>]*name="currency"[^>]*>', form)
    return str(field)


async def test_the_first_call_leads_to_a_subscription_of_its_own_application(
    world: World, portal_app: Any
) -> None:
    await world.organisation_of("operator")
    client = await world.register(world.shop, "tls_client_auth")
    person = await join(world, portal_app, world.shop.id, "partner", "owner")
    page = await person.get(f"/desk/applications/{client.id}/first-call")
    for pattern in (r'"(/desk/subscriptions/new\?app[^"]+)"', r'"(/desk[^"]+product=[^"]+)"'):
        address = html.unescape(re.findall(pattern, page.text)[0])
        page = await person.browser.http.get(address)
    (form,) = [each for each in forms_of(page) if each.has("plan")]
    chosen = [value for _, name, value, on in form.fields if name == "application" and on]
    assert chosen == [client.id]
    await person.browser.close()


async def test_what_has_ended_is_told_and_does_not_close_its_page(
    world: World, portal_app: Any
) -> None:
    await world.organisation_of("operator")
    person = await join(world, portal_app, world.shop.id, "partner", "owner")
    own = f"/desk/applications/{world.client.id}"
    assert "BEGIN CERTIFICATE" in (await person.get(f"{own}/first-call")).text
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        (product,) = await products.ids_of(unit.connection, world.bank.id)
        await products.retire(unit, product)
        await subscriptions.end_all(unit, product)
        past = datetime.now(UTC) - timedelta(days=1)
        await unit.connection.execute(update(certificates).values(not_after=past))
    listed = await person.get("/desk/subscriptions")
    assert (listed.status_code, product in listed.text) == (200, True)
    assert "expired" in (await person.get(own)).text
    assert "BEGIN CERTIFICATE" not in (await person.get(f"{own}/first-call")).text
    overview = (await person.get("/desk")).text
    assert f"{own}/first-call" not in overview
    await person.browser.close()


async def test_a_proof_is_asked_for_where_one_is_missing_and_nowhere_else(
    world: World, portal_app: Any
) -> None:
    person = await join(world, portal_app, world.shop.id, "partner", "owner")
    refused = await person.do("/desk/account", "codes")
    assert refused.status_code == 200  # one proven a moment ago counts for this
    asked = await person.do("/desk/account", "everywhere")
    assert asked.status_code == 401
    before = person.browser.http.cookies["__Host-weir-session"]
    proof = next(form for form in forms_of(asked) if form.has("proof_code"))
    sent = proof.filled(None, proof_code=person.code())
    done = await person.browser.http.post("/desk/account", data=sent)
    assert done.status_code == 303
    assert person.browser.http.cookies["__Host-weir-session"] != before
    assert "Prove again" not in await _add_nonsense(person)
    await person.browser.close()


async def _add_nonsense(person: Colleague) -> str:
    form = form_of(await person.get("/desk/account"), "codes")
    sent = form.filled(None, act="add-passkey", answer="{}", passkey_name="Mine")
    answer = await person.browser.http.post("/desk/account", data=sent)
    assert answer.status_code == 401
    return answer.text
