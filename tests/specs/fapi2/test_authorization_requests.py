"""Security Profile modules about pushed requests and the authorization endpoint, one test a name.

`module_names.py` lists every module, and those that have no test yet, with the reason.
"""

from __future__ import annotations

from typing import Any

import pytest
from consent_world import REDIRECT_URI
from fapi_support import Flow, refused
from sqlalchemy import text

# The registry of authorization server metadata (IANA), as far as it concerns this server, with the
# members of Grant Management for OAuth 2.0.
REGISTERED = """
issuer authorization_endpoint token_endpoint jwks_uri registration_endpoint scopes_supported
response_types_supported response_modes_supported grant_types_supported
token_endpoint_auth_methods_supported token_endpoint_auth_signing_alg_values_supported
service_documentation ui_locales_supported op_policy_uri op_tos_uri revocation_endpoint
revocation_endpoint_auth_methods_supported revocation_endpoint_auth_signing_alg_values_supported
introspection_endpoint introspection_endpoint_auth_methods_supported
introspection_endpoint_auth_signing_alg_values_supported code_challenge_methods_supported
signed_metadata tls_client_certificate_bound_access_tokens mtls_endpoint_aliases
require_signed_request_object pushed_authorization_request_endpoint
require_pushed_authorization_requests introspection_signing_alg_values_supported
authorization_response_iss_parameter_supported authorization_signing_alg_values_supported
authorization_details_types_supported dpop_signing_alg_values_supported userinfo_endpoint
acr_values_supported subject_types_supported id_token_signing_alg_values_supported
userinfo_signing_alg_values_supported request_object_signing_alg_values_supported
claims_supported claims_parameter_supported request_parameter_supported
request_uri_parameter_supported require_request_uri_registration prompt_values_supported
backchannel_token_delivery_modes_supported backchannel_authentication_endpoint
backchannel_authentication_request_signing_alg_values_supported
backchannel_user_code_parameter_supported protected_resources
grant_management_endpoint grant_management_actions_supported grant_management_action_required
"""


async def test_discovery_end_point_verification(flow: Flow) -> None:
    answer = await flow.world.auth.get("/.well-known/openid-configuration")
    said: dict[str, Any] = answer.json()
    issuer = flow.world.issuer
    assert answer.status_code == 200
    assert said["issuer"] == issuer
    assert issuer.startswith("https://")
    for endpoint in (
        "authorization_endpoint",
        "token_endpoint",
        "pushed_authorization_request_endpoint",
        "jwks_uri",
    ):
        assert said[endpoint].startswith(issuer + "/")
    assert said["mtls_endpoint_aliases"]["token_endpoint"].startswith("https://")
    assert "openid" in said["scopes_supported"]
    assert set(said) <= set(REGISTERED.split()), "the module warns of members that no registry has"
    assert said["response_types_supported"] == ["code"]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["require_pushed_authorization_requests"] is True
    assert said["authorization_response_iss_parameter_supported"] is True
    assert said["tls_client_certificate_bound_access_tokens"] is True
    assert set(said["token_endpoint_auth_methods_supported"]) == {
        "private_key_jwt",
        "tls_client_auth",
    }
    algorithms = said["token_endpoint_auth_signing_alg_values_supported"]
    assert {"ES256", "PS256"} <= set(algorithms) <= {"ES256", "PS256", "EdDSA", "Ed25519"}


async def test_happy_flow(flow: Flow) -> None:
    """What the token then opens is tested with the gateway; here it is read by its client."""
    back = await flow.returned()
    assert (back["state"], back["iss"]) == ("state-1", flow.world.issuer)
    issued = await flow.world.exchange(flow.client, back["code"])
    assert issued.status_code == 200, issued.text
    assert issued.headers["cache-control"] == "no-store"
    body = issued.json()
    assert body["token_type"] == "Bearer"  # bound by RFC 8705, whose tokens keep that type
    assert body["expires_in"] > 0
    assert body["scope"] == "river-bank.accounts"
    assert len(body["access_token"].split(".")) == 3


async def test_user_rejects_authentication(flow: Flow) -> None:
    pushed = await flow.par()
    back = await flow.answered(pushed.json()["request_uri"], "no")
    assert back["error"] == "access_denied"
    assert (back["state"], back["iss"]) == ("state-1", flow.world.issuer)
    assert "code" not in back


async def test_ensure_authorization_request_without_state_success(flow: Flow) -> None:
    back = await flow.returned(state=None)
    assert "state" not in back
    assert (await flow.world.exchange(flow.client, back["code"])).status_code == 200


async def test_ensure_authorization_request_without_nonce_success(flow: Flow) -> None:
    code = await flow.code(nonce=None)
    assert (await flow.world.exchange(flow.client, code)).status_code == 200


async def test_ensure_authorization_request_with_64_char_nonce_success(flow: Flow) -> None:
    code = await flow.code(nonce="n" * 64)
    assert (await flow.world.exchange(flow.client, code)).status_code == 200


async def test_ensure_other_scope_order_succeeds(flow: Flow) -> None:
    await flow.world.subscribe(flow.client, await flow.world.publish_product("cards"))
    code = await flow.code(scope="river-bank.cards river-bank.accounts")
    issued = await flow.world.exchange(flow.client, code)
    assert set(issued.json()["scope"].split()) == {"river-bank.accounts", "river-bank.cards"}


async def test_ensure_authorization_request_with_long_nonce(flow: Flow) -> None:
    """The module takes an answer either way; one over the documented bound is refused by name."""
    refused(await flow.par(nonce="n" * 384), "invalid_request")


async def test_ensure_authorization_request_with_long_state(flow: Flow) -> None:
    state = "s" * 384
    assert (await flow.returned(state=state))["state"] == state


async def test_ensure_registered_redirect_uri(flow: Flow) -> None:
    refused(await flow.par(redirect_uri=REDIRECT_URI + "/else"), "invalid_request")


async def test_plain_fapi_tolerate_unregistered_redirect_uri(flow: Flow) -> None:
    """A server may take or refuse one that a client pushes; here it must be registered."""
    answer = await flow.par(redirect_uri="https://elsewhere.example/callback")
    refused(answer, "invalid_request")
    assert answer.json()["error_uri"].endswith("/oauth_invalid_redirect_uri")


async def test_ensure_unsigned_authorization_request_without_using_par_fails(flow: Flow) -> None:
    query = flow.world.access_request(flow.client) | {"client_id": flow.client.id}
    answer = await flow.browser.http.get("/authorize", params=query)
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_ensure_redirect_uri_in_authorization_request(flow: Flow) -> None:
    refused(await flow.par(redirect_uri=None), "invalid_request")


async def test_ensure_response_type_code_idtoken_fails(flow: Flow) -> None:
    refused(await flow.par(response_type="code id_token"), "unsupported_response_type")


async def test_ensure_response_type_token_fails(flow: Flow) -> None:
    refused(await flow.par(response_type="token"), "unsupported_response_type")


async def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(flow: Flow) -> None:
    request_uri = (await flow.par()).json()["request_uri"]
    for _ in range(2):
        assert (await flow.authorize(request_uri)).status_code == 303
    back = await flow.answered(request_uri)
    assert (await flow.world.exchange(flow.client, back["code"])).status_code == 200


async def test_par_attempt_reuse_request_uri(flow: Flow) -> None:
    request_uri = (await flow.par()).json()["request_uri"]
    assert "code" in await flow.answered(request_uri)
    again = await flow.authorize(request_uri)
    assert again.status_code == 400
    assert "location" not in again.headers


async def test_par_attempt_to_use_expired_request_uri(flow: Flow) -> None:
    """The test does not wait for the end that Valkey keeps, but brings it about."""
    pushed = (await flow.par()).json()
    assert 0 < pushed["expires_in"] < 600
    valkey = flow.world.services.cache.client
    (key,) = [key async for key in valkey.scan_iter("weir:pushed:*")]
    assert 0 < await valkey.ttl(key) <= pushed["expires_in"]
    await valkey.pexpireat(key, 1)
    answer = await flow.authorize(pushed["request_uri"])
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_par_attempt_to_use_request_uri_for_different_client(flow: Flow) -> None:
    request_uri = (await flow.par()).json()["request_uri"]
    answer = await flow.authorize(request_uri, flow.world.other_client)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert (await flow.authorize(request_uri)).status_code == 303


async def test_par_authorization_request_containing_request_uri_form_param(flow: Flow) -> None:
    request_uri = (await flow.par()).json()["request_uri"]
    refused(await flow.par(request_uri=request_uri), "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_par_attempt_invalid_http_method(flow: Flow, method: str) -> None:
    answer = await flow.world.auth.request(method, "/par", headers=flow.world.headers(None))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_par_ensure_pkce_required(flow: Flow) -> None:
    refused(await flow.par(code_challenge=None, code_challenge_method=None), "invalid_request")


async def test_par_plain_pkce_rejected(flow: Flow) -> None:
    refused(await flow.par(code_challenge_method="plain"), "invalid_request")


async def test_par_without_duplicate_parameters(flow: Flow) -> None:
    """Nothing but `client_id` and `request_uri` goes through the browser, and it suffices."""
    request_uri = (await flow.par()).json()["request_uri"]
    assert "code" in await flow.answered(request_uri)
    async with flow.world.services.database.connect() as connection:
        kept = (await connection.execute(text("SELECT redirect_uri, scope FROM grants"))).one()
    assert tuple(kept) == (REDIRECT_URI, "river-bank.accounts")
