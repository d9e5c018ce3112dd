"""CIBA over HTTP: asking, waiting, answering, collecting; and what must not work."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from ciba_support import Asker, error_of
from consent_world import Browser, World
from joserfc.jwk import ECKey
from sqlalchemy import select, text

from weir.authorization.backchannel import questions
from weir.authorization.declares import (
    BACKCHANNEL_ANSWER_KEPT_S,
    BACKCHANNEL_HOURLY_OF_HINT,
    BACKCHANNEL_WAITING_OF_CUSTOMER,
    BACKCHANNEL_WAITING_OF_HINT,
)
from weir.authorization.tables import backchannel_requests, grants
from weir.consent import consents, integrity


@pytest.fixture
async def asker(world: World, portal_browser: Browser) -> Asker:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1", "acc-2"), "lihua")
    asker = Asker(world, portal_browser)
    await asker.register("poll")
    return asker


async def test_a_customer_says_yes_on_the_portals_pages(asker: Asker) -> None:
    answer = (await asker.ask()).json()
    assert (answer["expires_in"], answer["interval"]) == (300, 5)
    auth_req_id = answer["auth_req_id"]
    assert error_of(await asker.poll(auth_req_id)) == (400, "authorization_pending")
    listed = (await asker.questions()).text
    assert "W4SCT" in listed
    page = await asker.page()
    for words in ("W4SCT", "Ledger for shops", "See the balances", "learns your answer"):
        assert words in page.text, words
    assert "Either way you return" not in page.text
    empty = await asker.say(page, "yes")
    assert (empty.status_code, "Choose at least one" in empty.text) == (422, True)
    answered = await asker.yes()
    tokens = (await asker.poll(auth_req_id)).json()
    assert answered.headers["location"] == f"/my/consents/{tokens['grant_id']}"
    (entry,) = tokens["authorization_details"]
    assert entry["accounts"] == ["acc-1"]
    refreshed = await asker.world.refresh(asker.client, tokens["refresh_token"])
    assert refreshed.json()["grant_id"] == tokens["grant_id"]
    assert "Nothing waits" in (await asker.questions()).text
    async with asker.world.services.database.connect() as connection:
        assert await integrity.check_rows(connection) == []


async def test_a_lost_answer_is_collected_again_and_never_makes_two_grants(asker: Asker) -> None:
    auth_req_id = await asker.asked()
    await asker.yes()
    answers = [*await asyncio.gather(*(asker.poll(auth_req_id) for _ in range(5)))]
    answers.append(await asker.poll(auth_req_id))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert len({answer.json()["grant_id"] for answer in answers}) == 1
    assert len({answer.json()["access_token"] for answer in answers}) == len(answers)
    async with asker.world.services.database.connect() as connection:
        assert len((await connection.execute(select(grants.c.consent))).all()) == 1
    asker.world.clock.ahead = timedelta(seconds=BACKCHANNEL_ANSWER_KEPT_S + 301)
    async with asker.world.services.database.connect() as connection:
        late = await questions.of_secret(connection, auth_req_id)
    assert late is not None
    assert not late.collectable_at(asker.world.clock.now())


async def test_no_is_access_denied_and_stays_no(asker: Asker) -> None:
    auth_req_id = await asker.asked()
    page = await asker.page()
    assert (await asker.say(page, "no")).status_code == 303
    assert error_of(await asker.poll(auth_req_id)) == (400, "access_denied")
    late = await asker.say(page, "yes", **{"account-0": "acc-1"})
    assert late.status_code == 410
    assert error_of(await asker.poll(auth_req_id)) == (400, "access_denied")


async def test_of_two_answers_at_once_one_counts(asker: Asker) -> None:
    auth_req_id = await asker.asked()
    page = await asker.page()
    yes, no = await asyncio.gather(
        asker.say(page, "yes", **{"account-0": "acc-1"}), asker.say(page, "no")
    )
    assert sorted((yes.status_code, no.status_code)) == [303, 410]
    expected = 200 if yes.status_code == 303 else 400
    assert (await asker.poll(auth_req_id)).status_code == expected


async def test_polling_faster_than_the_interval_slows_down(asker: Asker) -> None:
    auth_req_id = await asker.asked()
    first, second, third = [await asker.poll(auth_req_id) for _ in range(3)]
    assert error_of(first) == (400, "authorization_pending")
    assert error_of(second) == error_of(third) == (400, "slow_down")
    assert (second.headers["retry-after"], third.headers["retry-after"]) == ("10", "15")
    asker.world.clock.ahead = timedelta(seconds=16)
    assert error_of(await asker.poll(auth_req_id)) == (400, "authorization_pending")


async def test_a_question_lapses(asker: Asker) -> None:
    auth_req_id = await asker.asked(requested_expiry="30")
    page = await asker.page()
    asker.world.clock.ahead = timedelta(seconds=31)
    late = await asker.say(page, "yes", **{"account-0": "acc-1"})
    assert late.status_code == 410
    assert error_of(await asker.poll(auth_req_id)) == (400, "expired_token")
    assert (await asker.ask(requested_expiry="86400")).json()["expires_in"] == 900


async def test_nobody_can_tell_whether_a_customer_exists(asker: Asker, world: World) -> None:
    await world.enrolment("RB-000007")  # enrolled, and not linked to a sign-in
    seen = []
    for hint in ("RB-000001", "RB-000007", "RB-999999"):
        answer = await asker.ask(login_hint=hint, requested_expiry="30")
        body = answer.json()
        polled = await asker.poll(body.pop("auth_req_id"))
        seen.append((answer.status_code, body, polled.status_code, polled.json()))
    assert seen[0] == seen[1] == seen[2]
    for hint in ("RB-000001", "RB-999999"):
        for _ in range(BACKCHANNEL_WAITING_OF_HINT - 1):
            await asker.asked(login_hint=hint)
        refused = await asker.ask(login_hint=hint)
        assert error_of(refused) == (429, "temporarily_unavailable"), hint


async def test_a_client_cannot_flood_a_customer(asker: Asker) -> None:
    for number in range(BACKCHANNEL_HOURLY_OF_HINT):
        auth_req_id = await asker.asked(binding_message=f"No {number}")
        await asker.say(await asker.page(), "no")
        assert error_of(await asker.poll(auth_req_id)) == (400, "access_denied")
    assert error_of(await asker.ask()) == (429, "temporarily_unavailable")
    assert "Nothing waits" in (await asker.questions()).text
    async with asker.world.services.database.engine.begin() as connection:
        hour = "UPDATE backchannel_requests SET asked_at = asked_at - interval '1 hour'"
        await connection.execute(text(hour))
    assert (await asker.ask()).status_code == 200


async def test_a_customer_is_shown_a_bounded_number_of_questions(
    asker: Asker, world: World
) -> None:
    """However many applications ask, each as often as it may."""
    plan, shown = await world.publish_product("quotes"), BACKCHANNEL_WAITING_OF_CUSTOMER
    for number in range(shown + 1):
        if number % BACKCHANNEL_WAITING_OF_HINT == 0:
            asker.client = await world.register(world.shop, "private_key_jwt")
            await world.subscribe(asker.client, plan)
            await asker.register("poll")
        message = f"Till {number}."
        latest = await asker.asked(binding_message=message, scope="river-bank.quotes")
    listed = (await asker.questions()).text
    seen = [number for number in range(shown + 1) if f"Till {number}." in listed]
    assert seen == list(range(shown))
    assert error_of(await asker.poll(latest)) == (400, "authorization_pending")


REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"jti": None}, "invalid_request"),
    ({"iat": None}, "invalid_request"),
    ({"exp": None}, "invalid_request"),
    ({"nbf": None}, "invalid_request"),
    ({"aud": "https://elsewhere.example"}, "invalid_request"),
    ({"iss": "app_somebody"}, "invalid_request"),
    ({"user_code": "1234"}, "invalid_request"),
    ({"login_hint_token": "x.y.z"}, "invalid_request"),
    ({"grant_id": "cns_x"}, "invalid_request"),
    ({"login_hint": None}, "invalid_request"),
    ({"id_token_hint": "x.y.z"}, "invalid_request"),
    ({"login_hint": None, "id_token_hint": "x.y.z"}, "invalid_request"),
    ({"login_hint": "../accounts"}, "invalid_request"),
    ({"login_hint": "R" * 65}, "invalid_request"),
    ({"binding_message": None}, "invalid_binding_message"),
    ({"binding_message": "x" * 65}, "invalid_binding_message"),
    ({"binding_message": "pay\u202eyap"}, "invalid_binding_message"),
    ({"requested_expiry": "0"}, "invalid_request"),
    ({"requested_expiry": "-5"}, "invalid_request"),
    ({"requested_expiry": "5m"}, "invalid_request"),
    ({"scope": None}, "invalid_scope"),
    ({"scope": "river-bank.secrets"}, "invalid_scope"),
    ({"prompt": "login"}, "invalid_request"),
    ({"authorization_details": None}, "invalid_request"),
    ({"authorization_details": []}, "invalid_authorization_details"),
    # Of several faults the upper row of the table is named.
    ({"jti": None, "login_hint": None, "binding_message": None}, "invalid_request"),
    ({"login_hint": None, "binding_message": None, "scope": "x"}, "invalid_request"),
    ({"binding_message": None, "requested_expiry": "0", "scope": "x"}, "invalid_binding_message"),
    ({"scope": "x", "authorization_details": []}, "invalid_scope"),
]


async def test_requests_that_are_refused(asker: Asker) -> None:
    for changed, error in REQUESTS:
        answer = await asker.ask(**changed)
        assert error_of(answer) == (400, error), changed
        assert set(answer.json()) == {"error", "error_description", "error_uri"}  # section 13
    async with asker.world.services.database.connect() as connection:
        assert (await connection.execute(select(backchannel_requests.c.consent))).all() == []


async def test_a_request_is_signed_by_its_client_and_counts_once(asker: Asker) -> None:
    claims = asker.claims()
    plain = {name: str(value) for name, value in claims.items()}
    assert error_of(await asker.send(plain)) == (400, "invalid_request")
    forged = asker.signed(claims, ECKey.generate_key("P-256"))
    assert error_of(await asker.send({"request": forged})) == (400, "invalid_request")
    signed = asker.signed(claims)
    assert (await asker.send({"request": signed})).status_code == 200
    assert error_of(await asker.send({"request": signed})) == (400, "invalid_request")


async def test_a_request_of_the_standards_own_claims_is_taken(asker: Asker) -> None:
    """CIBA Core section 7.1.1 lists no `client_id`, and section 7.1 makes `acr_values` a wish."""
    assert (await asker.ask(client_id=None)).status_code == 200
    wished = await asker.ask(login_hint="RB-000002", acr_values="urn:x urn:weir:acr:passphrase")
    assert wished.status_code == 200, wished.text
    foreign = await asker.ask(client_id=asker.world.other_client.id)
    assert error_of(foreign) == (400, "invalid_request")
    neither = await asker.ask(client_id=None, iss=None)
    assert error_of(neither) == (400, "invalid_request")


@pytest.mark.parametrize("returns_browsers", [True, False])
async def test_who_an_assertion_is_for_is_decided_by_the_client(
    asker: Asker, returns_browsers: bool
) -> None:
    """A client of CIBA alone may name an endpoint (section 7.1); one of FAPI 2.0, which browsers
    come back to, names the issuer (section 5.3.2.1 item 8)."""
    if not returns_browsers:
        forget = "UPDATE applications SET redirect_uris = '[]' WHERE id = :id"
        async with asker.world.services.database.engine.begin() as connection:
            await connection.execute(text(forget), {"id": asker.client.id})
    issuer, mtls = asker.world.issuer, asker.world.services.addresses.mtls
    endpoints = [f"{at}{path}" for at in (issuer, mtls) for path in ("/token", "/bc-authorize")]
    for number, audience in enumerate([issuer, *endpoints]):
        assertion = asker.client.assertion(issuer, aud=audience)
        claims = asker.claims(login_hint=f"RB-{number:06}")
        proven = {"client_assertion": assertion, "request": asker.signed(claims)}
        taken = audience == issuer or not returns_browsers
        assert (await asker.send(proven)).status_code == (200 if taken else 401), audience
    for foreign in (f"{issuer}/par", "https://elsewhere.example/token", [issuer]):
        assertion = asker.client.assertion(issuer, aud=foreign)
        proven = {"client_assertion": assertion, "request": asker.signed(asker.claims())}
        assert error_of(await asker.send(proven)) == (401, "invalid_client")


async def test_only_applications_registered_for_it_ask_and_poll(asker: Asker) -> None:
    auth_req_id = await asker.asked()
    stranger = await asker.poll(auth_req_id, asker.world.other_client)
    assert error_of(stranger) == (400, "unauthorized_client")
    await asker.register(None)
    assert error_of(await asker.ask()) == (400, "unauthorized_client")
    assert error_of(await asker.poll(auth_req_id)) == (400, "unauthorized_client")
    await asker.register("poll")
    for wrong in ("x" * 43, "short", "../etc"):
        assert error_of(await asker.poll(wrong)) == (400, "invalid_grant")


async def test_a_question_is_for_its_customer_only(
    asker: Asker, world: World, portal_app: Any
) -> None:
    await asker.asked()
    address = (await asker.page()).url.path
    other = Browser(portal_app, "https://portal.localhost")
    await other.claim(await world.enrol("RB-000002", "acc-9"), "wangwei")
    page = await other.open("/my/questions")
    assert "Nothing waits" in page.text
    assert (await other.get(address)).status_code == 404
    assert (await other.http.post(address)).status_code == 404
    await other.close()


async def test_a_payment_is_approved_and_its_consent_is_one(asker: Asker) -> None:
    auth_req_id = await asker.asked(authorization_details=asker.payment())
    page = await asker.page()
    for words in ("88.50", "East Market", "W4SCT", "Once."):
        assert words in page.text, words
    assert (await asker.say(page, "yes", account="acc-2")).status_code == 303
    (entry,) = (await asker.poll(auth_req_id)).json()["authorization_details"]
    assert entry["debtor_account"] == "acc-2"


async def test_a_withdrawal_ends_what_could_still_be_collected(asker: Asker) -> None:
    auth_req_id = await asker.asked()
    answered = await asker.yes()
    page = await asker.browser.get(answered.headers["location"])
    assert (await asker.browser.send(page)).status_code == 303
    assert error_of(await asker.poll(auth_req_id)) == (400, "invalid_grant")
    async with asker.world.services.database.connect() as connection:
        (consent,) = await consents.of_application(connection, asker.client.id)
    assert consent.state == "withdrawn"


async def test_an_id_token_names_the_customer_it_was_about(asker: Asker) -> None:
    auth_req_id = await asker.asked(scope="openid river-bank.accounts")
    await asker.yes()
    id_token = (await asker.poll(auth_req_id)).json()["id_token"]
    again = await asker.asked(login_hint=None, id_token_hint=id_token, binding_message="again")
    assert "again" in (await asker.questions()).text
    assert error_of(await asker.poll(again)) == (400, "authorization_pending")


async def test_metadata_says_how_customers_may_be_asked(asker: Asker) -> None:
    said = (await asker.world.auth.get("/.well-known/openid-configuration")).json()
    assert said["backchannel_authentication_endpoint"] == f"{asker.world.issuer}/bc-authorize"
    assert said["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]
    assert said["backchannel_user_code_parameter_supported"] is False
    assert "urn:openid:params:grant-type:ciba" in said["grant_types_supported"]


async def test_the_list_is_in_the_customers_language(asker: Asker) -> None:
    await asker.asked()
    await asker.questions()
    chinese = await asker.browser.get("/my/questions?lang=zh-Hans")
    assert "等待您的答复" in chinese.text
    assert "核对语" in (await asker.page()).text
    assert "1 个请求等待您的答复" in (await asker.browser.get("/my/consents")).text
