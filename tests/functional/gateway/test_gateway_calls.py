"""Calls from a TLS socket to a member and back."""

from __future__ import annotations

import json
import ssl
import uuid

import pytest
from gateway_lab import Desk, GatewayProcess, Lab, access
from raw_caller import Caller, request

from weir.gateway.declares import IDENTITY_LIFE_S


async def test_an_own_right_call_reaches_the_member_and_is_recorded(lab: Lab, desk: Desk) -> None:
    answer = await desk.call("GET", "/rates?day=1")
    assert answer.status == 200
    assert answer.body == b'{"path": "/open/rates?day=1", "method": "GET"}'
    assert "server" not in answer.headers
    record = lab.record_of(answer.headers["x-fapi-interaction-id"])
    assert (record.status, record.refusal, record.path) == (200, None, f"{lab.prefix}/rates")
    assert (record.application, record.organisation) == ("app_shop", "org_shop")
    assert (record.product, record.capability) == ("prd_accounts", "cap_GET/rates")
    assert (record.member, record.subscription) == ("org_bank", "sub_app_shop")
    assert (record.consent, record.bytes_in, record.bytes_out) == (None, 0, len(answer.body))
    assert 0 < record.duration_us < 60_000_000


async def test_a_consented_call_tells_the_member_whose_data_it_is(lab: Lab, caller: Caller) -> None:
    desk = Desk(caller, await lab.token(consent="cns_7"))
    interaction = str(uuid.uuid4())
    answer = await desk.call("GET", "/accounts", x_fapi_interaction_id=interaction)
    assert answer.status == 200
    assert answer.headers["x-fapi-interaction-id"] == interaction
    seen = lab.member.seen[-1]
    assert seen.headers["x-fapi-interaction-id"] == interaction
    identity = seen.identity()
    assert identity.pop("exp") - identity.pop("iat") == IDENTITY_LIFE_S
    assert identity == {
        "iss": "https://auth.localhost",
        "aud": "river-bank",
        "client_id": "app_shop",
        "organisation": "org_shop",
        "consent_id": "cns_7",
        "accounts": ["acc-1", "acc-2"],
    }
    assert "authorization" not in seen.headers
    assert lab.record_of(interaction).consent == "rec_7"


@pytest.mark.parametrize("account", ["acc-1", "acc-9"])
async def test_bound_values_are_checked_in_a_body_that_comes_in_pieces(
    lab: Lab, caller: Caller, account: str
) -> None:
    token = await lab.token(consent="cns_7")
    body = json.dumps({"accounts": [{"id": account}], "pad": "x" * 30_000}).encode()
    raw = request(
        "POST",
        lab.prefix + "/accounts/search",
        {"authorization": f"Bearer {token}", "content-type": "application/json"},
        body,
    )
    for start in range(0, len(raw), 10_000):
        await caller.send(raw[start : start + 10_000])
    answer = await caller.read()
    if account == "acc-1":
        assert answer.status == 200
        assert lab.member.seen[-1].body == body
        record = lab.record_of(answer.headers["x-fapi-interaction-id"])
        assert record.bytes_in == len(body)
    else:
        assert answer.code == "consent_account"


async def test_many_calls_share_connections_to_the_member(lab: Lab, desk: Desk) -> None:
    before = lab.member.connections
    for _ in range(20):
        assert (await desk.call("GET", "/rates")).status == 200
    assert lab.member.connections <= before + 1


async def test_pipelined_calls_are_answered_in_order(lab: Lab, desk: Desk) -> None:
    headers = {"authorization": f"Bearer {desk.token}"}
    await desk.caller.send(
        b"".join(request("GET", f"{lab.prefix}/rates?n={n}", headers) for n in range(5))
    )
    for number in range(5):
        answer = await desk.caller.read()
        assert json.loads(answer.body)["path"] == f"/open/rates?n={number}"


async def test_one_key_and_value_for_each_refusal_in_both_languages(lab: Lab, desk: Desk) -> None:
    answer = await desk.call("GET", "/nowhere")
    problem = answer.problem()
    assert problem["code"] == "unknown_path"
    assert problem["title"] == "No capability answers at this address."
    assert problem["title_zh"] == "该地址下没有可用的能力。"
    record = lab.record_of(problem["interaction_id"])
    assert (record.status, record.refusal, record.fault) == (404, "unknown_path", "caller")
    assert record.application == "app_shop"


async def test_malformed_http_is_refused_counted_and_closed(
    lab: Lab, gateway: GatewayProcess, caller: Caller
) -> None:
    before = len(lab.records())
    await caller.send(b"GET / HTTP/1.1\r\nHost: api.localhost\r\nX: a\r\n b\r\n\r\n")
    answer = await caller.read()
    assert (answer.status, answer.code) == (400, "malformed_http")
    assert answer.headers["connection"] == "close"
    assert await caller.at_end()
    assert len(lab.records()) == before
    counted = 'weir_gateway_calls_total{refusal="malformed_http",status="400"}'
    assert counted in gateway.ask("/metrics")[1]


# --- certificates and hosts ---------------------------------------------------------------------


async def test_a_token_is_worth_nothing_without_its_certificate(
    lab: Lab, gateway: GatewayProcess
) -> None:
    token = await lab.token()
    public = await Caller.connect(gateway.public_port, lab.tls(None))
    assert (await Desk(public, token).call("GET", "/rates")).code == "certificate_required"
    await public.close()
    await lab.add_application("app_other")
    other = await Caller.connect(gateway.mtls_port, lab.tls("app_other"))
    answer = await Desk(other, token).call("GET", "/rates")
    assert answer.code == "certificate_mismatch"
    assert answer.headers["www-authenticate"] == (
        'Bearer error="invalid_token", DPoP error="invalid_token", algs="ES256 PS256 EdDSA Ed25519"'
    )
    await other.close()


async def test_the_port_for_certificates_takes_nobody_without_one(
    lab: Lab, gateway: GatewayProcess
) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError, OSError, EOFError)):
        caller = await Caller.connect(gateway.mtls_port, lab.tls(None))
        await caller.call("GET", "/")


async def test_old_tls_is_not_spoken(lab: Lab, gateway: GatewayProcess) -> None:
    context = lab.tls(None)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await Caller.connect(gateway.public_port, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_good_versions_of_tls_are_spoken(
    lab: Lab, gateway: GatewayProcess, version: ssl.TLSVersion
) -> None:
    context = lab.tls()
    context.minimum_version = context.maximum_version = version
    caller = await Caller.connect(gateway.mtls_port, context)
    assert (await Desk(caller, await lab.token()).call("GET", "/rates")).status == 200
    await caller.close()


async def test_an_unknown_host_is_misdirected(lab: Lab, gateway: GatewayProcess) -> None:
    caller = await Caller.connect(gateway.public_port, lab.tls(None))
    answer = await caller.call("GET", "/", host="www.localhost")
    assert (answer.status, answer.code) == (421, "unknown_host")
    await caller.close()


# --- what was published is what holds -----------------------------------------------------------


async def test_changes_hold_at_once(lab: Lab, desk: Desk) -> None:
    bank = ("org_bank", "member", "river-bank")
    steps = [
        (lab.application("app_shop", "suspended"), "application_suspended"),
        (lab.application("app_shop", certificates=[]), "certificate_revoked"),
        (lab.application("app_shop"), None),
        (lab.organisation("org_shop", "partner", "shop", "suspended"), "organisation_suspended"),
        (lab.organisation("org_shop", "partner", "shop"), None),
        (lab.organisation(*bank, status="suspended"), "organisation_suspended"),
        (lab.organisation(*bank), None),
        (lab.subscription("app_shop", status="ended"), "subscription_required"),
        (lab.subscription("app_shop"), None),
    ]
    for change, code in steps:
        await lab.republish(change)
        answer = await desk.call("GET", "/rates")
        assert (answer.code if answer.status != 200 else None) == code


async def test_a_token_of_another_member_does_not_open_this_one(lab: Lab, caller: Caller) -> None:
    token = await lab.token(consent="cns_8", details=[access(member="hill-bank")])
    assert (await Desk(caller, token).call("GET", "/accounts")).code == "consent_required"
