"""What each endpoint refuses, for which reason, and which reason comes first."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from consent_world import ASSERTION_TYPE, REDIRECT_URI, Client, World
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from weir.authorization.declares import NONCE_CHARACTERS, STATE_CHARACTERS
from weir.authorization.exchange import Exchange
from weir.consent.declares import AUTHORIZATION_FORM_BYTES
from weir.keys.vault import PLATFORM
from weir.partners import applications, certificates, keys, organisations

Change = dict[str, str | None]


def details(**changes: Any) -> str:
    """A complete account-access entry; `changes` replace parts, None removes one."""
    entry = {
        "type": "urn:weir:account-access:v1",
        "member": "river-bank",
        "permissions": ["ReadAccounts"],
        "purpose": "Book-keeping",
        "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
    } | changes
    return json.dumps([{name: value for name, value in entry.items() if value is not None}])


# In the order of the table: a request with two faults is refused for the upper one.
PAR_REFUSALS: list[tuple[Change, str]] = [
    ({"client_secret": "s"}, "oauth_invalid_client"),
    ({"client_id": "app_00000000000000000000000000"}, "oauth_invalid_client"),
    ({"client_assertion": "x.y.z"}, "oauth_invalid_client"),
    ({"request_uri": "urn:x"}, "oauth_invalid_request"),
    ({"request": "e30.e30.x"}, "oauth_invalid_request_object"),
    ({"response_type": None}, "oauth_invalid_request"),
    ({"response_type": "token"}, "oauth_unsupported_response_type"),
    ({"response_type": "code id_token"}, "oauth_unsupported_response_type"),
    ({"response_mode": "fragment"}, "oauth_invalid_request"),
    ({"redirect_uri": None}, "oauth_invalid_request"),
    ({"redirect_uri": REDIRECT_URI + "/"}, "oauth_invalid_redirect_uri"),
    ({"redirect_uri": "http://127.0.0.1.evil.example/native"}, "oauth_invalid_redirect_uri"),
    ({"redirect_uri": "http://127.0.0.1:99999/native"}, "oauth_invalid_redirect_uri"),
    ({"state": "s" * (STATE_CHARACTERS + 1)}, "oauth_invalid_request"),
    ({"nonce": "n" * (NONCE_CHARACTERS + 1)}, "oauth_invalid_request"),
    ({"code_challenge": None}, "oauth_invalid_request"),
    ({"code_challenge": "tooshort"}, "oauth_invalid_request"),
    ({"code_challenge_method": None}, "oauth_invalid_request"),
    ({"code_challenge_method": "plain"}, "oauth_invalid_request"),
    ({"scope": None}, "oauth_invalid_scope"),
    ({"scope": "river-bank.accounts river-bank.secrets"}, "oauth_invalid_scope"),
    ({"scope": "manage"}, "oauth_invalid_scope"),
    ({"scope": "river-bank.accounts  "}, "oauth_invalid_scope"),
    ({"authorization_details": None}, "oauth_invalid_request"),
    ({"authorization_details": "[]"}, "oauth_invalid_authorization_details"),
    ({"authorization_details": "{"}, "oauth_invalid_authorization_details"),
    (
        {"authorization_details": details(type="urn:x")},
        "oauth_invalid_authorization_details",
    ),
    ({"authorization_details": details(extra=1)}, "oauth_invalid_authorization_details"),
    ({"authorization_details": details(member=None)}, "oauth_invalid_authorization_details"),
    ({"authorization_details": details(member="no-bank")}, "oauth_invalid_authorization_details"),
    ({"authorization_details": details(member="shop")}, "oauth_invalid_authorization_details"),
]


async def test_par_refuses_each_fault_by_its_own_name(world: World) -> None:
    for change, code in PAR_REFUSALS:
        answer = await world.post("/par", world.access_request(world.client, **change))
        body = answer.json()
        assert body["error_uri"].partition("#")[0] == f"{world.issuer}/errors/{code}", change
        assert answer.status_code == (401 if code == "oauth_invalid_client" else 400)
        assert answer.headers["cache-control"] == "no-store"
        assert set(body) == {"error", "error_description", "error_uri"}
        assert body["error_description"].isascii()


async def test_of_two_faults_the_upper_one_in_the_table_is_named(world: World) -> None:
    """Each request has every fault from its row down; the answer names the first."""
    faults: list[tuple[Change, str]] = [
        (change, code) for change, code in PAR_REFUSALS if None not in change.values()
    ]
    one_a_parameter = {next(iter(change)): (change, code) for change, code in faults}
    rows = list(one_a_parameter.values())
    for place in range(len(rows)):
        together = {name: value for change, _ in rows[place:] for name, value in change.items()}
        answer = await world.post("/par", world.access_request(world.client, **together))
        page = answer.json()["error_uri"].partition("#")[0]
        assert page.endswith("/" + rows[place][1]), together.keys()


FORMS: list[tuple[bytes, int]] = [
    (b"client_id=a&client_id=b", 400),
    (b"client_id", 400),
    (b"a=%zz", 400),
    (b"a=%ff", 400),
    (b"a=%00", 400),
    (b"a=1&&b=2", 400),
    ("a=\u4e2d".encode(), 400),
    (b"&".join(b"p%d=1" % n for n in range(41)), 400),
    (b"a=" + b"b" * AUTHORIZATION_FORM_BYTES, 413),
]


async def test_forms_are_read_strictly(world: World) -> None:
    for body, status in FORMS:
        for path in ("/par", "/token", "/revoke"):
            assert (await world.post(path, body)).status_code == status, body[:40]


async def test_only_forms_and_no_authorization_header_are_taken(world: World) -> None:
    headers = world.headers(None)
    as_json = await world.auth.post("/par", json={}, headers=headers)
    assert as_json.status_code == 415
    form = {"content-type": "application/x-www-form-urlencoded", "authorization": "Basic eDp5"}
    basic = await world.auth.post("/token", content=b"a=b", headers=headers | form)
    assert basic.json()["error"] == "invalid_client"
    assert (await world.auth.get("/par", headers=headers)).status_code == 405


async def test_registered_addresses_and_any_loopback_port_are_taken(world: World) -> None:
    for uri in (REDIRECT_URI, "http://127.0.0.1/native", "http://127.0.0.1:51004/native"):
        await world.push(world.access_request(world.client, redirect_uri=uri))


# --- client authentication ---------------------------------------------------------------------


ASSERTIONS: list[tuple[dict[str, Any], str]] = [
    ({"aud": ["https://auth.localhost:8443"]}, "aud must be the issuer, as one string"),
    ({"aud": "https://auth.localhost:8443/par"}, "aud must be the issuer, as one string"),
    ({"aud": "https://auth.localhost:8443/token"}, "aud must be the issuer, as one string"),
    ({"aud": "https://auth.localhost:8443/"}, "aud must be the issuer, as one string"),
    ({"aud": None}, "aud must be the issuer, as one string"),
    ({"iss": "somebody"}, "iss and sub must both be the client_id"),
    ({"iss": None}, "iss and sub must both be the client_id"),
    ({"sub": None}, "client_id and the assertion's sub must name one client"),
    ({"exp": None}, "exp is missing or past"),
    ({"exp": -300}, "exp is missing or past"),
    ({"exp": 3600}, "exp lies over 300 seconds ahead"),
    ({"iat": 70}, "iat lies ahead of this server's clock"),
    ({"nbf": 70}, "nbf lies ahead of this server's clock"),
    ({"jti": None}, "jti is missing or too long"),
    ({"jti": ""}, "jti is missing or too long"),
    ({"jti": "j" * 257}, "jti is missing or too long"),
]


async def test_an_assertion_must_be_for_this_server_and_for_now(world: World) -> None:
    for claims, reason in ASSERTIONS:
        answer = await push_with(world, moved(world, claims))
        assert answer["error"] == "invalid_client"
        assert answer["error_description"].endswith(f": {reason}."), claims


async def test_a_clock_a_little_ahead_is_forgiven(world: World) -> None:
    forgiven: list[dict[str, Any]] = [{"iat": 8}, {"nbf": 8}, {"iat": None, "exp": 300}]
    for claims in forgiven:
        assert "request_uri" in await push_with(world, moved(world, claims)), claims


async def test_an_assertion_brings_no_key_of_its_own(world: World) -> None:
    for header in ({"jku": "https://x"}, {"typ": "at+jwt"}, {"kid": "another"}):
        signed = world.client.assertion(world.issuer, header=header)
        assert (await push_with(world, signed))["error"] == "invalid_client"
    _, claims, signature = world.client.assertion(world.issuer).split(".")
    for algorithm in ("HS256", "none", "RS256", "ES384"):
        forged = f"{encoded({'alg': algorithm, 'kid': 'one'})}.{claims}.{signature}"
        assert (await push_with(world, forged))["error"] == "invalid_client"


async def test_a_foreign_key_or_a_weak_algorithm_proves_nothing(world: World) -> None:
    stranger = Client(world.client.application, ECKey.generate_key("P-256"), b"", "")
    assert (await push_with(world, stranger.assertion(world.issuer)))["error"] == "invalid_client"
    rsa = RSAKey.generate_key(2048)
    await with_key(world, {**rsa.as_dict(private=False), "kid": "one"})
    for algorithm, error in (("RS256", "invalid_client"), ("PS256", None)):
        signed = assertion_with(world, rsa, algorithm)
        assert (await push_with(world, signed)).get("error") == error


async def test_ed25519_proves_under_both_its_names(world: World) -> None:
    key = OKPKey.generate_key("Ed25519")
    await with_key(world, {**key.as_dict(private=False), "kid": "one"})
    for algorithm in ("EdDSA", "Ed25519"):
        assert "request_uri" in await push_with(world, assertion_with(world, key, algorithm))


async def test_an_assertion_counts_once(world: World) -> None:
    assertion = world.client.assertion(world.issuer)
    assert "request_uri" in await push_with(world, assertion)
    assert (await push_with(world, assertion))["error"] == "invalid_client"
    form = {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
        "grant_type": "client_credentials",
        "scope": "river-bank.accounts",
    }
    replayed = await world.post("/token", form, world.client)
    assert replayed.json()["error_description"].endswith(": the assertion was used before.")


async def test_a_proof_older_than_the_caches_memory_is_refused(world: World) -> None:
    started_s = await world.services.cache.started_at_s()
    old = world.client.assertion(world.issuer, iat=int(started_s) - 5)
    assert (await push_with(world, old))["error"] == "invalid_client"


async def test_each_client_proves_itself_the_way_it_is_registered(world: World) -> None:
    by_key = world.access_request(world.client)
    del by_key["client_assertion"], by_key["client_assertion_type"]
    by_key["client_id"] = world.client.id
    assert (await world.post("/par", by_key, world.client)).status_code == 401
    by_certificate = world.access_request(world.other_client)
    assert (await world.post("/par", by_certificate)).status_code == 401
    assert (await world.post("/par", by_certificate, world.client)).status_code == 401
    assert (await world.post("/par", by_certificate, world.other_client)).status_code == 201
    stranger = Client(world.other_client.application, ECKey.generate_key("P-256"), b"", "")
    both = by_certificate | {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": stranger.assertion(world.issuer),
    }
    assert (await world.post("/par", both, world.other_client)).status_code == 401


async def test_a_revoked_certificate_proves_nothing_and_binds_nothing(world: World) -> None:
    for client in (world.client, world.other_client):
        assert (await world.credentials(client)).status_code == 200
        async with world.services.database.unit(PLATFORM) as unit:
            await certificates.revoke(unit, client.certificate_id)
        assert (await world.credentials(client)).json()["error"] == "invalid_client"


async def test_a_suspension_takes_effect_at_once(world: World) -> None:
    async with world.services.database.unit(PLATFORM) as unit:
        await applications.suspend(unit, world.client.id)
        await organisations.suspend(unit, world.other_client.application.organisation)
    for client, code in (
        (world.client, "application_suspended"),
        (world.other_client, "organisation_suspended"),
    ):
        answer = await world.credentials(client)
        assert answer.json()["error"] == "unauthorized_client"
        assert answer.json()["error_uri"].endswith(code)


# --- tokens --------------------------------------------------------------------------------------


async def test_no_token_without_a_certificate(world: World) -> None:
    for grant_type in ("authorization_code", "refresh_token", "client_credentials"):
        form = world.proof(world.client) | {"grant_type": grant_type}
        answer = await world.post("/token", form)
        assert answer.status_code == 400
        assert answer.json()["error_uri"].endswith("/oauth_certificate_required")


async def test_a_token_is_bound_to_no_certificate_but_the_clients_own(world: World) -> None:
    form = {
        **world.proof(world.client),
        "grant_type": "client_credentials",
        "scope": "river-bank.accounts",
    }
    answer = await world.post("/token", form, world.other_client)
    assert answer.json()["error"] == "invalid_client"


async def test_client_credentials_give_what_the_application_may_do_itself(world: World) -> None:
    issued = (await world.credentials(world.client)).json()
    assert issued["token_type"] == "Bearer"
    assert "refresh_token" not in issued
    assert "authorization_details" not in issued
    managing = await world.credentials(world.client, "manage")
    payload = json.loads(decoded(managing.json()["access_token"].split(".")[1]))
    assert payload["aud"] == ["https://manage.localhost"]
    assert payload["sub"] == world.client.id


CREDENTIALS: list[tuple[dict[str, str], str]] = [
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"grant_type": ""}, "unsupported_grant_type"),
    ({"authorization_details": "[]"}, "invalid_authorization_details"),
    ({"scope": ""}, "invalid_scope"),
    ({"scope": "river-bank.secrets"}, "invalid_scope"),
    ({"scope": "manage river-bank.accounts"}, "invalid_scope"),
]


async def test_client_credentials_refuse(world: World) -> None:
    for change, error in CREDENTIALS:
        answer = await world.credentials(world.client, **change)
        assert answer.json()["error"] == error, change


async def test_roles_decide_who_may_manage_and_whom_to_ask(world: World) -> None:
    plain = await world.register(world.shop, "private_key_jwt", roles=[])
    assert (await world.credentials(plain, "manage")).json()["error"] == "invalid_scope"
    asked = await world.post("/par", world.access_request(plain))
    assert asked.json()["error"] == "unauthorized_client"
    payer = await world.register(world.shop, "private_key_jwt", roles=["payments"])
    await world.subscribe(payer, await world.publish_product("payments"))
    for request, status in (
        (world.access_request(payer), 400),
        (world.payment_request(payer), 201),
    ):
        answer = await world.post("/par", request | {"scope": "river-bank.payments"})
        assert answer.status_code == status, answer.text


async def test_a_request_uri_is_bound_to_its_client_and_its_time(world: World) -> None:
    request_uri = await world.push(world.access_request(world.client))
    for client_id, uri in (
        (world.other_client.id, request_uri),
        (world.client.id, request_uri + "x"),
        (world.client.id, "https://shop.example/request"),
        (world.client.id, ""),
        ("app_x", request_uri),
    ):
        answer = await world.auth.get(
            "/authorize",
            params={"client_id": client_id, "request_uri": uri},
            headers=world.headers(None),
        )
        assert answer.status_code in (400, 401)
        assert answer.headers["content-type"].startswith("text/html")
        assert "location" not in answer.headers
    await world.services.cache.client.flushdb()
    gone = await world.auth.get(
        "/authorize",
        params={"client_id": world.client.id, "request_uri": request_uri},
        headers=world.headers(None),
    )
    assert gone.status_code == 400


async def test_what_is_not_pushed_is_not_read(world: World) -> None:
    query = world.access_request(world.client) | {"client_id": world.client.id}
    answer = await world.auth.get("/authorize", params=query, headers=world.headers(None))
    assert answer.status_code == 400


async def test_discovery_says_only_what_is_offered(world: World) -> None:
    answer = await world.auth.get("/.well-known/oauth-authorization-server")
    said = answer.json()
    assert said["issuer"] == world.issuer == "https://auth.localhost:8443"
    assert said["require_pushed_authorization_requests"] is True
    assert said["tls_client_certificate_bound_access_tokens"] is True
    assert "RS256" not in said["token_endpoint_auth_signing_alg_values_supported"]
    assert said["mtls_endpoint_aliases"]["token_endpoint"] == "https://auth.localhost:8444/token"
    keys = (await world.auth.get("/jwks")).json()["keys"]
    assert [set(key) for key in keys] == [{"kty", "crv", "x", "y", "kid", "alg", "use"}] * 2


async def test_every_field_of_an_exchange_is_set_before_it_is_read(world: World) -> None:
    """A step that ran out of order would read a field that has no value yet."""
    exchange = Exchange(world.services, {}, None, datetime.now(UTC))
    with pytest.raises(AttributeError):
        _ = exchange.client


# --- helpers --------------------------------------------------------------------------------


async def push_with(world: World, assertion: str) -> dict[str, Any]:
    form = world.access_request(world.client, client_assertion=assertion)
    return dict((await world.post("/par", form)).json())


def moved(world: World, claims: dict[str, Any]) -> str:
    """An assertion whose times are given in seconds from now."""
    now_s = int(datetime.now(UTC).timestamp())
    times = {k: now_s + v if isinstance(v, int) else v for k, v in claims.items()}
    return world.client.assertion(world.issuer, **times)


async def with_key(world: World, public: dict[str, Any]) -> None:
    """Replace the client's registered key."""
    jwks = keys.public_jwks({"keys": [{**public, "use": "sig"}]}, "/jwks")
    async with world.services.database.unit(PLATFORM) as unit:
        await applications.rotate_keys(unit, world.client.id, jwks)


def assertion_with(world: World, key: Any, algorithm: str) -> str:
    now_s = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": world.client.id,
        "sub": world.client.id,
        "aud": world.issuer,
        "exp": now_s + 60,
        "iat": now_s,
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode({"alg": algorithm, "kid": "one"}, claims, key, algorithms=[algorithm])


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
