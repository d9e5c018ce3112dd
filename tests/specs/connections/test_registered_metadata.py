"""The client metadata of the standards, one by one: enforced, told as it is, refused, or ignored.

RFC 7591 section 2: what is not understood is ignored, and then not told back; what is told back
holds for every later request.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from consent_world import Client, World, certificate_request, consent_form, query_of
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from directory import StatementIssuer, key_set
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from possession_support import proof_by

from weir.authorization.front import client_metadata
from weir.authorization.grammar import nonces
from weir.authorization.grammar.grant_types import CIBA
from weir.keys.vault import PLATFORM
from weir.partners import applications

ACCOUNTS = "urn:weir:account-access:v1"
FUNDS = "urn:weir:funds-confirmation:v1"

# Every member that the standards define for clients, by the standard, and what becomes of it here:
# `kept` is stored, told back and held to; `told` has one value for all; `refused` is known and not
# offered; `ignored` is not told back.
METADATA: dict[str, dict[str, str]] = {
    "RFC 7591 section 2": {
        "redirect_uris": "kept",
        "token_endpoint_auth_method": "kept",
        "grant_types": "kept",
        "response_types": "kept",
        "client_name": "kept",
        "client_uri": "ignored",
        "logo_uri": "ignored",
        "scope": "kept",
        "contacts": "ignored",
        "tos_uri": "ignored",
        "policy_uri": "ignored",
        "jwks_uri": "kept",
        "jwks": "kept",
        "software_id": "kept",
        "software_version": "kept",
        "client_name#zh-Hans": "ignored",
    },
    "OpenID Connect Registration section 2": {
        "application_type": "told",
        "sector_identifier_uri": "ignored",
        "subject_type": "told",
        "id_token_signed_response_alg": "told",
        "id_token_encrypted_response_alg": "refused",
        "id_token_encrypted_response_enc": "refused",
        "userinfo_signed_response_alg": "refused",
        "userinfo_encrypted_response_alg": "refused",
        "userinfo_encrypted_response_enc": "refused",
        "request_object_signing_alg": "kept",
        "request_object_encryption_alg": "refused",
        "request_object_encryption_enc": "refused",
        "token_endpoint_auth_signing_alg": "kept",
        "default_max_age": "kept",
        "require_auth_time": "ignored",
        "default_acr_values": "ignored",
        "initiate_login_uri": "ignored",
        "request_uris": "ignored",
    },
    "RFC 8705 sections 2.1.2 and 3.4": {
        "tls_client_auth_subject_dn": "told",
        "tls_client_auth_san_dns": "refused",
        "tls_client_auth_san_uri": "refused",
        "tls_client_auth_san_ip": "refused",
        "tls_client_auth_san_email": "refused",
        "tls_client_certificate_bound_access_tokens": "kept",
    },
    "RFC 9101 section 10.5": {"require_signed_request_object": "kept"},
    "RFC 9126 section 6": {"require_pushed_authorization_requests": "told"},
    "RFC 9396 section 10": {"authorization_details_types": "kept"},
    "RFC 9449 section 5.2": {"dpop_bound_access_tokens": "kept"},
    "JARM section 3": {
        "authorization_signed_response_alg": "told",
        "authorization_encrypted_response_alg": "refused",
        "authorization_encrypted_response_enc": "refused",
    },
    "RFC 9701 section 6": {
        "introspection_signed_response_alg": "told",
        "introspection_encrypted_response_alg": "refused",
        "introspection_encrypted_response_enc": "refused",
    },
    "CIBA Core section 4": {
        "backchannel_token_delivery_mode": "kept",
        "backchannel_client_notification_endpoint": "kept",
        "backchannel_authentication_request_signing_alg": "kept",
        "backchannel_user_code_parameter": "told",
    },
    "Federation, Front- and Back-Channel Logout": {
        "organization_name": "ignored",
        "post_logout_redirect_uris": "ignored",
        "backchannel_logout_uri": "ignored",
        "frontchannel_logout_uri": "ignored",
    },
}
ASKED: dict[str, Any] = {
    "redirect_uris": ["https://shop.example/callback"],
    "token_endpoint_auth_method": "private_key_jwt",
    "grant_types": ["authorization_code", "client_credentials", CIBA],
    "response_types": ["code"],
    "client_name": "Till",
    "scope": "openid river-bank.accounts",
    "software_id": "till-1",
    "software_version": "4.2",
    "application_type": "web",
    "subject_type": "pairwise",
    "id_token_signed_response_alg": "ES256",
    "authorization_signed_response_alg": "ES256",
    "introspection_signed_response_alg": "ES256",
    "request_object_signing_alg": "PS256",
    "token_endpoint_auth_signing_alg": "ES256",
    "default_max_age": 600,
    "tls_client_certificate_bound_access_tokens": False,
    "require_signed_request_object": True,
    "require_pushed_authorization_requests": True,
    "authorization_details_types": [ACCOUNTS],
    "dpop_bound_access_tokens": True,
    "backchannel_token_delivery_mode": "ping",
    "backchannel_client_notification_endpoint": "https://shop.example/ping",
    "backchannel_authentication_request_signing_alg": "EdDSA",
    "backchannel_user_code_parameter": False,
}
# Kept or told like the others, but not beside them in one registration.
APART = {"jwks", "jwks_uri", "tls_client_auth_subject_dn"}


def becoming(what: str) -> set[str]:
    return {name for of in METADATA.values() for name, each in of.items() if each == what}


@pytest.fixture
async def issuer(world: World) -> StatementIssuer:
    return await StatementIssuer(world).believed()


class Registered:
    """A client that registered by machine, with its key and its certificate."""

    def __init__(self, issuer: StatementIssuer) -> None:
        self.issuer, self.world = issuer, issuer.world
        self.key = ECKey.generate_key("P-256")

    async def register(self, plan: str | None = None, **metadata: Any) -> dict[str, Any]:
        public = {**self.key.as_dict(private=False), "kid": "one", "use": "sig"}
        jwks = {"keys": [public, *metadata.pop("more_keys", ())]}
        answer = await self.issuer.register(
            jwks=jwks, certificate_request=certificate_request(), **metadata
        )
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        certificate = x509.load_pem_x509_certificate(told.pop("certificate").encode())
        async with self.world.services.database.connect() as connection:
            application = await applications.get(connection, told["client_id"])
        der = certificate.public_bytes(Encoding.DER)
        self.client = Client(application, self.key, der, "")
        if plan is not None:
            await self.world.subscribe(self.client, plan)
        return told

    async def error(self, path: str, form: dict[str, str], **headers: str) -> str:
        """The error of a request; an empty text when it is granted."""
        world = self.world
        answer = await world.auth.post(
            path, data=form, headers=world.headers(self.client) | headers
        )
        return str(answer.json().get("error", ""))

    async def proof(self, path: str, key: Any) -> dict[str, str]:
        services = self.world.services
        secret = await services.cache.shared_secret(nonces.SECRET)
        nonce = nonces.make(secret, services.database.clock.now().timestamp())
        return {"DPoP": proof_by(key, services.addresses.mtls + path, nonce=nonce)}

    def credentials(self, scope: str = "river-bank.accounts") -> dict[str, str]:
        return {
            **self.world.proof(self.client),
            "grant_type": "client_credentials",
            "scope": scope,
        }

    def signed(self, form: dict[str, str], algorithm: str, key: Any) -> dict[str, str]:
        """A pushed request by a request object of this algorithm."""
        at_s = int(self.world.clock.now().timestamp())
        claims = {
            "iss": self.client.id,
            "aud": self.world.issuer,
            "nbf": at_s,
            "exp": at_s + 60,
            "client_id": self.client.id,
            **{
                name: value
                for name, value in form.items()
                if not name.startswith("client_assertion")
            },
        }
        claims["authorization_details"] = json.loads(form["authorization_details"])
        header = {"alg": algorithm, "kid": "two" if key is not self.key else "one"}
        signed = jwt.encode(header, claims, key, algorithms=[algorithm])
        return {**self.world.proof(self.client), "request": signed}


@pytest.fixture
async def plan(world: World) -> str:
    return await world.publish_product("savings")


def test_every_member_of_the_standards_is_decided_and_no_other_is_known() -> None:
    known = set(client_metadata.TAKEN) - {"weir_roles"}
    assert becoming("kept") | becoming("told") == known
    assert becoming("refused") == set(client_metadata.NOT_OFFERED)
    assert becoming("kept") | becoming("told") == set(ASKED) | APART


async def test_what_is_kept_is_told_back_now_and_later(
    world: World, issuer: StatementIssuer
) -> None:
    registered = Registered(issuer)
    told = await registered.register(**ASKED)
    for name, value in ASKED.items():
        if value is not False or name == "backchannel_user_code_parameter":
            assert told[name] == value, name
    read = await issuer.send(
        "GET", f"/register/{told['client_id']}", token=told["registration_access_token"]
    )
    assert read.json() | {"tls_client_auth_subject_dn": ""} == told | {
        "tls_client_auth_subject_dn": ""
    }


async def test_what_is_unknown_is_ignored_and_not_told_back(
    world: World, issuer: StatementIssuer
) -> None:
    unknown = dict.fromkeys(becoming("ignored") | {"grant_typos", "client_secret"}, "x")
    told = await Registered(issuer).register(**unknown)
    assert not set(unknown) & set(told)


async def test_a_protection_that_is_not_offered_is_refused_by_name(
    world: World, issuer: StatementIssuer
) -> None:
    for number, name in enumerate(sorted(becoming("refused"))):
        answer = await issuer.register(**{name: "x"}, peer=f"203.0.113.{number}")
        assert answer.json()["error"] == "invalid_client_metadata", name
        assert name in answer.text


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"application_type": "native"}, "application_type"),
    ({"subject_type": "public"}, "subject_type"),
    ({"id_token_signed_response_alg": "RS256"}, "id_token_signed_response_alg"),
    ({"request_object_signing_alg": "none"}, "request_object_signing_alg"),
    ({"backchannel_user_code_parameter": True}, "backchannel_user_code_parameter"),
    ({"backchannel_token_delivery_mode": "push"}, "backchannel_token_delivery_mode"),
    (
        {"backchannel_token_delivery_mode": "ping"},
        "backchannel_client_notification_endpoint",
    ),
    ({"grant_types": [CIBA]}, "grant_types"),
    ({"grant_types": []}, "grant_types"),
    ({"grant_types": ["client_credentials"], "response_types": ["code"]}, "response_types"),
    ({"grant_types": ["authorization_code"], "response_types": []}, "response_types"),
    ({"default_max_age": -1}, "default_max_age"),
    ({"default_max_age": True}, "default_max_age"),
    ({"software_version": "\u3164"}, "software_version"),
    ({"scope": ""}, "scope"),
    ({"authorization_details_types": ["urn:x"]}, "authorization_details_types"),
]


async def test_each_refusal_names_its_member(world: World, issuer: StatementIssuer) -> None:
    for number, (change, member) in enumerate(WRONG):
        answer = await issuer.register(**change, peer=f"203.0.114.{number}")
        assert answer.json()["error"] == "invalid_client_metadata", change
        assert member in answer.text, (change, answer.text)


async def test_keys_of_other_uses_are_left_out_and_a_key_needs_no_kid(
    world: World, issuer: StatementIssuer
) -> None:
    signing, other = ECKey.generate_key("P-256"), RSAKey.generate_key(2048)
    nameless = {**signing.as_dict(private=False), "use": "sig"}
    nameless.pop("kid", None)
    encrypting = {**other.as_dict(private=False), "kid": "enc", "use": "enc"}
    told = (await issuer.register(jwks={"keys": [encrypting, nameless]})).json()
    assert [key["kid"] for key in told["jwks"]["keys"]] == [signing.thumbprint()]
    bad = {"keys": [{**nameless, "kid": "a b"}]}
    refused = await issuer.register(jwks=bad)
    assert refused.json()["error"] == "invalid_client_metadata"
    assert "keys/0/kid" in refused.text
    alone = await issuer.register(jwks={"keys": [encrypting]})
    assert "must be a signing key" in alone.text


async def test_a_client_of_dpop_gets_no_token_without_a_proof(
    world: World, issuer: StatementIssuer, plan: str
) -> None:
    registered = Registered(issuer)
    await registered.register(plan, dpop_bound_access_tokens=True)
    scope = "river-bank.savings"
    assert await registered.error("/token", registered.credentials(scope)) == "invalid_dpop_proof"
    key = ECKey.generate_key("P-256")
    proof = await registered.proof("/token", key)
    assert await registered.error("/token", registered.credentials(scope), **proof) == ""


async def test_a_client_of_certificates_alone_gets_no_token_by_a_proof(
    world: World, issuer: StatementIssuer, plan: str
) -> None:
    registered = Registered(issuer)
    await registered.register(plan, tls_client_certificate_bound_access_tokens=True)
    scope = "river-bank.savings"
    proof = await registered.proof("/token", ECKey.generate_key("P-256"))
    refused = await registered.error("/token", registered.credentials(scope), **proof)
    assert refused == "invalid_request"
    assert await registered.error("/token", registered.credentials(scope)) == ""


async def test_the_registered_algorithm_of_assertions_is_the_only_one(
    world: World, issuer: StatementIssuer, plan: str
) -> None:
    registered = Registered(issuer)
    await registered.register(plan, token_endpoint_auth_signing_alg="PS256")
    form = registered.credentials("river-bank.savings")
    assert await registered.error("/token", form) == "invalid_client"
    assert await registered.error("/par", world.access_request(registered.client)) == (
        "invalid_client"
    )


async def test_the_registered_algorithm_of_request_objects_is_the_only_one(
    world: World, issuer: StatementIssuer, plan: str
) -> None:
    registered, two = Registered(issuer), OKPKey.generate_key("Ed25519")
    second = {**two.as_dict(private=False), "kid": "two", "use": "sig"}
    await registered.register(plan, request_object_signing_alg="EdDSA", more_keys=[second])
    form = world.access_request(registered.client, scope="river-bank.savings")
    by_other = registered.signed(form, "ES256", registered.key)
    assert await registered.error("/par", by_other) == "invalid_request_object"
    assert await registered.error("/par", registered.signed(form, "EdDSA", two)) == ""


async def test_only_registered_grant_types_types_and_scopes_are_open(
    world: World, issuer: StatementIssuer, plan: str
) -> None:
    machine = Registered(issuer)
    told = await machine.register(plan, grant_types=["client_credentials"])
    assert told["response_types"] == []
    form = world.access_request(machine.client, scope="river-bank.savings")
    assert await machine.error("/par", form) == "unauthorized_client"
    assert await machine.error("/token", machine.credentials("river-bank.savings")) == ""

    asker = Registered(issuer)
    await asker.register(
        plan,
        grant_types=["authorization_code"],
        authorization_details_types=[FUNDS],
        scope="river-bank.savings",
    )
    form = world.access_request(asker.client, scope="river-bank.savings")
    assert await asker.error("/par", form) == "invalid_authorization_details"
    assert await asker.error("/token", asker.credentials("river-bank.savings")) == (
        "unauthorized_client"
    )
    async with world.services.database.unit(PLATFORM) as unit:
        application = await applications.lock(unit.connection, asker.client.id)
    assert application.constraints.authorization_details_types == (FUNDS,)
    openid = world.access_request(asker.client, scope="openid river-bank.savings")
    assert await asker.error("/par", openid) == "invalid_scope"


async def test_without_the_grant_type_there_is_no_refresh_token(
    world: World, issuer: StatementIssuer, plan: str, browser: Any, portal_browser: Any
) -> None:
    claimed = await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    assert claimed.status_code == 303
    registered = Registered(issuer)
    await registered.register(plan, grant_types=["authorization_code"])
    form = world.access_request(registered.client, scope="river-bank.savings")
    uri = await world.push(form)
    page = await browser.open(f"/authorize?client_id={registered.client.id}&request_uri={uri}")
    page = await browser.sign_in(page, "lihua")
    sent = await browser.send(page, consent_form(page), ("answer", "yes"), **{"account-0": "acc-1"})
    code = query_of(sent.headers["location"])["code"]
    issued = await world.exchange(registered.client, code)
    assert issued.status_code == 200, issued.text
    assert "refresh_token" not in issued.json()


async def test_what_is_replaced_by_put_counts_from_then_on(
    world: World, issuer: StatementIssuer, plan: str
) -> None:
    registered = Registered(issuer)
    told = await registered.register(plan, dpop_bound_access_tokens=True)
    scope = "river-bank.savings"
    assert await registered.error("/token", registered.credentials(scope)) == "invalid_dpop_proof"
    sent = {"client_id": told["client_id"], "jwks": key_set(registered.key)}
    sent["jwks"]["keys"][0]["kid"] = "one"
    path, token = f"/register/{told['client_id']}", told["registration_access_token"]
    replaced = await issuer.send("PUT", path, json.dumps(sent), token)
    assert replaced.status_code == 200, replaced.text
    assert "dpop_bound_access_tokens" not in replaced.json()
    assert await registered.error("/token", registered.credentials(scope)) == ""
