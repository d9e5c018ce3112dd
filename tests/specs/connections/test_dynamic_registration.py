"""Dynamic client registration (RFC 7591) and its management (RFC 7592), over HTTP."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from consent_world import ASSERTION_TYPE, World, certificate_request
from cryptography import x509
from directory import ISSUER, KeyServer, StatementIssuer, key_set
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import select

from weir.audit.tables import audit_entries
from weir.authorization.declares import JWKS_FETCHED_S, JWKS_REFRESH_S, REGISTRATION_BYTES
from weir.keys.authority import Authority
from weir.keys.vault import PLATFORM
from weir.partners import anchors, applications, organisations


@pytest.fixture
async def issuer(world: World) -> StatementIssuer:
    return await StatementIssuer(world).believed()


@pytest.fixture
async def key_server(authority: Authority, folder: Path) -> AsyncIterator[KeyServer]:
    own = authority.issue_own("keys", ["localhost"])
    chain = folder / "keys.pem"
    chain.write_text(own.key_pem + own.certificate.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    server = KeyServer(context)
    await server.start()
    yield server
    server.stop()


async def proven(world: World, client_id: str, key: Any, kid: str) -> dict[str, Any]:
    """The refusal of an assertion by this key; nothing when the client is believed."""
    at_s = int(world.clock.now().timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": world.issuer,
        "iat": at_s,
        "exp": at_s + 60,
        "jti": f"{kid}-{world.clock.now().timestamp()}",
    }
    form = {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jwt.encode({"alg": "ES256", "kid": kid}, claims, key),
        "token": "x",
    }
    answer = await world.post("/revoke", form)
    return {} if answer.status_code == 200 else dict(answer.json())


async def test_a_statement_registers_an_application_that_can_prove_itself(
    world: World, issuer: StatementIssuer
) -> None:
    said = await world.auth.get("/.well-known/oauth-authorization-server")
    assert said.json()["registration_endpoint"] == f"{world.issuer}/register"
    key, statement = ECKey.generate_key("P-256"), issuer.statement()
    made = await issuer.register(statement, jwks=key_set(key), client_uri="https://till.example")
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    told = made.json()
    assert told["software_statement"] == statement
    assert told["client_name"] == "Till"
    assert told["weir_roles"] == ["data"]
    assert told["registration_client_uri"] == f"{world.issuer}/register/{told['client_id']}"
    assert "client_secret" not in told
    assert await proven(world, told["client_id"], key, "k0") == {}
    async with world.services.database.connect() as connection:
        kept = await applications.get(connection, told["client_id"])
        events = (
            await connection.scalars(
                select(audit_entries.c.event).where(
                    audit_entries.c.subject == told["client_id"],
                    audit_entries.c.organisation == world.shop.id,
                )
            )
        ).all()
    assert kept.organisation == world.shop.id
    assert events == ["application.registered", "registration.made"]


async def test_the_statement_wins_over_the_request(world: World, issuer: StatementIssuer) -> None:
    made = await issuer.register(
        client_name="Bank of Everything", redirect_uris=["https://evil.example/cb"]
    )
    told = made.json()
    assert told["client_name"] == "Till"
    assert told["redirect_uris"] == ["https://shop.example/callback"]
    assert (await issuer.register(weir_roles=["data", "payments"])).json()["weir_roles"] == ["data"]
    none = await issuer.register(issuer.statement(weir_roles=None), weir_roles=["payments"])
    assert none.json()["error"] == "invalid_client_metadata"


async def test_a_statement_counts_once_also_when_asked_at_once(
    world: World, issuer: StatementIssuer
) -> None:
    statement = issuer.statement()
    assert (await issuer.register(statement)).status_code == 201
    again = await issuer.register(statement)
    assert again.json()["error"] == "invalid_software_statement"
    assert again.json()["error_description"].endswith(": it was used before.")
    refused = issuer.statement()
    assert (await issuer.register(refused, jwks={"keys": []})).status_code == 400
    assert (await issuer.register(refused)).status_code == 201  # nothing had come of it


STATEMENTS: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://other.example"}, "unapproved_software_statement"),
    ({"organisation": "nobody"}, "unapproved_software_statement"),
    ({"organisation": None}, "invalid_software_statement"),
    ({"software_id": None}, "invalid_software_statement"),
    ({"jti": None}, "invalid_software_statement"),
    ({"iat": None}, "invalid_software_statement"),
    ({"exp": None}, "invalid_software_statement"),
    ({"exp": 1}, "invalid_software_statement"),
    ({"exp": 2**33}, "invalid_software_statement"),
    ({"aud": "https://another.example"}, "invalid_software_statement"),
    ({"header": {"kid": "d2"}}, "invalid_software_statement"),
    ({"header": {"jku": "https://evil.example/keys"}}, "invalid_software_statement"),
    ({"header": {"typ": "at+jwt"}}, "invalid_software_statement"),
    ({"redirect_uris": "https://shop.example/callback"}, "invalid_client_metadata"),
    ({"redirect_uris": ["http://shop.example/callback"]}, "invalid_redirect_uri"),
    ({"weir_roles": ["manage"]}, "invalid_client_metadata"),
    ({"weir_roles": ["data", "introspect"]}, "invalid_client_metadata"),
    ({"client_name": "a\u202eb"}, "invalid_client_metadata"),
]


async def test_a_statement_must_be_of_a_believed_issuer_for_here_and_now(
    world: World, issuer: StatementIssuer
) -> None:
    for number, (change, error) in enumerate(STATEMENTS):
        made = await issuer.register(issuer.statement(**change), peer=f"203.0.113.{number}")
        assert made.json().get("error") == error, (change, made.text)
        assert made.status_code == 400
    stranger = StatementIssuer(world)
    assert (await stranger.register()).json()["error"] == "invalid_software_statement"
    rsa = StatementIssuer(world, RSAKey.generate_key(2048))
    await rsa.believed()
    weak = await rsa.register(rsa.statement(header={"alg": "RS256"}))
    assert weak.json()["error"] == "invalid_software_statement"
    assert (await rsa.register(rsa.statement(header={"alg": "PS256"}))).status_code == 201
    async with world.services.database.unit(PLATFORM) as unit:
        await anchors.end(unit, ISSUER)
    ended = await rsa.register(rsa.statement(header={"alg": "PS256"}))
    assert ended.json()["error"] == "unapproved_software_statement"


METADATA: list[tuple[dict[str, Any], str]] = [
    ({"software_statement": 7}, "invalid_software_statement"),
    ({"client_id": "app_mine"}, "invalid_client_metadata"),
    ({"jwks_uri": "https://keys.example/jwks"}, "invalid_client_metadata"),
    ({"jwks": None, "jwks_uri": "http://keys.example/jwks"}, "invalid_client_metadata"),
    ({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "x"}]}}, "invalid_client_metadata"),
    ({"jwks": None}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "client_secret_basic"}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
    ({"token_endpoint_auth_signing_alg": "RS256"}, "invalid_client_metadata"),
    ({"grant_types": ["implicit"]}, "invalid_client_metadata"),
    ({"response_types": ["code id_token"]}, "invalid_client_metadata"),
    ({"tls_client_auth_subject_dn": "CN=mine"}, "invalid_client_metadata"),
    ({"tls_client_auth_san_dns": "mine.example"}, "invalid_client_metadata"),
    ({"dpop_bound_access_tokens": False}, "invalid_client_metadata"),
    ({"certificate_request": "no PEM"}, "invalid_client_metadata"),
    ({"require_signed_request_object": "yes"}, "invalid_client_metadata"),
]


async def test_metadata_has_a_closed_grammar(world: World, issuer: StatementIssuer) -> None:
    for number, (change, error) in enumerate(METADATA):
        made = await issuer.register(**change, peer=f"203.0.113.{number}")
        assert made.json().get("error") == error, (change, made.text)
    twice = '{"client_name": "a", "client_name": "b"}'
    assert (await issuer.send("POST", "/register", twice)).status_code == 400
    deep = '{"jwks": ' + "[" * 5_000 + "]" * 5_000 + "}"
    assert (await issuer.send("POST", "/register", deep)).status_code == 400
    long = json.dumps({"client_name": "x" * REGISTRATION_BYTES})
    assert (await issuer.send("POST", "/register", long)).status_code == 413


async def test_a_client_of_certificates_gets_one_for_its_own_request(
    world: World, issuer: StatementIssuer
) -> None:
    made = await issuer.register(
        token_endpoint_auth_method="tls_client_auth",
        jwks=None,
        certificate_request=certificate_request(),
    )
    told = made.json()
    assert made.status_code == 201, told
    certificate = x509.load_pem_x509_certificate(told["certificate"].encode())
    assert certificate.subject.rfc4514_string() == told["tls_client_auth_subject_dn"]
    assert told["client_id"] in told["tls_client_auth_subject_dn"]


async def test_a_registration_is_read_changed_and_ended_by_its_own_token_alone(
    world: World, issuer: StatementIssuer
) -> None:
    told = (await issuer.register()).json()
    other = (await issuer.register()).json()
    path, token = f"/register/{told['client_id']}", told["registration_access_token"]
    read = await issuer.send("GET", path, token=token)
    assert read.status_code == 200
    assert read.json() == told
    for wrong in ("", "rat_x", other["registration_access_token"], token[4:], token + "x"):
        refused = await issuer.send("GET", path, token=wrong)
        assert refused.status_code == 401
        assert "invalid_token" in refused.headers["www-authenticate"]
    stranger = f"/register/{other['client_id']}"
    assert (await issuer.send("GET", stranger, token=token)).status_code == 401

    key = ECKey.generate_key("P-256")
    sent = {
        "client_id": told["client_id"],
        "client_name": "Another",
        "jwks": key_set(key),
        "require_signed_request_object": True,
    }
    changed = await issuer.send("PUT", path, json.dumps(sent), token)
    assert changed.status_code == 200, changed.text
    assert changed.json()["client_name"] == "Till"  # the statement still wins
    assert changed.json()["require_signed_request_object"] is True
    assert await proven(world, told["client_id"], key, "k0") == {}
    for extra in ({"registration_access_token": token}, {"client_id": other["client_id"]}):
        body = json.dumps(sent | extra)
        assert (await issuer.send("PUT", path, body, token)).status_code == 400

    newer = issuer.statement(client_name="Till 2")
    sent["software_statement"] = newer
    assert (await issuer.send("PUT", path, json.dumps(sent), token)).json()["client_name"] == (
        "Till 2"
    )
    sent["software_statement"] = issuer.statement(software_id="till-9")
    moved = await issuer.send("PUT", path, json.dumps(sent), token)
    assert moved.json()["error"] == "unapproved_software_statement"

    ended = await issuer.send("DELETE", path, token=token)
    assert ended.status_code == 204
    assert (await issuer.send("GET", path, token=token)).status_code == 401
    refused = await world.post("/par", {"client_id": told["client_id"]})
    assert refused.json()["error"] == "invalid_client"
    async with world.services.database.connect() as connection:
        assert (await applications.get(connection, told["client_id"])).status == "suspended"
    assert (await issuer.send("PATCH", path, token=token)).headers["allow"] == "GET, PUT, DELETE"


async def test_a_suspended_organisation_registers_and_changes_nothing(
    world: World, issuer: StatementIssuer
) -> None:
    told = (await issuer.register()).json()
    async with world.services.database.unit(PLATFORM) as unit:
        await organisations.suspend(unit, world.shop.id)
    assert (await issuer.register()).json()["error"] == "unapproved_software_statement"
    path = f"/register/{told['client_id']}"
    read = await issuer.send("GET", path, token=told["registration_access_token"])
    assert read.json()["error"] == "unauthorized_client"


async def test_keys_by_address_are_fetched_kept_and_changed_without_an_outage(
    world: World, issuer: StatementIssuer, key_server: KeyServer
) -> None:
    old, new = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    key_server.body = json.dumps(key_set(old)).encode()
    told = (await issuer.register(jwks=None, jwks_uri=key_server.uri)).json()
    client = told["client_id"]
    for _ in range(3):
        assert await proven(world, client, old, "k0") == {}
    assert key_server.asked == 1
    key_server.body = json.dumps(key_set(old, new)).encode()
    assert (await proven(world, client, new, "k1"))["error"] == "invalid_client"
    assert key_server.asked == 1  # an unknown kid does not make this server call at once
    world.clock.ahead = timedelta(seconds=JWKS_REFRESH_S)
    assert await proven(world, client, new, "k1") == {}
    assert await proven(world, client, old, "k0") == {}
    assert key_server.asked == 2
    key_server.head = "HTTP/1.1 503 away\r\n"
    world.clock.ahead += timedelta(seconds=JWKS_FETCHED_S)
    assert await proven(world, client, new, "k1") == {}  # kept, while its server is away
    async with world.services.database.unit(PLATFORM) as unit:
        await applications.revoke_key(unit, client, str(new.thumbprint()))
    assert (await proven(world, client, new, "k1"))["error"] == "invalid_client"
    assert await proven(world, client, old, "k0") == {}
