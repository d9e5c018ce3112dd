"""What a request of the scope openid may demand of a sign-in, and what is told of a customer."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from consent_world import Browser, World, consent_form, query_of
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

OPENID = "openid river-bank.accounts"
Change = dict[str, str | None]

REFUSALS: list[tuple[Change, str]] = [
    ({"scope": "river-bank.accounts", "claims": "{}"}, "oauth_invalid_request"),
    ({"scope": "river-bank.accounts", "max_age": "60"}, "oauth_invalid_request"),
    ({"scope": "river-bank.accounts", "prompt": "login"}, "oauth_invalid_request"),
    ({"id_token_hint": "a.b.c"}, "oauth_invalid_request"),
    ({"prompt": "none"}, "oauth_interaction_required"),
    ({"prompt": "select_account"}, "oauth_invalid_request"),
    ({"max_age": "-1"}, "oauth_invalid_request"),
    ({"max_age": "1e3"}, "oauth_invalid_request"),
    ({"claims": "[]"}, "oauth_invalid_request"),
    ({"claims": '{"id_token": {}, "id_token": {}}'}, "oauth_invalid_request"),
    ({"claims": json.dumps({"id_token": ["name"]})}, "oauth_invalid_request"),
    ({"claims": json.dumps({"id_token": {"name": "yes"}})}, "oauth_invalid_request"),
    ({"claims": json.dumps({"userinfo": {"name": {"essential": 1}}})}, "oauth_invalid_request"),
    ({"claims": json.dumps({"id_token": {"sub": {"value": "x"}}})}, "oauth_invalid_request"),
    ({"claims": json.dumps({"id_token": {"acr": {"values": [1]}}})}, "oauth_invalid_request"),
    (
        {"claims": json.dumps({"id_token": {"openbanking_intent_id": {"values": ["a", "b"]}}})},
        "oauth_invalid_request",
    ),
    ({"claims": "[" * 5_000}, "oauth_invalid_request"),
    ({"claims": json.dumps({"x": "y" * 9_000})}, "oauth_invalid_request"),
]


async def test_par_refuses_each_fault_of_a_sign_in_request(world: World) -> None:
    for change, code in REFUSALS:
        form = world.access_request(world.client, **({"scope": OPENID} | change))
        answer = await world.post("/par", form)
        page = answer.json().get("error_uri", "").partition("#")[0]
        assert page == f"{world.issuer}/errors/{code}", change


@pytest.fixture
async def customer(world: World, portal_browser: Browser) -> str:
    claimed = await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    assert claimed.status_code == 303, claimed.text
    return "lihua"


async def code_of(world: World, browser: Browser, customer: str, **changes: str | None) -> str:
    request_uri = await world.push(world.access_request(world.client, **changes))
    page = await browser.open(f"/authorize?client_id={world.client.id}&request_uri={request_uri}")
    if "Sign-in name" in page.text:
        page = await browser.sign_in(page, customer)
    yes = await browser.send(page, consent_form(page), ("answer", "yes"), **{"account-0": "acc-1"})
    return query_of(yes.headers["location"])["code"]


async def id_token(world: World, code: str) -> dict[str, Any]:
    issued = (await world.exchange(world.client, code)).json()
    keys = KeySet.import_key_set(world.services.signer.public_jwks())
    return dict(jwt.decode(issued["id_token"], keys, algorithms=["ES256"]).claims)


@pytest.mark.parametrize("demand", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "30"}])
async def test_a_sign_in_that_is_too_old_is_made_anew(
    world: World, browser: Browser, customer: str, demand: dict[str, str]
) -> None:
    """And the ID token says when; without the demand the old sign-in does."""
    first = await id_token(world, await code_of(world, browser, customer, scope=OPENID))
    world.clock.ahead = timedelta(seconds=40)
    second = await id_token(world, await code_of(world, browser, customer, scope=OPENID))
    assert second["auth_time"] == first["auth_time"]
    request_uri = await world.push(world.access_request(world.client, scope=OPENID, **demand))
    page = await browser.open(f"/authorize?client_id={world.client.id}&request_uri={request_uri}")
    assert "Sign-in name" in page.text
    page = await browser.sign_in(page, customer)
    yes = await browser.send(page, consent_form(page), ("answer", "yes"), **{"account-0": "acc-1"})
    third = await id_token(world, query_of(yes.headers["location"])["code"])
    assert third["auth_time"] >= first["auth_time"] + 40
    assert third["sub"] == first["sub"]


async def test_the_customer_reads_that_a_name_will_be_told(
    world: World, browser: Browser, customer: str
) -> None:
    claims = json.dumps({"userinfo": {"name": None}})
    for changes, told in (({"claims": claims}, True), ({}, False)):
        form = world.access_request(world.client, scope=OPENID, **changes)
        request_uri = await world.push(form)
        address = f"/authorize?client_id={world.client.id}&request_uri={request_uri}"
        page = await browser.open(address)
        if "Sign-in name" in page.text:
            page = await browser.sign_in(page, customer)
        assert ("Your name, as River Bank knows it" in page.text) is told


async def test_userinfo_is_for_whoever_holds_the_tokens_key(
    world: World, browser: Browser, customer: str
) -> None:
    code = await code_of(world, browser, customer, scope=OPENID)
    issued = (await world.exchange(world.client, code)).json()
    token = issued["access_token"]
    plain = (await world.credentials(world.client)).json()["access_token"]
    own = world.headers(world.client)
    expected = [
        (own, None, "token_missing"),
        (own, "Basic eDp5", "token_missing"),
        (own, "Bearer no.such.token", "token_invalid"),
        (own, f"Bearer {issued['id_token']}", "token_invalid"),
        (own, f"Bearer {plain}", "scope_insufficient"),
        (own, f"DPoP {token}", "token_scheme_wrong"),
        (world.headers(None), f"Bearer {token}", "certificate_required"),
        (world.headers(world.other_client), f"Bearer {token}", "certificate_mismatch"),
    ]
    for headers, field, code_ in expected:
        sent = headers | ({} if field is None else {"authorization": field})
        answer = await world.auth.get("/userinfo", headers=sent)
        assert answer.json()["error_uri"].endswith(f"/errors/{code_}"), answer.text
        assert answer.status_code == (403 if code_ == "scope_insufficient" else 401)
        assert answer.headers["www-authenticate"]
    told = await world.auth.post("/userinfo", headers=own | {"authorization": f"bearer {token}"})
    assert told.json().keys() == {"sub"}
    form = {**world.proof(world.client), "token": issued["refresh_token"]}
    assert (await world.post("/revoke", form)).status_code == 200
    late = await world.auth.get("/userinfo", headers=own | {"authorization": f"Bearer {token}"})
    assert late.json()["error_uri"].endswith("/errors/token_revoked")
    assert (await world.auth.delete("/userinfo", headers=own)).headers["allow"] == "GET, POST"


async def test_userinfo_takes_each_dpop_proof_once(
    world: World, browser: Browser, customer: str
) -> None:
    key = ECKey.generate_key("P-256")

    def proof(method: str, path: str, **claims: Any) -> str:
        header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
        now_s = int(world.clock.now().timestamp())
        said = {"htm": method, "htu": world.issuer + path, "iat": now_s, "jti": str(id(claims))}
        return jwt.encode(header, said | claims, key)

    code = await code_of(world, browser, customer, scope=OPENID)
    form = {
        **world.proof(world.client),
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "https://shop.example/callback",
        "code_verifier": "v" * 43,
    }
    first = await world.auth.post(
        "/token", data=form, headers=world.headers(None) | {"dpop": proof("POST", "/token")}
    )
    nonce = first.headers["dpop-nonce"]
    shown = proof("POST", "/token", nonce=nonce, jti="token")
    form |= world.proof(world.client)
    issued = await world.auth.post(
        "/token", data=form, headers=world.headers(None) | {"dpop": shown}
    )
    token = issued.json()["access_token"]
    ath = base64.urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()
    headers = world.headers(None) | {
        "authorization": f"DPoP {token}",
        "dpop": proof("GET", "/userinfo", ath=ath, jti="one"),
    }
    assert (await world.auth.get("/userinfo", headers=headers)).status_code == 200
    again = await world.auth.get("/userinfo", headers=headers)
    assert again.json()["error_uri"].endswith("/errors/dpop_proof_invalid")
    headers["dpop"] = proof("GET", "/userinfo", jti="two")  # without the token's digest
    wrong = await world.auth.get("/userinfo", headers=headers)
    assert wrong.headers["www-authenticate"].startswith('DPoP error="invalid_dpop_proof"')
