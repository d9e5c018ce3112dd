"""From a pushed request to calls' tokens and back to nothing, over HTTP."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from consent_world import (
    REDIRECT_URI,
    Browser,
    World,
    consent_form,
    query_of,
)
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import text

from weir.authorization.declares import AUTHORIZATION_CODE_LIFETIME_S
from weir.authorization.visits import interactions, pushed_requests
from weir.consent import consents, integrity
from weir.consent.declares import INTERACTION_LIFETIME_S
from weir.identity import customers
from weir.identity.sessions import BY_PASSPHRASE, Session
from weir.kernel.declares import ACCESS_TOKEN_LIFETIME_S, NOT_FOUND
from weir.kernel.identifiers import is_identifier
from weir.kernel.outcomes import Refusal


@pytest.fixture
async def customer(world: World, portal_browser: Browser) -> str:
    """A customer of the bank with two accounts, who has set up a sign-in. Its sign-in name."""
    secret = await world.enrol("RB-000001", "acc-1", "acc-2")
    claimed = await portal_browser.claim(secret, "lihua")
    assert claimed.status_code == 303, claimed.text
    return "lihua"


async def question(world: World, browser: Browser, request_uri: str, name: str) -> Any:
    """Go to the consent page of a pushed request, signing in on the way."""
    address = f"/authorize?client_id={world.client.id}&request_uri={request_uri}"
    page = await browser.open(address)
    return await browser.sign_in(page, name) if "Sign-in name" in page.text else page


async def granted_code(world: World, browser: Browser, name: str, **changes: str | None) -> str:
    request_uri = await world.push(world.access_request(world.client, **changes))
    page = await question(world, browser, request_uri, name)
    answer = await browser.send(
        page, consent_form(page), ("answer", "yes"), **{"account-0": "acc-1"}
    )
    assert answer.status_code == 303, answer.text
    return query_of(answer.headers["location"])["code"]


def claims_of(world: World, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(world.services.signer.public_jwks())
    return dict(jwt.decode(token, keys, algorithms=["ES256"]).claims)


async def test_a_customer_grants_access_and_the_token_says_exactly_that(
    world: World, browser: Browser, customer: str
) -> None:
    request_uri = await world.push(world.access_request(world.client))
    page = await question(world, browser, request_uri, customer)
    assert "Book-keeping for your shop" in page.text
    assert "checked" not in page.text
    answer = await browser.send(
        page, consent_form(page), ("answer", "yes"), **{"account-1": "acc-2"}
    )
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location.startswith(REDIRECT_URI + "?")
    back = query_of(location)
    assert (back["state"], back["iss"]) == ("state-1", world.issuer)

    issued = await world.exchange(world.client, back["code"])
    assert issued.status_code == 200, issued.text
    assert issued.headers["cache-control"] == "no-store"
    body = issued.json()
    claims = claims_of(world, body["access_token"])
    (details,) = body["authorization_details"]
    assert details["accounts"] == ["acc-2"]
    assert claims["authorization_details"] == [details]
    assert claims["cnf"] == {"x5t#S256": world.client.thumbprint}
    assert claims["aud"] == ["https://api.localhost"]
    assert claims["grant_id"] == body["grant_id"]
    async with world.services.database.connect() as connection:
        consent = await consents.find(connection, body["grant_id"])
    assert consent is not None
    assert claims["record_name"] == consent.record_name
    assert is_identifier(claims["record_name"], "rec")
    assert claims["scope"] == "river-bank.accounts"
    assert claims["client_id"] == world.client.id
    assert claims["sub"] not in (world.client.id, customer)
    assert claims["exp"] - claims["iat"] == ACCESS_TOKEN_LIFETIME_S
    assert world.directory.seen[0] == ("/directory/customers/RB-000001/accounts", "gateway")


async def test_a_customer_reads_what_a_narrower_kind_of_access_is_for(
    world: World, browser: Browser, customer: str
) -> None:
    form = world.access_request(world.client)
    (entry,) = json.loads(form["authorization_details"])
    wanted = {"type": "urn:weir:credit-data:v1", "permissions": ["ReadCreditLines"]}
    form["authorization_details"] = json.dumps([entry | wanted])
    page = await question(world, browser, await world.push(form), customer)
    assert "See your loans and credit lines" in page.text
    answer = await browser.send(
        page, consent_form(page), ("answer", "yes"), **{"account-0": "acc-1"}
    )
    issued = await world.exchange(world.client, query_of(answer.headers["location"])["code"])
    (details,) = issued.json()["authorization_details"]
    assert details == entry | wanted | {"accounts": ["acc-1"]}


async def test_a_payment_is_granted_for_one_account_and_no_other(
    world: World, browser: Browser, customer: str
) -> None:
    request_uri = await world.push(world.payment_request(world.client))
    page = await question(world, browser, request_uri, customer)
    assert "88.50" in page.text
    assert "East Market" in page.text
    answer = await browser.send(page, consent_form(page), ("answer", "yes"), account="acc-1")
    issued = await world.exchange(world.client, query_of(answer.headers["location"])["code"])
    (details,) = issued.json()["authorization_details"]
    assert details["debtor_account"] == "acc-1"
    assert details["amount"] == {"amount": "88.50", "currency": "CNY"}


async def test_an_account_the_member_did_not_list_is_refused(
    world: World, browser: Browser, customer: str
) -> None:
    request_uri = await world.push(world.access_request(world.client))
    page = await question(world, browser, request_uri, customer)
    answer = await browser.send(
        page, consent_form(page), ("answer", "yes"), **{"account-0": "acc-9"}
    )
    assert answer.status_code == 422
    again = await browser.send(page, consent_form(page), ("answer", "yes"))
    assert again.status_code == 422
    assert "Choose at least one, or say no" in again.text


async def test_no_leads_back_with_access_denied_and_uses_the_request_up(
    world: World, browser: Browser, customer: str
) -> None:
    request_uri = await world.push(world.access_request(world.client))
    page = await question(world, browser, request_uri, customer)
    answer = await browser.send(page, consent_form(page), ("answer", "no"))
    back = query_of(answer.headers["location"])
    assert back["error"] == "access_denied"
    assert back["state"] == "state-1"
    assert back["iss"] == world.issuer
    again = await browser.get(f"/authorize?client_id={world.client.id}&request_uri={request_uri}")
    assert again.status_code == 400


async def test_cancelling_before_signing_in_leads_back_too(world: World, browser: Browser) -> None:
    request_uri = await world.push(world.access_request(world.client))
    page = await browser.open(f"/authorize?client_id={world.client.id}&request_uri={request_uri}")
    answer = await browser.send(page, -1, ("answer", "no"))
    assert query_of(answer.headers["location"])["error"] == "access_denied"


async def test_a_request_uri_survives_page_loads_and_dies_with_the_answer(
    world: World, browser: Browser, customer: str
) -> None:
    request_uri = await world.push(world.access_request(world.client))
    address = f"/authorize?client_id={world.client.id}&request_uri={request_uri}"
    first = await browser.get(address)
    second = await browser.get(address)
    assert (first.status_code, second.status_code) == (303, 303)
    page = await question(world, browser, request_uri, customer)
    other_tab = await browser.open(first.headers["location"])
    form = {"account-0": "acc-1"}
    done = await browser.send(page, consent_form(page), ("answer", "yes"), **form)
    late = await browser.send(other_tab, consent_form(other_tab), ("answer", "yes"), **form)
    assert done.status_code == 303
    assert late.status_code == 410
    assert "Return to" in late.text
    assert (await browser.get(address)).status_code == 400


async def test_an_interaction_belongs_to_the_browser_that_began_it(
    world: World, browser: Browser, portal_browser: Browser, customer: str, auth_app: Any
) -> None:
    request_uri = await world.push(world.access_request(world.client))
    begun = await browser.get(f"/authorize?client_id={world.client.id}&request_uri={request_uri}")
    stranger = Browser(auth_app, "https://auth.localhost")
    assert (await stranger.get(begun.headers["location"])).status_code == 410
    await stranger.close()


async def test_a_code_presented_twice_revokes_what_it_gave(
    world: World, browser: Browser, customer: str
) -> None:
    code = await granted_code(world, browser, customer)
    first = await world.exchange(world.client, code)
    second = await world.exchange(world.client, code)
    assert (first.status_code, second.status_code) == (200, 400)
    assert second.json()["error"] == "invalid_grant"
    consent_id = first.json()["grant_id"]
    async with world.services.database.connect() as connection:
        consent = await consents.find(connection, consent_id)
        published = await connection.execute(
            text("SELECT document FROM changes WHERE key = :key"), {"key": f"consent:{consent_id}"}
        )
        document = published.scalar_one()
    assert consent is not None
    assert (consent.state, consent.ended_by) == ("withdrawn", "platform")
    assert document["value"] == consent_id
    refreshed = await world.refresh(world.client, first.json()["refresh_token"])
    assert refreshed.status_code == 400


async def test_a_code_is_worth_nothing_without_all_that_belongs_to_it(
    world: World, browser: Browser, customer: str
) -> None:
    refusals: list[tuple[dict[str, str], str]] = [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"redirect_uri": REDIRECT_URI + "/"}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_request"),
    ]
    code = await granted_code(world, browser, customer)
    for changes, error in refusals:
        refused = await world.exchange(world.client, code, **changes)
        assert (refused.status_code, refused.json()["error"]) == (400, error), changes
    assert (await world.exchange(world.client, "x" * 43)).json()["error"] == "invalid_grant"
    assert (await world.exchange(world.client, code)).status_code == 200


async def test_a_code_of_one_client_is_nothing_to_another(
    world: World, browser: Browser, customer: str
) -> None:
    code = await granted_code(world, browser, customer)
    stolen = await world.exchange(world.other_client, code)
    assert stolen.json()["error"] == "invalid_grant"
    assert (await world.exchange(world.client, code)).status_code == 200


async def test_a_code_dies_after_a_minute(world: World, browser: Browser, customer: str) -> None:
    code = await granted_code(world, browser, customer)
    world.clock.ahead = timedelta(seconds=AUTHORIZATION_CODE_LIFETIME_S + 1)
    form = {
        "client_assertion_type": world.proof(world.client)["client_assertion_type"],
        "client_assertion": world.client.assertion(
            world.issuer, exp=int(world.clock.now().timestamp()) + 60
        ),
    }
    late = await world.exchange(world.client, code, **form)
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")


async def test_a_request_pushed_with_a_certificate_ends_with_that_certificate(
    world: World, browser: Browser, customer: str
) -> None:
    request_uri = await world.push(world.access_request(world.client), world.client)
    page = await question(world, browser, request_uri, customer)
    answer = await browser.send(
        page, consent_form(page), ("answer", "yes"), **{"account-0": "acc-1"}
    )
    code = query_of(answer.headers["location"])["code"]
    second = await world.second_certificate(world.client)
    refused = await world.exchange(second, code)
    assert refused.json()["error"] == "invalid_grant"
    assert (await world.exchange(world.client, code)).status_code == 200


async def test_a_refresh_after_a_lost_answer_just_works(
    world: World, browser: Browser, customer: str
) -> None:
    issued = (
        await world.exchange(world.client, await granted_code(world, browser, customer))
    ).json()
    answers = [await world.refresh(world.client, issued["refresh_token"]) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert all("refresh_token" not in answer.json() for answer in answers)
    assert answers[0].json()["grant_id"] == issued["grant_id"]
    stolen = await world.refresh(world.other_client, issued["refresh_token"])
    assert stolen.json()["error"] == "invalid_grant"
    wider = await world.refresh(world.client, issued["refresh_token"], scope="manage")
    assert wider.json()["error"] == "invalid_scope"


async def test_a_token_never_outlives_its_consent(
    world: World, browser: Browser, customer: str
) -> None:
    issued = (
        await world.exchange(world.client, await granted_code(world, browser, customer))
    ).json()
    world.clock.ahead = timedelta(days=90, seconds=-100)
    now_s = int(world.clock.now().timestamp())
    form = {"client_assertion": world.client.assertion(world.issuer, iat=now_s, exp=now_s + 60)}
    last = await world.refresh(world.client, issued["refresh_token"], **form)
    assert last.json()["expires_in"] <= 100
    world.clock.ahead = timedelta(days=90, seconds=1)
    form = {"client_assertion": world.client.assertion(world.issuer, iat=now_s, exp=now_s + 200)}
    late = await world.refresh(world.client, issued["refresh_token"], **form)
    assert late.json()["error"] == "invalid_grant"


async def test_giving_back_a_refresh_token_ends_the_consent(
    world: World, browser: Browser, customer: str
) -> None:
    issued = (
        await world.exchange(world.client, await granted_code(world, browser, customer))
    ).json()
    form = {**world.proof(world.other_client), "token": issued["refresh_token"]}
    others = await world.post("/revoke", form, world.other_client)
    assert (others.status_code, others.json()["error"]) == (400, "invalid_request")
    assert (await world.refresh(world.client, issued["refresh_token"])).status_code == 200
    form = {**world.proof(world.client), "token": issued["refresh_token"]}
    assert (await world.post("/revoke", form)).status_code == 200
    async with world.services.database.connect() as connection:
        consent = await consents.find(connection, issued["grant_id"])
    assert consent is not None
    assert (consent.state, consent.ended_by) == ("withdrawn", "partner")
    assert consent.acknowledged_at is not None
    assert (await world.refresh(world.client, issued["refresh_token"])).status_code == 400


async def test_giving_back_an_access_token_revokes_that_token_alone(
    world: World, browser: Browser, customer: str
) -> None:
    issued = (
        await world.exchange(world.client, await granted_code(world, browser, customer))
    ).json()
    jti = claims_of(world, issued["access_token"])["jti"]

    async def revocations() -> list[str]:
        async with world.services.database.connect() as connection:
            found = await connection.execute(
                text("SELECT key FROM changes WHERE kind = 'revocation'")
            )
            return list(found.scalars())

    form = {**world.proof(world.other_client), "token": issued["access_token"]}
    others = await world.post("/revoke", form, world.other_client)
    assert (others.status_code, others.json()["error"]) == (400, "invalid_request")
    assert await revocations() == []
    for hint in ("refresh_token", "access_token", "something_else"):  # RFC 7009 2.1: only a hint
        form = {**world.proof(world.client), "token": issued["access_token"]}
        assert (await world.post("/revoke", form | {"token_type_hint": hint})).status_code == 200
        assert await revocations() == [f"token:{jti}"]
    for unknown in ("no.such.token", "rft_" + "a" * 43, issued["access_token"][:-8] + "AAAAAAAA"):
        form = {**world.proof(world.client), "token": unknown}
        assert (await world.post("/revoke", form)).status_code == 200
    assert (await world.post("/revoke", world.proof(world.client))).status_code == 400


async def test_a_dead_member_gives_a_page_with_a_way_back(
    world: World, browser: Browser, customer: str
) -> None:
    request_uri = await world.push(world.access_request(world.client))
    for body in (b"{", b'{"accounts": [{"account_id": 1}]}', b"[]" * 200_000):
        world.directory.body = body
        page = await question(world, browser, request_uri, customer)
        assert page.status_code == 502
        assert "Return to" in page.text
    await world.directory.stop()
    page = await question(world, browser, request_uri, customer)
    assert page.status_code == 502
    answer = await browser.send(page, consent_form(page), ("answer", "no"))
    assert query_of(answer.headers["location"])["error"] == "access_denied"


async def test_an_interaction_that_ended_still_knows_the_way_back(
    world: World, browser: Browser, customer: str
) -> None:
    request_uri = await world.push(world.access_request(world.client))
    page = await question(world, browser, request_uri, customer)
    world.clock.ahead = timedelta(seconds=INTERACTION_LIFETIME_S + 1)
    late = await browser.send(page, consent_form(page), ("answer", "yes"), **{"account-0": "acc-1"})
    assert late.status_code == 410
    assert "error=access_denied" in late.text


async def test_every_row_of_a_consent_is_sealed_in_the_audit_chain(
    world: World, browser: Browser, customer: str
) -> None:
    issued = (
        await world.exchange(world.client, await granted_code(world, browser, customer))
    ).json()
    database = world.services.database
    async with database.connect() as connection:
        assert await integrity.check_rows(connection) == []
    forged = json.dumps({"accounts": ["acc-1", "acc-2"]})
    async with database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE consents SET granted = granted || CAST(:forged AS jsonb) WHERE id = :id"),
            {"forged": forged, "id": issued["grant_id"]},
        )
    async with database.connect() as connection:
        (finding,) = await integrity.check_rows(connection)
    assert finding.consent == issued["grant_id"]


async def test_of_two_exchanges_at_once_one_wins_and_then_nothing_is_left(
    world: World, browser: Browser, customer: str
) -> None:
    code = await granted_code(world, browser, customer)
    answers = await asyncio.gather(*(world.exchange(world.client, code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    winner = next(answer for answer in answers if answer.status_code == 200)
    refreshed = await world.refresh(world.client, winner.json()["refresh_token"])
    assert refreshed.json()["error"] == "invalid_grant"


async def test_nobody_answers_for_another_customer(
    world: World, browser: Browser, customer: str, portal_app: Any
) -> None:
    stranger = Browser(portal_app, "https://portal.localhost")
    await stranger.claim(await world.enrol("RB-000002", "acc-7"), "wangwei")
    await stranger.close()
    async with world.services.database.connect() as connection:
        mine, theirs = await customers.of_member(connection, world.bank.id)
    request_uri = await world.push(world.access_request(world.client))
    page = await question(world, browser, request_uri, customer)
    interaction_id = page.url.path.rpartition("/")[2]
    asked = await browser.get(f"{page.url.path}?customer={theirs.id}")
    assert "acc-1" in asked.text
    assert "acc-7" not in asked.text
    visit = browser.http.cookies["__Host-weir-visit"]
    interaction = await pushed_requests.find(world.services.cache, interaction_id, visit)
    assert interaction is not None
    assert mine.person is not None
    with pytest.raises(Refusal) as refused:
        await interactions.approve(
            world.services,
            interaction,
            signed_in=Session(
                mine.person, world.clock.now(), BY_PASSPHRASE, proven_at=world.clock.now()
            ),
            customer=theirs.id,
            accounts=["acc-7"],
        )
    assert refused.value.outcome is NOT_FOUND
    async with world.services.database.connect() as connection:
        assert await consents.of_person(connection, mine.person) == []


async def test_a_sign_in_without_a_link_to_the_member_is_told_so(
    world: World, browser: Browser, portal_browser: Browser
) -> None:
    secret = (await world.enrolment("LB-1", world.other_bank)).link_secret
    await portal_browser.claim(secret, "zhaomin")
    request_uri = await world.push(world.access_request(world.client))
    page = await question(world, browser, request_uri, "zhaomin")
    assert "not linked to River Bank" in page.text
    answer = await browser.send(page, consent_form(page), ("answer", "no"))
    assert query_of(answer.headers["location"])["error"] == "access_denied"


async def test_a_question_in_an_old_tab_cannot_be_answered_after_signing_out(
    world: World, browser: Browser, customer: str
) -> None:
    request_uri = await world.push(world.access_request(world.client))
    page = await question(world, browser, request_uri, customer)
    await browser.send(page, 0)
    late = await browser.send(page, consent_form(page), ("answer", "yes"), **{"account-0": "acc-1"})
    assert late.status_code == 410
