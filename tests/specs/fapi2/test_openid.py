"""Modules about OpenID Connect and consents made beforehand, one test a name."""

from __future__ import annotations

import json
from typing import Any

import httpx
from consent_world import Client, query_of
from fapi_support import Flow, now_s, refused
from joserfc import jwt
from joserfc.jwk import KeySet

from weir.authorization.grants import lodged_consents
from weir.store.unit import Actor

SCA = "urn:openbanking:psd2:sca"
OPENID = "openid river-bank.accounts"


async def id_token_of(flow: Flow, tokens: dict[str, Any]) -> dict[str, Any]:
    """Its claims, after the checks of OpenID Connect Core section 3.1.3.7."""
    keys = KeySet.import_key_set((await flow.world.auth.get("/jwks")).json())
    token = jwt.decode(tokens["id_token"], keys, algorithms=["ES256"])
    claims = dict(token.claims)
    assert claims["iss"] == flow.world.issuer
    assert claims["aud"] == flow.client.id
    assert claims["iat"] <= now_s() < claims["exp"]
    return claims


async def userinfo(flow: Flow, tokens: dict[str, Any]) -> httpx.Response:
    headers = flow.world.headers(flow.client) | {
        "authorization": f"Bearer {tokens['access_token']}"
    }
    return await flow.world.auth.get("/userinfo", headers=headers)


async def test_test_claims_parameter_identity_claims(flow: Flow) -> None:
    """Every identity claim of the metadata comes back; unknown claims and places are ignored."""
    metadata = (await flow.world.auth.get("/.well-known/openid-configuration")).json()
    assert metadata["claims_parameter_supported"] is True
    assert {"sub", "name"} <= set(metadata["claims_supported"])
    claims = {
        "id_token": {"name": {"essential": True}, "sub": None, "x9KqPz": {"z": [1]}},
        "userinfo": {"name": None, "sub": {"essential": False, "zzz": "yes"}},
        "Qw3rTy": {"abc": None},
    }
    tokens = await flow.tokens_of(scope=OPENID, nonce="n" * 64, claims=json.dumps(claims))
    identity = await id_token_of(flow, tokens)
    assert identity["name"] == "Li Hua"
    assert identity["nonce"] == "n" * 64
    assert (identity["acr"], identity["amr"]) == ("urn:weir:acr:passphrase", ["pwd"])
    assert now_s() - 120 < identity["auth_time"] <= now_s()
    assert set(identity) <= set(metadata["claims_supported"])
    told = await userinfo(flow, tokens)
    assert told.status_code == 200, told.text
    assert told.headers["content-type"] == "application/json"
    assert told.json() == {"sub": identity["sub"], "name": "Li Hua"}


async def test_test_essential_acr_sca_claim(flow: Flow) -> None:
    """Nobody signs in strongly here, so whoever demands it is turned away; a wish is only that."""

    def acr(essential: bool) -> str:
        return json.dumps({"id_token": {"acr": {"essential": essential, "values": [SCA]}}})

    pushed = await flow.par(scope=OPENID, claims=acr(essential=True))
    answer = await flow.authorize(pushed.json()["request_uri"])
    assert answer.status_code == 303
    back = query_of(answer.headers["location"])
    assert (back["error"], back["state"]) == ("access_denied", "state-1")
    assert back["iss"] == flow.world.issuer
    tokens = await flow.tokens_of(scope=OPENID, claims=acr(essential=False))
    assert (await id_token_of(flow, tokens))["acr"] == "urn:weir:acr:passphrase"


async def lodged_by(flow: Flow, client: Client) -> str:
    """A consent lodged for this client; its identifier."""
    form = flow.world.access_request(flow.client)
    async with flow.world.services.database.unit(Actor(flow.world.shop.id, "setup")) as unit:
        details = json.loads(form["authorization_details"])
        return (await lodged_consents.lodge(unit, client.application, details)).id


async def test_ensure_server_handles_non_matching_intent_id(flow: Flow) -> None:
    """An intent is its own client's; named by another it is no intent, and by its own it is one."""

    def asking(intent: str) -> dict[str, str | None]:
        wanted = {"openbanking_intent_id": {"value": intent, "essential": True}}
        claims = json.dumps({"id_token": wanted, "userinfo": wanted})
        return {"scope": OPENID, "claims": claims, "authorization_details": None}

    others = await lodged_by(flow, flow.world.other_client)
    refused(await flow.par(**asking(others)), "invalid_request")
    refused(await flow.par(**asking("cns_00000000000000000000000000")), "invalid_request")
    mine = await lodged_by(flow, flow.client)
    tokens = await flow.tokens_of(**asking(mine))
    assert (await id_token_of(flow, tokens))["openbanking_intent_id"] == mine
    assert tokens["grant_id"] == mine
    refused(await flow.par(**asking(mine)), "invalid_request")  # answered: it awaits no more
