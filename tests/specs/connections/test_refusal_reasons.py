"""Refusals that no module of the conformance suite asks for, each by the reason it gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fapi_support import Flow, now_s
from possession_support import Holder, ath
from signing_support import Signer

Form = dict[str, str | None]

PUSHED: list[tuple[Form, str]] = [
    (
        {"client_assertion_type": None},
        "client_assertion and client_assertion_type go together",
    ),
    ({"client_assertion_type": "urn:x"}, "client_assertion_type is not jwt-bearer"),
    (
        {"client_assertion_type": None, "client_assertion": None, "client_id": "nobody"},
        "client_id is not one",
    ),
    ({"dpop_jkt": "short"}, "is not a SHA-256 thumbprint"),
    (
        {
            "scope": "openid river-bank.accounts",
            "claims": json.dumps({"id_token": {"acr": {"values": "one"}}}),
        },
        "has values that are not a list",
    ),
]

INSIDE: list[tuple[dict[str, Any], str]] = [
    ({"jti": "j" * 257}, "jti is not a text of usual length"),
    ({"jti": 7}, "jti is not a text of usual length"),
    ({"jti": "old", "nbf": -3_000}, "the object is older than this server's memory: make a new"),
    ({"nbf": 70}, "nbf lies ahead of this server's clock"),
    ({"state": "a\x1fb"}, "holds a control character"),
    ({"state": "a\x00b"}, "a JSON string holds U+0000"),
]

HEADERS: list[tuple[dict[str, str], str]] = [
    ({"jku": "https://evil.example"}, "the header brings a key or an extension of its own"),
    ({"typ": "at+jwt"}, "typ is not oauth-authz-req+jwt"),
]


@pytest.mark.parametrize(("changes", "reason"), PUSHED, ids=[reason for _, reason in PUSHED])
async def test_a_pushed_request_is_refused_for_its_fault(
    flow: Flow, changes: Form, reason: str
) -> None:
    answer = await flow.par(**changes)
    assert answer.json()["error_description"].endswith(f"{reason}.")


async def test_a_request_object_is_refused_for_its_fault(flow: Flow) -> None:
    signer = Signer(flow)
    for claims, reason in INSIDE:
        if isinstance(claims.get("nbf"), int):
            claims = claims | {"nbf": now_s() + claims["nbf"]}
        answer = await signer.par(**claims)
        assert reason in answer.json()["error_description"], claims
    for header, reason in HEADERS:
        answer = await signer.send(signer.signed(signer.claims(), **header))
        assert answer.json()["error_description"].endswith(f"{reason}.")


async def test_a_token_for_management_takes_no_proof(flow: Flow) -> None:
    holder = Holder(flow)
    await holder.learn_nonce()
    form = holder.credentials_form() | {"scope": "manage"}
    answer = await holder.send("/token", form, holder.proof("/token"))
    assert answer.json()["error"] == "invalid_scope"


async def test_a_resource_of_the_server_wants_one_proof_and_the_scope_it_is_for(
    flow: Flow,
) -> None:
    world, holder = flow.world, Holder(flow)
    await holder.learn_nonce()
    form = holder.credentials_form() | {"scope": "grant_management_query"}
    issued = await holder.send("/token", form, holder.proof("/token"))
    token = str(issued.json()["access_token"])

    def proof() -> str:
        return holder.proof("/grants/cns_x", htm="GET", ath=ath(token))

    for proofs in ([], [proof(), proof()], [holder.proof("/grants/cns_x", ath=ath(token))]):
        fields = [*world.headers(None).items(), ("authorization", f"DPoP {token}")]
        fields += [("dpop", each) for each in proofs]
        answer = await world.auth.get("/grants/cns_x", headers=fields)
        assert answer.status_code == 401, proofs
        assert answer.headers["www-authenticate"].startswith("DPoP")
    named = {"authorization": f"Bearer {(await flow.tokens())['access_token']}"}
    answer = await world.auth.get("/userinfo", headers=world.headers(flow.client) | named)
    assert answer.status_code in (401, 403)
    assert "error=" in answer.headers["www-authenticate"]
